"""SMS-SUBMIT and SMS-DELIVER (GSM 03.40 9.2.2): a message on its way to the service centre, and one from there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from globstar.base.errors import RemoteFault
from globstar.proto.sms.alphabet import from_septets, pack, to_septets, unpack

#: The most that the user data of one message holds, in octets.
MOST_OCTETS = 140
_DIGITS = "0123456789*#abc"
_SEPTETS, _OCTETS, _UCS2 = 0, 4, 8


class SmsFault(RemoteFault):
    """A unit that makes no sense, or a message that does not fit into one."""


@dataclass(slots=True)
class _Message:
    """What both directions share. ``user_data`` counts where the text is octets (``dcs`` 4); ``header`` is the user data header
    without its length.
    """

    address: str = ""
    text: str = ""
    pid: int = 0
    dcs: int = 0
    user_data: bytes = b""
    header: bytes = b""


@dataclass(slots=True)
class Submit(_Message):
    """To the service centre. ``validity_minutes`` 0: as long as the centre likes."""

    reference: int = 0
    wants_report: bool = False
    has_reply_path: bool = False
    rejects_duplicates: bool = False
    validity_minutes: int = 0

    def encode(self) -> bytes:
        """The unit. Raises :class:`SmsFault` if the text is too long, or the address is none."""
        first = 0x01 | self.rejects_duplicates << 2 | self.wants_report << 5 | bool(self.header) << 6 | self.has_reply_path << 7
        validity = b""
        if self.validity_minutes:
            first |= 0x10
            validity = bytes([_validity(self.validity_minutes)])
        dcs, length, data = _encode_text(self)
        head = bytes([first, self.reference & 0xFF]) + encode_address(self.address) + bytes([self.pid & 0xFF, dcs])
        return head + validity + bytes([length]) + data


@dataclass(slots=True)
class Deliver(_Message):
    """From the service centre, with the time of its arrival there."""

    timestamp: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    has_more: bool = False
    has_reply_path: bool = False
    reports_status: bool = False

    def encode(self) -> bytes:
        """The unit. Raises :class:`SmsFault` if the text is too long, or the address is none."""
        first = (not self.has_more) << 2 | self.reports_status << 5 | bool(self.header) << 6 | self.has_reply_path << 7
        dcs, length, data = _encode_text(self)
        head = bytes([first]) + encode_address(self.address) + bytes([self.pid & 0xFF, dcs])
        return head + encode_timestamp(self.timestamp) + bytes([length]) + data


class _Reader:
    """Takes octets from the front of a unit."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, count: int) -> bytes:
        """The next octets. Raises :class:`SmsFault` where there are not that many."""
        if len(self.data) < count:
            raise SmsFault("the unit is too short")
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def octet(self) -> int:
        """The next octet."""
        return self.take(1)[0]

    def address(self) -> str:
        """An address: the number of its digits, its type, two digits in an octet."""
        count, kind = self.octet(), self.octet()
        octets = self.take((count + 1) // 2)
        if kind & 0x70 == 0x50:
            return from_septets(unpack(octets, count * 4 // 7))
        digits = "".join(_DIGITS[nibble] for octet in octets for nibble in (octet & 15, octet >> 4) if nibble < 15)
        return ("+" if kind & 0x70 == 0x10 else "") + digits[:count]


def parse_submit(data: bytes) -> Submit:
    """Read an SMS-SUBMIT. Raises :class:`SmsFault`."""
    reader = _Reader(data)
    first = reader.octet()
    if first & 3 != 1:
        raise SmsFault("not an SMS-SUBMIT")
    found = Submit(
        reference=reader.octet(), rejects_duplicates=bool(first & 4), wants_report=bool(first & 0x20),
        has_reply_path=bool(first & 0x80),
    )  # fmt: skip
    found.address, found.pid, found.dcs = reader.address(), reader.octet(), reader.octet()
    form = first >> 3 & 3
    if form == 2:
        found.validity_minutes = _minutes(reader.octet())
    elif form:
        reader.take(7)  # an absolute or enhanced one
    _decode_text(found, reader, has_header=bool(first & 0x40))
    return found


def parse_deliver(data: bytes) -> Deliver:
    """Read an SMS-DELIVER. Raises :class:`SmsFault`."""
    reader = _Reader(data)
    first = reader.octet()
    if first & 3:
        raise SmsFault("not an SMS-DELIVER")
    found = Deliver(has_more=not first & 4, reports_status=bool(first & 0x20), has_reply_path=bool(first & 0x80))
    found.address, found.pid, found.dcs = reader.address(), reader.octet(), reader.octet()
    found.timestamp = parse_timestamp(reader.take(7))
    _decode_text(found, reader, has_header=bool(first & 0x40))
    return found


# -- parts -------------------------------------------------------------------------------------------------------------------


def encode_address(text: str) -> bytes:
    """A number, with + in front for an international one. Raises :class:`SmsFault`."""
    digits = text.lower().removeprefix("+")
    if not digits or len(digits) > 20 or any(digit not in _DIGITS for digit in digits):
        raise SmsFault(f"'{text}' is no number")
    nibbles = [_DIGITS.index(digit) for digit in digits] + [15] * (len(digits) % 2)
    octets = bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))
    return bytes([len(digits), 0x91 if text.startswith("+") else 0x81]) + octets


def encode_timestamp(moment: datetime) -> bytes:
    """A time with its zone: year to second and quarters of an hour, digits swapped (9.2.3.11)."""
    offset = moment.utcoffset() or timedelta()
    quarters = round(offset.total_seconds() / 900)
    fields = (moment.year % 100, moment.month, moment.day, moment.hour, moment.minute, moment.second, abs(quarters))
    octets = bytearray(value % 10 << 4 | value // 10 for value in fields)
    if quarters < 0:
        octets[6] |= 0x08
    return bytes(octets)


def parse_timestamp(data: bytes) -> datetime:
    """Read a time. Raises :class:`SmsFault`."""
    year, month, day, hour, minute, second = ((octet & 15) * 10 + (octet >> 4) for octet in data[:6])
    quarters = (data[6] & 7) * 10 + (data[6] >> 4)
    zone = timezone(timedelta(minutes=15 * (-quarters if data[6] & 8 else quarters)))
    try:
        return datetime(2000 + year if year < 90 else 1900 + year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError as error:
        raise SmsFault("the time makes no sense") from error


def _validity(minutes: int) -> int:
    """The relative validity period (9.2.3.12.1) that is not shorter than ``minutes``."""
    if minutes <= 720:
        return max(0, math.ceil(minutes / 5) - 1)
    if minutes <= 1440:
        return 143 + math.ceil((minutes - 720) / 30)
    if minutes <= 30 * 1440:
        return 166 + math.ceil(minutes / 1440)
    return min(255, 192 + math.ceil(minutes / (7 * 1440)))


def _minutes(value: int) -> int:
    if value <= 143:
        return (value + 1) * 5
    if value <= 167:
        return 720 + (value - 143) * 30
    return (value - 166) * 1440 if value <= 196 else (value - 192) * 7 * 1440


def _kind(dcs: int) -> int:
    """How the text is coded (GSM 03.38 4): septets, octets or UCS2."""
    if dcs & 0xF0 == 0xF0:
        return _OCTETS if dcs & 4 else _SEPTETS
    return dcs & 0x0C if dcs & 0x80 == 0 and dcs & 0x0C != 0x0C else _SEPTETS


def _encode_text(message: _Message) -> tuple[int, int, bytes]:
    """The coding scheme, the length (in septets or octets) and the user data."""
    header = bytes([len(message.header)]) + message.header if message.header else b""
    dcs, kind = message.dcs, _kind(message.dcs)
    septets = to_septets(message.text) if kind == _SEPTETS else None
    if kind == _SEPTETS and septets is None:
        dcs, kind = _UCS2, _UCS2
    if septets is not None:
        filling = -8 * len(header) % 7
        data = header + pack(septets, filling)
        length = (8 * len(header) + filling) // 7 + len(septets)
    elif kind == _UCS2:
        data = header + message.text.encode("utf-16-be", "surrogatepass")
        length = len(data)
    else:
        data = header + (message.user_data or message.text.encode("latin-1", "replace"))
        length = len(data)
    if len(data) > MOST_OCTETS:
        raise SmsFault("the message is too long")
    return dcs, length, data


def _decode_text(message: _Message, reader: _Reader, *, has_header: bool) -> None:
    length, data = reader.octet(), reader.data
    kind = _kind(message.dcs)
    size = 0
    if has_header:
        if not data or len(data) < 1 + data[0]:
            raise SmsFault("the header of the user data is too short")
        size = 1 + data[0]
        message.header = data[1:size]
    if kind == _SEPTETS:
        filling = -8 * size % 7
        count = length - (8 * size + filling) // 7
        septets = unpack(data[size:], count, filling)
        if len(septets) < count:
            raise SmsFault("the user data is too short")
        message.text = from_septets(septets)
        return
    if len(data) < length:
        raise SmsFault("the user data is too short")
    message.user_data = data[size:length]
    coding = "utf-16-be" if kind == _UCS2 else "latin-1"
    message.text = message.user_data.decode(coding, "replace")
