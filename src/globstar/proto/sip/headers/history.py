"""The History-Info header (RFC 7044)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from globstar.proto.sip.headers.address import NameAddr


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One place that a request was sent to."""

    address: NameAddr

    @classmethod
    def parse_list(cls, values: Iterable[str]) -> tuple[HistoryEntry, ...]:
        """Parse every entry, in the order of the message."""
        return tuple(cls(address) for address in NameAddr.parse_list(values))

    @property
    def index(self) -> str:
        """Where the entry stands in the tree of retargetings: ``1.2.1``; empty when absent."""
        return self.address.params.get("index") or ""

    @property
    def mapped_from(self) -> str:
        """The index of the entry whose user moved on to this one (mp), or that only changed its form (rc, np)."""
        params = self.address.params
        return params.get("mp") or params.get("rc") or params.get("np") or ""

    @property
    def cause(self) -> str:
        """The status that made the request go here (RFC 4458); empty when it was not forwarded."""
        return self.address.uri.params.get("cause") or ""

    @property
    def is_private(self) -> bool:
        """Whether the entry is not to be shown (RFC 7044 10.1.2)."""
        return any(
            name.lower() == "privacy" and value.lower() in ("history", "header", "session")
            for name, value in self.address.uri.headers
        )

    def with_privacy(self) -> HistoryEntry:
        """The entry marked as private."""
        uri = replace(self.address.uri, headers=(*self.address.uri.headers, ("Privacy", "history")))
        return HistoryEntry(NameAddr(uri, self.address.display, self.address.params))

    def __str__(self) -> str:
        return str(self.address)
