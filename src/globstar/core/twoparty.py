"""Two-party calls: caller and callee in a bridge, with the digits they may use and the time they may take."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from globstar.base.errors import RemoteFault
from globstar.base.log import Logger
from globstar.config.values import is_true
from globstar.core import say
from globstar.core.announce import start_announcement
from globstar.core.applications import run_application
from globstar.core.atxfer import start_attended_transfer
from globstar.core.bridge import Bridge, BridgeMember, LeaveReason
from globstar.core.channel import Channel, ChannelGone
from globstar.core.features import DigitFeatures, DynamicFeature, FeatureAction, FeatureSettings, settings_for
from globstar.core.services import MusicOnHold, Parking
from globstar.core.testevents import tell_state
from globstar.core.touchrecord import toggle_recording
from globstar.core.transfer import start_blind_transfer

logger = Logger("features")

#: Value of LIMIT_WARNING_FILE (and its default) that says the time left instead of playing a file.
TIME_LEFT = "timeleft"


@dataclass(slots=True)
class TimeLimit:
    """How long a call may last (seconds), and who is told what about it."""

    seconds: float
    #: time left at the first warning, and between warnings; 0: none
    warning: float = 0.0
    repeat: float = 0.0
    tells_caller: bool = True
    tells_callee: bool = False
    connect_sound: str = ""
    warning_sound: str = TIME_LEFT
    timeout_sound: str = ""


class LimitFault(RemoteFault):
    """A time limit that makes no sense."""


def read_limit(channel: Channel, limit: str | None, seconds: str | None) -> TimeLimit:
    """The limit of options ``L(x[:y[:z]])`` (milliseconds) and ``S(x)`` (seconds), with the LIMIT_ variables of the channel.

    The shorter one counts if both are given. Raises :class:`LimitFault`.
    """
    result = TimeLimit(0.0)
    if limit is not None:
        x, _, rest = limit.partition(":")
        y, _, z = rest.partition(":")
        total, warning, repeat = _leading_number(x), _leading_number(y), _leading_number(z)
        if total <= 0:
            raise LimitFault(f"L({limit}): the time must be at least 1 ms")
        if warning > total:
            while repeat > 0 and warning > total:
                warning -= repeat
            warning = warning if 0 < warning <= total else 0
        variable = channel.variables.get
        result = TimeLimit(
            total / 1000, warning / 1000, repeat / 1000,
            tells_caller=_flag(variable("LIMIT_PLAYAUDIO_CALLER"), True),
            tells_callee=_flag(variable("LIMIT_PLAYAUDIO_CALLEE"), False),
            connect_sound=variable("LIMIT_CONNECT_FILE") or "",
            warning_sound=variable("LIMIT_WARNING_FILE") or TIME_LEFT,
            timeout_sound=variable("LIMIT_TIMEOUT_FILE") or "",
        )  # fmt: skip
    if seconds is not None:
        whole = _leading_number(seconds)
        if whole <= 0:
            raise LimitFault(f"S({seconds}): it takes seconds, at least 1")
        result.seconds = min(result.seconds, float(whole)) if result.seconds else float(whole)
    return result


def _leading_number(text: str) -> int:
    found = re.match(r"\s*([0-9]+)", text)
    return int(found[1]) if found else 0


def _flag(text: str | None, default: bool) -> bool:
    return is_true(text) if text else default


@dataclass(frozen=True, slots=True)
class PartyRights:
    """What one party may do with its digits."""

    may_transfer: bool = False
    may_disconnect: bool = False
    may_record: bool = False
    #: it is the one who called, which [applicationmap] of features.conf may ask
    is_caller: bool = False
    may_park: bool = False


@dataclass(frozen=True, slots=True)
class CallOptions:
    """The rights of both parties and the limit of the call."""

    caller: PartyRights
    callee: PartyRights
    limit: TimeLimit | None = None


async def bridge_two(
    caller: Channel,
    callee: Channel,
    options: CallOptions,
    callee_left: Callable[[BridgeMember, LeaveReason], None],
) -> LeaveReason:
    """Let caller and callee talk; returns when the caller is out of the bridge, with the reason.

    Called by the owner of ``caller``. ``callee_left`` is called when the callee is out for good and settles what becomes
    of it; that may be later, when the callee was moved to another bridge.
    """
    bridge = Bridge(caller.system)
    callee_member = join_with_rights(bridge, callee, options.callee)
    callee_member.when_left(callee_left)
    if bridge.is_dissolved:
        return LeaveReason.DISSOLVED
    caller_member = join_with_rights(bridge, caller, options.caller)
    limit = options.limit
    if limit is not None and not caller_member.left.done():
        timer = LimitTimer(caller_member, callee_member, limit)
        caller_member.when_left(timer.close)
        callee_member.when_left(timer.close)
    try:
        return await caller_member.left
    except asyncio.CancelledError:
        caller_member.leave(LeaveReason.HANGUP)
        raise


def join_with_rights(bridge: Bridge, channel: Channel, rights: PartyRights) -> BridgeMember:
    """Bring a channel into a bridge with the codes that its party may press."""
    filter_ = digit_features(channel, rights)
    member = bridge.join(channel, digit_filter=filter_)
    if filter_ is not None:
        _belong(filter_, member)
    return member


def give_rights(member: BridgeMember, rights: PartyRights) -> None:
    """Change the codes that the party of a member may press."""
    filter_ = member.digit_filter = digit_features(member.channel, rights)
    if filter_ is not None:
        _belong(filter_, member)


def _belong(filter_: DigitFeatures, member: BridgeMember) -> None:
    filter_.member = member
    member.when_left(lambda _member, _reason: filter_.close())


def digit_features(channel: Channel, rights: PartyRights) -> DigitFeatures | None:
    """The codes that a party with ``rights``, and those of CHANNEL(dtmf_features), may press; None if there are none."""
    letters = channel.data.get("dtmf_features", "")
    if letters:
        rights = PartyRights(
            rights.may_transfer or "T" in letters, rights.may_disconnect or "H" in letters,
            rights.may_record or "W" in letters or "X" in letters, rights.is_caller, rights.may_park or "K" in letters,
        )  # fmt: skip
    dynamic = channel.variables.get("DYNAMIC_FEATURES")
    if not (rights.may_transfer or rights.may_disconnect or rights.may_record or rights.may_park or dynamic):
        return None
    settings = settings_for(channel)
    actions: dict[str, FeatureAction] = {}
    if rights.may_disconnect and settings.disconnect:
        actions[settings.disconnect] = _disconnect
    if rights.may_transfer and settings.blindxfer:
        actions[settings.blindxfer] = start_blind_transfer
    if rights.may_transfer and settings.atxfer:
        actions[settings.atxfer] = start_attended_transfer
    for code in (settings.automixmon, settings.automon) if rights.may_record else ():
        if code:
            actions[code] = toggle_recording
    parking = channel.system.service("parking", Parking) if rights.may_park else None  # type: ignore[type-abstract]
    if parking is not None and settings.parkcall:
        actions[settings.parkcall] = parking.park_by_code
    for name, code in _dynamic_names(settings, dynamic or ""):
        feature = settings.application_map.get(name)
        if feature is None:
            logger.warning(f"DYNAMIC_FEATURES of {channel.name}: features.conf has no '{name}' in [applicationmap]")
        elif feature.for_caller if rights.is_caller else feature.for_callee:
            actions[code or feature.code] = partial(start_dynamic_feature, feature)
    return DigitFeatures(channel, actions, settings.feature_digit_timeout) if actions else None


def _dynamic_names(settings: FeatureSettings, text: str) -> list[tuple[str, str]]:
    """The features that DYNAMIC_FEATURES names, singly or by group, and the codes that groups give them instead of their own."""
    names: list[tuple[str, str]] = []
    for name in (part.strip() for part in text.split("#") if part.strip()):
        group = settings.groups.get(name)
        names += list(group.items()) if group is not None else [(name, "")]
    return names


def _disconnect(member: BridgeMember) -> None:
    logger.verbose(3, f"{member.channel.name} pressed the disconnect code")
    member.leave(LeaveReason.DIGIT)


def start_dynamic_feature(feature: DynamicFeature, member: BridgeMember) -> None:
    """The code of a feature of [applicationmap] was pressed: run its application, apart from the others."""
    target = member if feature.is_on_self else next(iter(member.peers), None)
    if target is not None and target.is_apart:
        logger.verbose(3, f"{target.channel.name} is spoken to already: {feature.name} has no effect")
    elif target is not None:
        channel = target.channel
        channel.set_variable("DYNAMIC_FEATURENAME", feature.name)
        channel.set_variable("DYNAMIC_WHO_ACTIVATED", member.channel.name)
        task = channel.system.start_call_task(channel, _run_dynamic(feature, target), feature.name)
        target.when_left(lambda _member, _reason: _cancel(task))


async def _run_dynamic(feature: DynamicFeature, member: BridgeMember) -> None:
    channel = member.channel
    others = [peer.channel for peer in member.peers]
    music = channel.system.service("music on hold", MusicOnHold) if feature.music_class else None  # type: ignore[type-abstract]
    if music is not None:
        for other in others:
            music.start(other, feature.music_class)
    member.set_apart()
    try:
        result = run_application(channel, feature.application, feature.arguments)
        if inspect.isawaitable(result):
            await result
    except ChannelGone:
        return
    finally:
        if music is not None:
            for other in others:
                music.stop(other)
        if not member.left.done():
            member.bring_back()


class LimitTimer:
    """Ends a call after its time, with warnings before; one that is being said is heard to its end, as with Asterisk."""

    __slots__ = ("_playing", "_timers", "callee", "caller", "limit")

    def __init__(self, caller: BridgeMember, callee: BridgeMember, limit: TimeLimit) -> None:
        self.caller = caller
        self.callee = callee
        self.limit = limit
        self._playing: list[asyncio.Task[object]] = []
        loop = caller.channel.system.loop
        self._timers = [loop.call_later(limit.seconds, self._expired)]
        left = limit.warning
        while 0 < left < limit.seconds:
            self._timers.append(loop.call_later(limit.seconds - left, self._warn, left))
            left = left - limit.repeat if limit.repeat > 0 else 0
        if limit.connect_sound:
            self._tell([limit.connect_sound])

    def close(self, member: BridgeMember, reason: LeaveReason) -> None:
        """A party is out: there is nothing to limit any more."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _told(self) -> list[BridgeMember]:
        limit = self.limit
        told = [self.caller] if limit.tells_caller else []
        return told + ([self.callee] if limit.tells_callee else [])

    def _warn(self, left: float) -> None:
        sound = self.limit.warning_sound
        self._tell([sound] if sound != TIME_LEFT else time_left(left, self.caller.channel.language))

    def _tell(self, sounds: list[str]) -> None:
        self._playing = [task for task in self._playing if not task.done()]
        self._playing += [start_announcement(member, sounds) for member in self._told()]

    def _expired(self, said: asyncio.Task[object] | None = None) -> None:
        if not self._timers:  # a party has left meanwhile
            return
        playing = next((task for task in self._playing if not task.done()), None)
        if playing is not None:
            playing.add_done_callback(self._expired)
            return
        tell_state(self.caller.channel.system, "BRIDGE_TIMELIMIT", self.caller.channel)
        told = [start_announcement(member, [self.limit.timeout_sound]) for member in self._told() if self.limit.timeout_sound]
        if not told:
            self._end()
            return
        told[-1].add_done_callback(lambda _: self._end())

    def _end(self) -> None:
        logger.verbose(3, f"the time of the call between {self.caller.channel.name} and {self.callee.channel.name} is over")
        self.callee.leave(LeaveReason.LIMIT)
        self.caller.leave(LeaveReason.LIMIT)


def _cancel(task: asyncio.Task[object]) -> None:
    if task is not asyncio.current_task():
        task.cancel()


def time_left(seconds: float, language: str) -> list[str]:
    """The sounds of "you have ... minutes ... seconds"."""
    minutes, rest = divmod(int(seconds), 60)
    sounds = ["vm-youhave"]
    if minutes:
        sounds += [*say.say_number(minutes, language), "queue-minutes"]
    if rest:
        sounds += [*say.say_number(rest, language), "queue-seconds"]
    return sounds if len(sounds) > 1 else []
