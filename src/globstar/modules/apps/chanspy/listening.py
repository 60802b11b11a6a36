"""One spy at one channel: what it hears, and to whom it speaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.audiofeed import AudioFeed
from globstar.core.audiotap import BLOCK_MS, AudioTap
from globstar.core.format import slin_for_rate
from globstar.core.frame import Frame, voice
from globstar.core.soundfile import SoundFault, SoundWriter
from globstar.dsp.level import adjust_volume, interleave, mix
from globstar.modules.apps.chanspy.options import VOLUME_LIMIT, Mode, SpyOptions

if TYPE_CHECKING:
    from globstar.core.channel import Channel

logger = Logger("app_chanspy")

#: How much waits at the most, ms: usually, and with option l.
_QUEUE_MS, _LONG_QUEUE_MS = 200, 1000
#: Blocks that the tap may be behind: usually, and with option l.
_AHEAD, _LONG_AHEAD = 10, 50
#: Blocks by which the spy hears later, so that packets that are late leave no holes.
_LAG = 3


class Recording:
    """The file of option r: raw signed linear of what the spy hears, all channels after one another."""

    def __init__(self, spy: Channel, basename: str, sample_rate: int) -> None:
        folder = Path(spy.system.directories.astspooldir) / "monitor"
        name = str(folder / f"{basename}.{int(spy.system.wall_time())}")
        rate = sample_rate // 1000
        extension = "raw" if rate == 8 else f"sln{rate}"
        number = 0
        while Path(f"{name}.{extension}").exists():  # another spy began in this second
            number += 1
            name = str(folder / f"{basename}.{int(spy.system.wall_time())}-{number}")
        self._writer: SoundWriter | None = None
        try:
            self._writer = spy.system.sounds.create(name, extension)
        except SoundFault as fault:
            logger.warning(f"ChanSpy on {spy.name} is not recorded: {fault}")

    def write(self, data: bytes) -> None:
        """More of it; a full disk ends the recording, not the call."""
        if self._writer is None:
            return
        try:
            self._writer.write_bytes(data)
        except SoundFault as fault:
            logger.warning(f"the recording of ChanSpy ends: {fault}")
            self._writer = None

    async def close(self) -> None:
        """The file is whole when this returns."""
        if self._writer is None:
            return
        try:
            await self._writer.aclose()
        except SoundFault as fault:
            logger.warning(f"the recording of ChanSpy: {fault}")


class Listening:
    """Lets ``spy`` hear ``spied`` until it is stopped."""

    def __init__(
        self, spy: Channel, spied: Channel, options: SpyOptions, *, volume: int, mode: Mode, recording: Recording | None
    ) -> None:
        self.spy = spy
        self.spied = spied
        self.options = options
        self.volume = volume
        self.mode = mode
        self.is_deaf = options.is_deaf
        self._recording = recording
        self._linear = slin_for_rate(spy.raw_write_format.sample_rate)
        self._silence = bytes(self._linear.bytes_for(BLOCK_MS))
        ahead = _LONG_AHEAD if options.has_long_queue else _AHEAD
        self._tap = AudioTap(spied, self._hear, sample_rate=self._linear.sample_rate, ahead=ahead, lag=_LAG)
        self._feeds: dict[Channel, AudioFeed] = {}

    def start(self) -> None:
        """Begin. Raises NoTranslation where the spy's codec cannot be translated."""
        spy, spied = self.spy, self.spied
        spy.set_write_format(self._linear)
        spy.set_read_format(self._linear)
        self._tap.start()
        self._feed_targets()
        logger.verbose(2, f"Spying on channel {spied.name}")
        spy.system.bus.publish(events.ChanSpyStarted(spy, spied))

    def stop(self) -> None:
        """End it."""
        self._tap.stop()
        for feed in self._feeds.values():
            feed.stop()
        self._feeds.clear()
        if not self.spy.is_hung_up:
            self.spy.reset_formats()
        logger.verbose(2, f"Done Spying on channel {self.spied.name}")
        self.spy.system.bus.publish(events.ChanSpyStopped(self.spy, self.spied))

    def change_volume(self) -> None:
        """One step louder; after the loudest comes the quietest."""
        self.volume = self.volume + 1 if self.volume < VOLUME_LIMIT else -VOLUME_LIMIT

    def change_mode(self, mode: Mode) -> None:
        """Listen only, speak to the channel, or speak to both parties."""
        self.mode = mode
        self.is_deaf = False
        self._feed_targets()

    def speak(self, frame: Frame) -> None:
        """A voice frame of the spy."""
        if self.mode is Mode.SPY:
            return
        self._feed_targets()
        for feed in self._feeds.values():
            feed.add(frame.data)

    def _feed_targets(self) -> None:
        """Whom the spy speaks to now: parties of a bridge come and go."""
        targets: list[Channel] = [self.spied] if self.mode is not Mode.SPY else []
        if self.mode is Mode.BARGE and self.spied.bridge_member is not None:
            targets += [peer.channel for peer in self.spied.bridge_member.peers]
        for channel in [channel for channel in self._feeds if channel not in targets]:
            self._feeds.pop(channel).stop()
        for channel in targets:
            if channel not in self._feeds:
                limit = _LONG_QUEUE_MS if self.options.has_long_queue else _QUEUE_MS
                feed = self._feeds[channel] = AudioFeed(channel, sample_rate=self._linear.sample_rate, limit_ms=limit)
                feed.start()

    def _hear(self, said: bytes | None, heard: bytes | None) -> None:
        if self.spy.is_hung_up or not self._tap.is_running:
            return
        options = self.options
        if options.only_said:
            heard = None
        if self.is_deaf:
            said = heard = None
        steps = 2 * self.volume
        said = adjust_volume(said, steps) if said is not None else None
        heard = adjust_volume(heard, steps) if heard is not None else None
        if options.is_interleaved:
            data = interleave(said or self._silence, heard or self._silence)
        elif said is not None and heard is not None:
            data = mix(said, heard)
        else:
            data = said or heard or self._silence
        if self._recording is not None:
            self._recording.write(data)
        self.spy.write(voice(self._linear, data, len(data) // 2))
