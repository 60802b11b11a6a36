"""The one error of this package's parsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.errors import RemoteFault

if TYPE_CHECKING:
    from globstar.proto.sip.message import Message


class SipParseError(RemoteFault):
    """A SIP message or header value cannot be used.

    ``status`` and ``reason`` are the answer that the RFC asks for (0: no answer, for example to a response or an
    ACK). ``message`` is what could be read of the message, as far as it has the headers an answer needs: Via, From,
    To, Call-ID and CSeq. ``header`` names the header at fault, if one is.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int = 400,
        reason: str = "",
        header: str = "",
        message: Message | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.reason = reason
        self.header = header
        self.message = message
        self.answered = 0
        """The status that an endpoint answered with."""

    def __str__(self) -> str:
        return f"{self.header}: {self.detail}" if self.header else self.detail
