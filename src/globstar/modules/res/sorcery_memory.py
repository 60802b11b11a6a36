"""Sorcery In-Memory Object Wizard."""

from __future__ import annotations

from globstar.core.sorcery.wizard import SorceryObject, WizardSpec
from globstar.core.system import System

#: Objects of one type that are kept.
MAX_OBJECTS = 100_000


class MemoryWizard:
    """``memory``: objects that last as long as the server."""

    is_dynamic = True
    is_writable = True

    def __init__(self, system: System, type: str, data: list[str]) -> None:
        self._objects: dict[str, SorceryObject] = {}

    async def reload(self) -> None:
        """See Wizard: nothing is kept of a file."""

    async def retrieve(self, id: str) -> SorceryObject | None:
        """See Wizard."""
        return self._objects.get(id)

    async def retrieve_all(self, prefix: str = "") -> list[SorceryObject]:
        """See Wizard."""
        return [one for id, one in self._objects.items() if id.startswith(prefix)]

    async def create(self, one: SorceryObject) -> bool:
        """See Wizard."""
        if one.id in self._objects or len(self._objects) >= MAX_OBJECTS:
            return False
        self._objects[one.id] = one
        return True

    async def update(self, one: SorceryObject) -> bool:
        """See Wizard."""
        if one.id not in self._objects:
            return False
        self._objects[one.id] = one
        return True

    async def delete(self, id: str) -> bool:
        """See Wizard."""
        return self._objects.pop(id, None) is not None


wizard = WizardSpec(name="memory", make=MemoryWizard)
