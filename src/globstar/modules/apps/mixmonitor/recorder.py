"""One MixMonitor: a tap on a channel, the files that it fills, and what happens when it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.base.programs import run_shell
from globstar.core import events
from globstar.core.audiotap import BLOCK_MS, AudioTap
from globstar.core.format import slin_for_rate
from globstar.core.periodicsound import PeriodicSound
from globstar.core.services import DeliveredSound, SoundDelivery
from globstar.core.soundfile import SoundFault, SoundWriter
from globstar.dsp.level import adjust_volume, interleave, mix

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.format import Format
    from globstar.core.translate import TranslationPath

logger = Logger("app_mixmonitor")

#: Blocks by which both directions are behind, so that packets that are late are still recorded in their place.
_LAG = 3
#: Blocks that may wait: the lag, and packets of 120 ms.
_MOST_AHEAD = 10


@dataclass(slots=True)
class RecorderOptions:
    """What a MixMonitor was asked to do; volumes are steps of VOLUME()."""

    append: bool = False
    only_bridged: bool = False
    #: the two directions side by side in one file of raw audio
    interleaved: bool = False
    #: the files of one direction are filled up with silence, which keeps them together
    synchronised: bool = True
    delete: bool = False
    said_volume: int = 0
    heard_volume: int = 0
    said_file: str = ""
    heard_file: str = ""
    #: where copies go (``100@default/Work``), and who they are from
    mailboxes: tuple[str, ...] = ()
    caller_id: str = ""
    #: period of beeps into the call, 0 for none
    beep_seconds: int = 0
    #: who ends it makes the channel hear a beep
    beeps_at_end: bool = False
    #: nothing is kept of so many seconds at the beginning
    skipped_seconds: int = 0


class _Track:
    """A file, with the translators that lead to its format from blocks of signed linear of ``sample_rate``."""

    __slots__ = ("_path", "_sides", "failed", "silence", "writer")

    def __init__(self, channel: Channel, writer: SoundWriter, sample_rate: int, *, interleaved: bool = False) -> None:
        linear = slin_for_rate(sample_rate)
        self.writer = writer
        self.failed = False
        self.silence = bytes(linear.bytes_for(BLOCK_MS))
        #: each side of an interleaved file is brought to its rate by itself
        self._sides: tuple[TranslationPath | None, TranslationPath | None] = (None, None)
        if interleaved:
            own = slin_for_rate(writer.format.sample_rate)
            self._sides = (_path(channel, linear, own), _path(channel, linear, own))
            linear = own
        self._path = _path(channel, linear, writer.format)

    def write(self, data: bytes) -> None:
        """A block."""
        if self.failed:
            return
        try:
            self.writer.write_bytes(data if self._path is None else self._path.translate_bytes(data))
        except SoundFault as fault:
            self.failed = True
            logger.error(f"MixMonitor: {fault}")

    def write_both(self, said: bytes, heard: bytes) -> None:
        """A block of each direction, side by side."""
        left, right = (
            data if path is None else path.translate_bytes(data) for data, path in zip((said, heard), self._sides, strict=True)
        )
        self.write(interleave(left, right))


def _path(channel: Channel, source: Format, wanted: Format) -> TranslationPath | None:
    """What leads from one format to another, None where nothing needs to. Raises SoundFault."""
    if source.codec is wanted.codec:
        return None
    path = channel.system.translation.build_path(source, wanted)
    if path is None:
        raise SoundFault(f"no translators lead to {wanted}")
    return path


@dataclass(slots=True, eq=False)
class Recorder:
    """A running MixMonitor. ``stop`` ends it and waits until its files are whole."""

    channel: Channel
    identity: str
    options: RecorderOptions
    #: what runs in a shell at the end
    command: str = ""
    #: file names without extension, as ``mixmonitor list`` shows them
    names: tuple[str, str, str] = ("", "", "")
    #: directions that are recorded as silence (MixMonitorMute)
    muted: set[str] = field(default_factory=set)
    _mixed: _Track | None = None
    _said: _Track | None = None
    _heard: _Track | None = None
    _tap: AudioTap | None = None
    _beeps: PeriodicSound | None = None
    _started: float = 0.0
    #: when what is kept begins (the system's clock)
    _kept_from: float = 0.0

    def start(self, mixed: str) -> None:
        """Make the files and begin. One that cannot be made is logged; SoundFault where that leaves none."""
        options, channel = self.options, self.channel
        if channel.is_hung_up:
            raise SoundFault("the call is over")
        faults: list[str] = []
        writers = [self._writer(name, faults) for name in (mixed, options.said_file, options.heard_file)]
        rate = max((writer.format.sample_rate for writer in writers if writer is not None), default=8000)
        self._mixed, self._said, self._heard = (
            self._track(writer, rate, faults, interleaved=options.interleaved and not index)
            for index, writer in enumerate(writers)
        )
        if not self._tracks:
            raise SoundFault("; ".join(faults) or "there is no file to record into")
        for fault in faults:
            logger.error(f"MixMonitor of {channel.name}: {fault}")
        self.names = tuple(str(w.path.with_suffix("")) if w is not None else "" for w in writers)  # type: ignore[assignment]
        if self._mixed is not None:
            channel.set_variable("MIXMONITOR_FILENAME", str(self._mixed.writer.path))
        self._tap = AudioTap(channel, self._take, sample_rate=rate, ahead=_MOST_AHEAD, lag=_LAG, note=self._note)
        self._kept_from = channel.system.now() + options.skipped_seconds
        self._tap.start()
        self._started = channel.system.wall_time()
        if options.beep_seconds:
            self._beeps = PeriodicSound(channel, "beep", options.beep_seconds)
            self._beeps.start()
        channel.system.bus.publish(events.MixMonitorStarted(channel))

    @property
    def _tracks(self) -> list[_Track]:
        return [track for track in (self._mixed, self._said, self._heard) if track is not None]

    def _writer(self, name: str, faults: list[str]) -> SoundWriter | None:
        """What writes a file; None where none is wanted, and where it cannot be made, which is noted."""
        if not name:
            return None
        stem, dot, extension = name.rpartition(".")
        if not dot or "/" in extension:
            faults.append(f"'{name}' has no extension")
            return None
        folder = Path(self.channel.system.directories.astspooldir) / "monitor"
        try:
            return self.channel.system.sounds.create(str(folder / stem), extension, append=self.options.append)
        except SoundFault as fault:
            faults.append(str(fault))
            return None

    def _track(self, writer: SoundWriter | None, sample_rate: int, faults: list[str], *, interleaved: bool) -> _Track | None:
        if writer is None:
            return None
        try:
            return _Track(self.channel, writer, sample_rate, interleaved=interleaved)
        except SoundFault as fault:
            faults.append(f"{writer.path}: {fault}")
            is_empty = not writer.tell()
            writer.close()
            if is_empty:
                writer.path.unlink(missing_ok=True)
            return None

    def _note(self) -> frozenset[str] | None:
        """What is not to be recorded of this moment: directions, None for all."""
        if self.options.only_bridged and self.channel.bridge_member is None:
            return None
        if self.options.skipped_seconds and self.channel.system.now() < self._kept_from:
            return None
        return frozenset(self.muted)

    def _take(self, said: bytes | None, heard: bytes | None) -> None:
        options = self.options
        assert self._tap is not None
        withheld = self._tap.noted
        if withheld is None:
            return
        if "read" in withheld:
            said = None
        if "write" in withheld:
            heard = None
        if said is not None:
            said = adjust_volume(said, options.said_volume)
        if heard is not None:
            heard = adjust_volume(heard, options.heard_volume)
        for track, data in ((self._said, said), (self._heard, heard)):
            if track is not None and (data is not None or options.synchronised):
                track.write(data if data is not None else track.silence)
        track = self._mixed
        if track is None:
            return
        if options.interleaved:
            track.write_both(said or track.silence, heard or track.silence)
        elif said is not None and heard is not None:
            track.write(mix(said, heard))
        else:
            track.write(said or heard or track.silence)

    async def stop(self) -> None:
        """End the recording: the files are whole when this returns; a command runs on by itself."""
        if self._tap is None:
            return
        self._tap.stop()
        self._tap = None  # it refers to this recorder, and both shall be gone with the call
        if self._beeps is not None:
            self._beeps.stop()
        self.channel.system.bus.publish(events.MixMonitorStopped(self.channel))
        for track in self._tracks:
            try:
                await track.writer.aclose()
            except SoundFault as fault:
                logger.error(f"MixMonitor of {self.channel.name}: {fault}")
        await self._deliver()

    async def follow(self) -> None:
        """What is done with the files when they are whole: the command, and their end where they are not kept."""
        if self.command:
            logger.verbose(2, f"Executing [{self.command}]")
            await self.channel.system.run_command(_execute, self.command)
        if self.options.delete:
            for track in self._tracks:
                try:
                    await self.channel.system.run_blocking(track.writer.path.unlink, True)
                except OSError as error:
                    logger.error(f"MixMonitor: {track.writer.path} stays: {error.strerror}")

    async def _deliver(self) -> None:
        """Put copies of the mixed file into mailboxes."""
        options, channel, track = self.options, self.channel, self._mixed
        if not options.mailboxes or track is None:
            return
        voicemail = channel.system.service("voicemail", SoundDelivery)  # type: ignore[type-abstract]
        if voicemail is None:
            logger.warning(f"MixMonitor of {channel.name}: there is no voicemail to deliver to")
            return
        message = DeliveredSound(
            caller_id=options.caller_id,
            channel_name=channel.name,
            context=channel.context,
            extension=channel.extension,
            priority=channel.priority,
            started=self._started,
            seconds=channel.system.wall_time() - self._started,
        )
        for mailbox in options.mailboxes:
            await voicemail.deliver(mailbox, track.writer.path, message)


def _execute(command: str) -> None:
    try:
        status = run_shell(command).returncode
    except OSError as error:
        logger.warning(f"there is no shell for '{command}': {error}")
        return
    if status:
        logger.notice(f"MixMonitor: the command '{command}' ended with {status}")
