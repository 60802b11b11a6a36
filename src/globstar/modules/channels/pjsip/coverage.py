"""Which objects and options of pjsip.conf have an effect here, and why the others have none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from globstar.core.cli import CliUsage, cli_command
from globstar.modules.channels.pjsip import supplement
from globstar.modules.channels.pjsip.objects import PjsipObject
from globstar.modules.channels.pjsip.unsupported import UNSUPPORTED

if TYPE_CHECKING:
    from globstar.core.system import System

DOC_BEGIN, DOC_END = "<!-- begin: options without effect -->", "<!-- end: options without effect -->"


@dataclass(frozen=True, slots=True)
class Coverage:
    """One type of object: its options by name, and for those without effect the reason."""

    kind: str
    supported: tuple[str, ...]
    unsupported: dict[str, str]

    @property
    def known(self) -> set[str]:
        """Every option that is read, in lower case."""
        return {name.lower() for name in (*self.supported, *self.unsupported)}


def _classes(base: type[PjsipObject] = PjsipObject) -> Iterator[type[PjsipObject]]:
    for cls in base.__subclasses__():
        if cls.kind:
            yield cls
        yield from _classes(cls)


def coverage() -> list[Coverage]:
    """All types of objects, sorted."""
    supplement.discover()  # features bring objects of their own
    found = {}
    for cls in _classes():
        reasons = UNSUPPORTED.get(cls.kind, {})
        names = [name for info in cls.describe() for name in (info.name, *info.aliases)]
        supported = tuple(sorted(name for name in names if name not in reasons))
        found[cls.kind] = Coverage(cls.kind, supported, {name: reasons[name] for name in sorted(names) if name in reasons})
    return [found[kind] for kind in sorted(found)]


def markdown() -> str:
    """The tables of docs/pjsip.md between its marks."""
    lines = [DOC_BEGIN, ""]
    for one in coverage():
        if one.unsupported:
            lines += [f"### {one.kind}", "", "| option | why |", "| --- | --- |"]
            lines += [*(f"| `{name}` | {reason} |" for name, reason in one.unsupported.items()), ""]
    return "\n".join([*lines, DOC_END])


@cli_command("pjsip show coverage", usage="pjsip show coverage [<type>]")
def show_coverage(system: System, args: list[str]) -> str:
    """Show how many options of pjsip.conf have an effect, by type of object; of one type, each option."""
    if len(args) > 1:
        raise CliUsage
    if args:
        one = next((one for one in coverage() if one.kind == args[0].lower()), None)
        if one is None:
            raise CliUsage
        lines = [f"{name:<40} {one.unsupported.get(name, 'supported')}" for name in sorted({*one.supported, *one.unsupported})]
        return "\n".join(lines) + "\n"
    lines = [f"{'Type':<26} {'Supported':>9} {'Without effect':>15}"]
    total = without = 0
    for one in coverage():
        total, without = total + len(one.supported), without + len(one.unsupported)
        lines.append(f"{one.kind:<26} {len(one.supported):>9} {len(one.unsupported):>15}")
    lines += [f"{'all':<26} {total:>9} {without:>15}", ""]
    lines += [f"{one.kind}: {name}: {reason}" for one in coverage() for name, reason in one.unsupported.items()]
    return "\n".join(lines) + "\n"
