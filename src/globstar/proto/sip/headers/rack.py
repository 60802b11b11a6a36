"""The RAck header (RFC 3262 7.2)."""

from __future__ import annotations

from dataclasses import dataclass

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import parse_number
from globstar.proto.sip.headers.cseq import MAX_CSEQ


@dataclass(frozen=True, slots=True)
class RAck:
    """Which reliable provisional response a PRACK acknowledges."""

    rseq: int
    cseq: int
    method: str

    @classmethod
    def parse(cls, text: str) -> RAck:
        """Parse ``776656 1 INVITE``."""
        words = text.split()
        if len(words) != 3:
            raise SipParseError("not two numbers and a method", header="RAck")
        return cls(parse_number(words[0], 2**32 - 1, "RSeq"), parse_number(words[1], MAX_CSEQ, "CSeq"), words[2])

    def __str__(self) -> str:
        return f"{self.rseq} {self.cseq} {self.method}"
