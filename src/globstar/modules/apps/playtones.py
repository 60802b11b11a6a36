"""Playtones Application."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.registry import application

logger = Logger("app_playtones")


@application("PlayTones", syntax="PlayTones(arg)")
def play_tones(channel: Channel, data: str) -> None:
    """Play a tone list while the dialplan goes on, until StopPlayTones or something else is played.

    arg is the name of a tone of the channel's zone (dial, busy ...) or a tone list as in indications.conf.
    """
    if not data:
        logger.warning("PlayTones requires an argument: a tone's name or a tone list")
        return
    channel.system.tones.play(channel, data)


@application("StopPlayTones", syntax="StopPlayTones()")
def stop_play_tones(channel: Channel) -> None:
    """Stop what PlayTones plays."""
    channel.stop_generator()
