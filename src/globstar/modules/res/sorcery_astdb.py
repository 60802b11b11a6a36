"""Sorcery Astdb Object Wizard."""

from __future__ import annotations

import json

from globstar.core.sorcery.wizard import SorceryObject, WizardSpec
from globstar.core.system import System


class AstdbWizard:
    """``astdb[,family]``: objects as JSON in the AstDB, at ``family/type/id``."""

    is_dynamic = True
    is_writable = True

    def __init__(self, system: System, type: str, data: list[str]) -> None:
        self._system = system
        self._type = type
        self._family = f"{data[0]}/{type}" if data and data[0] else type

    async def reload(self) -> None:
        """See Wizard: nothing is kept of a file."""

    async def retrieve(self, id: str) -> SorceryObject | None:
        """See Wizard."""
        text = self._system.database.get(self._family, id)
        return self._read(id, text) if text is not None else None

    def _read(self, id: str, text: str) -> SorceryObject | None:
        try:
            fields = json.loads(text)
        except ValueError:
            return None
        if not isinstance(fields, dict):
            return None
        return SorceryObject(self._type, id, tuple((str(name), str(value)) for name, value in fields.items()))

    async def retrieve_all(self, prefix: str = "") -> list[SorceryObject]:
        """See Wizard."""
        start = f"/{self._family}/"
        read = (
            self._read(key.removeprefix(start), text)
            for key, text in list(self._system.database.tree(self._family))
            if key.startswith(start + prefix)
        )
        return [one for one in read if one is not None]

    def _write(self, one: SorceryObject) -> bool:
        return self._system.database.put(self._family, one.id, json.dumps(dict(one.fields), separators=(",", ":")))

    async def create(self, one: SorceryObject) -> bool:
        """See Wizard."""
        return self._write(one)

    async def update(self, one: SorceryObject) -> bool:
        """See Wizard."""
        return self._system.database.get(self._family, one.id) is not None and self._write(one)

    async def delete(self, id: str) -> bool:
        """See Wizard."""
        return self._system.database.delete(self._family, id)


wizard = WizardSpec(name="astdb", make=AstdbWizard)
