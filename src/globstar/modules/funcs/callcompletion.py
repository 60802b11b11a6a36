"""Call Control Configuration Function."""

from __future__ import annotations

from globstar.core.callcompletion import NAMES, changed, parameters_of, set_parameters
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function


def _need(channel: Channel | None) -> Channel:
    if channel is None:
        raise FunctionError("a channel is needed")
    return channel


def _name(args: str) -> str:
    name = args.strip().lower()
    if name not in NAMES:
        raise FunctionError(f"'{args}' is none of {', '.join(NAMES)}")
    return name


@function("CALLCOMPLETION", syntax="CALLCOMPLETION(option)")
def call_completion(channel: Channel | None, args: str) -> str:
    """A parameter of call completion of this channel.

    As a caller: cc_agent_policy (never or generic), cc_offer_timer, cc_recall_timer, cc_max_agents, cc_agent_dialstring,
    cc_callback_sub, ccbs_available_timer, ccnr_available_timer. As a called party, where option b of Dial can write them:
    cc_monitor_policy (never, generic or always), cc_max_monitors. Timers are seconds.
    """
    return str(getattr(parameters_of(_need(channel)), _name(args)))


@call_completion.writer
def _write(channel: Channel | None, args: str, value: str) -> None:
    owner = _need(channel)
    try:
        set_parameters(owner, changed(parameters_of(owner), _name(args), value))
    except ValueError as fault:
        raise FunctionError(str(fault)) from None
