"""Typed options: a class describes the options of one kind of category, and reads them with good messages.

    class Endpoint(Options):
        context = option(string, "default", help="Context in which calls start.")
        rtp_timeout = option(integer(0), 0, unit="s", help="Hang up after so long without media; 0 never.")
        match = option(listing(string), (), repeat="extend", help="Addresses of this peer.")

        @handles("disallow", help="Remove codecs from `allow`.")
        def _disallow(self, text: str) -> None: ...

    endpoint = Endpoint.read(category, report)

A value that was not given costs no memory: it is the class's default. `given()` says which were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar, cast

from globstar.base.errors import LocalFault, RemoteFault
from globstar.config.errors import ConfigWarning
from globstar.config.file import Category, Variable

T = TypeVar("T")
D = TypeVar("D")
O = TypeVar("O", bound="Options")

REDACTED = "<redacted>"


class Report:
    """Collects what is to be told about a configuration, each thing once however often it is inherited."""

    def __init__(self) -> None:
        self.warnings: list[ConfigWarning] = []
        self._seen: set[ConfigWarning] = set()

    def __call__(self, variable: Variable | Category, message: str) -> None:
        warning = ConfigWarning(variable.file, variable.line, message)
        if warning not in self._seen:
            self._seen.add(warning)
            self.warnings.append(warning)

    def unknown_sections(self, config: Iterable[Category], *known: str) -> None:
        """Tell of each section that is none of ``known`` (in lower case): nobody reads what stands there."""
        for category in config:
            if category.name.lower() not in known:
                self(category, f"unknown section [{category.name}] has no effect{did_you_mean(category.name, known)}")


@dataclass(frozen=True, slots=True, eq=False)
class OptionInfo:
    """What is known about one option; feeds validation, CLI help and documentation."""

    name: str
    attribute: str
    read: Callable[[str], Any] | None
    default: Any
    unit: str = ""
    help: str = ""
    reload: bool = True
    secret: bool = False
    aliases: tuple[str, ...] = ()
    repeat: str = "last"
    handler: Callable[[Any, str], None] | None = None


class _Declared:
    """An option in a class body, until the class is complete and names are known."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields


def option(
    read: Callable[[str], T],
    default: D,
    *,
    name: str = "",
    unit: str = "",
    help: str = "",
    reload: bool = True,
    secret: bool = False,
    aliases: tuple[str, ...] = (),
    repeat: str = "last",
) -> T | D:
    """Declare an option in the body of an Options class.

    read: turns text into a value or raises ValueError or RemoteFault. default: the value when it is absent or bad (shared by all
    instances, so use immutable values). name: the name in the file when it is not the attribute's. unit: of the number,
    for help. reload: whether a reload applies a change. secret: never shown. aliases: other names. repeat: what
    a second line of the same name does: "last" replaces the value, "first" is ignored, "extend" adds tuples.
    """
    if repeat not in ("last", "first", "extend"):
        raise LocalFault(f"repeat={repeat!r}")
    fields = {"read": read, "default": default, "name": name, "unit": unit, "help": help}
    fields |= {"reload": reload, "secret": secret, "aliases": aliases, "repeat": repeat}
    return cast(T | D, _Declared(**fields))


def handles(
    *names: str, unit: str = "", help: str = "", reload: bool = True
) -> Callable[[Callable[[O, str], None]], Callable[[O, str], None]]:
    """Declare that a method takes each value of the named options; it raises ValueError or RemoteFault for a bad one."""

    def mark(method: Callable[[O, str], None]) -> Callable[[O, str], None]:
        fields = {"name": names[0], "aliases": names[1:], "unit": unit, "help": help, "reload": reload}
        method.__globstar_option__ = fields  # type: ignore[attr-defined]
        return method

    return mark


class Options:
    """Base of classes whose attributes are read from a category of a configuration file."""

    _options: ClassVar[Mapping[str, OptionInfo]] = {}
    _infos: ClassVar[tuple[OptionInfo, ...]] = ()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        infos = {info.name: info for info in cls._infos}
        for attribute, declared in list(vars(cls).items()):
            if isinstance(declared, _Declared):
                info = OptionInfo(attribute=attribute, **{**declared.fields, "name": declared.fields["name"] or attribute})
                setattr(cls, attribute, info.default)  # a plain attribute: options are read on the way of every call
            elif marked := getattr(declared, "__globstar_option__", None):
                info = OptionInfo(attribute=attribute, read=None, default=None, handler=declared, **marked)
            else:
                continue
            infos[info.name] = info
        cls._infos = tuple(infos.values())
        cls._options = {name.lower(): info for info in cls._infos for name in (info.name, *info.aliases)}

    def __init__(self, **values: Any) -> None:
        known = {info.attribute for info in self._infos if info.handler is None}
        for attribute, value in values.items():
            if attribute not in known:
                raise LocalFault(f"{type(self).__name__} has no option {attribute}")
            self.__dict__[attribute] = value

    @classmethod
    def describe(cls) -> Iterator[OptionInfo]:
        """Yield every option of the class in the order of declaration."""
        return iter(cls._infos)

    @classmethod
    def read(cls, category: Iterable[Variable] | Category, report: Report, ignore: Iterable[str] = ()) -> Self:
        """Read a category; unknown names and bad values are reported with file and line, and bad values skipped."""
        options = cls()
        skipped = {name.lower() for name in ignore}
        for variable in category:
            name = variable.name.lower()
            if name not in skipped:
                options._take(name, variable, report)
        return options

    def _take(self, name: str, variable: Variable, report: Report) -> None:
        info = self._options.get(name)
        if info is None:
            report(variable, f"unknown option '{variable.name}'{self.suggestion(name)}")
            return
        try:
            if info.handler is not None:
                info.handler(self, variable.value)
                return
            assert info.read is not None
            value = info.read(variable.value)
        except (ValueError, RemoteFault) as error:
            shown = REDACTED if info.secret else f"'{variable.value}'"
            report(variable, f"bad value {shown} of option '{variable.name}': {error}")
            return
        held = self.__dict__
        if info.attribute in held and info.repeat != "last":
            if info.repeat == "first":
                return
            value = held[info.attribute] + value
        held[info.attribute] = value

    @classmethod
    def suggestion(cls, name: str) -> str:
        """Return "; did you mean ...?" for the nearest known name, or nothing."""
        return did_you_mean(name, cls._options)

    def given(self) -> set[str]:
        """The attributes that were set and are not defaults of the class."""
        return set(self.__dict__)

    def items(self) -> Iterator[tuple[OptionInfo, Any]]:
        """Yield each option with its value; handlers, which hold none, are left out."""
        for info in self._infos:
            if info.handler is None:
                yield info, getattr(self, info.attribute)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return [value for _, value in self.items()] == [value for _, value in other.items()]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = (
            f"{info.attribute}={REDACTED if info.secret else repr(value)}"
            for info, value in self.items()
            if info.attribute in self.__dict__
        )
        return f"{type(self).__name__}({', '.join(shown)})"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the known name nearest to `name`, or nothing when none is near."""
    import difflib

    close = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""
