"""Fork The CDR into 2 separate entities."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.registry import application
from globstar.core.services import CallRecords
from globstar.dialplan.arguments import parse_options

logger = Logger("app_forkcdr")

_OPTIONS = {"a": False, "e": False, "r": False, "v": False}


@application("ForkCDR", syntax="ForkCDR([options])")
def fork_cdr(channel: Channel, data: str) -> None:
    """Begin a second call detail record for what follows. Options:

    a: if the channel is answered, the new record is answered now.

    e: the present record ends here.

    r: the new record begins now.

    v: do not copy what was set with CDR().
    """
    options = parse_options(data, _OPTIONS, logger.warning)
    records = channel.system.service("call records", CallRecords)  # type: ignore[type-abstract]
    if records is None:
        return
    is_forked = records.fork(
        channel,
        sets_answer="a" in options,
        ends_original="e" in options,
        resets_times="r" in options,
        keeps_variables="v" not in options,
    )
    if not is_forked:
        logger.warning(f"{channel.name} has no call detail record to fork")
