"""RtpEngine: makes sessions; owns ports, sockets and the one coarse timer of all sessions."""

from __future__ import annotations

from globstar.media.session import RtpSession
from globstar.media.settings import MediaSettings, SessionOptions


class RtpEngine:
    """The factory and the shared clockwork of all RTP sessions of one system."""

    settings: MediaSettings

    def open(self, host: str, options: SessionOptions | None = None) -> RtpSession | None:
        """A session bound to a free port pair on ``host``; None when all ports are in use."""
        raise NotImplementedError

    def close(self) -> None:
        """Close every session and stop the timer."""
        raise NotImplementedError
