"""Listen to the audio of an active channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum

from globstar.base.log import Logger
from globstar.core import events, say
from globstar.core.channel import Channel, ChannelState, NoTranslation
from globstar.core.frame import Frame, FrameType
from globstar.core.pbx import exists, learn
from globstar.core.playback import SoundMissing, play
from globstar.core.registry import application
from globstar.core.services import RecordedNames
from globstar.dialplan.arguments import argument, split_arguments
from globstar.modules.apps.chanspy.listening import Listening, Recording
from globstar.modules.apps.chanspy.options import EXTENSPY_LETTERS, LETTERS, Mode, SpyOptions, read_options
from globstar.modules.apps.chanspy.selection import (
    SPYING,
    Selection,
    by_digits,
    by_extension,
    by_identity,
    by_prefix,
    peer_name,
)

logger = Logger("app_chanspy")

#: How long to wait for a channel to listen to before looking again, seconds.
_SEARCH_INTERVAL = 1.0
#: Longest name that is built of digits.
_MOST_DIGITS = 32


class _Next(Enum):
    """How it goes on when the spy is done with a channel."""

    CHANNEL = "channel"
    NAMED = "named"
    EXIT = "exit"
    LEAVE = "leave"
    GONE = "gone"


class Spy:
    """A channel that runs ChanSpy or ExtenSpy."""

    def __init__(self, channel: Channel, options: SpyOptions, matches: Callable[[Channel], bool], prefix: str | None) -> None:
        self.channel = channel
        self.options = options
        #: what digits are appended to; None where they build no names
        self.prefix = None if options.has_mode_keys or options.by_unique_id or options.may_leave else prefix
        self.selection = Selection(channel, options, matches)
        self.volume = options.volume
        self.mode = options.mode
        self._digits = ""
        #: name of the channel that was listened to last
        self._last = ""
        self._recording: Recording | None = None

    async def run(self) -> int:
        """Listen to one channel after the other until something ends it."""
        channel, options = self.channel, self.options
        if channel.state is not ChannelState.UP and options.answers:
            await channel.answer()
        channel.data[SPYING] = True
        if options.may_leave:
            await learn(channel, self._exit_context(), "0123456789")
        if options.recording:
            self._recording = Recording(channel, options.recording, channel.raw_write_format.sample_rate)
        try:
            await self._cycle()
        except NoTranslation as error:
            logger.warning(f"ChanSpy on {channel.name} is not possible: {error}")
        finally:
            channel.data.pop(SPYING, None)
            if self._recording is not None:
                await self._recording.close()
        return 0

    async def _cycle(self) -> None:
        found_any = False
        spied: Channel | None = None
        while True:
            spied = spied or self.selection.next()
            if spied is None:
                if not found_any:
                    if self.options.ends_without_channels or await self.channel.wait(self._press_idle, _SEARCH_INTERVAL):
                        return
                elif self.options.ends_without_channels:
                    return
                found_any = False
                continue
            found_any = True
            await self._announce(spied)
            if not self.selection.is_allowed(spied):  # it ended while its name was said
                spied = None
                continue
            outcome = await self._listen(spied)
            if outcome is _Next.NAMED and self.prefix is not None:
                spied = self.selection.find(by_digits(self.prefix, self._digits))
                continue
            if outcome in (_Next.EXIT, _Next.LEAVE) or (outcome is _Next.GONE and self.options.ends_with_spied):
                return
            spied = None

    # -- before ------------------------------------------------------------------------------------------------------

    async def _announce(self, spied: Channel) -> None:
        """A beep, and who it is."""
        if self.options.is_quiet:
            return
        await self._play("beep")
        names = self.channel.system.service("voicemail", RecordedNames)  # type: ignore[type-abstract]
        mailbox = self.options.name_mailbox
        if mailbox is not None and names is not None:
            number, at, context = mailbox.partition("@")
            recorded = names.recorded_name(f"{number or peer_name(spied)}{at}{context}")
            if recorded is not None:
                await self._play(recorded)
                return
        technology = f"spy-{spied.name.partition('/')[0].lower()}"
        if self.options.says_technology and self.channel.system.sounds.exists(technology, self.channel.language):
            await self._play(technology)
        name = peer_name(spied)
        speak = say.say_digits if name.isdigit() else say.say_characters
        for sound in speak(name, self.channel.language):
            await self._play(sound)

    async def _play(self, sound: str) -> None:
        try:
            await play(self.channel, sound)
        except SoundMissing as missing:
            logger.warning(f"ChanSpy on {self.channel.name}: {missing}")

    # -- while listening ---------------------------------------------------------------------------------------------

    async def _listen(self, spied: Channel) -> _Next:
        channel = self.channel
        gone: asyncio.Future[_Next] = asyncio.get_running_loop().create_future()

        def hung_up(event: events.ChannelHungUp) -> None:
            if event.channel is spied and not gone.done():
                gone.set_result(_Next.GONE)

        listening = Listening(channel, spied, self.options, volume=self.volume, mode=self.mode, recording=self._recording)

        def take(frame: Frame) -> _Next | None:
            if frame.type is FrameType.VOICE:
                listening.speak(frame)
            elif frame.type is FrameType.DTMF_END:
                return self._press(frame.digit, listening)
            return None

        self._digits, self._last = "", spied.name
        listening.start()
        undo = channel.system.bus.subscribe(events.ChannelHungUp, hung_up)
        try:
            outcome: _Next = await channel.wait_for(gone, take)
        finally:
            undo()
            listening.stop()
            self.volume, self.mode = listening.volume, listening.mode
        return outcome

    def _press(self, digit: str, listening: Listening) -> _Next | None:
        """A key of the spy."""
        options = self.options
        if self._leave(digit):
            return _Next.LEAVE
        if digit == options.exit_key:
            return _Next.EXIT
        if digit == options.next_key:
            return _Next.CHANNEL
        if options.has_mode_keys and digit in ("4", "5", "6"):
            listening.change_mode(Mode(digit))
        elif digit == "#":
            if self._digits:
                return _Next.NAMED
            listening.change_volume()
        elif digit.isdigit() and self.prefix is not None and len(self._digits) < _MOST_DIGITS:
            self._digits += digit
        return None

    def _press_idle(self, frame: Frame) -> bool | None:
        """A key while there is nobody to listen to."""
        return True if frame.type is FrameType.DTMF_END and self._leave(frame.digit) else None

    def _leave(self, digit: str) -> bool:
        """Option X: go on at an extension of one digit, if it exists."""
        context = self._exit_context()
        if not self.options.may_leave or not digit.isdigit() or not exists(self.channel, context, digit):
            return False
        if self._last:
            self.channel.set_variable("SPY_CHANNEL", self._last)
        self.channel.goto(context, digit, 1)
        return True

    def _exit_context(self) -> str:
        return self.channel.get_variable("SPY_EXIT_CONTEXT") or self.channel.context


@application("ChanSpy", syntax="ChanSpy([chanprefix[,options]])")
async def chan_spy(channel: Channel, data: str) -> int:
    """Hear what a channel says and hears, and speak to it.

    ``chanprefix`` is how the names of the channels begin; without it all are gone through. Keys: * goes on to the next channel,
    # makes it louder step by step, digits and # go to the channel of that number (of the prefix's technology).

    b: only channels in a bridge. o: only what the channel says. u: chanprefix is a unique id or a whole name.
    g(group): only channels with one of the groups (a:b) in their SPYGROUP. e(names): only channels of these names (100:101).
    w: speak to the channel. W: the same without hearing it. B: speak to both parties.
    d: the keys 4, 5 and 6 change between listening, speaking to the channel and speaking to both.
    c(key): goes on to the next channel instead of *. x(key): ends it. X: leave to an extension of one digit in the context or in
    SPY_EXIT_CONTEXT; SPY_CHANNEL is then the last channel.
    E: end with the channel. S: end when there is no channel left.
    q: no beep, no name. s: no name of the technology. n(mailbox@context): say the name recorded in the mailbox.
    v(value): the volume at first, -4 to 4. l: let more sound wait. r(name): record into the monitor folder.
    N: do not answer.
    """
    arguments = split_arguments(data)
    prefix = argument(arguments, 0).strip()
    if prefix == "all":
        prefix = ""
    options = read_options(argument(arguments, 1), LETTERS)
    if options.by_unique_id and not prefix:
        logger.warning("ChanSpy: option u needs a unique id or a channel")
        return 0
    return await Spy(channel, options, by_identity(prefix) if options.by_unique_id else by_prefix(prefix), prefix).run()


@application("ExtenSpy", syntax="ExtenSpy(exten[@context][,options])")
async def exten_spy(channel: Channel, data: str) -> int:
    """Hear the channels that calls to an extension made, and speak to them.

    The context is the caller's own where none is given. Keys: * goes on to the next channel, # makes it louder step by step.
    The options are those of ChanSpy without u, and D: what the channel says and hears is kept apart, sample by sample, in what
    the spy gets.
    """
    arguments = split_arguments(data)
    extension, _, context = argument(arguments, 0).strip().partition("@")
    if not extension:
        logger.warning("ExtenSpy requires an argument (exten)")
        return -1
    letters = {letter: takes for letter, takes in EXTENSPY_LETTERS.items() if letter != "u"}
    options = read_options(argument(arguments, 1), letters)
    return await Spy(channel, options, by_extension(extension, context or channel.context), None).run()
