"""Modules of Asterisk whose work is done inside one of ours: names that modules.conf and the CLI go on to know.

The table is ``globstar.modules.parts``. A part is *switchable* when its whole can work without it: it offers things of its own
(``offers``), or the whole's code has ``start_part`` and ``stop_part`` for it and names it in ``switchable_parts``. The others are
there whenever their whole is. Of some the code knows only at its start that they are left out (``parts_of_start``): ``noload``
works, ``module unload`` does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from globstar.core.loader import ModulesConfig
    from globstar.core.registry import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one such module is."""

    #: the module that does the work
    whole: str
    description: str
    #: what goes with it, as ``kind NAME`` (``function PJSIP_AOR``)
    offers: tuple[str, ...] = ()
    #: without it there is no whole: ``noload`` of it leaves the whole out
    is_essential: bool = False
    support_level: str = "core"


class Parts:
    """The table of parts, and which of them are left out at the moment."""

    def __init__(self, table: Mapping[str, Part]) -> None:
        self.table = table
        self.left_out: set[str] = set()
        self._of: dict[str, list[str]] = {}
        for name in sorted(table):
            self._of.setdefault(table[name].whole, []).append(name)
        self._owners = {offer.lower(): name for name, part in table.items() for offer in part.offers}

    def get(self, name: str) -> Part | None:
        """The part of that (normalised) name."""
        return self.table.get(name)

    def whole_of(self, name: str) -> str:
        """The module to load for ``name``: the whole of a part, else itself."""
        part = self.table.get(name)
        return part.whole if part is not None else name

    def of(self, whole: str) -> list[str]:
        """The names of the parts of a module, sorted."""
        return self._of.get(whole, [])

    def owner(self, spec: Spec) -> str | None:
        """The part that offers ``spec``, if one does."""
        return self._owners.get(f"{spec.kind} {spec.name}".lower())

    def choose(self, named: Iterable[str], refused: set[str], config: ModulesConfig, core: Iterable[str] = ()) -> None:
        """Decide what modules.conf leaves out. ``core`` are modules that are always there, whose parts are names alone.

        That is what ``noload`` names; and without ``autoload``, once any part of a module is named, its parts that are not named,
        as in Asterisk. Who names our module alone gets it whole.
        """
        self.left_out = {name for name in refused if name in self.table}
        if not config.autoload:
            names = {name for name in named if name in self.table}
            for whole in {*core, *(self.table[name].whole for name in names)}:
                self.left_out |= {name for name in self.of(whole) if name not in names}


def switchable(
    part_names: Iterable[str], table: Mapping[str, Part], code: ModuleType | None, *, at_start: bool = False
) -> set[str]:
    """Those of ``part_names`` that their whole, whose code this is, can work without, or start without."""
    known: set[str] = set()
    for name in ("switchable_parts", "parts_of_start") if at_start else ("switchable_parts",):
        by_code = getattr(code, name, None)
        if by_code is not None:
            known |= set(by_code())
    return {name for name in part_names if not table[name].is_essential and (name in known or table[name].offers)}
