"""SIP requests and responses: header index, typed values on first use, serialisation (RFC 3261 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from globstar.base.kept import kept
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import parse_number, tokens
from globstar.proto.sip.headers.address import NameAddr, parse_expires
from globstar.proto.sip.headers.cseq import CSeq
from globstar.proto.sip.headers.parameterized import Parameterized
from globstar.proto.sip.headers.via import Via
from globstar.proto.sip.names import NAMES, canonical_name
from globstar.proto.sip.uri import SipUri

T = TypeVar("T")
Header = tuple[str, str]
Headers = Sequence[Header]


class Message:
    """What requests and responses share.

    ``headers`` holds (name, value) in wire order: known names in canonical spelling, values unfolded and stripped.
    Typed properties parse on first use, keep the result, and raise SipParseError when the value is bad; on a message
    from ``parse()`` the properties via, from_, to, call_id and cseq have been checked and cannot raise. What was parsed is all
    that is in ``__dict__``: by the name of its property, or of its header.
    """

    __slots__ = ("__dict__", "_first", "body", "headers")

    def __init__(self, headers: Iterable[Header] = (), body: bytes = b"") -> None:
        self.headers: list[Header] = headers if type(headers) is list else list(headers)
        self.body = body
        self._first: dict[str, str] | None = None

    # -- raw access ----------------------------------------------------------------------------------------------
    def get(self, name: str) -> str | None:
        """Return the raw value of the first header ``name`` (any case, compact form too), or None."""
        first = self._first
        if first is None:
            first = self._first = dict(reversed(self.headers))
        value = first.get(name)
        if value is None and name not in NAMES:
            lower = name.strip().lower()
            return next((value for key, value in self.headers if key.lower() == lower), None)
        return value if value is not None else first.get(NAMES[name])

    def get_all(self, name: str) -> list[str]:
        """Return the raw values of every header line ``name``, in order."""
        name = NAMES.get(name) or canonical_name(name)
        if name in NAMES:
            first = self._first
            if first is not None and len(first) == len(self.headers):
                value = first.get(name)
                return [] if value is None else [value]
            return [value for key, value in self.headers if key == name]
        name = name.lower()
        return [value for key, value in self.headers if key.lower() == name]

    def has(self, name: str) -> bool:
        """Tell whether a header ``name`` is there."""
        return self.get(name) is not None

    def add(self, name: str, value: str) -> None:
        """Append a header line. Line breaks in ``value`` become spaces when the message is serialised."""
        self.headers.append((canonical_name(name), value))
        self.headers_changed()

    def set(self, name: str, value: str) -> None:
        """Replace the first header ``name`` in place and drop the others; append it when there is none."""
        name = canonical_name(name)
        for index, (key, _) in enumerate(self.headers):
            if key.lower() == name.lower():
                rest = [pair for pair in self.headers[index + 1 :] if pair[0].lower() != name.lower()]
                self.headers[index:] = [(key, value), *rest]
                break
        else:
            self.headers.append((name, value))
        self.headers_changed()

    def put_via(self, value: str, *, in_place: bool = False) -> None:
        """Put a Via on top, or in place of the topmost one; what was parsed of other headers stays."""
        self.headers[: 1 if in_place else 0] = [("Via", value)]
        self._first = None
        for name in ("via", "Via", "Via*"):
            self.__dict__.pop(name, None)

    def remove(self, name: str) -> int:
        """Drop every header ``name``; returns how many there were."""
        lower = canonical_name(name).lower()
        kept = [pair for pair in self.headers if pair[0].lower() != lower]
        removed = len(self.headers) - len(kept)
        self.headers = kept
        self.headers_changed()
        return removed

    def check_required(self) -> str | None:
        """Parse the headers that every message needs; returns the name of a missing one. Raises SipParseError."""
        first = self._first
        if first is None:
            first = self._first = dict(reversed(self.headers))
        parsed = self.__dict__
        name = ""
        try:
            for name, attribute, parse in _REQUIRED:
                raw = first.get(name)
                if not raw:
                    return name
                parsed[attribute] = raw if parse is None else parse(raw)
        except SipParseError as error:
            raise self._locate(error, name) from None
        return None

    @property
    def has_repeated_headers(self) -> bool:
        """True when some header has more than one line."""
        return self._first is not None and len(self._first) != len(self.headers)

    def headers_changed(self) -> None:
        """Forget what was parsed; call it after touching ``headers`` directly."""
        self._first = None
        self.__dict__.clear()

    def rest(self) -> None:
        """It is kept, but hardly looked at any more: let go of what was parsed, which is parsed again if it is wanted."""
        self.headers_changed()

    # -- typed access --------------------------------------------------------------------------------------------
    def value(self, name: str, parse: Callable[[str], T]) -> T | None:
        """Return the first header ``name`` through ``parse`` (kept), or None: ``value("Replaces", Replaces.parse)``."""
        found = self.__dict__.get(name)
        if found is None:
            raw = self.get(name)
            if raw is None:
                return None
            try:
                found = parse(raw)
            except SipParseError as error:
                raise self._locate(error, name) from None
            self.__dict__[name] = found
        value: T = found
        return value

    def values(self, name: str, parse: Callable[[Iterable[str]], T]) -> T:
        """Return all headers ``name`` through a list parser (kept): ``values("Reason", Reason.parse_list)``."""
        key = name + "*"
        found = self.__dict__.get(key)
        if found is None:
            try:
                found = parse(self.get_all(name))
            except SipParseError as error:
                raise self._locate(error, name) from None
            self.__dict__[key] = found
        values: T = found
        return values

    def _required(self, name: str, parse: Callable[[str], T]) -> T:
        raw = self.get(name)
        if raw is None:
            raise SipParseError("header is missing", header=name, message=self)
        try:
            return parse(raw)
        except SipParseError as error:
            raise self._locate(error, name) from None

    def _locate(self, error: SipParseError, name: str) -> SipParseError:
        return SipParseError(error.detail, status=error.status, reason=error.reason, header=name, message=self)

    @kept
    def via(self) -> Via:
        """The topmost Via."""
        return self._required("Via", Via.parse_first)

    @property
    def vias(self) -> tuple[Via, ...]:
        """Every Via, topmost first."""
        return self.values("Via", Via.parse_list)

    @kept
    def from_(self) -> NameAddr:
        """From."""
        return self._required("From", NameAddr.parse)

    @kept
    def to(self) -> NameAddr:
        """To."""
        return self._required("To", NameAddr.parse)

    @kept
    def call_id(self) -> str:
        """Call-ID."""
        value = self.get("Call-ID")
        if not value:
            raise SipParseError("header is missing", header="Call-ID", message=self)
        return value

    @kept
    def cseq(self) -> CSeq:
        """CSeq."""
        return self._required("CSeq", CSeq.parse)

    @kept
    def contacts(self) -> tuple[NameAddr, ...]:
        """Every Contact; empty when there is none and for ``Contact: *``."""
        return () if self.is_star_contact else self.addresses("Contact")

    @property
    def is_star_contact(self) -> bool:
        """True for ``Contact: *`` (RFC 3261 10.2.2)."""
        return self.get("Contact") == "*"

    @property
    def record_route(self) -> tuple[NameAddr, ...]:
        """Every Record-Route, in wire order."""
        return self._if_there("Record-Route")

    @property
    def route(self) -> tuple[NameAddr, ...]:
        """Every Route, in wire order."""
        return self._if_there("Route")

    def _if_there(self, name: str) -> tuple[NameAddr, ...]:
        """The addresses of a header that most messages do not have; ``name`` as it is in ``headers``."""
        first = self._first
        return () if first is not None and name not in first else self.addresses(name)

    def check_max_forwards(self) -> None:
        """Raise SipParseError for a Max-Forwards that is no hop count; what nearly everybody sends is not parsed."""
        first = self._first
        if (first.get("Max-Forwards") if first is not None else None) != "70":
            _ = self.max_forwards

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards, None when absent."""
        return self.value("Max-Forwards", _parse_max_forwards)

    @property
    def expires(self) -> int | None:
        """Expires in seconds, None when absent."""
        return self.value("Expires", parse_expires)

    @property
    def content_type(self) -> Parameterized | None:
        """Content-Type, None when absent."""
        return self.value("Content-Type", Parameterized.parse)

    def address(self, name: str) -> NameAddr | None:
        """Return the single address of header ``name`` (Refer-To, Reply-To, Referred-By), or None."""
        return self.value(name, NameAddr.parse)

    def addresses(self, name: str) -> tuple[NameAddr, ...]:
        """Return every address of header ``name`` (Contact, Route, Path, P-Asserted-Identity, Diversion)."""
        return self.values(name, NameAddr.parse_list)

    def tokens(self, name: str) -> tuple[str, ...]:
        """Return the elements of a comma separated header (Allow, Supported, Require, Unsupported)."""
        return () if self.get(name) is None else self.values(name, tokens)

    def supports(self, option: str) -> bool:
        """Tell whether Supported or Require names the option tag."""
        return option in self.tokens("Supported") or option in self.tokens("Require")

    # -- out -----------------------------------------------------------------------------------------------------
    @property
    def start_line(self) -> str:
        """The first line, without line end."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """Serialise, with a Content-Length that is always computed and always last."""
        return serialise(self.start_line, self.headers, self.body)

    def __str__(self) -> str:
        return self.to_bytes().decode("utf-8", "replace")


_REQUIRED: tuple[tuple[str, str, Callable[[str], Any] | None], ...] = (
    ("Via", "via", Via.parse_first),
    ("From", "from_", NameAddr.parse),
    ("To", "to", NameAddr.parse),
    ("Call-ID", "call_id", None),
    ("CSeq", "cseq", CSeq.parse),
)
"""Headers that every message needs, the properties that they are, and what parses them."""


class Request(Message):
    """A request: ``method``, Request-URI ``uri``, headers and body."""

    __slots__ = ("method", "uri")

    def __init__(self, method: str, uri: SipUri, headers: Iterable[Header] = (), body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri = uri

    @property
    def start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"

    @property
    def contact(self) -> NameAddr:
        """The one Contact a dialog is built from; SipParseError with Asterisk's 400 when it is missing."""
        contacts = self.contacts
        if not contacts:
            raise SipParseError("header is missing", reason="Missing Contact header", header="Contact", message=self)
        return contacts[0]

    def __repr__(self) -> str:
        return f"<Request {self.start_line!r} {self.get('CSeq')!r}>"


class Response(Message):
    """A response: ``status``, ``reason``, headers and body."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, headers: Iterable[Header] = (), body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.status = status
        self.reason = reason

    @property
    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    @property
    def is_provisional(self) -> bool:
        """1xx."""
        return self.status < 200

    @property
    def is_success(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason!r} {self.get('CSeq')!r}>"


def _parse_max_forwards(text: str) -> int:
    return parse_number(text, 255, "Max-Forwards")


def serialise(start: str, headers: Iterable[Header], body: bytes) -> bytes:
    """Join a message. A line break smuggled into a value becomes a space, so no header can be injected."""
    lines = [start]
    lines += [f"{name}: {value}" for name, value in headers if name != "Content-Length"]
    lines.append(f"Content-Length: {len(body):5d}\r\n\r\n" if body else "Content-Length:  0\r\n\r\n")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) + 1 or text.count("\r") != len(lines) + 1:
        last = lines.pop()
        text = "\r\n".join([*(line.replace("\r", " ").replace("\n", " ") for line in lines), last])
    head = text.encode("utf-8", "surrogateescape")
    return head + body if body else head
