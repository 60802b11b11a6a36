"""Speech recognition: engines, what one channel has of them, and listening for what a caller says (Asterisk's speech API)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger
from globstar.core.channel import ChannelGone
from globstar.core.ear import Ear
from globstar.core.frame import Frame, FrameType
from globstar.core.playback import FilePlayer, SoundMissing, open_player
from globstar.dsp.utterance import Hearing, Utterances

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.system import System

logger = Logger("res_speech")

_KEY = "speech"
#: The score and the grammar of digits that were pressed instead of speaking.
DIGITS_SCORE, DIGITS_GRAMMAR = 1000, "dtmf"


class SpeechFault(GlobstarError):
    """A grammar cannot be read, or an engine does not work."""


@dataclass(frozen=True, slots=True)
class SpeechResult:
    """What may have been said: ``score`` is 0 (a guess) to 1000 (certain); ``alternative`` is its place in an n-best list."""

    text: str
    score: int
    grammar: str = ""
    alternative: int = 0


class ResultsType(Enum):
    """What an engine is asked for: the best hypothesis of each utterance, or several for each."""

    NORMAL = "normal"
    NBEST = "nbest"


class SpeechEngine(Protocol):
    """Turns utterances into words. All methods may block: they are called in threads, several at a time."""

    @property
    def name(self) -> str:
        """What SpeechCreate() calls it."""

    @property
    def sample_rate(self) -> int:
        """The rate of the audio that it takes, Hz."""

    def check_grammar(self, path: str) -> None:
        """Read a grammar for the first time. Raises SpeechFault."""

    def recognise(
        self, audio: bytes, grammars: Mapping[str, str], settings: Mapping[str, str], kind: ResultsType
    ) -> Sequence[SpeechResult]:
        """What was said, best first; ``grammars`` are the paths of the active ones by name. Raises SpeechFault.

        ``audio`` is signed linear of ``sample_rate``.
        """


class SpeechEngines:
    """The engines that are there; the service ``speech engines`` of res_speech."""

    def __init__(self) -> None:
        self._engines: dict[str, SpeechEngine] = {}

    def register(self, engine: SpeechEngine) -> None:
        """Offer an engine; the first one is the default. ValueError when its name is taken."""
        if engine.name.lower() in self._engines:
            raise ValueError(f"there is a speech engine '{engine.name}' already")
        self._engines[engine.name.lower()] = engine

    def unregister(self, engine: SpeechEngine) -> None:
        """Offer it no more; channels that have it keep it."""
        self._engines.pop(engine.name.lower(), None)

    def find(self, name: str) -> SpeechEngine | None:
        """The engine of a name, in any case; the default for an empty one."""
        return self._engines.get(name.lower()) if name else next(iter(self._engines.values()), None)


def find_engine(system: System, name: str) -> SpeechEngine | None:
    """The engine of a name, or the default for an empty one; None also where res_speech is not loaded."""
    engines = system.service("speech engines", SpeechEngines)
    return engines.find(name) if engines is not None else None


@dataclass(slots=True)
class Speech:
    """What a channel has of an engine, from SpeechCreate() to SpeechDestroy()."""

    engine: SpeechEngine
    #: paths of what was loaded, by name
    grammars: dict[str, str] = field(default_factory=dict)
    #: names of those that count
    active: set[str] = field(default_factory=set)
    settings: dict[str, str] = field(default_factory=dict)
    results: list[SpeechResult] = field(default_factory=list)
    results_type: ResultsType = ResultsType.NORMAL
    processing_sound: str = ""
    has_spoken: bool = False
    is_ready: bool = False

    def start(self) -> None:
        """Be ready for what comes; what was understood before is forgotten."""
        self.results.clear()
        self.has_spoken = False
        self.is_ready = True

    async def load_grammar(self, channel: Channel, name: str, path: str) -> None:
        """Make a grammar known by a name. Raises SpeechFault."""
        await channel.system.run_blocking(self.engine.check_grammar, path)
        self.grammars[name] = path

    def unload_grammar(self, name: str) -> bool:
        """Forget a grammar; False when there is none of that name."""
        self.active.discard(name)
        return self.grammars.pop(name, None) is not None

    def activate_grammar(self, name: str) -> bool:
        """Count a grammar in; False when there is none of that name."""
        if name not in self.grammars:
            return False
        self.active.add(name)
        return True

    def deactivate_grammar(self, name: str) -> bool:
        """Count a grammar out; False when it was not in."""
        if name not in self.active:
            return False
        self.active.remove(name)
        return True

    def find_result(self, number: int, alternative: int = 0) -> SpeechResult | None:
        """The result ``number`` of an alternative, from 0."""
        found = [result for result in self.results if result.alternative == alternative]
        return found[number] if 0 <= number < len(found) else None


def speech_of(channel: Channel) -> Speech | None:
    """What SpeechCreate() made for a channel."""
    speech: Speech | None = channel.data.get(_KEY)
    return speech


def attach_speech(channel: Channel, engine: SpeechEngine) -> Speech:
    """Prepare a channel for an engine; what it had of another one is dropped."""
    speech = channel.data[_KEY] = Speech(engine)
    return speech


def destroy_speech(channel: Channel) -> bool:
    """Drop what a channel has; False when there was nothing."""
    return channel.data.pop(_KEY, None) is not None


class Heard(Enum):
    """How listening ended."""

    SPEECH = "speech"
    DIGITS = "digit"
    TIMEOUT = "timeout"
    HANGUP = "hangup"


@dataclass(slots=True, kw_only=True)
class Listening:
    """How to listen: ``timeout`` counts in seconds from the end of the sounds, 0 for none.

    ``digits_limit`` (0 for none) and ``terminator`` end digits that are pressed instead of speaking; with ``takes_partial``
    what was said until a timeout is understood as far as it goes.
    """

    sounds: Sequence[str] = ()
    timeout: float = 0.0
    terminator: str = "#"
    digits_limit: int = 0
    takes_partial: bool = False
    hearing: Hearing = field(default_factory=Hearing)
    #: samples of the first sound to leave out
    offset: int = 0


class Listener:
    """Plays sounds and listens to one channel until something was said, dialled, or the time is over."""

    def __init__(self, channel: Channel, speech: Speech, listening: Listening) -> None:
        self._channel = channel
        self._speech = speech
        self._options = listening
        self._utterances = Utterances(listening.hearing, speech.engine.sample_rate)
        self._said: bytes | None = None
        self._digits = ""
        self._is_complete = False
        self._wakes: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_late = False
        #: where the sound stopped, samples
        self.position = 0

    async def listen(self) -> Heard:
        """Do it; results are in ``speech.results`` then. Raises SpeechFault from the engine."""
        speech, channel = self._speech, self._channel
        if not speech.is_ready:
            speech.start()
        ear = Ear(channel, self._hear, sample_rate=speech.engine.sample_rate)
        ear.start()
        try:
            await self._play()
            if not self._is_settled:
                self._begin_timeout()
                await self._until_settled()
        except ChannelGone:
            return Heard.HANGUP
        finally:
            ear.stop()
            if self._timer is not None:
                self._timer.cancel()
        speech.is_ready = False
        if self._digits:
            speech.results[:] = [SpeechResult(self._digits, DIGITS_SCORE, DIGITS_GRAMMAR)]
            return Heard.DIGITS
        said = self._said
        if said is None and self._options.takes_partial:
            said = self._utterances.cut()
        if said is None:
            return Heard.TIMEOUT
        try:
            speech.results[:] = await self._understand(said)
        except ChannelGone:
            return Heard.HANGUP
        return Heard.SPEECH

    # -- what happens meanwhile --------------------------------------------------------------------------------------

    @property
    def _is_settled(self) -> bool:
        return self._said is not None or self._is_complete or self._is_late

    def _hear(self, block: bytes) -> None:
        if self._digits or self._said is not None:
            return
        said = self._utterances.receive(block)
        if said is not None:
            self._said = said
        if said is not None or (self._utterances.is_speaking and not self._speech.has_spoken):
            self._speech.has_spoken = True
            self._wake()

    def _press(self, frame: Frame) -> bool | None:
        if frame.type is not FrameType.DTMF_END:
            return None
        options = self._options
        if frame.digit == options.terminator and options.terminator:
            self._is_complete = True
        else:
            self._digits += frame.digit
            self._is_complete = bool(options.digits_limit) and len(self._digits) >= options.digits_limit
        return True

    def _wake(self) -> None:
        if self._wakes is not None and not self._wakes.done():
            self._wakes.set_result(None)

    def _begin_timeout(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        seconds = self._options.timeout or (self._channel.digit_timeout if self._digits else 0.0)
        if seconds > 0:
            self._timer = self._channel.system.loop.call_later(seconds, self._run_out)

    def _run_out(self) -> None:
        self._is_late = True
        self._wake()

    async def _wait(self) -> bool:
        """Until something happens; whether that was a digit."""
        self._wakes = self._channel.system.loop.create_future()
        try:
            return bool(await self._channel.wait_for(self._wakes, self._press))
        finally:
            self._wakes = None

    async def _until_settled(self) -> None:
        while not self._is_settled:
            if await self._wait() or self._utterances.is_speaking:
                self._begin_timeout()  # who speaks or dials has the time anew

    async def _play(self) -> None:
        """The sounds, until the caller speaks or dials."""
        for number, name in enumerate(self._options.sounds):
            try:
                player = await open_player(self._channel, name, on_end=self._wake)
            except SoundMissing as missing:
                logger.warning(str(missing))
                continue
            if number == 0 and self._options.offset:
                player.reader.seek(self._options.offset)
            await self._play_one(player)
            if self._speech.has_spoken or self._digits or self._is_settled:
                return

    async def _play_one(self, player: FilePlayer) -> None:
        channel = self._channel
        channel.start_generator(player)
        try:
            while channel.generator is player and not (self._speech.has_spoken or self._digits or self._is_settled):
                await self._wait()
        finally:
            self.position = player.reader.tell()
            if channel.generator is player:
                channel.stop_generator()

    async def _understand(self, said: bytes) -> Sequence[SpeechResult]:
        """Ask the engine, and play the processing sound over and over until it has answered."""
        speech, channel = self._speech, self._channel
        active = {name: path for name, path in speech.grammars.items() if name in speech.active}
        work = asyncio.ensure_future(
            channel.system.run_blocking(speech.engine.recognise, said, active, dict(speech.settings), speech.results_type)
        )
        work.add_done_callback(self._understood)
        try:
            while speech.processing_sound and not work.done() and await self._play_processing(work):
                pass
            results: Sequence[SpeechResult] = await channel.wait_for(work)
            return results
        finally:
            work.remove_done_callback(self._understood)
            work.cancel()

    async def _play_processing(self, work: asyncio.Future[Any]) -> bool:
        """The processing sound once, as long as ``work`` goes on; False where it is missing."""
        channel = self._channel
        try:
            player = await open_player(channel, self._speech.processing_sound, on_end=self._wake)
        except SoundMissing as missing:
            logger.warning(str(missing))
            return False
        channel.start_generator(player)
        try:
            while channel.generator is player and not work.done():
                await self._wait()
        finally:
            if channel.generator is player:
                channel.stop_generator()
        return True

    def _understood(self, _: asyncio.Future[Any]) -> None:
        self._wake()
