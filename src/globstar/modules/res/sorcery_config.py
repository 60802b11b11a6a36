"""Sorcery Configuration File Object Wizard."""

from __future__ import annotations

from globstar.config.errors import ConfigError, ConfigFileMissing
from globstar.config.file import Category
from globstar.config.reader import read_config
from globstar.config.values import boolean
from globstar.core.realtime.engine import RealtimeFault
from globstar.core.sorcery.wizard import SorceryObject, WizardSpec
from globstar.core.system import System


class ConfigWizard:
    """``config,file[,criteria=name=value][,single_object=yes][,explicit_name=x]``: the categories of a file."""

    is_dynamic = False
    is_writable = False

    def __init__(self, system: System, type: str, data: list[str]) -> None:
        if not data or not data[0]:
            raise ValueError("names no file")
        self._system = system
        self._type = type
        self._file = data[0]
        self._criteria: list[tuple[str, str]] = []
        self._is_single = False
        self._name = ""
        self._kept: dict[str, SorceryObject] | None = None
        for part in data[1:]:
            name, _, value = part.partition("=")
            match name.strip():
                case "criteria":
                    column, _, wanted = value.partition("=")
                    self._criteria.append((column.strip(), wanted.strip()))
                case "single_object":
                    self._is_single = boolean(value)
                case "explicit_name":
                    self._name = value.strip()
                case _:
                    raise ValueError(f"'{part}' is no option")
        if self._is_single and not self._name:
            raise ValueError("single_object needs explicit_name")

    def _fits(self, category: Category) -> bool:
        if self._name and not self._is_single and category.name != self._name:
            return False
        return all((category.get(name) or "").strip().lower() == value.lower() for name, value in self._criteria)

    async def reload(self) -> None:
        """See Wizard: the file is read again when it is needed."""
        self._kept = None

    async def retrieve(self, id: str) -> SorceryObject | None:
        """See Wizard."""
        return (await self._objects()).get(id)

    async def retrieve_all(self, prefix: str = "") -> list[SorceryObject]:
        """See Wizard."""
        return [one for id, one in (await self._objects()).items() if id.startswith(prefix)]

    async def _objects(self) -> dict[str, SorceryObject]:
        """What the file had when it was read."""
        if self._kept is None:
            self._kept = await self._read()
        return self._kept

    async def _read(self) -> dict[str, SorceryObject]:
        try:
            config = await self._system.run_blocking(read_config, self._file, self._system.configuration.overlay)
        except ConfigFileMissing:
            return {}
        except ConfigError as error:
            raise RealtimeFault(str(error)) from None
        found: dict[str, SorceryObject] = {}
        for category in config.categories:
            name = self._name if self._is_single else category.name
            if self._fits(category) and not (self._is_single and found):
                fields = tuple((variable.name, variable.value) for variable in category if variable.name.lower() != "type")
                found[name] = SorceryObject(self._type, name, fields)
        return found

    async def create(self, one: SorceryObject) -> bool:
        """See Wizard: a file is not written to."""
        return False

    async def update(self, one: SorceryObject) -> bool:
        """See Wizard: a file is not written to."""
        return False

    async def delete(self, id: str) -> bool:
        """See Wizard: a file is not written to."""
        return False


wizard = WizardSpec(name="config", make=ConfigWizard)
