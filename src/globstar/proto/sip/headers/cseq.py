"""The CSeq header (RFC 3261 20.16)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import parse_number

MAX_CSEQ = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CSeq:
    """Sequence number and method."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Parse ``1 INVITE``. The number is below 2**31 (RFC 3261 8.1.1.5). Equal short texts give the same object."""
        return _parse_cached(text) if len(text) <= 64 else _parse(text)

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def _parse(text: str) -> CSeq:
    words = text.split()
    if len(words) != 2:
        raise SipParseError("not a number and a method", header="CSeq")
    return CSeq(parse_number(words[0], MAX_CSEQ, "CSeq"), words[1])


_parse_cached = lru_cache(maxsize=512)(_parse)
