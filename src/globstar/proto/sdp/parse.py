"""SDP text to values: liberal about order, line ends and what it does not know (RFC 8866)."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from globstar.base.errors import RemoteFault
from globstar.proto.sdp.values import Attribute, Bandwidth, Connection, Media, Origin, SessionDescription, Timing

MAX_LENGTH = 65536
MAX_MEDIA = 64
MAX_LINES = 4096

#: Longest description that may be read at one go.
MAX_PLAIN = 2048

_LINE_END = re.compile(r"\r\n|\n|\r")
#: A description as most phones write it: one stream of audio, each line in its place, nothing but printable ASCII. Keys and
#: candidates are of one call: what has them is read line by line, so that they are not kept.
_PLAIN = re.compile(
    r"""
    v=0\r\n
    o=([!-~]+)\ ([!-~]+)\ ([!-~]+)\ IN\ (IP[46])\ ([!-~]+)\r\n
    s=([ -~]*)\r\n
    (?:c=IN\ (IP[46])\ ([!-~]+)\r\n)?
    ((?:b=[ -~]*\r\n)*)
    t=0\ 0\r\n
    ((?:a=(?!crypto:|ice-|candidate:)[!-9;-~][ -~]*\r\n)*)
    m=audio\ ([0-9]{1,5})\ (RTP/AVPF?)((?:\ [!-~]+)*)\r\n
    (?:c=IN\ (IP[46])\ ([!-~]+)\r\n)?
    ((?:b=[ -~]*\r\n)*)
    ((?:a=(?!crypto:|ice-|candidate:)[!-9;-~][ -~]*\r\n)*)
    """,
    re.VERBOSE,
)


class SdpFault(Enum):
    """Why a description cannot be used.

    The values are the texts that Asterisk puts in the Warning header of its 400 (codes of PJSIP's media library).
    """

    EMPTY = "Invalid SDP descriptor (PJMEDIA_SDP_EINSDP)"
    VERSION = "Invalid SDP version line (PJMEDIA_SDP_EINVER)"
    ORIGIN = "Invalid SDP origin line (PJMEDIA_SDP_EINORIGIN)"
    TIME = "Invalid SDP time line (PJMEDIA_SDP_EINTIME)"
    CONNECTION = "Invalid SDP connection line (PJMEDIA_SDP_EINCONN)"
    NO_CONNECTION = "Missing SDP connection info line (PJMEDIA_SDP_EMISSINGCONN)"
    ATTRIBUTE = "Invalid SDP attribute line (PJMEDIA_SDP_EINATTR)"
    MEDIA = "Invalid SDP media line (PJMEDIA_SDP_EINMEDIA)"


class SdpParseError(RemoteFault):
    """A description that cannot be used; ``fault`` says why and ``line`` where."""

    def __init__(self, fault: SdpFault, line: int) -> None:
        super().__init__(f"{fault.value} at line {line}")
        self.fault = fault
        self.line = line


class _Section:
    """Lines gathered for the session or for one media."""

    __slots__ = ("attributes", "bandwidths", "connections", "head", "information", "key")

    def __init__(self, head: tuple[str, int, int, str, tuple[str, ...]] | None) -> None:
        self.head = head
        self.information: str | None = None
        self.key: str | None = None
        self.connections: list[Connection] = []
        self.bandwidths: list[Bandwidth] = []
        self.attributes: list[Attribute] = []

    def media(self) -> Media:
        if self.head is None:
            raise ValueError("the session section is not a media section")
        kind, port, count, protocol, formats = self.head
        return Media(
            kind,
            port,
            protocol,
            formats,
            tuple(self.attributes),
            count,
            self.information,
            tuple(self.connections),
            tuple(self.bandwidths),
            self.key,
        )


def parse(source: bytes | str) -> SessionDescription:
    """Read a session description.

    Bytes that are not UTF-8 are kept (surrogates), line ends may be CRLF, LF or CR, missing ``s=`` and ``t=``
    get their defaults, lines of unknown type are left out, and every attribute is kept as it is.

    Raises:
        SdpParseError: the description cannot be used, whatever the bytes are.
    """
    text = source.decode("utf-8", "surrogateescape") if isinstance(source, bytes) else source
    # What we print from the largest description that we take may be a little longer, and must be read again.
    room = 1 if isinstance(source, bytes) else 2
    if len(text) > MAX_LENGTH * room:
        raise SdpParseError(SdpFault.EMPTY, 0)
    return (_parse_plain(text) if len(text) <= MAX_PLAIN else None) or _parse_lines(text, MAX_LINES * room)


def _parse_lines(text: str, most: int) -> SessionDescription:
    """Read a description of ``most`` lines line by line."""
    lines = _LINE_END.split(text)
    if len(lines) > most:
        raise SdpParseError(SdpFault.EMPTY, MAX_LINES)

    session = section = _Section(None)
    sections: list[_Section] = []
    origin: Origin | None = None
    name: str | None = None
    uri: str | None = None
    zone: str | None = None
    emails: list[str] = []
    phones: list[str] = []
    timings: list[Timing] = []
    has_version = False

    for index, line in enumerate(lines, 1):
        if not line:
            continue
        kind, value = line[0], line[2:]
        proper = line[1:2] == "="
        if not has_version:
            if kind == "v" and proper and value.strip() == "0":
                has_version = True
            elif line.strip():
                raise SdpParseError(SdpFault.VERSION, index)
        elif kind == "a":
            section.attributes.append(_attribute(value, index, proper))
        elif kind == "m":
            if len(sections) >= MAX_MEDIA:
                raise SdpParseError(SdpFault.MEDIA, index)
            section = _Section(_media_head(value, index, proper))
            sections.append(section)
        elif kind == "c":
            section.connections.append(_connection(value, index, proper))
        elif kind == "o" and origin is None:
            origin = _origin(value, index, proper)
        elif kind == "t":
            timings.append(_timing(value, index, proper))
        elif not proper:
            continue  # not a line of any known type; RFC 8866 section 5 lets a reader skip it
        elif kind == "s":
            name = name if name is not None else value
        elif kind == "i":
            section.information = value
        elif kind == "b":
            bandwidth = _bandwidth(value)
            if bandwidth is not None:
                section.bandwidths.append(bandwidth)
        elif kind == "k":
            section.key = value
        elif kind == "r" and timings:
            last = timings[-1]
            timings[-1] = Timing(last.start, last.stop, (*last.repeats, value))
        elif kind == "u":
            uri = value
        elif kind == "e":
            emails.append(value)
        elif kind == "p":
            phones.append(value)
        elif kind == "z":
            zone = value

    if not has_version:
        raise SdpParseError(SdpFault.EMPTY, len(lines))
    if origin is None:
        raise SdpParseError(SdpFault.ORIGIN, len(lines))
    connection = session.connections[-1] if session.connections else None
    if connection is None and any(one.head is not None and one.head[1] and not one.connections for one in sections):
        raise SdpParseError(SdpFault.NO_CONNECTION, len(lines))
    return SessionDescription(
        origin,
        name if name else "-",
        connection,
        tuple(timings) or (Timing(),),
        tuple(session.attributes),
        tuple(one.media() for one in sections),
        session.information,
        uri,
        tuple(emails),
        tuple(phones),
        tuple(session.bandwidths),
        zone,
        session.key,
    )


def _parse_plain(text: str) -> SessionDescription | None:
    """Read a description at one go; None for one that has to be read line by line, good or bad."""
    found = _PLAIN.fullmatch(text)
    if found is None:
        return None
    (
        username, session_id, version, origin_type, origin, name, session_type, session_host, session_bandwidths,
        session_attributes, port, protocol, formats, media_type, media_host, bandwidths, attributes,
    ) = found.groups()  # fmt: skip
    if int(port) > 65535 or not (session_host or media_host):
        return None
    media = Media(
        "audio",
        int(port),
        protocol,
        tuple(formats.split()),
        _attributes(attributes),
        connections=(Connection(media_host, media_type),) if media_host else (),
        bandwidths=_bandwidths(bandwidths),
    )
    return SessionDescription(
        Origin(username, session_id, version, origin, origin_type),
        name or "-",
        Connection(session_host, session_type) if session_host else None,
        (_ANY_TIME,),
        _attributes(session_attributes),
        (media,),
        bandwidths=_bandwidths(session_bandwidths),
    )


@lru_cache(maxsize=256)
def _attributes(lines: str) -> tuple[Attribute, ...]:
    """The attributes of proper lines; phones repeat theirs call by call."""
    return tuple(_attribute(line[2:], 0, True) for line in lines.split("\r\n")[:-1])


@lru_cache(maxsize=64)
def _bandwidths(lines: str) -> tuple[Bandwidth, ...]:
    found = (_bandwidth(line[2:]) for line in lines.split("\r\n")[:-1])
    return tuple(bandwidth for bandwidth in found if bandwidth is not None)


def _number(text: str, digits: int) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def _origin(value: str, line: int, proper: bool) -> Origin:
    parts = value.split()
    if not proper or len(parts) < 6:
        raise SdpParseError(SdpFault.ORIGIN, line)
    # A user name must not contain spaces (section 5.2), but some do: the last five fields are fixed.
    username = "_".join(parts[:-5])
    return Origin(username, parts[-5], parts[-4], parts[-1], parts[-2], parts[-3])


def _connection(value: str, line: int, proper: bool) -> Connection:
    parts = value.split()
    if not proper or len(parts) < 3:
        raise SdpParseError(SdpFault.CONNECTION, line)
    return Connection(parts[2], parts[1].upper(), parts[0].upper())


_ANY_TIME = Timing()


def _timing(value: str, line: int, proper: bool) -> Timing:
    if proper and value == "0 0":  # nearly always
        return _ANY_TIME
    parts = value.split()
    numbers = [_number(part, 20) for part in parts[:2]]
    if not proper or len(numbers) < 2 or numbers[0] is None or numbers[1] is None:
        raise SdpParseError(SdpFault.TIME, line)
    return Timing(numbers[0], numbers[1])


def _bandwidth(value: str) -> Bandwidth | None:
    """A bandwidth that cannot be read is no reason to refuse a call; it is left out (section 5.8)."""
    kind, colon, number = value.partition(":")
    amount = _number(number.strip(), 18)
    kind = kind.strip()
    return Bandwidth(kind, amount) if colon and kind and amount is not None else None


def _attribute(value: str, line: int, proper: bool) -> Attribute:
    name, colon, rest = value.partition(":")
    name = name.strip()
    if not proper or not name:
        raise SdpParseError(SdpFault.ATTRIBUTE, line)
    return Attribute(name, rest) if colon else Attribute(name)


def _media_head(value: str, line: int, proper: bool) -> tuple[str, int, int, str, tuple[str, ...]]:
    parts = value.split()
    if not proper or len(parts) < 3:
        raise SdpParseError(SdpFault.MEDIA, line)
    port_text, _, count_text = parts[1].partition("/")
    port = _number(port_text, 5)
    count = _number(count_text, 5) if count_text else 1
    if port is None or port > 65535 or count is None:
        raise SdpParseError(SdpFault.MEDIA, line)
    return parts[0].lower(), port, count, _protocol(parts[2]), tuple(parts[3:])


def _protocol(text: str) -> str:
    """A transport protocol as its RFC writes it: capital letters, but for the ``udptl`` of T.38 (RFC 7345 4.1)."""
    upper = text.upper()
    return "udptl" if upper == "UDPTL" else upper
