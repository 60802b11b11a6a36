"""PJSIPHangup: refusing an incoming call with a SIP response of choice, as an application and from the manager."""

from __future__ import annotations

import re

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.channelstate import SoftHangup
from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    Permission,
    failure,
    manager_action,
    requested_channel,
    success,
)
from globstar.core.registry import application
from globstar.modules.channels.pjsip.causes import cause_of_status
from globstar.modules.channels.pjsip.leg import Leg
from globstar.proto.sip.names import REASON_PHRASES

logger = Logger("chan_pjsip")

_NAMES = {re.sub(r"\W+", "_", phrase).upper(): status for status, phrase in REASON_PHRASES.items() if status >= 300}


def read_status(text: str) -> int | None:
    """A response of 300 to 699, by number or by name (``BUSY_HERE``, ``Busy Here``); None for anything else."""
    text = text.strip()
    if text.isdecimal():
        return int(text) if len(text) == 3 and 300 <= int(text) <= 699 else None
    return _NAMES.get(re.sub(r"\W+", "_", text).upper())


def hang_up(channel: Channel, status: int) -> bool:
    """End a SIP call: with the response where it comes from outside and was not answered. False if it is no SIP call."""
    leg = channel.private
    if not isinstance(leg, Leg):
        return False
    cause = cause_of_status(status)
    if leg.is_waiting:
        channel.hangup_cause, channel.tech_cause = cause, status
        leg.refuse(status, cause)
    channel.request_hangup(SoftHangup.EXPLICIT, cause)
    return True


@application("PJSIPHangup", syntax="PJSIPHangup(cause)")
def pjsip_hangup(channel: Channel, data: str) -> int:
    """Refuse the call of this channel with a SIP response, given by number or by name.

    An answered call ends as with Hangup, with the cause that belongs to the response.
    """
    status = read_status(data)
    if status is None:
        logger.warning(f"PJSIPHangup: '{data}' is no response that refuses a call")
        return -1
    if not hang_up(channel, status):
        logger.warning(f"PJSIPHangup: {channel.name} is no SIP call")
    return -1


@manager_action(
    "PJSIPHangup", Permission.SYSTEM | Permission.CALL, synopsis="Hangup an incoming PJSIP channel with a SIP response code"
)
def manager_hangup(request: ActionRequest) -> Answer:
    """Refuse an incoming call with a SIP response, given by number or by name."""
    if not request.get("Cause"):
        return failure("No cause specified")
    if not request.get("Channel"):
        return failure("No channel specified")
    try:
        channel = requested_channel(request)
    except ActionFault:
        return failure("No such channel")
    status = read_status(request.get("Cause"))
    if status is None:
        return failure("Invalid cause specified")
    return success("Channel Hungup") if hang_up(channel, status) else failure("Channel is not a PJSIP channel")
