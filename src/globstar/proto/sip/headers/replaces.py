"""The Replaces header (RFC 3891)."""

from __future__ import annotations

from dataclasses import dataclass

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import NO_PARAMS, Params


@dataclass(frozen=True, slots=True)
class Replaces:
    """Which dialog a new INVITE takes over. ``to_tag`` is the local tag of the one who receives the header."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> Replaces:
        """Parse ``callid;to-tag=x;from-tag=y;early-only``."""
        call_id, _, tail = text.partition(";")
        params = Params.parse(tail)
        to_tag, from_tag = params.get("to-tag"), params.get("from-tag")
        if not call_id.strip() or to_tag is None or from_tag is None:
            raise SipParseError("needs a Call-ID, to-tag and from-tag", header="Replaces")
        rest = params.without("to-tag", "from-tag", "early-only")
        return cls(call_id.strip(), to_tag, from_tag, params.has("early-only"), rest)

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}{self.params}"
