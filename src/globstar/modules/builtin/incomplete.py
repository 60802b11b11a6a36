"""Incomplete."""

from __future__ import annotations

import asyncio

from globstar.core.channel import Channel, ChannelState
from globstar.core.frame import Control
from globstar.core.pbx import INCOMPLETE
from globstar.core.registry import application


@application("Incomplete", syntax="Incomplete([n])")
async def incomplete(channel: Channel, data: str) -> str:
    """Say that the dialled extension is not complete.

    Where more digits could make a longer extension, they are waited for; else the extension ``i`` follows. The call
    is answered first, since most channels bring digits only then, unless ``n`` is given.
    """
    if channel.state is not ChannelState.UP and data.strip() != "n":
        channel.answer_at_once()
        await asyncio.sleep(0)  # the state of its device is told before the call goes on
    channel.indicate(Control.INCOMPLETE)
    return INCOMPLETE
