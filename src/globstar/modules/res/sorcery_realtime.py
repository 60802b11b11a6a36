"""Sorcery Realtime Object Wizard."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.realtime.engine import Row, encode
from globstar.core.sorcery.wizard import SorceryObject, WizardSpec
from globstar.core.system import System

logger = Logger("sorcery")

#: the column of the id
ID = "id"
#: Whether all rows of a family may be asked for at once; with ``warn`` and ``error`` that is told.
_UNQUALIFIED = ("yes", "no", "warn", "error")


class RealtimeWizard:
    """``realtime,family[,allow_unqualified_fetch=yes|no|warn|error]``: rows of a family of extconfig.conf, ``id`` the object's.

    Tables of very many rows are not to be asked for as a whole: with ``no`` and ``error`` lists of all objects are empty then.
    """

    is_dynamic = True
    is_writable = True

    def __init__(self, system: System, type: str, data: list[str]) -> None:
        if not data or not data[0]:
            raise ValueError("names no family of extconfig.conf")
        self._realtime = system.realtime
        self._type = type
        self._family = data[0]
        self._unqualified = "yes"
        for part in data[1:]:
            name, _, value = (text.strip() for text in part.partition("="))
            if name != "allow_unqualified_fetch" or value.lower() not in _UNQUALIFIED:
                raise ValueError(f"'{part}' is no option of realtime; there is allow_unqualified_fetch={'|'.join(_UNQUALIFIED)}")
            self._unqualified = value.lower()

    def _object(self, row: Row) -> SorceryObject | None:
        id = next((value for name, value in row if name.lower() == ID), "")
        if not id:
            return None
        # a column like @pjsip belongs to whoever put it there
        fields = tuple((name, value) for name, value in row if name.lower() != ID and not name.startswith("@"))
        return SorceryObject(self._type, id, fields)

    async def reload(self) -> None:
        """See Wizard: nothing is kept of a file."""

    async def retrieve(self, id: str) -> SorceryObject | None:
        """See Wizard."""
        row = await self._realtime.load(self._family, [(ID, encode(id))])
        return self._object(row) if row is not None else None

    async def retrieve_all(self, prefix: str = "") -> list[SorceryObject]:
        """See Wizard."""
        if not prefix and self._unqualified != "yes":
            if self._unqualified == "warn":
                logger.warning(f"all {self._type} objects of {self._family} are asked for")
            elif self._unqualified == "error":
                logger.error(f"all {self._type} objects of {self._family} are asked for, which sorcery.conf forbids")
            if self._unqualified != "warn":
                return []
        rows = await self._realtime.load_multi(self._family, [(f"{ID} LIKE", _escaped(encode(prefix)) + "%")])
        return [one for one in map(self._object, rows) if one is not None and one.id.startswith(prefix)]

    @staticmethod
    def _fields(one: SorceryObject) -> list[tuple[str, str]]:
        """The columns; a field that comes several times is one value with semicolons."""
        values: dict[str, str] = {}
        for name, value in one.fields:
            values[name] = f"{values[name]};{encode(value)}" if name in values else encode(value)
        return list(values.items())

    async def create(self, one: SorceryObject) -> bool:
        """See Wizard."""
        await self._realtime.store(self._family, [(ID, encode(one.id)), *self._fields(one)])
        return True

    async def update(self, one: SorceryObject) -> bool:
        """See Wizard."""
        return await self._realtime.update(self._family, [(ID, encode(one.id))], self._fields(one)) > 0

    async def delete(self, id: str) -> bool:
        """See Wizard."""
        return await self._realtime.destroy(self._family, [(ID, encode(id))]) > 0


def _escaped(text: str) -> str:
    """A text in which LIKE sees no wildcards."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


wizard = WizardSpec(name="realtime", make=RealtimeWizard)
