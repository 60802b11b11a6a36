"""The direct relay: packets of two sessions forwarded with new headers, nothing decoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from globstar.media.session import RtpSession


class Relay:
    """Two sessions joined back to back; ``join`` and ``leave`` may be called at any time, without a gap.

    ``forward`` and ``backward`` map payload types of the first session to those of the second, and back; a packet
    of another type goes the ordinary way (the session's callbacks). While joined, digits pass through as packets, and
    are reported to ``on_digit_begin``/``on_digit_end`` of the receiving session when ``see_digits`` is set.
    """

    def __init__(
        self,
        first: RtpSession,
        second: RtpSession,
        forward: Mapping[int, int],
        backward: Mapping[int, int],
        *,
        see_digits: bool = True,
    ) -> None:
        raise NotImplementedError

    def join(self) -> None:
        """Start relaying."""
        raise NotImplementedError

    def leave(self) -> None:
        """Stop relaying; packets go to ``on_media`` again. The sequence goes on without a jump."""
        raise NotImplementedError
