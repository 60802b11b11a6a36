"""What ChanSpy and ExtenSpy were asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from globstar.base.log import Logger
from globstar.dialplan.arguments import ParsedOptions, parse_options

logger = Logger("app_chanspy")

LETTERS = {
    **dict.fromkeys("bBdElNoqsSuwWX", False),
    **dict.fromkeys("cegnrvx", True),
}
EXTENSPY_LETTERS = {**LETTERS, "D": False}
#: Loudest and quietest step of the volume.
VOLUME_LIMIT = 4
#: Base of the recordings' names where none is given.
RECORDING_BASE = "chanspy"


class Mode(Enum):
    """What the spy may do; the value is the key of option d."""

    SPY = "4"
    WHISPER = "5"
    BARGE = "6"


@dataclass(slots=True, kw_only=True)
class SpyOptions:
    """The options, read."""

    mode: Mode = Mode.SPY
    #: the spy does not hear the channel to which it speaks (W)
    is_deaf: bool = False
    only_bridged: bool = False
    next_key: str = "*"
    exit_key: str = ""
    has_mode_keys: bool = False
    enforced: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    ends_with_spied: bool = False
    ends_without_channels: bool = False
    has_long_queue: bool = False
    #: mailbox of whom to say the name (``100@default``; "" for the spied channel's own number), None without option n
    name_mailbox: str | None = None
    answers: bool = True
    only_said: bool = False
    is_interleaved: bool = False
    is_quiet: bool = False
    says_technology: bool = True
    recording: str = ""
    by_unique_id: bool = False
    volume: int = 0
    may_leave: bool = False


def read_options(text: str, letters: dict[str, bool]) -> SpyOptions:
    """Read option letters; what is wrong is told."""
    parsed = parse_options(text, letters, logger.warning)
    mode = Mode.SPY
    if "B" in parsed:
        mode = Mode.BARGE
    elif "w" in parsed or "W" in parsed:
        mode = Mode.WHISPER
    return SpyOptions(
        mode=mode,
        is_deaf="W" in parsed,
        only_bridged="b" in parsed,
        next_key=_key(parsed, "c") or "*",
        exit_key=_key(parsed, "x"),
        has_mode_keys="d" in parsed,
        enforced=_words(parsed.get("e")),
        groups=_words(parsed.get("g")),
        ends_with_spied="E" in parsed,
        ends_without_channels="S" in parsed,
        has_long_queue="l" in parsed,
        name_mailbox=parsed.get("n") if "n" in parsed else None,
        answers="N" not in parsed,
        only_said="o" in parsed,
        is_interleaved="D" in parsed and "o" not in parsed,
        is_quiet="q" in parsed,
        says_technology="s" not in parsed,
        recording=(parsed.get("r") or RECORDING_BASE) if "r" in parsed else "",
        by_unique_id="u" in parsed,
        volume=_volume(parsed.get("v")),
        may_leave="X" in parsed,
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in text.split(":") if word)


def _key(parsed: ParsedOptions, letter: str) -> str:
    """The key of an option; its first character, "" and a warning where that is no key."""
    text = parsed.get(letter)
    if letter in parsed and text[:1] not in tuple("0123456789*#ABCD"):
        logger.warning(f"option {letter} takes a key, not '{text}'")
        return ""
    return text[:1]


def _volume(text: str) -> int:
    if not text:
        return 0
    try:
        volume = int(text)
    except ValueError:
        volume = VOLUME_LIMIT + 1
    if abs(volume) > VOLUME_LIMIT:
        logger.warning(f"option v takes a volume from -{VOLUME_LIMIT} to {VOLUME_LIMIT}, not '{text}'")
        return 0
    return volume
