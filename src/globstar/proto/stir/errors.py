"""What can be wrong with a signed identity, with the answer that it gets (RFC 8224 6.2.2)."""

from __future__ import annotations

from globstar.base.errors import RemoteFault

#: Status codes and reason phrases (RFC 8224 6.2.2 and 13).
STALE_DATE = (403, "Stale Date")
USE_IDENTITY_HEADER = (428, "Use Identity Header")
BAD_IDENTITY_INFO = (436, "Bad Identity Info")
UNSUPPORTED_CREDENTIAL = (437, "Unsupported Credential")
INVALID_IDENTITY_HEADER = (438, "Invalid Identity Header")


class StirError(RemoteFault):
    """An identity that cannot be believed."""

    def __init__(self, answer: tuple[int, str], detail: str) -> None:
        super().__init__(detail)
        self.status, self.reason = answer
        self.detail = detail
