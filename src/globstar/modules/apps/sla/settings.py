"""sla.conf: trunks, stations, and which station has a key for which trunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from globstar.base.log import Logger
from globstar.config import Category, ConfigFile, Variable
from globstar.config.options import did_you_mean
from globstar.config.values import boolean

logger = Logger("app_sla")


@dataclass(slots=True)
class TrunkSettings:
    """A line to the outside. ``ring_timeout``: seconds, 0 for no limit; ``is_private``: who held the call takes it back."""

    name: str
    device: str = ""
    autocontext: str = ""
    ring_timeout: int = 0
    may_barge: bool = True
    is_private: bool = False


@dataclass(slots=True)
class LineSettings:
    """A key of a station. Times are seconds; 0 for those of the station."""

    trunk: str
    ring_timeout: int = 0
    ring_delay: int = 0


@dataclass(slots=True)
class StationSettings:
    """A phone."""

    name: str
    device: str = ""
    autocontext: str = ""
    ring_timeout: int = 0
    ring_delay: int = 0
    is_private: bool = False
    lines: list[LineSettings] = field(default_factory=list)


@dataclass(slots=True)
class SlaSettings:
    """The whole file. ``tells_caller``: stations are told who calls on the trunk."""

    tells_caller: bool = False
    trunks: dict[str, TrunkSettings] = field(default_factory=dict)
    stations: dict[str, StationSettings] = field(default_factory=dict)


def _seconds(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise ValueError(f"'{text}' is no number of seconds")
    return int(text)


def _is_private(text: str) -> bool:
    word = text.strip().lower()
    if word not in ("open", "private"):
        raise ValueError(f"'{text}' is neither open nor private")
    return word == "private"


_Readers = dict[str, tuple[str, Callable[[str], object]]]
_TRUNK: _Readers = {
    "device": ("device", str.strip),
    "autocontext": ("autocontext", str.strip),
    "ringtimeout": ("ring_timeout", _seconds),
    "barge": ("may_barge", boolean),
    "hold": ("is_private", _is_private),
}
_STATION: _Readers = {
    "device": ("device", str.strip),
    "autocontext": ("autocontext", str.strip),
    "ringtimeout": ("ring_timeout", _seconds),
    "ringdelay": ("ring_delay", _seconds),
    "hold": ("is_private", _is_private),
}
_LINE: _Readers = {"ringtimeout": ("ring_timeout", _seconds), "ringdelay": ("ring_delay", _seconds)}


def read_sla(config: ConfigFile | None) -> SlaSettings:
    """Read sla.conf; what cannot be used is logged by file and line."""
    settings = SlaSettings()
    categories = list(config or ())
    stations: list[Category] = []
    for category in categories:
        kind = (category.get("type") or "").strip().lower()
        if category.name.lower() == "general":
            _read_general(settings, category)
        elif kind == "trunk":
            trunk = TrunkSettings(category.name)
            _read(trunk, category, _TRUNK)
            if _has_device(trunk.device, category):
                settings.trunks[trunk.name] = trunk
        elif kind == "station":
            stations.append(category)
        else:
            logger.warning(f"{category.file}:{category.line}: [{category.name}] needs type=trunk or type=station")
    for category in stations:  # trunks may stand behind the stations
        station = StationSettings(category.name)
        _read(station, category, _STATION)
        for variable in category:
            if variable.name.lower() == "trunk":
                _read_line(settings, station, variable)
        if _has_device(station.device, category):
            settings.stations[station.name] = station
    return settings


def _has_device(device: str, category: Category) -> bool:
    technology, slash, rest = device.partition("/")
    if technology and slash and rest:
        return True
    logger.warning(f"{category.file}:{category.line}: [{category.name}] needs device=technology/resource")
    return False


def _read_general(settings: SlaSettings, category: Category) -> None:
    for variable in category:
        if variable.name.lower() == "attemptcallerid":
            _take(settings, "tells_caller", boolean, variable.value, variable)
        else:
            logger.warning(f"{variable.file}:{variable.line}: unknown option '{variable.name}' of [general]")


def _read(target: object, category: Category, readers: _Readers) -> None:
    for variable in category:
        name = variable.name.lower()
        if name in ("type", "trunk"):
            continue
        if name not in readers:
            logger.warning(
                f"{variable.file}:{variable.line}: unknown option '{variable.name}' of [{category.name}]"
                f"{did_you_mean(name, readers)}"
            )
            continue
        attribute, read = readers[name]
        _take(target, attribute, read, variable.value, variable)


def _take(target: object, attribute: str, read: Callable[[str], object], text: str, variable: Variable) -> None:
    try:
        setattr(target, attribute, read(text))
    except ValueError as fault:
        logger.warning(f"{variable.file}:{variable.line}: {variable.name}: {fault}")


def _read_line(settings: SlaSettings, station: StationSettings, variable: Variable) -> None:
    """``trunk=line1[,ringdelay=n][,ringtimeout=n]``."""
    name, *options = (part.strip() for part in variable.value.split(","))
    where = f"{variable.file}:{variable.line}"
    if name not in settings.trunks:
        logger.warning(f"{where}: there is no trunk '{name}'")
        return
    line = LineSettings(name)
    for option in options:
        key, _, value = (part.strip() for part in option.partition("="))
        if key.lower() not in _LINE:
            logger.warning(f"{where}: unknown option '{key}' of trunk {name}")
            continue
        attribute, read = _LINE[key.lower()]
        _take(line, attribute, read, value, variable)
    if any(other.trunk == name for other in station.lines):
        logger.warning(f"{where}: station {station.name} has trunk {name} already")
    else:
        station.lines.append(line)
