"""Simple Echo Application."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.echoing import echo_frames
from globstar.core.registry import application


@application("Echo", syntax="Echo()")
async def echo(channel: Channel) -> None:
    """Send every audio, video and digit frame back until the caller presses #."""
    await echo_frames(channel)
