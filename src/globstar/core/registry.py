"""Registries: what modules offer, by kind and name.

A module's top level holds inert specifications: decorated functions and classes, or :class:`Spec` values.
The loader finds them (:func:`specs_of`), registers them in the registries of one :class:`~globstar.core.system.System`
and takes them back at unload, so that two systems can live in one process.
"""

from __future__ import annotations

import difflib
import inspect
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Generic, TypeVar

from globstar.base.errors import LocalFault


@dataclass(slots=True, kw_only=True)
class Spec:
    """Something that a module offers under ``name``. ``module`` is set by the loader."""

    name: str
    module: str = ""

    @property
    def kind(self) -> str:
        """The registry that this goes to: the lower-case class name without ``Spec``."""
        return type(self).__name__.removesuffix("Spec").lower()

    def for_system(self) -> Spec:
        """What one system registers: a copy of its own where something of it changes while the system runs."""
        return self


S = TypeVar("S", bound=Spec)
F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "__globstar_specs__"


def attach(target: F, spec: Spec) -> F:
    """Make ``spec`` part of ``target`` (function or class), for the loader to find."""
    specs: list[Spec] = list(getattr(target, _ATTRIBUTE, ()))
    specs.append(spec)
    setattr(target, _ATTRIBUTE, specs)
    return target


def specs_of(module: ModuleType) -> list[Spec]:
    """Every specification at the top level of ``module``, in order of definition, each once.

    What was imported from elsewhere is left out; a package may gather what its own files define. As every system of a process
    asks for the same modules, the answer is kept while the module holds the same things.
    """
    values = list(vars(module).values())
    known = _known.get(module.__name__)
    if known is None or len(known[0]) != len(values) or not all(map(operator.is_, known[0], values)):
        known = _known[module.__name__] = values, _specs_among(values, module.__name__)
    return list(known[1])


#: what :func:`specs_of` found, by the module's name: all that the module held, and the specifications among that
_known: dict[str, tuple[list[object], list[Spec]]] = {}


def _specs_among(values: list[object], own: str) -> list[Spec]:
    found: list[Spec] = []
    below = f"{own}."
    candidates: Sequence[Spec]
    for value in values:
        if isinstance(value, Spec):
            candidates = (value,)
        else:
            origin = getattr(value, "__module__", None)
            if origin != own and not (isinstance(origin, str) and origin.startswith(below)):
                continue
            candidates = getattr(value, "__dict__", {}).get(_ATTRIBUTE, ())
        found.extend(spec for spec in candidates if not any(spec is other for other in found))
    return found


@dataclass(slots=True, kw_only=True)
class ApplicationSpec(Spec):
    """A dialplan application.

    ``run(channel, data)`` gets the argument string after substitution; a plain function is run at once, a coroutine
    function is awaited. A result of -1 (or raising :class:`~globstar.core.channel.ChannelGone`) ends the dialplan
    of the channel, anything else goes on.
    """

    run: Callable[[Any, str], Any]
    is_async: bool = True
    synopsis: str = ""
    description: str = ""
    syntax: str = ""
    see_also: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class FunctionSpec(Spec):
    """A dialplan function.

    ``read(channel, args)`` gives the value, None meaning failure (the substitution is then empty);
    ``write(channel, args, value)`` sets it. ``channel`` is None when there is none (CLI, AMI). Both are plain
    functions; what must wait belongs in an application, except for ``is_blocking`` functions, whose ``read`` and ``write``
    may be coroutine functions which the executor awaits before substituting the text.
    """

    read: Callable[[Any, str], Any] | None = None
    write: Callable[[Any, str, str], Any] | None = None
    is_blocking: bool = False
    synopsis: str = ""
    description: str = ""
    syntax: str = ""
    #: writing or reading reaches outside (files, shell): only where live_dangerously or the dialplan itself asks
    is_dangerous: bool = False
    #: the same of writing alone
    is_dangerous_to_write: bool = False


def _documentation(target: Any) -> tuple[str, str]:
    text = inspect.getdoc(target) or ""
    head, _, rest = text.partition("\n\n")
    return " ".join(head.split()), rest.strip()


def application(name: str, *, syntax: str = "") -> Callable[[F], F]:
    """Make a function ``f(channel)`` or ``f(channel, data: str)`` the application ``name``.

    Its docstring is what ``core show application`` prints: the first paragraph is the synopsis.
    """

    def decorate(function: F) -> F:
        synopsis, description = _documentation(function)
        takes_data = len(inspect.signature(function).parameters) > 1
        run: Callable[[Any, str], Any] = function if takes_data else (lambda channel, data: function(channel))
        return attach(
            function,
            ApplicationSpec(
                name=name,
                run=run,
                is_async=inspect.iscoroutinefunction(function),
                synopsis=synopsis,
                description=description,
                syntax=syntax or (f"{name}()" if not takes_data else f"{name}([arguments])"),
            ),
        )

    return decorate


class DialplanFunction:
    """What :func:`function` makes of a reader; ``.writer`` adds the writing half, like a property."""

    def __init__(self, spec: FunctionSpec, target: Callable[..., Any]) -> None:
        self.spec = spec
        self.read = target
        self.__module__ = target.__module__
        attach(self, spec)

    def __call__(self, channel: Any, args: str = "") -> Any:
        return self.read(channel, args)

    def writer(self, target: Callable[[Any, str, str], Any]) -> DialplanFunction:
        """Use ``target(channel, args, value)`` for ``Set(NAME(args)=value)``."""
        self.spec.write = target
        self.spec.is_blocking = self.spec.is_blocking or inspect.iscoroutinefunction(target)
        return self


def function(
    name: str, *, syntax: str = "", dangerous: bool = False, writes_outside: bool = False
) -> Callable[[Callable[..., Any]], DialplanFunction]:
    """Make ``f(channel, args: str) -> str | None`` the dialplan function ``name``; see :class:`DialplanFunction`."""

    def decorate(target: Callable[..., Any]) -> DialplanFunction:
        synopsis, description = _documentation(target)
        spec = FunctionSpec(
            name=name,
            read=target,
            is_blocking=inspect.iscoroutinefunction(target),
            synopsis=synopsis,
            description=description,
            syntax=syntax or f"{name}(arguments)",
            is_dangerous=dangerous,
            is_dangerous_to_write=writes_outside,
        )
        return DialplanFunction(spec, target)

    return decorate


def write_function(name: str, *, syntax: str = "", dangerous: bool = False) -> Callable[[F], F]:
    """Make ``f(channel, args, value)`` a dialplan function that can only be written."""

    def decorate(target: F) -> F:
        synopsis, description = _documentation(target)
        return attach(
            target,
            FunctionSpec(
                name=name,
                write=target,
                is_blocking=inspect.iscoroutinefunction(target),
                synopsis=synopsis,
                description=description,
                syntax=syntax or f"{name}(arguments)",
                is_dangerous=dangerous,
            ),
        )

    return decorate


@dataclass(slots=True)
class Registry(Generic[S]):
    """Specifications of one kind by name. ``generation`` grows with every change so that users may cache.

    ``fold`` makes names case-insensitive, as application names are.
    """

    kind: str
    fold: bool = False
    generation: int = 0
    _entries: dict[str, S] = field(default_factory=dict)
    #: sorted by name, None until somebody asks after a change
    _sorted: tuple[S, ...] | None = None

    def _key(self, name: str) -> str:
        return name.lower() if self.fold else name

    def register(self, spec: S) -> None:
        """Add ``spec``; a second one of the same name is an error of its module."""
        key = self._key(spec.name)
        known = self._entries.get(key)
        if known is not None:
            raise LocalFault(f"{self.kind} '{spec.name}' of {spec.module} is already registered by {known.module}")
        self._entries[key] = spec
        self._sorted = None
        self.generation += 1

    def unregister(self, spec: S) -> None:
        """Remove ``spec`` if it is the one registered under its name."""
        key = self._key(spec.name)
        if self._entries.get(key) is spec:
            del self._entries[key]
            self._sorted = None
            self.generation += 1

    def get(self, name: str) -> S | None:
        """The specification called ``name``."""
        return self._entries.get(name.lower() if self.fold else name)

    def nearest(self, name: str) -> str | None:
        """The registered name most like ``name``, for messages."""
        names = {self._key(entry.name): entry.name for entry in self._entries.values()}
        close = difflib.get_close_matches(self._key(name), names, 1, 0.7)
        return names[close[0]] if close else None

    def __iter__(self) -> Iterator[S]:
        """All, sorted by name as Asterisk's lists are."""
        known = self._sorted
        if known is None:
            known = self._sorted = tuple(sorted(self._entries.values(), key=lambda spec: spec.name.lower()))
        return iter(known)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: str) -> bool:
        return self._key(name) in self._entries
