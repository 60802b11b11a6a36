"""Tell the CDR engine to reset the call detail record of the channel."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.registry import application
from globstar.core.services import CallRecords
from globstar.dialplan.arguments import parse_options

logger = Logger("app_cdr")


@application("ResetCDR", syntax="ResetCDR([options])")
def reset_cdr(channel: Channel, data: str) -> None:
    """Begin the call detail record of the channel anew, as if the call began now. Option:

    v: keep what was set with CDR().
    """
    options = parse_options(data, {"v": False}, logger.warning)
    records = channel.system.service("call records", CallRecords)  # type: ignore[type-abstract]
    if records is not None:
        records.reset(channel, keep_variables="v" in options)
