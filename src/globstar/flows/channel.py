"""The call as a flow sees it: play, read, record, dial, bridge, run other applications, go elsewhere in the dialplan."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NoReturn

from globstar.base.errors import GlobstarError, LocalFault
from globstar.core.applications import run_application
from globstar.core.cause import Cause
from globstar.core.channel import Channel as CoreChannel
from globstar.core.channel import ChannelGone, ChannelState
from globstar.core.digits import ALL_DIGITS, EntryEnd, read_digits
from globstar.core.frame import Control
from globstar.core.pbx import leads, leads_at_once, resolve_priority, run_subroutine
from globstar.core.playback import SoundMissing, play
from globstar.core.recording import RecordEnd, record
from globstar.core.say import say_characters, say_datetime, say_digits, say_number, say_phonetic
from globstar.core.saying import say_until
from globstar.core.system import System
from globstar.core.twoparty import CallOptions, PartyRights, bridge_two
from globstar.flows.calling import CallFailed, place_call

__all__ = ["CallFailed", "Channel", "DialResult", "HungUp", "LeaveFlow", "Recording", "SoundMissing"]

#: Raised by everything that waits when the call is over: the flow ends, unless it has something left to do without the caller.
HungUp = ChannelGone


#: The argument of an option letter, with what is in parentheses inside it.
_ARGUMENT = re.compile(r"\((?:[^()]|\([^()]*\))*\)")


class LeaveFlow(GlobstarError):
    """Raised to end the flow: -1 ends the call, anything else lets the dialplan go on."""

    def __init__(self, result: int | str | None) -> None:
        super().__init__(f"the flow ends with {result}")
        self.result = result


@dataclass(frozen=True, slots=True)
class Recording:
    """What :meth:`Channel.record` made: the name as ``play`` takes it, and how it ended (``digit`` is the key, if one did)."""

    name: str
    seconds: float
    end: RecordEnd
    digit: str = ""


@dataclass(frozen=True, slots=True)
class DialResult:
    """What became of :meth:`Channel.dial`. ``status`` is DIALSTATUS; seconds are 0 where nobody answered."""

    status: str
    rang_seconds: float
    talked_seconds: float

    @property
    def is_answered(self) -> bool:
        """Whether somebody took the call."""
        return self.status == "ANSWER"


class _Variables(MutableMapping[str, str]):
    """Channel variables; a missing one is no KeyError at ``get`` only, as with a dict."""

    def __init__(self, channel: CoreChannel) -> None:
        self._channel = channel

    def __getitem__(self, name: str) -> str:
        found = self._channel.get_variable(name)
        if found is None:
            raise KeyError(name)
        return found

    def __setitem__(self, name: str, value: object) -> None:
        self._channel.set_variable(name, str(value))

    def __delitem__(self, name: str) -> None:
        self._channel.variables.delete(name)

    def __iter__(self) -> Iterator[str]:
        return (name.lstrip("_") for name, _ in self._channel.variables)

    def __len__(self) -> int:
        return len(self._channel.variables)


class Channel:
    """One call. Every method that waits raises :data:`HungUp` when the caller is gone, or was sent elsewhere in the dialplan.

    ``core`` is the channel of the machinery, for what has no method here; it may change from one version to another.
    """

    __slots__ = ("core", "variables")

    def __init__(self, core: CoreChannel) -> None:
        self.core = core
        self.variables: MutableMapping[str, str] = _Variables(core)

    def __repr__(self) -> str:
        return f"<Channel {self.core.name}>"

    # -- what it is ----------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """``PJSIP/alice-00000001``."""
        return self.core.name

    @property
    def unique_id(self) -> str:
        """Never given twice."""
        return self.core.unique_id

    @property
    def system(self) -> System:
        """The server."""
        return self.core.system

    @property
    def is_answered(self) -> bool:
        """Whether the call is up."""
        return self.core.state is ChannelState.UP

    @property
    def is_alive(self) -> bool:
        """Whether nobody has hung up and the channel was not sent elsewhere."""
        return not self.core.soft_hangup and not self.core.is_hung_up

    @property
    def caller_number(self) -> str:
        """Who calls, "" if that is not known."""
        number = self.core.caller.id.number
        return number.text if number.valid else ""

    @property
    def caller_name(self) -> str:
        """The caller's name, "" if it is not known."""
        name = self.core.caller.id.name
        return name.text if name.valid else ""

    @property
    def extension(self) -> str:
        """What was dialled, or where the dialplan is now."""
        return self.core.extension

    @property
    def context(self) -> str:
        """Where the dialplan is now."""
        return self.core.context

    @property
    def language(self) -> str:
        """The language of prompts."""
        return self.core.language

    @language.setter
    def language(self, code: str) -> None:
        self.core.language = code

    def set_caller_id(self, number: str | None = None, name: str | None = None) -> None:
        """Change who calls; None leaves a part alone."""
        self.core.set_caller_id(number, name)

    def _alive(self) -> None:
        if self.core.soft_hangup:
            raise ChannelGone(self.core.name)

    # -- answer and end -------------------------------------------------------------------------------------------------

    async def answer(self) -> None:
        """Take the call; nothing happens where it is up."""
        await self.core.answer()

    def ring(self) -> None:
        """Let the caller hear that it rings."""
        self.core.indicate(Control.RINGING)

    def progress(self) -> None:
        """Open the way for sound before the answer."""
        self.core.indicate(Control.PROGRESS)

    def hang_up(self, cause: Cause = Cause.NORMAL_CLEARING) -> NoReturn:
        """End the call, and the flow with it."""
        self.core.hangup_cause = cause
        raise LeaveFlow(-1)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await self.core.pause(seconds)

    # -- sound ----------------------------------------------------------------------------------------------------------

    async def play(self, *sounds: str, until: str = "") -> str:
        """Play sounds one after the other; a key of ``until`` ends it and is returned, else "". Raises SoundMissing."""
        for sound in sounds:
            digit = await play(self.core, sound, stop_on=until)
            if digit is not None:
                return digit
        return ""

    async def _say(self, make: Callable[[str], Sequence[str]], until: str) -> str:
        return await say_until(self.core, make, until) or ""

    async def say_number(self, number: int, *, gender: str = "", until: str = "") -> str:
        """Say a number in the channel's language; as :meth:`play`."""
        return await self._say(lambda language: say_number(number, language, gender), until)

    async def say_digits(self, digits: str | int, *, until: str = "") -> str:
        """Say digit by digit; as :meth:`play`."""
        return await self._say(lambda language: say_digits(str(digits), language), until)

    async def say_letters(self, text: str, *, phonetic: bool = False, until: str = "") -> str:
        """Spell a text; as :meth:`play`."""
        spell = say_phonetic if phonetic else say_characters
        return await self._say(lambda language: spell(text, language), until)

    async def say_time(self, when: datetime | None = None, *, until: str = "") -> str:
        """Say date and time, now unless given; as :meth:`play`."""
        now = self.system.wall_time()
        moment = now if when is None else when.timestamp()
        return await self._say(lambda language: say_datetime(moment, now=now, language=language), until)

    # -- keys -----------------------------------------------------------------------------------------------------------

    async def read(
        self,
        *prompts: str,
        digits: int = 0,
        timeout: float | None = None,
        digit_timeout: float | None = None,
        terminators: str = "#",
    ) -> str:
        """Play prompts, which any key ends, and read what is dialled: so many ``digits`` (0: any number), or to a terminator.

        Seconds: ``timeout`` for the first key, ``digit_timeout`` between keys, by default those of TIMEOUT(). "" if nothing came.
        """
        if digit_timeout is None and timeout is not None:
            digit_timeout = min(timeout, self.core.digit_timeout)
        entry = await read_digits(
            self.core, prompts, maximum=digits, first_timeout=timeout, digit_timeout=digit_timeout, terminators=terminators
        )
        return entry.digits

    async def choose(self, *prompts: str, keys: str, tries: int = 3, timeout: float = 5.0, sorry: str = "") -> str:
        """Offer a menu until one of ``keys`` is pressed; "" after so many tries. ``sorry`` is played after a wrong key."""
        for _ in range(tries):
            entry = await read_digits(self.core, prompts, maximum=1, first_timeout=timeout, terminators="")
            if entry.end is EntryEnd.FULL and entry.digits in keys:
                return entry.digits
            if entry.digits and sorry:
                await self.play(sorry)
        return ""

    async def read_key(self, timeout: float | None = None) -> str:
        """The next key, "" if none comes in time."""
        return await self.core.wait_for_digit(timeout) or ""

    async def send_keys(self, digits: str, *, duration_ms: int = 100, pause_ms: int = 100) -> None:
        """Send digits to the endpoint; ``w`` waits half a second."""
        for digit in digits:
            if digit in "wW":
                await self.core.pause(0.5)
                continue
            if digit not in ALL_DIGITS:
                raise LocalFault(f"'{digit}' is no key")
            await self.core.send_digit(digit, duration_ms)
            await self.core.pause(pause_ms / 1000)

    # -- recording ------------------------------------------------------------------------------------------------------

    async def record(
        self,
        name: str,
        *,
        file_format: str = "wav",
        maximum_seconds: float = 0,
        silence_seconds: float = 0,
        until: str = "#",
        beep: bool = True,
    ) -> Recording:
        """Record the caller into a sound ``name`` (a path, or one below the sounds folder) until a key, silence or the limit.

        A caller who hangs up ends it, too: the recording is there, and the next thing that waits raises. Raises SoundFault.
        """
        if beep:
            await self.play("beep")
        writer = self.system.sounds.create(name, file_format)
        result = await record(
            self.core, [writer], maximum_seconds=maximum_seconds, silence_seconds=silence_seconds, stop_on=until
        )
        return Recording(name, result.duration_ms / 1000, result.end, result.digit)

    # -- other parties --------------------------------------------------------------------------------------------------

    async def dial(self, *destinations: str, timeout: float = 30.0, options: str = "") -> DialResult:
        """Call one or several destinations at once and connect the first that answers, as the application Dial does.

        ``options`` are Dial's; the flow goes on when the called party has hung up, and when nobody answers.
        """
        letters = options if "g" in _ARGUMENT.sub("", options) else f"g{options}"
        await self.run("Dial", "&".join(destinations), f"{timeout:g}", letters)
        get = self.variables.get
        rang, talked = get("DIALEDTIME_MS") or "0", get("ANSWEREDTIME_MS") or "0"
        return DialResult(get("DIALSTATUS") or "", int(rang) / 1000, int(talked) / 1000)

    @asynccontextmanager
    async def call(
        self,
        destination: str,
        *,
        timeout: float = 30.0,
        caller_number: str | None = None,
        caller_name: str | None = None,
        variables: Mapping[str, str] | None = None,
        music: bool = False,
    ) -> AsyncIterator[Channel]:
        """Call somebody and talk to that party alone: ``async with channel.call("PJSIP/100") as callee: ...``.

        The caller hears ringing, or music on hold. :meth:`bridge` connects both; a callee that was not connected is hung up at
        the end of the block. Raises :class:`CallFailed` if nobody answers. When the caller hangs up, so does the callee.
        """
        called = await place_call(
            self.core, destination, timeout=timeout, caller_number=caller_number, caller_name=caller_name,
            variables=variables or {}, with_music=music,
        )  # fmt: skip
        undo = self.core.on_hangup(lambda _: called.request_hangup())
        try:
            yield Channel(called)
        finally:
            undo()
            if called.bridge_member is None and not called.is_hung_up:
                called.hangup(Cause.NORMAL_CLEARING)

    async def bridge(self, other: Channel) -> None:
        """Let both talk until one hangs up; the other party of :meth:`call` is hung up then."""
        self._alive()
        if other.core.soft_hangup:
            raise ChannelGone(other.core.name)
        self.core.stop_generator()
        self.core.answer_at_once()

        def left(_member: object, _reason: object) -> None:
            if not other.core.is_hung_up:
                other.core.hangup(Cause.NORMAL_CLEARING)

        await bridge_two(self.core, other.core, CallOptions(PartyRights(is_caller=True), PartyRights()), left)
        self._alive()

    # -- the dialplan ---------------------------------------------------------------------------------------------------

    async def run(self, application: str, *arguments: object) -> str:
        """Run another application with its arguments; a key that it ended with is returned.

        Arguments are joined with commas; one that has commas of its own stays one argument only if the application takes the
        rest as one. When the application ends the call or sends it elsewhere, so ends the flow. Raises LookupError.
        """
        self._alive()
        core = self.core
        if core.system.applications.get(application) is None:
            near = core.system.applications.nearest(application)
            raise LookupError(f"there is no application '{application}'" + (f"; did you mean {near}?" if near else ""))
        result = run_application(core, application, ",".join(map(_argument, arguments)))
        if inspect.isawaitable(result):
            result = await result
        if core.goto_target is not None:
            raise LeaveFlow(None)
        self._alive()
        if result == -1:
            raise LeaveFlow(-1)
        return result if isinstance(result, str) else ""

    async def gosub(self, context: str, extension: str = "s", priority: int | str = 1, *arguments: object) -> str:
        """Run a subroutine of the dialplan and come back; what its ``Return`` gives is returned. Raises LookupError."""
        self._alive()
        number = self._priority(context, extension, priority)
        if not await leads(self.core, context, extension, number):
            raise _nowhere(context, extension, priority)
        returned = await run_subroutine(self.core, context, extension, number, list(map(_argument, arguments)))
        self._alive()
        if not returned:
            raise LeaveFlow(-1)
        return self.variables.get("GOSUB_RETVAL") or ""

    def goto(self, context: str, extension: str = "s", priority: int | str = 1) -> NoReturn:
        """Leave the flow and go on there in the dialplan. Raises LookupError if there is no such place."""
        self.core.goto(context, extension, self._priority(context, extension, priority))
        raise LeaveFlow(None)

    def _priority(self, context: str, extension: str, priority: int | str) -> int:
        number = resolve_priority(self.core, context, extension, str(priority))
        if number is None or leads_at_once(self.core, context, extension, number) is False:
            raise _nowhere(context, extension, priority)
        return number

    async def get(self, expression: str) -> str:
        """The value of a variable (``EXTEN``) or a dialplan function (``CHANNEL(language)``), "" if it has none."""
        name, parenthesis, arguments = expression.partition("(")
        if not parenthesis:
            return self.core.get_variable(name) or ""
        return await self.system.functions.read_async(self.core, name, arguments.rpartition(")")[0])

    async def set(self, expression: str, value: object) -> None:
        """Set a variable (``_X`` and ``__X`` are inherited) or write a function (``CALLERID(name)``). Raises FunctionError."""
        name, parenthesis, arguments = expression.partition("(")
        if not parenthesis:
            self.core.set_variable(name, str(value))
            return
        waiting = self.system.functions.write(self.core, name, arguments.rpartition(")")[0], str(value))
        if waiting is not None:
            await waiting


def _argument(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value)
    return "" if value is None else str(value)


def _nowhere(context: str, extension: str, priority: int | str) -> LookupError:
    return LookupError(f"there is no {context},{extension},{priority} in the dialplan")
