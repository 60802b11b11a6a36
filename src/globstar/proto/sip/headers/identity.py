"""Remote-Party-ID and Diversion: an address with well-known parameters (draft-ietf-sip-privacy, RFC 5806)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from globstar.proto.sip.grammar import NO_PARAMS, Params
from globstar.proto.sip.headers.address import NameAddr


@dataclass(frozen=True, slots=True)
class RemotePartyId:
    """Remote-Party-ID: who calls or is called, with privacy and screening."""

    address: NameAddr

    @classmethod
    def parse(cls, text: str) -> RemotePartyId:
        """Parse ``"A" <sip:100@x>;party=calling;privacy=off;screen=no``."""
        return cls(NameAddr.parse(text))

    @property
    def party(self) -> str | None:
        """calling, called or None."""
        return (self.address.params.unquoted("party") or "").lower() or None

    @property
    def privacy(self) -> str:
        """off (default), full, name or uri."""
        return (self.address.params.unquoted("privacy") or "off").lower()

    @property
    def screen(self) -> bool:
        """True when the number was screened."""
        return (self.address.params.unquoted("screen") or "").lower() == "yes"

    def __str__(self) -> str:
        return str(self.address)


@dataclass(frozen=True, slots=True)
class Diversion:
    """Diversion: who forwarded the call and why."""

    address: NameAddr

    @classmethod
    def parse(cls, text: str) -> Diversion:
        """Parse ``<sip:555@x>;reason=no-answer;counter=1``."""
        return cls(NameAddr.parse(text))

    @classmethod
    def parse_list(cls, values: Iterable[str]) -> tuple[Diversion, ...]:
        """Parse every diversion, the latest first."""
        return tuple(cls(address) for address in NameAddr.parse_list(values))

    @property
    def reason(self) -> str:
        """The reason without quotes, ``unknown`` when absent."""
        return self.address.params.unquoted("reason") or "unknown"

    @property
    def counter(self) -> int:
        """How many diversions the entry stands for; 1 when absent or unreadable."""
        text = self.address.params.unquoted("counter") or ""
        return min(max(int(text), 1), 1000) if text.isascii() and text.isdigit() and len(text) < 10 else 1

    @property
    def privacy(self) -> str:
        """off (default), full, name or uri."""
        return (self.address.params.unquoted("privacy") or "off").lower()

    def __str__(self) -> str:
        return str(self.address)


def identity_params(party: str, privacy: str, screen: bool) -> Params:
    """Return the parameters of a Remote-Party-ID in the order in which Asterisk writes them."""
    return Params([*NO_PARAMS, ("party", party), ("privacy", privacy), ("screen", "yes" if screen else "no")])
