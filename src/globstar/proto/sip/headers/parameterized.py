"""A word with parameters: Content-Type, Accept, Event, Subscription-State, Content-Disposition (RFC 3261 25.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import NO_PARAMS, Params, split_list


@dataclass(frozen=True, slots=True)
class Parameterized:
    """``value`` in lower case without white space, and its parameters."""

    value: str
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> Parameterized:
        """Parse ``application/sdp;charset=x`` or ``presence;id=3``."""
        value, semicolon, tail = text.partition(";")
        value = "".join(value.split()).lower()
        if not value:
            raise SipParseError("empty value")
        return cls(value, Params.parse(tail) if semicolon else NO_PARAMS)

    @classmethod
    def parse_list(cls, values: Iterable[str]) -> tuple[Parameterized, ...]:
        """Parse comma separated values of one or several header lines."""
        return tuple(cls.parse(part) for value in values for part in split_list(value))

    def __str__(self) -> str:
        return f"{self.value}{self.params}"
