"""Locations and profiles: values, their text form, and what becomes of them in a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from globstar.proto.geo.shapes import GeoError, check_shape

Pairs = tuple[tuple[str, str], ...]

FORMATS = ("civicAddress", "GML", "URI")
METHODS = ("GPS", "A-GPS", "Manual", "DHCP", "Triangulation", "Cell", "802.11")
PRECEDENCES = ("prefer_incoming", "prefer_config", "discard_incoming", "discard_config")
PIDF_ELEMENTS = ("tuple", "device", "person")
#: Code elements of civic addresses (RFC 4119 2.2.1, RFC 5139 3.1).
CIVIC_CODES = frozenset(
    "country A1 A2 A3 A4 A5 A6 PRD POD STS HNO HNS LMK LOC FLR NAM PC BLD UNIT ROOM SEAT PLC PCN POBOX ADDCODE RD RDSEC RDBR "
    "RDSUBBR PRM POM".split()
)


def parse_pairs(text: str) -> Pairs:
    """Read ``name=value, name="a, b"``; raises GeoError."""
    found: list[tuple[str, str]] = []
    rest = text.strip()
    while rest:
        name, equals, rest = rest.partition("=")
        if not equals or not name.strip() or "," in name:
            raise GeoError(f"'{text}' is no list of name=value")
        rest = rest.lstrip()
        if rest[:1] == '"':
            end = rest.find('"', 1)
            if end < 0:
                raise GeoError(f"'{text}' has a quote that does not end")
            value, rest = rest[1:end], rest[end + 1 :].lstrip()
            if rest and rest[0] != ",":
                raise GeoError(f"'{text}' has text after a quote")
            rest = rest[1:]
        else:
            value, _, rest = rest.partition(",")
        found.append((name.strip(), value.strip()))
        rest = rest.strip()
    return tuple(found)


def show_pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """The text form that parse_pairs reads."""
    return ",".join(f'{name}="{value}"' for name, value in pairs)


@dataclass(frozen=True, slots=True)
class Location:
    """A place: where, and how it became known."""

    format: str = ""
    info: Pairs = ()
    method: str = ""
    source: str = ""
    confidence: Pairs = ()

    def check(self) -> None:
        """Raise GeoError when the place cannot be told to anybody."""
        names = [name for name, _ in self.info]
        if self.format not in FORMATS:
            raise GeoError(f"'{self.format}' is no format of locations")
        if self.format == "URI" and names != ["URI"]:
            raise GeoError("a location of format URI has just URI=...")
        if self.format == "civicAddress":
            unknown = [name for name in names if name not in CIVIC_CODES and name != "lang"]
            if unknown:
                raise GeoError(f"'{unknown[0]}' is no element of a civic address")
        if self.format == "GML":
            check_shape(dict(self.info))
        if self.method and self.method not in METHODS:
            raise GeoError(f"'{self.method}' is no method of finding a location")


@dataclass(frozen=True, slots=True)
class Profile:
    """What is done with a location, and the location itself."""

    id: str = ""
    precedence: str = "discard_incoming"
    pidf_element: str = "device"
    pidf_element_id: str = ""
    device_id: str = ""
    allow_routing_use: bool = False
    suppress_empty_ca_elements: bool = False
    location_reference: str = ""
    location: Location = field(default_factory=Location)
    refinement: Pairs = ()
    variables: Pairs = ()
    usage_rules: Pairs = ()
    notes: str = ""

    @property
    def has_location(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.location.info)

    def effective(self, substitute: Callable[[str], str] = lambda text: text) -> Profile:
        """The profile with its refinement put into the location, and variables replaced in values.

        ``substitute`` replaces ``${name}`` of the channel; the profile's own variables come first.
        """
        merged = dict(self.location.info)
        merged.update(self.refinement)
        own = [(f"${{{name}}}", value) for name, value in self.variables]

        def resolve(text: str) -> str:
            for name, value in own:
                text = text.replace(name, value)
            return substitute(text) if "${" in text else text

        info = tuple((name, resolve(value)) for name, value in merged.items())
        if self.suppress_empty_ca_elements and self.location.format == "civicAddress":
            info = tuple(pair for pair in info if pair[1])
        rules = tuple((name, resolve(value)) for name, value in self.usage_rules)
        return replace(
            self, location=replace(self.location, info=info), refinement=(), variables=(), usage_rules=rules,
            notes=resolve(self.notes),
        )  # fmt: skip

    def choose(self, incoming: Profile | None) -> Profile | None:
        """Which location counts: this configured one, or the one that came with the call; None for none."""
        configured = self if self.has_location else None
        if self.precedence == "discard_incoming":
            return configured
        if incoming is not None and not incoming.has_location:
            incoming = None
        if self.precedence == "discard_config":
            return incoming
        return (incoming or configured) if self.precedence == "prefer_incoming" else (configured or incoming)


#: Profiles that exist without any configuration; they have no location, just a precedence.
BUILT_IN = {f"<{name}>": Profile(id=f"<{name}>", precedence=name) for name in PRECEDENCES}
