"""Telling the caller whom a search found, one after the other or as a menu, and taking the choice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from globstar.core import say
from globstar.core.digits import ALL_DIGITS
from globstar.core.playback import play_all
from globstar.core.services import RecordedNames

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.modules.apps.directory.entries import Entry

#: How often a choice is asked for, and how long to wait for it, seconds.
ATTEMPTS, CHOICE_WAIT = 3, 3.0
#: How many names a menu has; 9 leads to more.
MENU_SIZE = 8


class Result(Enum):
    """DIRECTORY_RESULT."""

    OPERATOR = "OPERATOR"
    ASSISTANT = "ASSISTANT"
    TIMEOUT = "TIMEOUT"
    HANGUP = "HANGUP"
    SELECTED = "SELECTED"
    USEREXIT = "USEREXIT"
    FAILED = "FAILED"


class Left(Enum):
    """How an offer ended without a choice."""

    #: the caller heard all and chose nobody
    AGAIN = "again"
    #: # was pressed
    EXIT = "exit"
    #: no key was pressed however often the caller was asked
    TIMEOUT = "timeout"


@dataclass(slots=True)
class Speaker:
    """Speaks to the caller."""

    channel: Channel
    says_extension: bool

    async def play(self, *names: str, stop_on: str = "") -> str | None:
        """Play sounds; the digit of ``stop_on`` that ended them."""
        return await play_all(self.channel, names, stop_on=stop_on)

    def number(self, number: int) -> list[str]:
        """The sounds of a number."""
        return say.say_number(number, self.channel.language)

    def who(self, entry: Entry) -> list[str]:
        """The sounds that say who somebody is: the recorded name, else its letters; with option e the extension."""
        channel = self.channel
        names = channel.system.service("voicemail", RecordedNames)  # type: ignore[type-abstract]
        recorded = names.recorded_name(entry.mailbox) if names is not None else None
        sounds = [recorded] if recorded is not None else say.say_characters(entry.name, channel.language)
        if self.says_extension:
            sounds += ["vm-extension", *say.say_characters(entry.extension, channel.language)]
        return sounds


async def offer_list(speaker: Speaker, entries: list[Entry]) -> Entry | Left:
    """One person after the other: 1 takes who is named, * goes on to the next."""
    for entry in entries:
        key = await _ask(speaker, [*speaker.who(entry), "dir-instr"], "1*")
        if key is None:
            return Left.TIMEOUT
        if key == "#":
            return Left.EXIT
        if key == "1":
            return entry
    return Left.AGAIN


async def offer_menu(speaker: Speaker, entries: list[Entry]) -> Entry | Left:
    """Up to eight persons at a time, each with a key; 9 leads to the next ones."""
    for start in range(0, len(entries), MENU_SIZE):
        page = entries[start : start + MENU_SIZE]
        has_more = start + MENU_SIZE < len(entries)
        sounds: list[str] = []
        for number, entry in enumerate(page, 1):
            sounds += ["dir-multi1", *speaker.number(number), "dir-multi2", *speaker.who(entry)]
        if has_more:
            sounds.append("dir-multi9")
        keys = "".join(str(number) for number in range(1, len(page) + 1)) + ("9" if has_more else "")
        key = await _ask(speaker, sounds, keys)
        if key is None:
            return Left.TIMEOUT
        if key == "#":
            return Left.EXIT
        if key != "9":
            return page[int(key) - 1]
    return Left.AGAIN


async def _ask(speaker: Speaker, sounds: list[str], keys: str) -> str | None:
    """Play sounds and wait for one of ``keys`` or #; None when none came in several attempts. Other keys ask anew."""
    for _ in range(ATTEMPTS):
        key = await speaker.play(*sounds, stop_on=ALL_DIGITS) or await speaker.channel.wait_for_digit(CHOICE_WAIT)
        if key is not None and key in keys + "#":
            return key
    return None
