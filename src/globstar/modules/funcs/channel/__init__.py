"""Channel information dialplan functions."""

from __future__ import annotations

from globstar.modules.funcs.channel.items import channel_item
from globstar.modules.funcs.channel.others import channel_exists, channels, master_channel

__all__ = ["channel_exists", "channel_item", "channels", "master_channel"]
