"""name-addr and addr-spec with header parameters: From, To, Contact, Route and their like (RFC 3261 20.10)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from globstar.base.kept import kept
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import NO_PARAMS, Params, end_of_quoted, parse_number, quote, split_list, unquote
from globstar.proto.sip.uri import SipUri


@dataclass(frozen=True)
class NameAddr:
    """An address with its display name (decoded, empty when absent) and the parameters of the header.

    It has no slots, so that what is derived from it is kept with it: From and To recur in every message of a dialog.
    """

    uri: SipUri
    display: str = ""
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Parse one value. Without angle brackets every parameter belongs to the header (RFC 3261 20).

        Equal short texts give the same object: From and To recur in every message of a dialog.
        """
        return _parse_cached(text) if len(text) <= 256 else cls._parse(text)

    @classmethod
    def _parse(cls, text: str) -> NameAddr:
        text = text.strip()
        if text[:1] == '"':
            end = end_of_quoted(text, 0)
            display = unquote(text[:end])
            open_at = text.find("<", end)
            if open_at < 0 or text[end:open_at].strip():
                raise SipParseError("a display name must be followed by <uri>")
        else:
            open_at = text.find("<")
            if open_at < 0:
                return cls._parse_addr_spec(text)
            display = text[:open_at].strip()
            if display and any(char in display for char in '",;<>'):
                raise SipParseError("display name must be quoted")
        close = text.find(">", open_at)
        if close < 0:
            raise SipParseError("'<' is not closed")
        uri = SipUri.parse(text[open_at + 1 : close].strip())
        tail = text[close + 1 :].lstrip()
        if not tail:
            return cls(uri, display)
        if tail[0] != ";":
            raise SipParseError("unexpected text after '>'")
        return cls(uri, display, Params.parse(tail[1:]))

    @classmethod
    def _parse_addr_spec(cls, text: str) -> NameAddr:
        spec, semicolon, tail = text.partition(";")
        spec = spec.strip()
        if "?" in spec or "," in spec:
            raise SipParseError("a URI with '?' or ',' must stand in angle brackets")
        uri = SipUri.parse(spec)
        return cls(uri, "", Params.parse(tail) if semicolon else NO_PARAMS)

    @classmethod
    def parse_list(cls, values: Iterable[str]) -> tuple[NameAddr, ...]:
        """Parse comma separated values of one or several header lines."""
        return tuple([cls.parse(part) for value in values for part in split_list(value)])

    @kept
    def tag(self) -> str | None:
        """The tag parameter of From or To."""
        for name, value in self.params:
            if name == "tag":
                return value or ""
        return None

    @kept
    def in_from_to(self) -> str:
        """How it is written in From and To, see ``for_from_to``."""
        return self._with(self.uri.for_from_to())

    @property
    def expires(self) -> int | None:
        """The expires parameter of a Contact; one that is no number counts as 3600 (RFC 3261 10.2.1.1)."""
        value = self.params.get("expires")
        if value is None:
            return None
        return min(int(value), 2**32 - 1) if value.isascii() and value.isdigit() and len(value) < 20 else 3600

    @property
    def q(self) -> float:
        """The q parameter of a Contact, 1.0 when absent or unreadable."""
        try:
            q = float(self.params.get("q") or "1")
        except ValueError:
            return 1.0
        return q if 0.0 <= q <= 1.0 else 1.0

    def with_tag(self, tag: str) -> NameAddr:
        """Return a copy that carries ``tag``."""
        return NameAddr(self.uri, self.display, self.params.replace("tag", tag))

    def without_tag(self) -> NameAddr:
        """Return a copy without a tag."""
        return NameAddr(self.uri, self.display, self.params.without("tag")) if self.params else self

    def for_from_to(self) -> NameAddr:
        """Return the form that goes into From and To: the URI without port and routing parameters (19.1.1, table 1)."""
        uri = self.uri.for_from_to()
        return self if uri is self.uri else NameAddr(uri, self.display, self.params)

    def __str__(self) -> str:
        return self._with(self.uri)

    def _with(self, uri: SipUri) -> str:
        if self.display:
            return f"{quote(self.display)} <{uri}>{self.params}"
        return f"<{uri}>{self.params}"


_parse_cached = lru_cache(maxsize=2048)(NameAddr._parse)


def parse_expires(text: str) -> int:
    """Return the value of an Expires or Min-Expires header (RFC 3261 20.19)."""
    return parse_number(text.strip(), 2**32 - 1, "Expires")
