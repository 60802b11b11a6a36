"""Place the channel into a holding bridge application."""

from __future__ import annotations

import asyncio

from globstar.base.log import Logger
from globstar.core.bridge import Bridge, LeaveReason
from globstar.core.bridgetech import BridgeCapability
from globstar.core.channel import Channel, ChannelState
from globstar.core.idle import Entertainment, IdleMode
from globstar.core.registry import application
from globstar.core.system import System
from globstar.dialplan.arguments import ParsedOptions, argument, parse_options, split_arguments

logger = Logger("app_bridgewait")

_OPTIONS = {"m": True, "e": True, "S": True, "n": False}
_DEFAULT_NAME = "default"
_BRIDGES = "holding bridges by name"


@application("BridgeWait", syntax="BridgeWait([name][,role][,options])")
async def bridge_wait(channel: Channel, data: str) -> int:
    """Put the call into a holding bridge, where it waits.

    ``name`` tells holding bridges apart. A participant (the usual role) hears what announcers say and is entertained meanwhile;
    it is heard by nobody. The call is answered first.

    m(class): the music on hold to play.
    e(mode): the entertainment: m music, r ringing, s silence, h hold, n none.
    S(seconds): leave after so long and go on in the dialplan.
    n: do not answer.
    """
    arguments = split_arguments(data)
    name = argument(arguments, 0, _DEFAULT_NAME)
    role = argument(arguments, 1, "participant").lower()
    if role not in ("participant", "announcer"):
        logger.warning(f"BridgeWait: '{role}' is no role")
        return -1
    options = parse_options(argument(arguments, 2), _OPTIONS, lambda problem: logger.warning(f"BridgeWait: {problem}"))
    seconds = _seconds(options.get("S")) if "S" in options else None
    if channel.state is not ChannelState.UP and "n" not in options:
        channel.answer_at_once()
    idle = _idle_mode(options) if role == "participant" else None
    member = _bridge(channel.system, name).join(channel, role=role, idle=idle)
    timer = channel.system.loop.call_later(seconds, member.leave, LeaveReason.KICKED) if seconds else None
    try:
        await member.left
    except asyncio.CancelledError:
        member.leave(LeaveReason.HANGUP)
        raise
    finally:
        if timer is not None:
            timer.cancel()
    return 0


def _bridge(system: System, name: str) -> Bridge:
    """The holding bridge called ``name``, made for the first who comes and gone with the last."""
    bridges: dict[str, Bridge] = system.services.setdefault(_BRIDGES, {})
    bridge = bridges.get(name)
    if bridge is None or bridge.is_dissolved:
        bridge = bridges[name] = Bridge(
            system,
            capabilities=BridgeCapability.HOLDING,
            kind="holding",
            name=name,
            creator="BridgeWait",
            dissolve_on_hangup=False,
        )
    return bridge


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        logger.warning(f"BridgeWait: '{text}' is no time in seconds")
        return None
    return seconds


def _idle_mode(options: ParsedOptions) -> IdleMode | None:
    letter = (options.get("e") or "m")[:1].lower()
    try:
        kind = Entertainment(letter)
    except ValueError:
        logger.warning(f"BridgeWait: '{letter}' is no entertainment")
        return None
    return IdleMode(kind, options.get("m") or "")
