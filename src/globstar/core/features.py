"""Digit features of bridged channels: which codes do what (features.conf), and finding the codes in what is pressed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.config import ConfigFile
from globstar.config.file import Variable
from globstar.config.values import boolean, floating, integer
from globstar.core.frame import Frame, FrameType, digit_end
from globstar.core.testevents import tell_state
from globstar.dialplan.arguments import argument, split_arguments

if TYPE_CHECKING:
    from globstar.core.bridge import BridgeMember
    from globstar.core.channel import Channel
    from globstar.core.system import System

logger = Logger("features")

#: Length of a digit that was held back and is passed on late, and the pause after it, seconds.
_LATE_DIGIT = 0.1
_LATE_GAP = 0.05

#: Name of the service that holds the :class:`FeatureSettings` of a system.
SERVICE = "features"


@dataclass(frozen=True, slots=True)
class DynamicFeature:
    """An application that a digit code starts: ``code,self|peer[/caller|callee|both],application[,arguments[,music class]]``."""

    name: str
    code: str
    #: the application runs on who pressed the code, else on the other party
    is_on_self: bool
    for_caller: bool
    for_callee: bool
    application: str
    arguments: str = ""
    music_class: str = ""


def parse_dynamic_feature(name: str, text: str) -> DynamicFeature:
    """Read a line of [applicationmap]. Raises ValueError with the reason."""
    parts = split_arguments(text)
    if len(parts) < 3 or not parts[0] or not parts[2]:
        raise ValueError("expected a code, who it is for, and an application")
    code, who, application = parts[0].strip(), parts[1].strip().lower(), parts[2].strip()
    arguments, music_class = argument(parts, 3), argument(parts, 4)
    if application.endswith(")") and "(" in application:
        application, _, rest = application.partition("(")
        arguments, music_class = rest[:-1], arguments
    on, _, by = who.partition("/")
    if on not in ("self", "peer") or by not in ("", "caller", "callee", "both"):
        raise ValueError(f"'{parts[1]}' is not self or peer, with caller, callee or both")
    if not set(code) <= _DIGITS:
        raise ValueError(f"'{code}' is no digit code")
    return DynamicFeature(name, code, on == "self", by != "callee", by != "caller", application, arguments, music_class)


@dataclass(frozen=True, slots=True)
class FeatureSettings:
    """``[general]`` and ``[featuremap]`` of features.conf. Times are seconds; an empty code switches its feature off."""

    blindxfer: str = "#"
    disconnect: str = "*"
    atxfer: str = ""
    parkcall: str = ""
    automixmon: str = ""
    #: what older files call the code that records a call
    automon: str = ""
    feature_digit_timeout: float = 1.0
    transfer_digit_timeout: float = 3.0
    transfer_dial_attempts: int = 3
    attended_no_answer_timeout: float = 15.0
    attended_drop_call: bool = False
    attended_loop_delay: float = 10.0
    attended_callback_retries: int = 2
    attended_abort: str = "*1"
    attended_complete: str = "*2"
    attended_threeway: str = "*3"
    attended_swap: str = "*4"
    transfer_success_sound: str = "beep"
    transfer_failed_sound: str = "beeperr"
    transfer_retry_sound: str = "pbx-invalid"
    transfer_invalid_sound: str = "privacy-incorrect"
    transfer_announce_sound: str = "pbx-transfer"
    courtesy_tone: str = ""
    pickup_extension: str = "*8"
    pickup_sound: str = ""
    pickup_failed_sound: str = ""
    recording_failed_sound: str = ""
    #: [applicationmap], for DYNAMIC_FEATURES
    application_map: Mapping[str, DynamicFeature] = field(default_factory=dict)
    #: the other sections: names of features and their codes in that group ("" for their own)
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


_DIGITS = frozenset("0123456789*#ABCDabcd")
#: What a number may be: a count, or a length of time in seconds.
_COUNT, _SECONDS = integer(0, 2**31), floating(0, 2**31)
_GENERAL: dict[str, tuple[str, Callable[[str], object]]] = {
    "featuredigittimeout": ("feature_digit_timeout", lambda text: _COUNT(text) / 1000),
    "transferdigittimeout": ("transfer_digit_timeout", _SECONDS),
    "transferdialattempts": ("transfer_dial_attempts", _COUNT),
    "transferretrysound": ("transfer_retry_sound", str),
    "transferinvalidsound": ("transfer_invalid_sound", str),
    "transferannouncesound": ("transfer_announce_sound", str),
    "atxfernoanswertimeout": ("attended_no_answer_timeout", _SECONDS),
    "atxferdropcall": ("attended_drop_call", boolean),
    "atxferloopdelay": ("attended_loop_delay", _SECONDS),
    "atxfercallbackretries": ("attended_callback_retries", _COUNT),
    "xfersound": ("transfer_success_sound", str),
    "xferfailsound": ("transfer_failed_sound", str),
    "courtesytone": ("courtesy_tone", str),
    "pickupexten": ("pickup_extension", str),
    "pickupsound": ("pickup_sound", str),
    "pickupfailsound": ("pickup_failed_sound", str),
    "recordingfailsound": ("recording_failed_sound", str),
}
#: Codes in [general]: what one who consults with the target of an attended transfer may press.
_CODES = {
    "atxferabort": "attended_abort",
    "atxfercomplete": "attended_complete",
    "atxferthreeway": "attended_threeway",
    "atxferswap": "attended_swap",
}
_FEATURES = ("blindxfer", "disconnect", "atxfer", "parkcall", "automixmon")


def read_features(config: ConfigFile | None) -> FeatureSettings:
    """The settings of a features.conf; what cannot be used is logged by file and line and keeps its default."""
    values: dict[str, object] = {}
    application_map: dict[str, DynamicFeature] = {}
    groups: dict[str, dict[str, str]] = {}
    members: list[Variable] = []
    for category in config or ():
        section = category.name.lower()
        for variable in category:
            name, text = variable.name.lower(), variable.value.strip()
            where = f"{variable.file}:{variable.line}"
            code = (
                name
                if section == "featuremap" and name in (*_FEATURES, "automon")
                else _CODES.get(name, "")
                if section == "general"
                else ""
            )
            if code:
                if set(text) <= _DIGITS:
                    values[code] = text
                else:
                    logger.warning(f"{where}: '{text}' is no digit code for {name}")
            elif section == "general" and name in _GENERAL:
                attribute, read = _GENERAL[name]
                try:
                    values[attribute] = read(text)
                except ValueError as fault:
                    logger.warning(f"{where}: '{text}' is no value for {name}: {fault}")
            elif section == "applicationmap":
                try:
                    application_map[variable.name] = parse_dynamic_feature(variable.name, text)
                except ValueError as fault:
                    logger.warning(f"{where}: {variable.name}: {fault}")
            elif section in ("general", "featuremap"):
                logger.warning(f"{where}: unknown option '{variable.name}' of [{section}] has no effect")
            elif set(text) <= _DIGITS:
                groups.setdefault(category.name, {})[variable.name] = text
                members.append(variable)
            else:
                logger.warning(f"{where}: '{text}' is no digit code for {variable.name} of group [{category.name}]")
    for variable in members:
        if variable.name not in application_map:
            logger.warning(f"{variable.file}:{variable.line}: there is no feature '{variable.name}' in [applicationmap]")
    return replace(FeatureSettings(), application_map=application_map, groups=groups, **values)  # type: ignore[arg-type]


def settings_of(system: System) -> FeatureSettings:
    """The settings in force."""
    settings = system.services.get(SERVICE)
    return settings if isinstance(settings, FeatureSettings) else _DEFAULTS


_DEFAULTS = FeatureSettings()

#: Key in ``channel.data`` of what a channel has instead of the settings of features.conf.
OVERRIDES = "feature settings"


@dataclass(slots=True)
class FeatureOverrides:
    """Settings of one channel (FEATURE and FEATUREMAP of the dialplan), by attribute of :class:`FeatureSettings`."""

    values: dict[str, object] = field(default_factory=dict)
    #: the channels that it calls get them, too
    is_inherited: bool = False


def settings_for(channel: Channel) -> FeatureSettings:
    """The settings in force for one channel."""
    settings = settings_of(channel.system)
    overrides: FeatureOverrides | None = channel.data.get(OVERRIDES)
    return replace(settings, **overrides.values) if overrides is not None else settings  # type: ignore[arg-type]


def overrides_of(channel: Channel) -> FeatureOverrides:
    """What a channel has of its own, to be changed."""
    overrides: FeatureOverrides = channel.data.setdefault(OVERRIDES, FeatureOverrides())
    return overrides


def inherit_features(parent: Channel, child: Channel) -> None:
    """A channel that ``parent`` calls gets its settings if they are inherited."""
    overrides: FeatureOverrides | None = parent.data.get(OVERRIDES)
    if overrides is not None and overrides.is_inherited:
        child.data[OVERRIDES] = FeatureOverrides(dict(overrides.values), True)


def read_option(name: str, text: str) -> tuple[str, object]:
    """The attribute and the value of an option of [general]. Raises ValueError, KeyError for one that does not exist."""
    code = _CODES.get(name)
    if code is not None:
        return code, read_code(text)
    attribute, read = _GENERAL[name]
    return attribute, read(text)


def read_code(text: str) -> str:
    """A digit code; "" for none. Raises ValueError."""
    if not set(text) <= _DIGITS:
        raise ValueError(f"'{text}' is no digit code")
    return text


def show_option(settings: FeatureSettings, name: str) -> str:
    """The value of an option of [general] as features.conf would say it. Raises KeyError."""
    attribute = _CODES.get(name) or _GENERAL[name][0]
    value = getattr(settings, attribute)
    if name == "featuredigittimeout":
        value = round(value * 1000)
    return str(int(value)) if isinstance(value, (bool, float)) else str(value)


#: The features of [featuremap].
FEATURES = _FEATURES

#: What a feature does when its code was pressed by a member.
FeatureAction = Callable[["BridgeMember"], None]


class DigitFeatures:
    """Finds the feature codes in what one member presses; the ``digit_filter`` of its place in a bridge.

    Digits that may belong to a code are held back; when they turn out not to, or when no further digit comes in time, they
    are passed on to the others, and what is pressed meanwhile goes after them.
    """

    __slots__ = ("_free_at", "_held", "_timer", "actions", "channel", "member", "timeout")

    def __init__(self, channel: Channel, actions: dict[str, FeatureAction], timeout: float) -> None:
        self.channel = channel
        self.actions = actions
        self.timeout = timeout
        self.member: BridgeMember | None = None
        self._held = ""
        self._timer: asyncio.TimerHandle | None = None
        #: when the last of those that are passed on late is out, with its pause (loop time)
        self._free_at = 0.0

    def __call__(self, frame: Frame) -> bool:
        """A digit was pressed: True keeps it from the other members."""
        candidate = self._held + frame.digit
        may_be_code = any(code.startswith(candidate) for code in self.actions)
        if not may_be_code and self._held:
            self._pass_held_on()
            candidate = frame.digit
            may_be_code = any(code.startswith(candidate) for code in self.actions)
        if frame.type is FrameType.DTMF_BEGIN:
            if may_be_code:
                self._stop_timer()  # it came in time, however long it is pressed
            return may_be_code or self._is_late
        if not may_be_code:
            if not self._is_late:
                return False
            self._pass_late(frame.digit, frame.duration_ms)
            return True
        self._stop_timer()
        self._held = candidate
        action = self.actions.get(candidate)
        if action is not None and not any(len(code) > len(candidate) and code.startswith(candidate) for code in self.actions):
            self._run(action)
        else:
            self._timer = self.channel.system.loop.call_later(self.timeout, self._timed_out)
        return True

    def close(self) -> None:
        """The member is out: nothing is held any more."""
        self._stop_timer()
        self._held = ""

    def _timed_out(self) -> None:
        self._timer = None
        action = self.actions.get(self._held)
        if action is not None:
            self._run(action)
        else:
            self._pass_held_on()

    def _run(self, action: FeatureAction) -> None:
        self._held = ""
        if self.member is not None:
            tell_state(self.channel.system, "FEATURE_DETECTION", self.channel, Result="success")
            action(self.member)

    @property
    def _is_late(self) -> bool:
        """Whether digits that were held back are still on their way to the others."""
        return self.channel.system.loop.time() < self._free_at

    def _pass_held_on(self) -> None:
        """Send the held digits to the other members, one after the other."""
        self._stop_timer()
        held, self._held = self._held, ""
        for digit in held:
            self._pass_late(digit, round(_LATE_DIGIT * 1000))

    def _pass_late(self, digit: str, duration_ms: int) -> None:
        """Send a whole digit to the other members, after those before it."""
        if self.member is not None:
            loop = self.channel.system.loop
            start = max(loop.time(), self._free_at)
            self._free_at = start + max(duration_ms / 1000, _LATE_DIGIT) + _LATE_GAP
            loop.call_at(start, _pass_on, self.member, digit, duration_ms)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _pass_on(member: BridgeMember, digit: str, duration_ms: int) -> None:
    if not member.left.done():
        member.bridge.pass_on(member, digit_end(digit, duration_ms))
