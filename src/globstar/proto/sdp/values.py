"""SDP values: frozen, printable, and equal after a round trip through text (RFC 8866)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from globstar.proto.sdp.payloads import StaticPayload, static_payload

CRLF = "\r\n"


class Direction(Enum):
    """Media direction attribute, RFC 8866 section 6.7."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    #: whether the side that states this direction sends media, and whether it takes some
    can_send: bool
    can_receive: bool

    def __init__(self, word: str) -> None:
        self.can_send = word in ("sendrecv", "sendonly")
        self.can_receive = word in ("sendrecv", "recvonly")

    @property
    def reversed(self) -> Direction:
        """The same direction seen from the other side, RFC 3264 section 6.1."""
        if self is Direction.SENDONLY:
            return Direction.RECVONLY
        if self is Direction.RECVONLY:
            return Direction.SENDONLY
        return self

    @staticmethod
    def of(*, send: bool, receive: bool) -> Direction:
        """The direction of a side that sends and receives as given."""
        if send:
            return Direction.SENDRECV if receive else Direction.SENDONLY
        return Direction.RECVONLY if receive else Direction.INACTIVE


DIRECTIONS = {direction.value: direction for direction in Direction}
#: Addresses that mean nowhere.
UNSPECIFIED = frozenset(("0.0.0.0", "::", "0:0:0:0:0:0:0:0"))


class Origin(NamedTuple):
    """The ``o=`` line, section 5.2. Ids stay text because some phones do not send numbers."""

    username: str
    session_id: str
    version: str
    address: str
    address_type: str = "IP4"
    network_type: str = "IN"

    @property
    def version_number(self) -> int:
        """The version as a number; 0 when it is not one."""
        return int(self.version) if self.version.isascii() and self.version.isdigit() else 0

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.version} {self.network_type} {self.address_type} {self.address}"


class Connection(NamedTuple):
    """A ``c=`` line, section 5.7; ``address`` keeps a multicast ``/ttl`` suffix."""

    address: str
    address_type: str = "IP4"
    network_type: str = "IN"

    @staticmethod
    def of(address: str) -> Connection:
        """A connection line for a numeric address of either family."""
        return Connection(address, "IP6" if ":" in address else "IP4")

    @property
    def host(self) -> str:
        """The address without multicast suffix."""
        return self.address.partition("/")[0]

    @property
    def is_unspecified(self) -> bool:
        """Whether this is 0.0.0.0 or ::, the old way to say hold (RFC 3264 section 8.4)."""
        return self.host in UNSPECIFIED

    def __str__(self) -> str:
        return f"{self.network_type} {self.address_type} {self.address}"


class Bandwidth(NamedTuple):
    """A ``b=`` line, section 5.8; kilobits per second for AS and CT, bits for RS and RR (RFC 3556)."""

    kind: str
    value: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


class Timing(NamedTuple):
    """A ``t=`` line with its ``r=`` lines, sections 5.9 and 5.10."""

    start: int = 0
    stop: int = 0
    repeats: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.repeats:
            return f"t={self.start} {self.stop}"
        return CRLF.join((f"t={self.start} {self.stop}", *(f"r={repeat}" for repeat in self.repeats)))


class Attribute(NamedTuple):
    """An ``a=`` line, section 5.13; ``value`` is None for a property attribute."""

    name: str
    value: str | None = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}:{self.value}"


class RtpMap(NamedTuple):
    """``a=rtpmap``, section 6.6."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1

    def __str__(self) -> str:
        suffix = f"/{self.channels}" if self.channels != 1 else ""
        return f"{self.payload_type} {self.name}/{self.clock_rate}{suffix}"

    def attribute(self) -> Attribute:
        """This map as an attribute line."""
        return Attribute("rtpmap", str(self))


class Rtcp(NamedTuple):
    """``a=rtcp``, RFC 3605: where RTCP goes when it is not the next port."""

    port: int
    address: str | None = None

    def __str__(self) -> str:
        if self.address is None:
            return str(self.port)
        return f"{self.port} {Connection.of(self.address)}"


@dataclass(frozen=True, slots=True)
class Crypto:
    """``a=crypto``, RFC 4568 section 9.1; key parameters do not show in ``repr``."""

    tag: int
    suite: str
    key_params: str
    session_params: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((str(self.tag), self.suite, self.key_params, *self.session_params))

    def __repr__(self) -> str:
        return f"Crypto(tag={self.tag}, suite={self.suite!r}, key_params=<redacted>)"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """``a=fingerprint``, RFC 8122 section 5; hash names are lower case, the value upper case."""

    hash_name: str
    value: str

    def __str__(self) -> str:
        return f"{self.hash_name} {self.value}"


class HasAttributes:
    """Reading access to attribute lines, shared by the session and its media."""

    __slots__ = ()

    attributes: tuple[Attribute, ...]

    def has(self, name: str) -> bool:
        """Whether an attribute of this name is present."""
        return name in [attribute.name for attribute in self.attributes]

    def first(self, name: str) -> str | None:
        """Value of the first attribute of this name, None if absent or without value."""
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute.value
        return None

    def all(self, name: str) -> list[str]:
        """Values of every attribute of this name."""
        return [attribute.value for attribute in self.attributes if attribute.name == name and attribute.value]

    @property
    def stated_direction(self) -> Direction | None:
        """The direction stated on this level, None if it is not."""
        for attribute in self.attributes:
            if attribute.value is None and attribute.name in DIRECTIONS:
                return DIRECTIONS[attribute.name]
        return None

    @property
    def setup(self) -> str | None:
        """``a=setup`` (RFC 4145): active, passive, actpass or holdconn."""
        return self.first("setup")

    @property
    def fingerprints(self) -> list[Fingerprint]:
        """Certificate fingerprints in order; a line that cannot be read is left out."""
        found = []
        for value in self.all("fingerprint"):
            parts = value.split()
            if len(parts) == 2:
                found.append(Fingerprint(parts[0].lower(), parts[1].upper()))
        return found

    @property
    def ice_ufrag(self) -> str | None:
        """``a=ice-ufrag``, RFC 8839 section 5.4."""
        return self.first("ice-ufrag")

    @property
    def ice_pwd(self) -> str | None:
        """``a=ice-pwd``, RFC 8839 section 5.4."""
        return self.first("ice-pwd")

    @property
    def candidates(self) -> list[str]:
        """``a=candidate`` values, not interpreted here (RFC 8839 section 5.1)."""
        return self.all("candidate")


@dataclass(frozen=True, slots=True)
class Media(HasAttributes):
    """One ``m=`` section with its lines, section 5.14."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    attributes: tuple[Attribute, ...] = ()
    port_count: int = 1
    information: str | None = None
    connections: tuple[Connection, ...] = ()
    bandwidths: tuple[Bandwidth, ...] = ()
    key: str | None = None

    @property
    def is_rtp(self) -> bool:
        """Whether the formats are RTP payload types."""
        return "RTP/" in self.protocol

    @property
    def stated(self) -> Stated:
        """What the line says, wherever its packets go: one and the same object for all lines that say the same.

        That of a line that is longer than any phone's is not kept.
        """
        stating = tuple([line for line in self.attributes if line.name in _STATING])
        if len(stating) > MAX_STATING or len(self.formats) > MAX_STATING:
            return _state(self.formats, stating, is_kept=False)
        return _stated(self.formats, stating)

    @property
    def payload_types(self) -> tuple[int, ...]:
        """The formats as payload types in order; anything that is not 0 to 127 is left out."""
        return self.stated.payload_types

    def rtpmaps(self) -> Mapping[int, RtpMap]:
        """What each payload type means: ``a=rtpmap`` lines first, then the static table (RFC 3551)."""
        return self.stated.rtpmaps

    def fmtps(self) -> Mapping[int, str]:
        """``a=fmtp`` parameters by payload type, section 6.15."""
        return self.stated.fmtps

    @property
    def ptime_ms(self) -> int | None:
        """``a=ptime`` in milliseconds, None when absent or unusable."""
        return self.stated.ptime_ms

    @property
    def maxptime_ms(self) -> int | None:
        """``a=maxptime`` in milliseconds, None when absent or unusable."""
        return self.stated.maxptime_ms

    @property
    def rtcp_mux(self) -> bool:
        """``a=rtcp-mux``, RFC 5761."""
        return self.has("rtcp-mux")

    @property
    def rtcp(self) -> Rtcp | None:
        """``a=rtcp``, RFC 3605; None when absent or unusable."""
        parts = (self.first("rtcp") or "").split()
        if not parts or not (parts[0].isascii() and parts[0].isdigit()) or int(parts[0][:6]) > 65535:
            return None
        return Rtcp(int(parts[0]), parts[3] if len(parts) >= 4 else None)

    @property
    def cryptos(self) -> list[Crypto]:
        """``a=crypto`` lines in order; a line that cannot be read is left out."""
        found = []
        for value in self.all("crypto"):
            parts = value.split()
            if len(parts) >= 3 and parts[0].isascii() and parts[0].isdigit() and len(parts[0]) <= 9:
                found.append(Crypto(int(parts[0]), parts[1], parts[2], tuple(parts[3:])))
        return found

    @property
    def mid(self) -> str | None:
        """``a=mid``, RFC 5888."""
        return self.first("mid")

    def declined(self) -> Media:
        """The line that declines this stream: port 0 and no attributes (RFC 3264 section 6)."""
        return Media(self.kind, 0, self.protocol, self.formats)

    def __str__(self) -> str:
        port = f"{self.port}/{self.port_count}" if self.port_count != 1 else str(self.port)
        lines = [f"m={self.kind} {port} {self.protocol} {' '.join(self.formats)}"]
        if self.information is not None:
            lines.append(f"i={self.information}")
        if self.connections:
            lines.extend(f"c={connection}" for connection in self.connections)
        if self.bandwidths:
            lines.extend(f"b={bandwidth}" for bandwidth in self.bandwidths)
        if self.key is not None:
            lines.append(f"k={self.key}")
        _write_attributes(self.attributes, lines)
        return CRLF.join(lines)


@dataclass(frozen=True, slots=True)
class SessionDescription(HasAttributes):
    """A whole description; ``str()`` is what goes on the wire, ``bytes()`` its UTF-8."""

    origin: Origin
    name: str = "-"
    connection: Connection | None = None
    timings: tuple[Timing, ...] = (Timing(),)
    attributes: tuple[Attribute, ...] = ()
    media: tuple[Media, ...] = ()
    information: str | None = None
    uri: str | None = None
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    bandwidths: tuple[Bandwidth, ...] = ()
    zone: str | None = None
    key: str | None = None

    def connection_of(self, media: Media) -> Connection | None:
        """The connection that counts for ``media``: its own, else the session's (section 5.7)."""
        return media.connections[0] if media.connections else self.connection

    def direction_of(self, media: Media) -> Direction:
        """The direction that counts for ``media``; sendrecv when nothing is stated (section 6.7)."""
        return media.stated_direction or self.stated_direction or Direction.SENDRECV

    @property
    def uses_ipv6(self) -> bool | None:
        """Whether the first stream in use is over IPv6; None when no stream is."""
        for media in self.media:
            connection = self.connection_of(media)
            if media.port and connection is not None:
                return connection.address_type == "IP6"
        return None

    def with_version(self, version: int) -> SessionDescription:
        """The same description under another origin version."""
        return replace(self, origin=self.origin._replace(version=str(version)))

    def __str__(self) -> str:
        lines = ["v=0", f"o={self.origin}", f"s={self.name}"]
        if self.information is not None:
            lines.append(f"i={self.information}")
        if self.uri is not None:
            lines.append(f"u={self.uri}")
        if self.emails or self.phones:
            lines.extend(f"e={email}" for email in self.emails)
            lines.extend(f"p={phone}" for phone in self.phones)
        if self.connection is not None:
            lines.append(f"c={self.connection}")
        if self.bandwidths:
            lines.extend(f"b={bandwidth}" for bandwidth in self.bandwidths)
        lines += map(str, self.timings)
        if self.zone is not None:
            lines.append(f"z={self.zone}")
        if self.key is not None:
            lines.append(f"k={self.key}")
        if self.attributes:
            _write_attributes(self.attributes, lines)
        lines += map(str, self.media)
        lines.append("")
        return CRLF.join(lines)

    def __bytes__(self) -> bytes:
        return str(self).encode("utf-8", "surrogateescape")


def _write_attributes(attributes: tuple[Attribute, ...], lines: list[str]) -> None:
    """Their lines, as ``str(attribute)`` has them; written out, as they are most of a description."""
    for attribute in attributes:
        value = attribute.value
        lines.append(f"a={attribute.name}" if value is None else f"a={attribute.name}:{value}")


# Phones say the same over and over: what their lines mean is worked out once.

#: The attributes of which that is true; others name ports, keys and sources, which are of one call.
_STATING = frozenset(("rtpmap", "fmtp", "ptime", "maxptime", "rtcp-mux", *DIRECTIONS))
#: Most of them, and most formats, of a line that is kept.
MAX_STATING = 64


@dataclass(frozen=True, slots=True, eq=False)
class Stated:
    """What the formats and attributes of a line mean; see the properties of :class:`Media` that have the same names."""

    payload_types: tuple[int, ...]
    rtpmaps: Mapping[int, RtpMap]
    fmtps: Mapping[int, str]
    ptime_ms: int | None
    maxptime_ms: int | None
    rtcp_mux: bool
    direction: Direction | None
    #: whether what is worked out of it may be kept
    is_kept: bool


@lru_cache(maxsize=256)
def _stated(formats: tuple[str, ...], attributes: tuple[Attribute, ...]) -> Stated:
    return _state(formats, attributes, is_kept=True)


def _state(formats: tuple[str, ...], attributes: tuple[Attribute, ...], *, is_kept: bool) -> Stated:
    line = Media("", 0, "", formats, attributes)
    numbers = _payload_types(formats)
    return Stated(
        numbers,
        _rtpmaps(numbers, line.all("rtpmap")),
        _fmtps(line.all("fmtp")),
        _milliseconds(line.first("ptime")),
        _milliseconds(line.first("maxptime")),
        line.rtcp_mux,
        line.stated_direction,
        is_kept,
    )


def _payload_types(formats: Iterable[str]) -> tuple[int, ...]:
    found = (int(text) for text in formats if text.isascii() and text.isdigit() and len(text) <= 3)
    return tuple(number for number in found if number <= 127)


def _rtpmaps(numbers: Iterable[int], values: Iterable[str]) -> dict[int, RtpMap]:
    stated: dict[int, RtpMap] = {}
    for value in values:
        rtpmap = parse_rtpmap(value)
        if rtpmap is not None:
            stated.setdefault(rtpmap.payload_type, rtpmap)
    found: dict[int, RtpMap] = {}
    for number in numbers:
        if number in stated:
            found[number] = stated[number]
        else:
            static: StaticPayload | None = static_payload(number)
            if static is not None:
                found[number] = RtpMap(number, static.name, static.clock_rate, static.channels)
    return found


def _fmtps(values: Iterable[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    for value in values:
        number, _, parameters = value.partition(" ")
        if number.isascii() and number.isdigit() and len(number) <= 3:
            found.setdefault(int(number), parameters.strip())
    return found


@lru_cache(maxsize=1024)
def parse_rtpmap(value: str) -> RtpMap | None:
    """Read the value of ``a=rtpmap``; None when it cannot be used."""
    number, _, encoding = value.strip().partition(" ")
    parts = encoding.strip().split("/")
    if not (number.isascii() and number.isdigit() and len(number) <= 3 and int(number) <= 127):
        return None
    if len(parts) < 2 or not parts[0] or not _is_small_number(parts[1]) or int(parts[1]) == 0:
        return None
    channels = int(parts[2]) if len(parts) > 2 and _is_small_number(parts[2]) else 1
    return RtpMap(int(number), parts[0], int(parts[1]), channels or 1)


def _is_small_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def _milliseconds(value: str | None) -> int | None:
    """Whole positive milliseconds; a fraction (allowed by RFC 8866 section 6.4) is cut off."""
    whole = (value or "").strip().partition(".")[0]
    return int(whole) or None if _is_small_number(whole) else None
