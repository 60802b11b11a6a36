"""HANGUPCAUSE related functions and applications."""

from __future__ import annotations

from globstar.core.cause import cause_text
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import application, function
from globstar.dialplan.arguments import argument, split_arguments


@function("HANGUPCAUSE", syntax="HANGUPCAUSE(channel,type)")
def hangup_cause(channel: Channel | None, args: str) -> str:
    """Why a channel that this one called, or this one itself, hung up.

    ``type`` is ast (the words for the cause) or tech (what the technology said: ``SIP 486 Busy Here``).
    """
    if channel is None:
        raise FunctionError("HANGUPCAUSE needs a channel")
    arguments = split_arguments(args)
    name, kind = argument(arguments, 0), argument(arguments, 1)
    if not name or kind not in ("ast", "tech"):
        raise FunctionError("HANGUPCAUSE needs a channel and ast or tech")
    found = channel.hangup_tech_cause.get(name)
    if found is None:
        raise FunctionError(f"no hangup cause of '{name}' is known")
    return found[1] if kind == "tech" else cause_text(found[0])


@function("HANGUPCAUSE_KEYS", syntax="HANGUPCAUSE_KEYS()")
def hangup_cause_keys(channel: Channel | None, args: str) -> str:
    """The channels whose hangup causes are known, separated by commas."""
    if channel is None:
        raise FunctionError("HANGUPCAUSE_KEYS needs a channel")
    return ",".join(channel.hangup_tech_cause)


@application("HangupCauseClear", syntax="HangupCauseClear()")
def hangup_cause_clear(channel: Channel) -> None:
    """Forget the hangup causes that are known so far."""
    channel.hangup_tech_cause.clear()
