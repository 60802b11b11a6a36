"""``PJSIP_TRANSFER_HANDLING()``: whether a REFER on a channel is carried out here or left to an application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.functions import FunctionError
from globstar.core.registry import write_function
from globstar.modules.channels.pjsip.leg import Leg

if TYPE_CHECKING:
    from globstar.core.channel import Channel

#: Key in ``channel.data``; there if an application handles transfers.
ARI_ONLY = "transfers are left to applications"


@write_function("PJSIP_TRANSFER_HANDLING", syntax="PJSIP_TRANSFER_HANDLING([mode])")
def pjsip_transfer_handling(channel: Channel | None, args: str, value: str) -> None:
    """How transfers that the endpoint of this channel asks for are handled.

    core (the usual way): they are carried out. ari-only: they are accepted, and an application that controls calls (ARI) is told
    and decides; without one they are declined.
    """
    if channel is None or not isinstance(channel.private, Leg):
        raise FunctionError("PJSIP_TRANSFER_HANDLING requires a PJSIP channel")
    mode = (value or args).strip().lower()
    if mode == "ari-only":
        channel.data[ARI_ONLY] = True
    elif mode == "core":
        channel.data.pop(ARI_ONLY, None)
    else:
        raise FunctionError(f"PJSIP_TRANSFER_HANDLING: '{mode}' is neither core nor ari-only")
