"""Where a caller is: locations and profiles as geolocation.conf has them, and PIDF-LO (RFC 4119, 5139, 5491, 6442)."""

from globstar.proto.geo.pidf import from_pidf, to_pidf
from globstar.proto.geo.profile import (
    BUILT_IN,
    FORMATS,
    METHODS,
    PRECEDENCES,
    Location,
    Profile,
    parse_pairs,
    show_pairs,
)
from globstar.proto.geo.shapes import SHAPES, GeoError

__all__ = [
    "BUILT_IN",
    "FORMATS",
    "METHODS",
    "PRECEDENCES",
    "SHAPES",
    "GeoError",
    "Location",
    "Profile",
    "from_pidf",
    "parse_pairs",
    "show_pairs",
    "to_pidf",
]
