"""followme.conf: where people are looked for, and what callers and called parties hear."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from globstar.base.log import Logger
from globstar.config import ConfigFile
from globstar.config.values import is_true

logger = Logger("app_followme")

#: How long a number is rung that says nothing else, seconds.
DEFAULT_TIMEOUT = 25
#: The most digits of takecall and declinecall.
MAX_CODE = 20


@dataclass(slots=True)
class Prompts:
    """The sounds; an empty one is not played."""

    call_from: str = "followme/call-from"
    no_recording: str = "followme/no-recording"
    options: str = "followme/options"
    please_hold: str = "followme/pls-hold-while-try"
    status: str = "followme/status"
    sorry: str = "followme/sorry"
    connecting: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """Numbers that ring together as one step of the search."""

    numbers: tuple[str, ...]
    timeout: int
    order: int


@dataclass(slots=True)
class Profile:
    """One person."""

    name: str
    prompts: Prompts
    context: str = ""
    music_class: str = ""
    take_call: str = "1"
    decline_call: str = "2"
    asks_callee: bool = True
    numbers: list[Number] = field(default_factory=list)

    def steps(self) -> list[list[Number]]:
        """The steps of the search: the numbers of one order ring at a time."""
        orders = sorted({number.order for number in self.numbers})
        return [[number for number in self.numbers if number.order == order] for order in orders]


@dataclass(slots=True)
class FollowMeSettings:
    """The whole file. ``digit_timeout``: how long the called party may wait before a digit, seconds."""

    digit_timeout: float = 5.0
    prompts: Prompts = field(default_factory=Prompts)
    profiles: dict[str, Profile] = field(default_factory=dict)


#: Names of prompts, with hyphens or underscores between their words and with ``followme-`` in front or not.
_PROMPTS = {
    "call_from_prompt": "call_from",
    "norecording_prompt": "no_recording",
    "options_prompt": "options",
    "pls_hold_prompt": "please_hold",
    "status_prompt": "status",
    "sorry_prompt": "sorry",
    "connecting_prompt": "connecting",
}


def _set_prompt(prompts: Prompts, name: str, value: str) -> bool:
    attribute = _PROMPTS.get(name.lower().replace("-", "_").removeprefix("followme_"))
    if attribute is None:
        return False
    setattr(prompts, attribute, value)
    return True


def read_followme(config: ConfigFile | None) -> FollowMeSettings:
    """Read followme.conf; what cannot be used is logged by file and line."""
    settings = FollowMeSettings()
    categories = list(config or ())
    for category in categories:
        if category.name.lower() != "general":
            continue
        for variable in category:
            if variable.name.lower() == "featuredigittimeout":
                if variable.value.isdecimal() and int(variable.value) > 0:
                    settings.digit_timeout = int(variable.value) / 1000
                else:
                    logger.warning(f"{variable.file}:{variable.line}: '{variable.value}' is no time in milliseconds")
            elif not _set_prompt(settings.prompts, variable.name, variable.value):
                logger.warning(f"{variable.file}:{variable.line}: unknown option '{variable.name}' of [general]")
    for category in categories:
        if category.name.lower() == "general":
            continue
        profile = Profile(category.name, copy.copy(settings.prompts))
        for variable in category:
            problem = read_option(profile, variable.name.lower(), variable.value)
            if problem:
                logger.warning(f"{variable.file}:{variable.line}: {problem}")
        settings.profiles[profile.name] = profile
    return settings


def read_option(profile: Profile, name: str, value: str) -> str:
    """Take one option; what is wrong with it, else nothing."""
    if name in ("musicclass", "musiconhold", "music"):
        profile.music_class = value
    elif name == "context":
        profile.context = value
    elif name in ("takecall", "declinecall"):
        if not value or len(value) > MAX_CODE or not all(digit in "0123456789*#ABCD" for digit in value):
            return f"'{value}' are no digits to press"
        if name == "takecall":
            profile.take_call = value
        else:
            profile.decline_call = value
    elif name == "enable_callee_prompt":
        profile.asks_callee = is_true(value)
    elif name == "number":
        number = read_number(value, len(profile.numbers) + 1)
        if number is None:
            return f"'{value}' is no number[&number...][,timeout[,order]]"
        profile.numbers.append(number)
    elif not _set_prompt(profile.prompts, name, value):
        return f"unknown option '{name}' of [{profile.name}]"
    return ""


def read_number(text: str, next_order: int) -> Number | None:
    """``number[&number...][,timeout[,order]]``; without an order the numbers are a step of their own."""
    parts = [part.strip() for part in text.split(",")]
    numbers = tuple(number.strip() for number in parts[0].split("&") if number.strip())
    timeout = parts[1] if len(parts) > 1 and parts[1] else str(DEFAULT_TIMEOUT)
    order = parts[2] if len(parts) > 2 and parts[2] else str(next_order)
    if not numbers or not timeout.isdecimal() or not order.isdecimal() or len(parts) > 3:
        return None
    return Number(numbers, int(timeout) or DEFAULT_TIMEOUT, int(order) or next_order)
