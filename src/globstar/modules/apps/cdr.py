"""Tell the CDR engine to reset the call detail record of the channel, or to hand it to no backend."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.cdr.engine import SERVICE, CdrEngine
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


@application("NoCDR", syntax="NoCDR()")
def no_cdr(channel: Channel, data: str) -> None:
    """Keep the call detail records of the channel from the backends, those that begin later too.

    For dialplans of the time when it was there; ``Set(CDR_PROP(disable)=1)`` does the same.
    """
    engine = channel.system.service(SERVICE, CdrEngine)
    chain = engine.chain(channel) if engine is not None else None
    if chain is not None:
        chain.set_disabled(True)
