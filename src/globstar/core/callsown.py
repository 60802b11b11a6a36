"""What functions keep for a call, and what refers to the call again: both are freed at once when it is over."""

from __future__ import annotations


class CallsOwn:
    """A value in a channel's data that refers to the channel. The channel's end drops it, so that no collector has to."""

    def ended(self) -> None:
        """The channel is over: let go of what refers to this object."""
