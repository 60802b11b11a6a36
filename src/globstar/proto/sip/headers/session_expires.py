"""The Session-Expires header (RFC 4028 4)."""

from __future__ import annotations

from dataclasses import dataclass

from globstar.proto.sip.grammar import NO_PARAMS, Params, parse_number


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """Interval in seconds and who refreshes: "uac", "uas" or not said."""

    interval: int
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> SessionExpires:
        """Parse ``1800;refresher=uac``."""
        number, semicolon, tail = text.partition(";")
        params = Params.parse(tail) if semicolon else NO_PARAMS
        return cls(parse_number(number.strip(), 2**32 - 1, "Session-Expires"), params)

    @property
    def refresher(self) -> str | None:
        """ "uac", "uas" or None."""
        value = (self.params.get("refresher") or "").lower()
        return value if value in ("uac", "uas") else None

    def __str__(self) -> str:
        return f"{self.interval}{self.params}"
