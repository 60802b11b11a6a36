"""The Reason header (RFC 3326)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import NO_PARAMS, Params, split_list


@dataclass(frozen=True, slots=True)
class Reason:
    """Protocol (SIP, Q.850 ...) with its parameters: cause and text."""

    protocol: str
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> Reason:
        """Parse ``Q.850;cause=16;text="Normal"``."""
        protocol, semicolon, tail = text.partition(";")
        protocol = protocol.strip()
        if not protocol:
            raise SipParseError("no protocol", header="Reason")
        return cls(protocol, Params.parse(tail) if semicolon else NO_PARAMS)

    @classmethod
    def parse_list(cls, values: Iterable[str]) -> tuple[Reason, ...]:
        """Parse every reason."""
        return tuple(cls.parse(part) for value in values for part in split_list(value))

    @property
    def cause(self) -> int | None:
        """The cause as a number, None when absent or unreadable."""
        value = self.params.unquoted("cause")
        return int(value) if value and value.isascii() and value.isdigit() and len(value) < 6 else None

    @property
    def text(self) -> str | None:
        """The text parameter without quotes."""
        return self.params.unquoted("text")

    def __str__(self) -> str:
        return f"{self.protocol}{self.params}"
