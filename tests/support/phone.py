"""A phone without a network: it speaks and hears frames on the test's loop, and notes when each came.

A :class:`Phone` is an incoming call on a channel of its own technology. What it hears is kept with the time since the
call began; what it says is delivered in packets of 20 ms from a clock that does not drift.
"""

from __future__ import annotations

import asyncio
import itertools
import wave
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from globstar.core import events
from globstar.core.channel import Channel, ChannelState
from globstar.core.format import Format, FormatCapabilities, ulaw
from globstar.core.frame import Control, Frame, FrameType, digit_begin, digit_end, voice
from globstar.core.party import PartyId
from globstar.core.system import System
from globstar.core.tech import ChannelTech
from globstar.dsp.g711 import alaw_to_linear, linear_to_alaw, linear_to_ulaw, ulaw_to_linear
from tests.support.calls import load_dialplan
from tests.support.switch import running_system

Samples = npt.NDArray[np.int16]
TICK = 0.02
PACKET = 160

MODULES = (
    "app_controlplayback app_echo app_milliwatt app_playback app_playtones app_record app_sayunixtime app_userevent app_verbose "
    "app_voicemail codec_a_mu codec_alaw codec_gsm codec_resample codec_ulaw format_gsm format_pcm format_sln format_wav "
    "res_musiconhold"
).split()
"""What the applications that play and record need; loading these alone keeps a test short."""

_TO_LINEAR: dict[str, Callable[[bytes], bytes]] = {"ulaw": ulaw_to_linear, "alaw": alaw_to_linear}
_FROM_LINEAR: dict[str, Callable[[bytes], bytes]] = {"ulaw": linear_to_ulaw, "alaw": linear_to_alaw}


@asynccontextmanager
async def media_system(root: Path, files: Mapping[str, str] | None = None, modules: Iterable[str] = ()) -> AsyncIterator[System]:
    """A running system with the modules of :data:`MODULES` and ``modules``; prompts are below ``root``/data/sounds/en."""
    wanted = "".join(f"load={name}\n" for name in (*MODULES, *modules))
    async with running_system(root, {"modules.conf": f"[modules]\nautoload=no\n{wanted}", **(files or {})}) as system:
        yield system


def to_samples(frame: Frame) -> Samples:
    """The sound of a G.711 or signed linear frame."""
    assert frame.format is not None
    convert = _TO_LINEAR.get(frame.format.name, bytes)
    return np.frombuffer(convert(frame.data), "<i2")


def noise(seconds: float, seed: int, level: int = 4000) -> Samples:
    """A sound that correlates with nothing but itself."""
    return np.random.default_rng(seed).integers(-level, level, round(8000 * seconds), dtype=np.int16)


def sound(directory: Path, name: str, samples: Samples) -> Samples:
    """Write a prompt as ``name``.wav below ``directory``; gives the samples."""
    path = directory / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.astype("<i2").tobytes())
    return samples


def companded(samples: Samples, format: Format = ulaw) -> Samples:
    """What is left of ``samples`` after they went through a phone's codec."""
    if format.name not in _TO_LINEAR:
        return samples
    return np.frombuffer(_TO_LINEAR[format.name](_FROM_LINEAR[format.name](samples.tobytes())), "<i2")


class PhoneTech(ChannelTech):
    """One phone's driver; ``native`` are the conditions that the phone shows by itself."""

    name = "Phone"

    def __init__(self, phone: Phone, native: frozenset[Control]) -> None:
        self.phone = phone
        self.native = native

    def answer(self, channel: Channel) -> None:
        self.phone.answered_at = self.phone.clock

    def hangup(self, channel: Channel) -> None:
        self.phone.hung_up_at = self.phone.clock

    def indicate(self, channel: Channel, condition: Control, data: Any = b"") -> bool:
        self.phone.told.append(condition)
        return condition in self.native

    def send_digit_begin(self, channel: Channel, digit: str) -> bool:
        self.phone.digit_began = digit
        return self.phone.takes_digits

    def send_digit_end(self, channel: Channel, digit: str, duration_ms: int) -> bool:
        assert self.phone.digit_began == digit, f"{digit} ends, but {self.phone.digit_began} is on"
        self.phone.digit_began = ""
        self.phone.digits += digit
        self.phone.lengths.append(duration_ms)
        return self.phone.takes_digits

    def write(self, channel: Channel, frame: Frame) -> None:
        assert not channel.is_hung_up, "a frame after the hang-up"
        self.phone.heard.append((round(self.phone.clock, 6), frame))

    def fixup(self, old: Channel, new: Channel) -> None:
        raise AssertionError("nothing moves a phone to another channel")


class Phone:
    """An incoming call: what it hears, what it is told, which prompts and steps the dialplan goes through."""

    def __init__(
        self,
        system: System,
        *,
        format: Format = ulaw,
        context: str = "default",
        extension: str = "s",
        name: str = "Phone/1",
        caller: PartyId | None = None,
        language: str = "",
        native: frozenset[Control] = frozenset(),
        takes_digits: bool = True,
        state: ChannelState = ChannelState.RING,
    ) -> None:
        self.system = system
        self.format = format
        #: digits reach the phone by themselves, not as tones
        self.takes_digits = takes_digits
        self.began = system.now()
        self.heard: list[tuple[float, Frame]] = []
        self.told: list[Control] = []
        #: the digits that were sent to the phone, and the one that is on
        self.digits = ""
        #: how long each of them was said to be, ms
        self.lengths: list[int] = []
        self.digit_began = ""
        self.steps: list[str] = []
        self.played: list[tuple[float, str]] = []
        self.variables: dict[str, str] = {}
        self.variable_history: list[tuple[str, str]] = []
        self.answered_at: float | None = None
        self.hung_up_at: float | None = None
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._running: set[asyncio.Task[Any]] = set()
        self._played: asyncio.Future[None] | None = None
        self._seen = 0
        self.channel = Channel(
            system, PhoneTech(self, native), name, state=state, context=context, extension=extension, caller=caller,
            language=language, native_formats=FormatCapabilities([format]),
        )  # fmt: skip
        self._undo = [
            system.bus.subscribe(events.ApplicationStarted, self._step),
            system.bus.subscribe(events.FilePlayed, self._file),
            system.bus.subscribe(events.VariableSet, self._variable),
            system.bus.subscribe(events.ChannelHungUp, self._hung_up),
        ]
        system.announce_channel(self.channel)

    @property
    def clock(self) -> float:
        """Seconds since the call began."""
        return self.system.now() - self.began

    # -- the call ----------------------------------------------------------------------------------------------------

    def start(self, dialplan: str = "") -> Phone:
        """Put ``dialplan`` in force, if one is given, and begin to run it."""
        if dialplan:
            load_dialplan(self.system, dialplan)
        self.system.start_pbx(self.channel)
        return self

    async def run(self, dialplan: str = "") -> Phone:
        """Run the dialplan until the call is over."""
        self.start(dialplan)
        return await self.end()

    async def end(self) -> Phone:
        """Wait until the call is over and what the phone does in the background has ended."""
        await asyncio.wait_for(self._ended, 3600)
        await self.stop_background()
        self.close()
        return self

    async def stop_background(self) -> None:
        """End what the phone's user does in the background."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def close(self) -> None:
        """Listen no more."""
        for undo in self._undo:
            undo()
        self._undo = []

    def hang_up(self, cause: int = 0) -> None:
        """The phone's user hangs up."""
        self.channel.queue_hangup(cause)

    # -- speaking ----------------------------------------------------------------------------------------------------

    def meanwhile(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Let the phone's user do something while the call goes on."""
        task = self._loop.create_task(coroutine, name="phone")
        self._running.add(task)
        return task

    async def speak(self, samples: Samples) -> None:
        """Send samples, a packet every 20 ms, the last one filled up with silence."""
        samples = np.concatenate((samples, np.zeros(-len(samples) % PACKET, np.int16)))
        start = self._loop.time()
        for index in range(0, len(samples), PACKET):
            if self.channel.is_hung_up:
                return
            self.deliver(samples[index : index + PACKET])
            await self.at(start + (index // PACKET + 1) * TICK)

    def deliver(self, samples: Samples) -> None:
        """Send one packet."""
        encode = _FROM_LINEAR.get(self.format.name, bytes)
        self.channel.deliver(voice(self.format, encode(samples.tobytes()), len(samples)))

    async def keep_silent(self) -> None:
        """Send silence until the call is over."""
        while not self.channel.is_hung_up:
            await self.speak(np.zeros(PACKET, np.int16))

    async def after(self, seconds: float) -> None:
        """Let the call go on for ``seconds``."""
        await self.at(self._loop.time() + seconds)

    def future(self) -> asyncio.Future[None]:
        """A future of the call's loop."""
        return self._loop.create_future()

    async def at(self, when: float) -> None:
        """Sleep until the loop's clock shows ``when``."""
        done = self._loop.create_future()
        timer = self._loop.call_at(when, done.set_result, None)
        try:
            await done
        finally:
            timer.cancel()

    def key(self, digit: str, length: float = 0.1) -> None:
        """Press one key in no time: its begin and its end arrive together."""
        self.channel.deliver(digit_begin(digit))
        self.channel.deliver(digit_end(digit, round(length * 1000)))

    async def press(self, digits: str, *, length: float = 0.1, pause: float = 0.1) -> None:
        """Press keys."""
        for digit in digits:
            self.channel.deliver(digit_begin(digit))
            await asyncio.sleep(length)
            self.channel.deliver(digit_end(digit, round(length * 1000)))
            await asyncio.sleep(pause)

    # -- hearing -----------------------------------------------------------------------------------------------------

    @property
    def voice(self) -> list[tuple[float, Frame]]:
        """The voice frames heard, each with its time."""
        return [(when, frame) for when, frame in self.heard if frame.type is FrameType.VOICE]

    @property
    def samples(self) -> Samples:
        """All that was heard, in one piece."""
        frames = [to_samples(frame) for _, frame in self.voice]
        return np.concatenate(frames) if frames else np.zeros(0, np.int16)

    @property
    def gaps(self) -> set[float]:
        """The distances between voice frames in seconds."""
        times = [when for when, _ in self.voice]
        return {round(later - earlier, 6) for earlier, later in itertools.pairwise(times)}

    @property
    def prompts(self) -> list[str]:
        """The names of the sounds that were played, without format."""
        return [name.rpartition(".")[0] for _, name in self.played]

    async def prompt(self, name: str, seconds: float = 120) -> None:
        """Wait until the sound ``name`` begins to play, after those that were waited for before."""
        deadline = self._loop.time() + seconds
        while name not in self.prompts[self._seen :]:
            self._played = self.future()
            try:
                await asyncio.wait_for(self._played, deadline - self._loop.time())
            except TimeoutError:
                raise AssertionError(f"no prompt {name} in {seconds:g} s; played: {self.prompts}, steps: {self.steps}") from None
        self._seen = self.prompts.index(name, self._seen) + 1

    # -- listeners ---------------------------------------------------------------------------------------------------

    def _step(self, event: events.ApplicationStarted) -> None:
        if event.channel is self.channel:
            self.steps.append(f"{event.application}({event.data})")

    def _file(self, event: events.FilePlayed) -> None:
        if event.channel is self.channel:
            self.played.append((round(self.clock, 6), event.file))
            if self._played is not None and not self._played.done():
                self._played.set_result(None)

    def _variable(self, event: events.VariableSet) -> None:
        if event.channel is self.channel:
            self.variables[event.name] = event.value
            self.variable_history.append((event.name, event.value))

    def _hung_up(self, event: events.ChannelHungUp) -> None:
        if event.channel is self.channel and not self._ended.done():
            self._ended.set_result(None)
