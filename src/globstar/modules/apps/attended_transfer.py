"""Attended transfer to the given extension"""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.atxfer import request_attended_transfer
from globstar.core.channel import Channel
from globstar.core.pbx import learn
from globstar.core.registry import application
from globstar.core.transfer import transfer_context

logger = Logger("app_attended_transfer")


@application("AttendedTransfer", syntax="AttendedTransfer(exten)")
async def attended_transfer(channel: Channel, data: str) -> int:
    """Begin an attended transfer of whoever this channel is bridged with: hold it and call the extension.

    For applications of [applicationmap] and others that run on a bridged channel. The extension is looked for in
    TRANSFER_CONTEXT, or the channel's context. What becomes of the transfer is up to the codes of features.conf (atxferabort
    and so on).
    ATTENDEDTRANSFERSTATUS: SUCCESS (it begins), FAILURE, NOTPERMITTED.
    """
    if not data:
        logger.warning("AttendedTransfer requires an extension")
        channel.set_variable("ATTENDEDTRANSFERSTATUS", "FAILURE")
        return 0
    await learn(channel, transfer_context(channel), [data.strip()])
    has_begun = request_attended_transfer(channel, data.strip())
    channel.set_variable("ATTENDEDTRANSFERSTATUS", "SUCCESS" if has_begun else "FAILURE")
    return 0
