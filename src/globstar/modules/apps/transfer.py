"""Transfers a caller to another extension."""

from __future__ import annotations

import asyncio

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.frame import Control, Frame, FrameType, TransferResult
from globstar.core.registry import application

logger = Logger("app_transfer")

#: How long the result is waited for, seconds.
PATIENCE = 30.0
_ERRORS = range(300, 700)


@application("Transfer", syntax="Transfer([Tech/]destination)")
async def transfer(channel: Channel, data: str) -> int:
    """Ask the caller's phone to call somewhere else.

    With ``Tech/`` only channels of that technology are asked. What becomes of the call then is the technology's
    matter: PJSIP refers an answered call and redirects one that was not answered.

    TRANSFERSTATUS tells: SUCCESS, FAILURE, UNSUPPORTED (the technology cannot, or it is another one).
    TRANSFERSTATUSPROTOCOL is the status code (3xx to 6xx) with which the technology's protocol refused, else 0.
    """
    if not data:
        logger.warning("Transfer needs a destination")
        _tell(channel, "FAILURE")
        return 0
    tech, slash, destination = data.partition("/")
    if slash:
        if tech.lower() not in {name.lower() for name in (channel.tech.name, *channel.tech.aliases)}:
            _tell(channel, "UNSUPPORTED")
            return 0
    else:
        destination = data
    if not channel.tech.transfer(channel, destination):
        _tell(channel, "UNSUPPORTED")
        return 0
    try:
        result: TransferResult | None = await channel.wait(_result_of, PATIENCE)
    except ChannelGone:
        _tell(channel, "FAILURE")
        raise
    _tell(channel, "SUCCESS" if result is TransferResult.SUCCESS else "FAILURE")
    await asyncio.sleep(0)  # a call that ended with its redirection tells so before the dialplan goes on
    return 0


def _result_of(frame: Frame) -> TransferResult | None:
    """The end of the transfer, if the frame tells it."""
    if frame.type is not FrameType.CONTROL or frame.subtype != Control.TRANSFER:
        return None
    result = TransferResult(frame.data)
    return result if result is not TransferResult.PROGRESS else None


def _tell(channel: Channel, status: str) -> None:
    code = channel.tech.channel_read(channel, "transfer_result") or ""
    protocol_status = code if code.isdecimal() and int(code) in _ERRORS else "0"
    channel.set_variable("TRANSFERSTATUS", status)
    channel.set_variable("TRANSFERSTATUSPROTOCOL", protocol_status)
