"""Tone zones: what dial tone, busy and the rest sound like in a country (indications.conf).

A zone holds tone lists in the language of :mod:`globstar.dsp.tones` by name: dial, busy, ring, congestion, callwaiting,
dialrecall, record, info, and whatever else a file defines. With no file there is the zone ``us`` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from globstar.base.errors import RemoteFault
from globstar.config import ConfigFile
from globstar.dsp.tones import ToneFault, TonePart, parse_tones

#: Names by which one tone is asked for elsewhere (PlayTones, ARI ``tone:``), and the zone's own.
_SYNONYMS = {"ringing": "ring", "ring": "ringing", "callwaiting": "callwait", "callwait": "callwaiting"}

#: The precise tone plan of North America (ITU-T E.180 supplement 2).
_US = {
    "dial": "350+440",
    "busy": "480+620/500,0/500",
    "ring": "440+480/2000,0/4000",
    "congestion": "480+620/250,0/250",
    "callwaiting": "440/300,0/10000",
    "dialrecall": "!350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440",
    "record": "1400/500,0/15000",
    "info": "!950/330,!1400/330,!1800/330,0",
}


class IndicationFault(RemoteFault):
    """A tone zone or a tone in it that does not exist or cannot be understood."""


@dataclass(slots=True)
class ToneZone:
    """The tones of one country, as the texts that the file gave."""

    country: str
    description: str = ""
    #: lengths in ms of ringing and silence in turn
    ring_cadence: tuple[int, ...] = ()
    tones: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> str | None:
        """The tone list called ``name`` (without case)."""
        key = name.lower()
        found = self.tones.get(key)
        return self.tones.get(_SYNONYMS.get(key, "")) if found is None else found


def _us_zone() -> ToneZone:
    return ToneZone("us", "United States", (2000, 4000), dict(_US))


class Indications:
    """All tone zones. Changes replace whole zones, so that a reload never shows half a file."""

    __slots__ = ("default_country", "zones")

    def __init__(self) -> None:
        self.zones: dict[str, ToneZone] = {"us": _us_zone()}
        self.default_country = "us"

    def __iter__(self) -> Iterator[ToneZone]:
        return iter(self.zones.values())

    def load(self, config: ConfigFile) -> list[str]:
        """Take over a whole indications.conf; returns what is wrong with it as ``file:line: message``."""
        problems: list[str] = []
        zones: dict[str, ToneZone] = {}
        aliases: list[tuple[str, str, str]] = []
        country = country_at = ""
        for category in config:
            if category.name.lower() == "general":
                for variable in category:
                    where = f"{variable.file}:{variable.line}"
                    if variable.name.lower() == "country":
                        country, country_at = variable.value.strip().lower(), where
                    else:
                        problems.append(f"{where}: unknown option '{variable.name}' of [general]")
                continue
            zone = ToneZone(category.name.lower())
            for variable in category:
                where = f"{variable.file}:{variable.line}"
                name, value = variable.name.lower(), variable.value.strip()
                if name == "description":
                    zone.description = value
                elif name == "alias":
                    aliases.append((zone.country, value.lower(), where))
                elif name == "ringcadence":
                    try:
                        zone.ring_cadence = _cadence(value)
                    except IndicationFault as fault:
                        problems.append(f"{where}: {fault}")
                else:
                    try:
                        parse_tones(value)
                    except ToneFault as fault:
                        problems.append(f"{where}: {fault}")
                    else:
                        zone.tones[name] = value
            zones[zone.country] = zone
        for name, target, where in aliases:
            original = zones.get(target)
            if original is None:
                problems.append(f"{where}: no tone zone '{target}'")
                continue
            alias = zones[name]
            alias.tones = {**original.tones, **alias.tones}
            alias.ring_cadence = alias.ring_cadence or original.ring_cadence
            alias.description = alias.description or original.description
        if not zones:
            zones["us"] = _us_zone()
        if country and country not in zones:
            problems.append(f"{country_at}: no tone zone '{country}' for country")
            country = ""
        self.zones = zones
        self.default_country = country or next(iter(zones))
        return problems

    def zone(self, country: str = "") -> ToneZone:
        """The zone of ``country``, the default one for an empty or unknown name."""
        return self.zones.get(country.lower()) or self.zones[self.default_country]

    def find(self, name: str, country: str = "") -> str | None:
        """The tone list called ``name`` in a country's zone, or in the default zone where that has none."""
        found = self.zone(country).find(name)
        return self.zones[self.default_country].find(name) if found is None else found

    def resolve(self, text: str, country: str = "") -> tuple[TonePart, ...]:
        """The tones that ``text`` stands for: a tone's name, or a tone list itself; raises :class:`ToneFault`."""
        return parse_tones(self.find(text.strip(), country) or text)

    def add(self, country: str, name: str, tones: str) -> None:
        """``indication add``: define a tone; a zone that does not exist is made."""
        parse_tones(tones)
        key = country.lower()
        zone = self.zones.setdefault(key, ToneZone(key))
        zone.tones[name.lower()] = tones

    def remove(self, country: str, name: str = "") -> None:
        """``indication remove``: take away a tone, or a whole zone but for the default one."""
        key = country.lower()
        zone = self.zones.get(key)
        if zone is None:
            raise IndicationFault(f"no tone zone '{country}'")
        if name:
            if zone.tones.pop(name.lower(), None) is None:
                raise IndicationFault(f"no indication '{name}' in tone zone '{country}'")
        elif key == self.default_country:
            raise IndicationFault(f"'{country}' is the default tone zone")
        else:
            del self.zones[key]

    def show(self) -> list[str]:
        """``indication show``: the zones."""
        rule = "=" * 27
        lines = ["Country   Description", rule]
        lines += [f"{zone.country:<7.7}  {zone.description}" for zone in self]
        return [*lines, rule, f"Default tone zone: {self.default_country}"]

    def show_zones(self, countries: list[str]) -> list[str]:
        """``indication show <country> ...``: their tones; an unknown country is said so."""
        lines = ["Country Indication      PlayList", "=" * 37]
        for country in countries:
            zone = self.zones.get(country.lower())
            if zone is None:
                raise IndicationFault(f"no tone zone '{country}'")
            cadence = ",".join(map(str, zone.ring_cadence))
            rows = [("<ringcadence>", cadence), *zone.tones.items()]
            lines += [f"{zone.country:<7.7} {name:<15.15} {tones}" for name, tones in rows]
        return lines


def _cadence(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < 9 for part in parts):
        raise IndicationFault(f"bad ring cadence '{text}'")
    return tuple(int(part) for part in parts)
