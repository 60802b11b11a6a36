"""Extension Directory."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.errors import ConfigError
from globstar.core.channel import Channel, ChannelState
from globstar.core.digits import ALL_DIGITS
from globstar.core.numbers import leading_integer
from globstar.core.pbx import leads
from globstar.core.registry import application
from globstar.core.testevents import tell_state
from globstar.dialplan.arguments import ParsedOptions, argument, parse_options, split_arguments
from globstar.modules.apps.directory.entries import Book, Entry, read_book, search
from globstar.modules.apps.directory.offering import Left, Result, Speaker, offer_list, offer_menu

__all__ = ["directory"]

logger = Logger("app_directory")

_OPTIONS = {"e": False, "f": True, "l": True, "b": True, "a": False, "m": False, "n": False, "p": True, "c": True, "s": False}
#: How many letters are asked for, if no option says so.
DEFAULT_LETTERS = 3
#: How long to wait for the first letter, and for each that follows, seconds.
FIRST_WAIT, NEXT_WAIT = 5.0, 3.0
#: Keys that leave while nothing is searched: the extension that each leads to, and how the directory ended then.
_EXITS = {"0": ("o", Result.OPERATOR), "*": ("a", Result.ASSISTANT)}


@application("Directory", syntax="Directory([vm-context][,dial-context][,options])")
async def directory(channel: Channel, data: str) -> int:
    """Let the caller find somebody by name.

    The people are the mailboxes of voicemail.conf that have a name; vm-context takes those of one context, without it those of
    ``default``, or of all with searchcontexts. The caller enters the first letters of a name on the keypad, hears who is found
    (the name as its owner recorded it, else its letters) and calls the extension in dial-context (the present context if not
    given). 0 leads to the extension o, * to the extension a, where they exist. Options:

    e: say the extension, too.
    f([n]), l([n]), b([n]): search by the first name, the last name, or both; n is the number of letters, 3 if not given.
    a: search the aliases, too.
    m: a menu of up to eight names at a time instead of one name after the other.
    n: do not answer the channel.
    p(n): wait n milliseconds after the letters were entered.
    c(filename): read this file instead of voicemail.conf.
    s: do not call the extension, only set DIRECTORY_EXTEN.

    DIRECTORY_RESULT says how it ended: OPERATOR, ASSISTANT, TIMEOUT, HANGUP, SELECTED, USEREXIT (#), FAILED. DIRECTORY_EXTEN is
    the extension that was selected with option s.
    """
    arguments = split_arguments(data)
    options = parse_options(argument(arguments, 2), _OPTIONS, lambda problem: logger.warning(f"Directory: {problem}"))
    book = await _read(channel, options.get("c") or "voicemail.conf")
    if book is None:
        channel.set_variable("DIRECTORY_RESULT", Result.FAILED.value)
        return 0
    if channel.state is not ChannelState.UP and "n" not in options:
        await channel.answer()
    context = argument(arguments, 0) or ("" if book.searches_all_contexts else "default")
    visit = _Visit(channel, book, context, argument(arguments, 1) or channel.context, options)
    result = Result.HANGUP
    try:
        result = await visit.run()
    finally:
        channel.set_variable("DIRECTORY_RESULT", result.value)
        if result in (Result.TIMEOUT, Result.HANGUP):
            tell_state(channel.system, result.value, channel, Message="nobody was chosen")
    return 0


async def _read(channel: Channel, file: str) -> Book | None:
    try:
        config = await channel.system.run_blocking(channel.system.configuration.read, file)
    except ConfigError as error:
        logger.error(f"Directory: {error}")
        return None
    if config is None:
        logger.error(f"Directory: there is no {file}")
        return None
    return read_book(config)


class _Visit:
    """One caller who looks for somebody."""

    def __init__(self, channel: Channel, book: Book, vm_context: str, dial_context: str, options: ParsedOptions) -> None:
        self.channel = channel
        self.book = book
        self.vm_context = vm_context
        self.dial_context = dial_context
        self.options = options
        chosen = [letter for letter in "flb" if letter in options]
        self.mode = chosen[0] if len(chosen) == 1 else "b" if chosen else "l"
        self.letters = next((n for n in (leading_integer(options.get(letter)) for letter in chosen) if n > 0), DEFAULT_LETTERS)
        self.speaker = Speaker(channel, says_extension="e" in options)

    async def run(self) -> Result:
        """Search until somebody is chosen or the caller leaves."""
        while True:
            first = await self.speaker.play(*self._introduction(), stop_on=ALL_DIGITS)
            if first is None:
                first = await self.channel.wait_for_digit(FIRST_WAIT)
            if first is None:
                return Result.TIMEOUT
            left = await self._exit(first)
            if left is not None:
                return left
            digits = await self._letters_after(first)
            pause_ms = leading_integer(self.options.get("p"))
            if pause_ms > 0:
                await self.channel.pause(pause_ms / 1000)
            found = search(
                self.book, digits, context=self.vm_context, by_first=self.mode in "fb", by_last=self.mode in "lb",
                by_alias="a" in self.options,
            )  # fmt: skip
            if not found:
                await self.speaker.play("dir-nomatch")
                continue
            chosen = await (offer_menu if "m" in self.options else offer_list)(self.speaker, found)
            if isinstance(chosen, Entry):
                return await self._take(chosen)
            if chosen is Left.AGAIN:
                await self.speaker.play("dir-nomore")
                continue
            if chosen is Left.TIMEOUT:
                return Result.TIMEOUT
            if chosen is Left.EXIT:
                return Result.USEREXIT

    def _introduction(self) -> list[str]:
        if self.book.introduction:
            return [self.book.introduction]
        kind = {"f": "dir-first", "l": "dir-last", "b": "dir-firstlast"}[self.mode]
        return ["dir-welcome", "dir-pls-enter", *self.speaker.number(self.letters), kind, "dir-usingkeypad"]

    async def _letters_after(self, first: str) -> str:
        """The letters that were entered; # ends them early."""
        digits = ""
        pressed: str | None = first
        while pressed is not None and pressed != "#":
            digits += pressed
            if len(digits) >= self.letters:
                break
            pressed = await self.channel.wait_for_digit(NEXT_WAIT)
        return digits

    async def _exit(self, digit: str) -> Result | None:
        """Leave by 0 or *; None where those lead nowhere."""
        target, result = _EXITS.get(digit, ("", Result.FAILED))
        if target and await self._go_to(target):
            return result
        return None

    async def _go_to(self, extension: str) -> bool:
        if not await leads(self.channel, self.dial_context, extension):
            return False
        self.channel.goto(self.dial_context, extension, 1)
        return True

    async def _take(self, entry: Entry) -> Result:
        if "s" in self.options:
            self.channel.set_variable("DIRECTORY_EXTEN", entry.extension)
        elif not await self._go_to(entry.extension):
            logger.warning(
                f"Directory: there is no extension {entry.extension} in context {self.dial_context}; is it the right context?"
            )
            return Result.FAILED
        return Result.SELECTED
