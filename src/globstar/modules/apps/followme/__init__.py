"""Find-Me/Follow-Me Application."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.bridge import BridgeMember, LeaveReason
from globstar.core.channel import Channel, ChannelGone, SoftHangup
from globstar.core.dialing import CallStatus, OutgoingCall
from globstar.core.frame import Control
from globstar.core.pbx import continue_in_dialplan
from globstar.core.playback import play_all
from globstar.core.recording import RecordEnd, record
from globstar.core.registry import application
from globstar.core.services import MusicOnHold
from globstar.core.soundfile import SoundFault
from globstar.core.system import System
from globstar.core.twoparty import CallOptions, PartyRights, bridge_two
from globstar.dialplan.arguments import argument, parse_options, split_arguments
from globstar.modules.apps.followme.hunt import Hunt, HuntOptions, end_callee, run_predial
from globstar.modules.apps.followme.realtime import find_profile
from globstar.modules.apps.followme.settings import FollowMeSettings, Profile, read_followme

__all__ = ["followme", "load", "reload", "unload"]

logger = Logger("app_followme")

_SETTINGS = "followme settings"
_OPTIONS = {"a": False, "B": True, "b": True, "d": False, "I": False, "l": False, "N": False, "n": False, "s": False}
#: How long a caller's name may be, seconds.
NAME_LIMIT = 5.0


def load(system: System) -> None:
    """Read followme.conf."""
    system.services[_SETTINGS] = read_followme(system.configuration.read("followme.conf"))


def reload(system: System) -> None:
    """Read followme.conf again; calls under way keep what they have."""
    load(system)


def unload(system: System) -> None:
    """Forget it."""
    system.services.pop(_SETTINGS, None)


@application("FollowMe", syntax="FollowMe(followmeid[,options])")
async def followme(channel: Channel, data: str) -> int:
    """Look for somebody at several numbers and connect the caller to the first that takes the call.

    followmeid is a profile of followme.conf. Its numbers ring step by step, those of one step together; who answers hears who
    calls and takes or declines the call by a key. Sets DIALEDTIME and ANSWEREDTIME after the call. Options:

    a: the caller says its name first, the called parties hear it.
    B(place), b(place): run a subroutine on the caller, on each called channel, before it is called.
    d: no announcement that the caller shall hold the line.
    I: ignore news of who is at the other end.
    l: keep the Local channels of the calls.
    N: do not answer the caller before somebody takes the call; it hears ringing, no announcements and no music.
    n: tell the caller when nobody was reached.
    s: tell the caller that the search begins.
    """
    arguments = split_arguments(data)
    name = argument(arguments, 0)
    if not name:
        logger.warning("FollowMe requires an argument (followmeid)")
        return -1
    settings = channel.system.service(_SETTINGS, FollowMeSettings)
    profile = await find_profile(channel.system, settings, name) if settings is not None else None
    if settings is None or profile is None:
        logger.warning(f"FollowMe profile '{name}' not found in followme.conf")
        return 0
    options = parse_options(argument(arguments, 1), _OPTIONS, logger.warning)
    letters = options.letters
    if "B" in options:
        await run_predial(channel, options.get("B"))
    is_silent = "N" in letters
    hunt_options = HuntOptions(predial=options.get("b"), is_optimized="l" not in letters, digit_timeout=settings.digit_timeout)
    hunt = Hunt(channel, profile, hunt_options)
    try:
        if is_silent:
            channel.indicate(Control.RINGING)
        else:
            await _greet(channel, profile, letters, hunt_options)
        winner, started_at = await _search(channel, hunt, has_music=not is_silent)
    finally:
        if hunt_options.introduction:
            await channel.system.run_blocking(channel.system.sounds.delete, hunt_options.introduction)
    if winner is None:
        if "n" in letters and not is_silent:
            await _tell(channel, profile.prompts.sorry)
        return 0
    if "I" not in letters:
        channel.set_connected_line(hunt.parties.get(winner) or winner.channel.caller.id)
    return await _connect(channel, winner, profile, started_at)


async def _greet(channel: Channel, profile: Profile, letters: set[str], options: HuntOptions) -> None:
    """What the caller hears, and is asked for, before the search."""
    await channel.answer()
    if "s" in letters:
        await _tell(channel, profile.prompts.status)
    if "a" in letters:
        options.introduction = await _record_name(channel)
    if "d" not in letters:
        await _tell(channel, profile.prompts.please_hold)


async def _tell(channel: Channel, sound: str) -> None:
    if sound:
        await play_all(channel, [sound])


async def _record_name(channel: Channel) -> str:
    """Let the caller say its name; nothing if that failed."""
    name = f"{channel.system.directories.astspooldir}/tmp/followme-{channel.unique_id.replace('.', '-')}"
    await _tell(channel, "vm-rec-name")
    try:
        writer = channel.system.sounds.create(name, "sln")
    except SoundFault as fault:
        logger.warning(f"FollowMe: {fault}")
        return ""
    result = await record(channel, [writer], maximum_seconds=NAME_LIMIT, silence_seconds=2.0, stop_on="#")
    if result.end is RecordEnd.HANGUP:
        await channel.system.run_blocking(channel.system.sounds.delete, name)
        raise ChannelGone(channel.name)
    return "" if result.end is RecordEnd.FAILED or not result.duration_ms else name


async def _search(channel: Channel, hunt: Hunt, *, has_music: bool) -> tuple[OutgoingCall | None, float]:
    music = channel.system.service("music on hold", MusicOnHold)  # type: ignore[type-abstract]
    started_at = channel.system.now()
    is_playing = has_music and music is not None and music.start(channel, hunt.profile.music_class)
    try:
        return await hunt.run(), started_at
    finally:
        if is_playing and music is not None:
            music.stop(channel)
        channel.stop_generator()


async def _connect(channel: Channel, call: OutgoingCall, profile: Profile, started_at: float) -> int:
    callee = call.channel
    is_handed_over = False
    try:
        channel.answer_at_once()
        await _tell(channel, profile.prompts.connecting)
        call.announce_end(CallStatus.ANSWER)
        answered_at = channel.system.now()
        is_handed_over = True
        await bridge_two(channel, callee, CallOptions(PartyRights(is_caller=True), PartyRights()), _callee_left)
    finally:
        if not is_handed_over:
            callee.hangup()
    now = channel.system.now()
    channel.set_variable("DIALEDTIME", str(int(now - started_at)))
    channel.set_variable("ANSWEREDTIME", str(int(now - answered_at)))
    return -1 if channel.soft_hangup & ~SoftHangup.ASYNC_GOTO else 0


def _callee_left(member: BridgeMember, reason: LeaveReason) -> None:
    callee = member.channel
    if not callee.is_hung_up and not continue_in_dialplan(callee):
        callee.system.start_call_task(callee, end_callee(callee), "hangup handlers")
