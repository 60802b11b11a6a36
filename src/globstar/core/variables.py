"""Channel variables with inheritance, the built-in variables, and the global ones."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from globstar.core import events

if TYPE_CHECKING:
    from globstar.core.bus import EventBus
    from globstar.core.channel import Channel
    from globstar.core.system import System


def split_name(name: str) -> tuple[str, int]:
    """The bare name and how far it is inherited: 0 not, 1 (``_X``) by the next channel, 2 (``__X``) by all."""
    if name.startswith("__"):
        return name[2:], 2
    if name.startswith("_"):
        return name[1:], 1
    return name, 0


def _hint(channel: Channel) -> str | None:
    hint = channel.system.hint_of(channel, channel.context, channel.extension)
    return hint[0] if hint else None


def _hint_name(channel: Channel) -> str | None:
    hint = channel.system.hint_of(channel, channel.context, channel.extension)
    return hint[1] if hint else None


#: Variables of the whole system.
SYSTEM_BUILTIN: dict[str, Callable[[System], str]] = {
    "EPOCH": lambda s: str(int(s.wall_time())),
    "SYSTEMNAME": lambda s: s.options.systemname,
    "ASTCACHEDIR": lambda s: s.directories.astcachedir,
    "ASTETCDIR": lambda s: s.directories.astetcdir,
    "ASTMODDIR": lambda s: s.directories.astmoddir,
    "ASTVARLIBDIR": lambda s: s.directories.astvarlibdir,
    "ASTDBDIR": lambda s: f"{s.directories.astdbdir}/astdb",
    "ASTKEYDIR": lambda s: s.directories.astkeydir,
    "ASTDATADIR": lambda s: s.directories.astdatadir,
    "ASTAGIDIR": lambda s: s.directories.astagidir,
    "ASTSPOOLDIR": lambda s: s.directories.astspooldir,
    "ASTRUNDIR": lambda s: s.directories.astrundir,
    "ASTLOGDIR": lambda s: s.directories.astlogdir,
    "ASTSBINDIR": lambda s: s.directories.astsbindir,
    "ENTITYID": lambda s: s.entity_id,
}


def _of_system(read: Callable[[System], str]) -> Callable[[Channel], str | None]:
    return lambda channel: read(channel.system)


#: Variables that every channel has; they win over channel variables of the same name.
BUILTIN: dict[str, Callable[[Channel], str | None]] = {
    "EXTEN": lambda c: c.extension,
    "CONTEXT": lambda c: c.context,
    "PRIORITY": lambda c: str(c.priority),
    "CHANNEL": lambda c: c.name,
    "UNIQUEID": lambda c: c.unique_id,
    "HANGUPCAUSE": lambda c: str(c.hangup_cause),
    "CALLINGPRES": lambda c: str(c.caller.id.presentation),
    "CALLINGANI2": lambda c: str(c.caller.ani2),
    "CALLINGTON": lambda c: str(c.caller.id.number.plan),
    "CALLINGTNS": lambda c: str(c.dialed.transit_network_select),
    "HINT": _hint,
    "HINTNAME": _hint_name,
    **{name: _of_system(read) for name, read in SYSTEM_BUILTIN.items()},
}


#: stands for a value that is made when somebody asks for it; known by its identity
_NOT_MADE = "not made yet"


class ChannelVariables:
    """The variables of one channel; also the scope in which its templates are rendered.

    Names are case-sensitive. What a Gosub level hides is kept by its frame (``core.stack``).
    """

    __slots__ = ("_channel", "_inherited", "_makers", "_of_all", "_values", "_var_set", "globals")

    def __init__(self, channel: Channel) -> None:
        # Weak, so that a channel that is hung up goes at once and not with the next garbage collection. Whoever asks has it.
        self._channel: Callable[[], Channel] = weakref.ref(channel)  # type: ignore[assignment]
        self._values: dict[str, str] = {}
        self._inherited: dict[str, int] = {}
        self._makers: dict[str, Callable[[str], str]] | None = None
        self.globals = channel.system.globals
        self._of_all = self.globals.values
        self._var_set = channel.system.heard.variable_set

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Name (with its underscores) and value, the newest last."""
        self._make_all()
        for name, value in self._values.items():
            yield "_" * self._inherited.get(name, 0) + name, value

    def __len__(self) -> int:
        return len(self._values)

    def get(self, name: str) -> str | None:
        """The value of ``name``: built-in, of the channel, global; None if there is none."""
        builtin = BUILTIN.get(name)
        if builtin is not None:
            return builtin(self._channel())
        value = self._values.get(name)
        if value is None:
            return self._of_all.get(name)
        return value if value is not _NOT_MADE else self._made(name)

    get_variable = get

    def own(self, name: str) -> str | None:
        """The channel's own value, neither built-in nor global."""
        value = self._values.get(name)
        return value if value is not _NOT_MADE else self._made(name)

    def has_own(self, name: str) -> bool:
        """Whether the channel has a value of its own."""
        return name in self._values

    def set(self, name: str, value: str) -> None:
        """Set a variable; leading underscores say how far it is inherited."""
        bare = name
        values = self._values
        if name[:1] == "_":
            bare, self._inherited[bare] = split_name(name)
        elif self._inherited:
            self._inherited.pop(name, None)
        if bare in values:
            del values[bare]
        values[bare] = value
        if self._var_set:
            self._channel().system.bus.publish(events.VariableSet(self._channel(), name, value))

    def set_all(self, new: dict[str, str]) -> None:
        """Set variables that nobody inherits, whose names begin with no underscore, in their order."""
        if self._var_set or self._inherited:
            for name, value in new.items():
                self.set(name, value)
            return
        values = self._values
        for name in new:
            if name in values:
                del values[name]
        values.update(new)

    def make_empty(self, names: Iterable[str]) -> None:
        """Make those of these variables empty that are set and not empty."""
        values = self._values
        for name in names:
            if values.get(name):
                if self._var_set or self._inherited:
                    self.set(name, "")
                else:
                    del values[name]
                    values[name] = ""

    @property
    def is_watched(self) -> bool:
        """Whether somebody is told of every variable that is set."""
        return bool(self._var_set)

    def set_later(self, names: Iterable[str], make: Callable[[str], str]) -> None:
        """Set variables that few ask for: ``make(name)`` gives the value when somebody does, once.

        Nobody is told that they are set: look at ``is_watched`` first.
        """
        values = self._values
        makers = self._makers
        if makers is None:
            makers = self._makers = {}
        for name in names:
            if self._inherited:
                self._inherited.pop(name, None)
            values.pop(name, None)
            values[name] = _NOT_MADE
            makers[name] = make

    def _made(self, name: str) -> str:
        """Make a value, which stays."""
        assert self._makers is not None, "set_later() has noted how"
        value = self._values[name] = self._makers.pop(name)(name)
        return value

    def _make_all(self) -> None:
        if self._makers:
            for name in [name for name, value in self._values.items() if value is _NOT_MADE]:
                self._made(name)

    def assign(self, name: str, value: str) -> None:
        """Set a variable without telling anybody; see :meth:`set`."""
        bare, level = split_name(name) if name[:1] == "_" else (name, 0)
        self._values.pop(bare, None)
        self._values[bare] = value
        if level:
            self._inherited[bare] = level
        else:
            self._inherited.pop(bare, None)

    def delete(self, name: str) -> None:
        """Forget a variable."""
        bare, _ = split_name(name)
        self._values.pop(bare, None)
        self._inherited.pop(bare, None)

    def unset(self, *names: str) -> None:
        """Forget variables and tell so as an empty value, unless they were empty or missing."""
        for name in names:
            value = self._values.pop(name, None)
            if self._inherited:
                self._inherited.pop(name, None)
            if value and self._var_set:
                self._channel().system.bus.publish(events.VariableSet(self._channel(), name, ""))

    def inheritance(self, name: str) -> int:
        """How far a variable is inherited: 0 not, 1 by the next channel, 2 by all."""
        return self._inherited.get(name, 0)

    def inherit_to(self, child: Channel) -> None:
        """Give the inheritable variables to a channel that this one dials, the newest first.

        The child's own count as newer than what it inherits.
        """
        inherited = self._inherited
        if inherited:
            values = self._values
            child.variables._take_older(
                [(name, values[name], 2 if inherited[name] == 2 else 0) for name in reversed(values) if name in inherited]
            )

    def copy_to(self, other: Channel) -> None:
        """Give all variables to ``other``, as they are, the newest first; its own count as newer."""
        self._make_all()
        inherited = self._inherited
        other.variables._take_older([(name, value, inherited.get(name, 0)) for name, value in reversed(self._values.items())])

    def _take_older(self, newest_first: list[tuple[str, str, int]]) -> None:
        """Add variables (name, value, inheritance) that count as older than those that are there; same names are replaced."""
        own = self._values
        self._values = {name: value for name, value, _ in reversed(newest_first)}
        for name, _, level in newest_first:
            own.pop(name, None)
            if level:
                self._inherited[name] = level
            else:
                self._inherited.pop(name, None)
        self._values.update(own)
        if self._var_set:
            bus = self._channel().system.bus
            for name, value, level in newest_first:
                bus.publish(events.VariableSet(self._channel(), "_" * level + name, value))

    def call_function(self, name: str, args: str) -> str:
        """Read a dialplan function for this channel."""
        return self._channel().system.functions.read(self._channel(), name, args)

    def warn(self, level: str, message: str) -> None:
        """Log a complaint of substitution."""
        self._channel().warn(level, message)


class GlobalVariables:
    """Variables shared by all channels (``[globals]``, GLOBAL(), Set with option g)."""

    __slots__ = ("_bus", "values")

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        #: by name; the same dictionary as long as the server runs, to be read only
        self.values: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        """The value or None."""
        return self.values.get(name)

    def set(self, name: str, value: str) -> None:
        """Set a global variable; underscores of inheritance are dropped."""
        bare, _ = split_name(name)
        self.values.pop(bare, None)
        self.values[bare] = value
        self._bus.publish(events.VariableSet(None, bare, value))

    def delete(self, name: str) -> None:
        """Forget a global variable."""
        self.values.pop(name, None)

    def clear(self) -> None:
        """Forget all, as ``clearglobalvars`` asks at a reload."""
        self.values.clear()

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(list(self.values.items()))

    def __len__(self) -> int:
        return len(self.values)
