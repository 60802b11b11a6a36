"""RaiseException and the function EXCEPTION."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.pbx import leads, raise_exception
from globstar.core.registry import application, function

logger = Logger("pbx")


@application("RaiseException", syntax="RaiseException(reason)")
async def raise_(channel: Channel, data: str) -> int:
    """Go to the extension ``e``, giving a reason.

    ``EXCEPTION(reason)`` tells it there, with the context, extension and priority that it came from.
    """
    if not await leads(channel, channel.context, "e"):
        logger.warning(f"There is no extension e in context '{channel.context}' for the exception '{data}'")
        return -1
    raise_exception(channel, data)
    channel.goto_target = (channel.context, channel.extension, channel.priority)
    return 0


@function("EXCEPTION", syntax="EXCEPTION(field)")
def exception(channel: Channel | None, args: str) -> str:
    """What led to the extension ``e``.

    ``field`` is reason (INVALID, RESPONSETIMEOUT, ABSOLUTETIMEOUT, ERROR or what RaiseException gave), context, exten
    or priority.
    """
    if channel is None:
        raise FunctionError("EXCEPTION needs a channel")
    fields: dict[str, str] = channel.data.get("exception", {})
    return fields.get(args.lower(), "")
