"""Bridge."""

from __future__ import annotations

import asyncio

from globstar.base.log import Logger
from globstar.core.bridge import Bridge, BridgeMember, LeaveReason
from globstar.core.channel import Channel, ChannelState
from globstar.core.gather import Gathering, can_be_gathered, gather
from globstar.core.pbx import parse_goto
from globstar.core.registry import application
from globstar.core.twoparty import LimitFault, LimitTimer, PartyRights, join_with_rights, read_limit
from globstar.dialplan.arguments import ParsedOptions, argument, bar_to_comma, parse_options, split_arguments

logger = Logger("features")

_OPTIONS = {
    "p": False, "F": True, "h": False, "H": False, "k": False, "K": False, "L": True, "n": False, "S": True, "t": False,
    "T": False, "w": False, "W": False, "x": False, "X": False,
}  # fmt: skip
#: How long the other channel may take to leave what it does, seconds.
_PATIENCE = 5.0


@application("Bridge", syntax="Bridge(channel[,options])")
async def bridge(channel: Channel, data: str) -> int:
    """Connect this channel with another one.

    The other channel leaves what it does; afterwards it goes on at its next priority, if it ran a dialplan. BRIDGERESULT is
    SUCCESS, FAILURE, LOOP (a channel with itself) or NONEXISTENT.

    F([place]): when this party hangs up, the other one goes on in the dialplan there, or at this one's next priority.
    h, H: let the other party, this party hang up with the disconnect code.
    k, K: let the other party, this party park the other one.
    L(x[:y][:z]), S(x): limit the time, as with Dial.
    n: do not answer this channel first.
    p: play the courtesy tone to the other party.
    t, T: let the other party, this party transfer.
    w: let the other party record the call; W, X: this party.
    x: hang the other party up afterwards.
    """
    arguments = split_arguments(data)
    options = parse_options(argument(arguments, 1), _OPTIONS, lambda problem: logger.warning(f"Bridge: {problem}"))
    channel.set_variable("BRIDGERESULT", await _bridge(channel, argument(arguments, 0), options))
    return 0


async def _bridge(channel: Channel, name: str, options: ParsedOptions) -> str:
    if not name:
        logger.warning("Bridge requires an argument (channel)")
        return "FAILURE"
    other = channel.system.find_channel(name)
    if other is None:
        logger.warning(f"Bridge failed because channel '{name}' does not exist")
        return "NONEXISTENT"
    if other is channel:
        logger.warning("Bridge: a channel cannot be bridged with itself")
        return "LOOP"
    try:
        limit = read_limit(channel, _given(options, "L"), _given(options, "S")) if options.letters & {"L", "S"} else None
    except LimitFault as fault:
        logger.warning(f"Bridge does not accept {fault}")
        return "FAILURE"
    if not can_be_gathered(other):
        logger.warning(f"Bridge: {other.name} cannot be taken from what it does")
        return "FAILURE"
    if channel.state is not ChannelState.UP and "n" not in options:
        channel.answer_at_once()
    meeting = Bridge(channel.system)
    may_record = bool(options.letters & {"W", "X"})
    own = join_with_rights(meeting, channel, PartyRights("T" in options, "H" in options, may_record, may_park="K" in options))
    arrived: asyncio.Future[BridgeMember] = channel.system.loop.create_future()
    _fetch(channel, other, meeting, options, arrived)
    timers: list[LimitTimer] = []

    def limit_time(future: asyncio.Future[BridgeMember]) -> None:
        if limit is not None and not future.cancelled() and not own.left.done():
            timers.append(LimitTimer(own, future.result(), limit))

    arrived.add_done_callback(limit_time)
    give_up = channel.system.loop.call_later(_PATIENCE, _give_up, own, arrived)
    try:
        await own.left
    except asyncio.CancelledError:
        own.leave(LeaveReason.HANGUP)
        raise
    finally:
        give_up.cancel()
        is_success = arrived.done()
        arrived.cancel()
        for timer in timers:
            timer.close(own, LeaveReason.HANGUP)
    return "SUCCESS" if is_success else "FAILURE"


def _give_up(own: BridgeMember, arrived: asyncio.Future[BridgeMember]) -> None:
    if not arrived.done():
        logger.warning(f"Bridge: the other channel did not come to {own.channel.name}")
        own.leave(LeaveReason.KICKED)


def _given(options: ParsedOptions, letter: str) -> str | None:
    return options.get(letter) if letter in options else None


def _fetch(
    channel: Channel, other: Channel, meeting: Bridge, options: ParsedOptions, arrived: asyncio.Future[BridgeMember]
) -> None:
    """Bring the other channel into the bridge: from its present one, or out of its dialplan."""
    place = None
    if "F" in options:
        text = options.get("F")
        place = (channel.context, channel.extension, channel.priority + 1)
        place = (parse_goto(channel, bar_to_comma(text)) or place) if text else place

    def came(member: BridgeMember) -> None:
        if not arrived.done():
            arrived.set_result(member)

    rights = PartyRights("t" in options, "h" in options, "w" in options, may_park="k" in options)
    gather(other, meeting, Gathering(rights, place, hears_tone="p" in options, hangs_up="x" in options), came)
