"""Flash channel application."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.frame import Control
from globstar.core.registry import application


@application("Flash", syntax="Flash()")
def flash(channel: Channel) -> None:
    """Press the hook of the line shortly: for analogue lines and channels that pass it on."""
    channel.indicate(Control.FLASH)
