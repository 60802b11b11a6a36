"""Blind transfer channel(s) to the extension and context provided"""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.pbx import leads
from globstar.core.registry import application
from globstar.core.transfer import TransferOutcome, transfer_context, transfer_others
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("app_blind_transfer")

_STATUSES = {
    TransferOutcome.SUCCESS: "SUCCESS",
    TransferOutcome.FAIL: "FAILURE",
    TransferOutcome.INVALID: "INVALID",
    TransferOutcome.NOT_PERMITTED: "NOTPERMITTED",
}


@application("BlindTransfer", syntax="BlindTransfer(exten[,context])")
async def blind_transfer(channel: Channel, data: str) -> int:
    """Send whoever this channel is bridged with to an extension.

    For applications of [applicationmap] and others that run on a bridged channel. The context is TRANSFER_CONTEXT, or that of
    the channel, if none is given. BLINDTRANSFERSTATUS: SUCCESS, FAILURE, INVALID (nobody is bridged with the channel),
    NOTPERMITTED.
    """
    arguments = split_arguments(data)
    extension = argument(arguments, 0)
    context = argument(arguments, 1) or transfer_context(channel)
    if not extension:
        logger.warning("BlindTransfer requires an extension")
        channel.set_variable("BLINDTRANSFERSTATUS", "FAILURE")
        return 0
    if channel.bridge_member is not None and not await leads(channel, context, extension):
        logger.warning(f"BlindTransfer: there is no {extension}@{context}")
        channel.set_variable("BLINDTRANSFERSTATUS", "FAILURE")
        return 0
    outcome = transfer_others(channel, context, extension, is_external=False)
    channel.set_variable("BLINDTRANSFERSTATUS", _STATUSES[outcome])
    return 0
