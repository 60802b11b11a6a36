"""Talking with a caller: speech out and in, by engines behind two small interfaces, with barge-in.

::

    async with Conversation(channel, EspeakSynthesiser(), PocketsphinxRecogniser()) as talk:
        answer = await talk.ask("Which department would you like?")

While the server speaks it listens; when the caller begins to speak, it stops. What the caller begins to say during the question
counts as the answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from globstar.base.log import Logger
from globstar.core.ear import Ear
from globstar.core.format import slin_for_rate
from globstar.core.frame import Frame, voice
from globstar.core.generator import Generator
from globstar.dsp.utterance import Hearing, Utterances
from globstar.flows.channel import Channel

logger = Logger("flows")

#: Utterances that wait to be asked for at the most; the oldest goes first.
_WAITING = 8
_TICK_MS = 20


class Synthesiser(Protocol):
    """Speech out."""

    def synthesise(self, text: str, language: str, sample_rate: int) -> bytes:
        """``text`` as signed linear of ``sample_rate``. Called in a thread, so it may take its time."""


class Recogniser(Protocol):
    """Speech in."""

    def recognise(self, audio: bytes, language: str, sample_rate: int) -> str:
        """The words of one utterance in signed linear, "" if there are none. Called in a thread, so it may take its time."""


class _Voice(Generator):
    """Speaks samples that are in memory."""

    def __init__(self, audio: bytes, sample_rate: int, on_end: Callable[[], None]) -> None:
        super().__init__(on_end)
        self._format = slin_for_rate(sample_rate)
        self._audio = audio
        self._block = self._format.bytes_for(_TICK_MS)
        self.position = 0

    @property
    def spoken_ms(self) -> int:
        """How much was said."""
        return min(self.position, len(self._audio)) * 1000 // (self._format.sample_rate * 2)

    def next_frame(self) -> Frame | None:
        """The next 20 ms; the end is filled up with silence."""
        if self.position >= len(self._audio):
            return None
        block = self._audio[self.position : self.position + self._block]
        self.position += self._block
        return voice(self._format, block.ljust(self._block, b"\0"), self._block // 2)


class Conversation:
    """Speech with one caller, as an ``async with`` block. ``interruptions`` counts how often the caller broke in."""

    def __init__(
        self,
        channel: Channel,
        synthesiser: Synthesiser,
        recogniser: Recogniser,
        *,
        language: str = "",
        sample_rate: int = 8000,
        hearing: Hearing | None = None,
    ) -> None:
        self._channel = channel
        self._synthesiser = synthesiser
        self._recogniser = recogniser
        self._language = language or channel.language
        self._sample_rate = sample_rate
        self._utterances = Utterances(hearing or Hearing(), sample_rate)
        self._ear = Ear(channel.core, self._hear, sample_rate=sample_rate)
        self._heard: deque[bytes] = deque(maxlen=_WAITING)
        self._wakes: asyncio.Future[None] | None = None
        self.interruptions = 0

    async def __aenter__(self) -> Conversation:
        await self._channel.answer()
        self._ear.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ear.stop()

    @property
    def is_caller_speaking(self) -> bool:
        """Whether the caller speaks now."""
        return self._utterances.is_speaking

    def _hear(self, block: bytes) -> None:
        was_speaking = self._utterances.is_speaking
        said = self._utterances.receive(block)
        if said is not None:
            self._heard.append(said)
        if said is not None or self.is_caller_speaking != was_speaking:
            self._wake()

    def _wake(self) -> None:
        if self._wakes is not None and not self._wakes.done():
            self._wakes.set_result(None)

    async def say(self, text: str, *, may_be_interrupted: bool = True) -> bool:
        """Speak; False if the caller broke in, and the rest was left unsaid. Raises HungUp."""
        core, system = self._channel.core, self._channel.system
        audio: bytes = await core.wait_for(
            system.loop.run_in_executor(system.executor, self._synthesiser.synthesise, text, self._language, self._sample_rate)
        )
        if may_be_interrupted and (self.is_caller_speaking or self._heard):
            self.interruptions += 1
            return False
        speaker = _Voice(audio, self._sample_rate, self._wake)
        core.start_generator(speaker)
        try:
            while core.generator is speaker:
                self._wakes = system.loop.create_future()
                await core.wait_for(self._wakes)
                if may_be_interrupted and core.generator is speaker and self.is_caller_speaking:
                    self.interruptions += 1
                    logger.debug(1, f"{core.name}: the caller broke in after {speaker.spoken_ms} ms")
                    return False
            return True
        finally:
            self._wakes = None
            if core.generator is speaker:
                core.stop_generator()

    async def listen(self, timeout: float = 10.0) -> str:
        """The next thing that the caller says, as text; "" if it does not begin to within ``timeout`` seconds. Raises HungUp."""
        core, system = self._channel.core, self._channel.system
        deadline = system.now() + timeout
        while not self._heard:
            remaining = deadline - system.now()
            if remaining <= 0 and not self.is_caller_speaking:
                return ""
            self._wakes = system.loop.create_future()
            timer = None if self.is_caller_speaking else system.loop.call_later(remaining, self._wake)
            try:
                await core.wait_for(self._wakes)
            finally:
                self._wakes = None
                if timer is not None:
                    timer.cancel()
        said = self._heard.popleft()
        text: str = await core.wait_for(
            system.loop.run_in_executor(system.executor, self._recogniser.recognise, said, self._language, self._sample_rate)
        )
        return text

    async def ask(self, text: str, *, timeout: float = 10.0) -> str:
        """Say something and listen; a caller who knows the answer already need not wait for the end of the question."""
        await self.say(text)
        return await self.listen(timeout)
