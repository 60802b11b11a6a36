"""Wizards: where objects are kept. A module brings one by a :class:`WizardSpec`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from globstar.core.registry import Spec

if TYPE_CHECKING:
    from globstar.core.system import System


@dataclass(frozen=True, slots=True)
class SorceryObject:
    """An object: its type, its id and its fields in order; a field may come several times."""

    type: str
    id: str
    fields: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """The last value of a field, empty if it has none."""
        return next((value for held, value in reversed(self.fields) if held.lower() == name.lower()), "")

    def get_all(self, name: str) -> list[str]:
        """All values of a field."""
        return [value for held, value in self.fields if held.lower() == name.lower()]


class Wizard(Protocol):
    """Keeps the objects of one type. Methods may raise RealtimeFault."""

    #: whether objects may change without a reload
    is_dynamic: bool
    #: whether objects can be made, changed and removed here
    is_writable: bool

    async def reload(self) -> None:
        """The configuration is read again: what is kept of a file no longer counts."""

    async def retrieve(self, id: str) -> SorceryObject | None:
        """The object of that id."""

    async def retrieve_all(self, prefix: str = "") -> list[SorceryObject]:
        """All objects whose id begins with ``prefix``."""

    async def create(self, one: SorceryObject) -> bool:
        """Keep a new object; False if that cannot be."""

    async def update(self, one: SorceryObject) -> bool:
        """Change an object; False if there is none of that id."""

    async def delete(self, id: str) -> bool:
        """Remove an object; False if there is none of that id."""


@dataclass(slots=True, kw_only=True)
class WizardSpec(Spec):
    """A kind of wizard: ``make(system, type, data)`` gives one; ``data`` is what follows its name in sorcery.conf.

    It raises ValueError with the reason when ``data`` makes no sense.
    """

    make: Callable[[System, str, list[str]], Wizard]

    @property
    def kind(self) -> str:
        """Their registry's name."""
        return "sorcery wizard"
