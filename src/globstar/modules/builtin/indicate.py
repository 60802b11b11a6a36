"""Ringing, Progress and Proceeding."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.frame import Control
from globstar.core.registry import application


@application("Ringing", syntax="Ringing()")
def ringing(channel: Channel) -> None:
    """Tell the caller that the called side rings, and go on at once."""
    channel.indicate(Control.RINGING)


@application("Progress", syntax="Progress()")
def progress(channel: Channel) -> None:
    """Tell the caller that audio comes before the answer, and go on at once."""
    channel.indicate(Control.PROGRESS)


@application("Proceeding", syntax="Proceeding()")
def proceeding(channel: Channel) -> None:
    """Tell the caller that the call is being placed, and go on at once."""
    channel.indicate(Control.PROCEEDING)
