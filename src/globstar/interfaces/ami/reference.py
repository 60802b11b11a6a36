"""What is known of events and actions beyond the code that makes them: their fields and parameters, for the CLI's help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_CHANNEL = (
    "Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName",
    "Language", "AccountCode", "Context", "Exten", "Priority", "Uniqueid", "Linkedid",
)  # fmt: skip
_BRIDGE = (
    "BridgeUniqueid", "BridgeType", "BridgeTechnology", "BridgeCreator", "BridgeName", "BridgeNumChannels",
    "BridgeVideoSourceMode",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One event or action: its classes, the modules that it belongs to, and its fields in order; ``*`` marks required ones."""

    name: str
    classes: str
    modules: tuple[str, ...]
    fields: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """The syntax, a line a field."""
        for field in self.fields:
            name, _, values = field.lstrip("*").partition("=")
            shown = f"<{values.replace('|', '>|<').replace('~', ' ')}>" if values else "<value>"
            yield f"{name}: {shown}" if field.startswith("*") or not name else f"[{name}:] {shown}"


@cache
def reference(kind: str) -> dict[str, Entry]:
    """All events or actions by name."""
    found = {}
    text = files("globstar.interfaces.ami").joinpath("reference.tsv").read_text("utf-8")
    for line in text.splitlines():
        if not line.startswith(f"{kind}\t"):
            continue
        _, name, classes, modules, fields = line.split("\t")
        found[name] = Entry(name, classes, tuple(modules.split()), tuple(_expand(fields)))
    return found


def _expand(text: str) -> Iterator[str]:
    for field in text.split():
        if field.startswith("@"):
            yield from (f"{field[1:]}{name}" for name in _CHANNEL)
        elif field.startswith("#"):
            yield from (f"{field[1:]}{name}" for name in _BRIDGE)
        else:
            yield field
