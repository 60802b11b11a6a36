"""Music On Hold Resource."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from globstar.base.log import Logger
from globstar.config.file import Variable
from globstar.config.options import Report
from globstar.core import events
from globstar.core.channel import Channel, ChannelState
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.frame import NULL_FRAME, Frame
from globstar.core.numbers import seconds
from globstar.core.playback import SoundMissing, find_sound
from globstar.core.realtime.engine import RealtimeFault, Row
from globstar.core.registry import application
from globstar.core.soundfile import SoundFault, SoundReader
from globstar.core.system import System
from globstar.dialplan.arguments import argument, split_arguments
from globstar.modules.res.musiconhold.keys import MusicListener, OnKey
from globstar.modules.res.musiconhold.options import MODES, ClassFault, ClassOptions, GeneralOptions
from globstar.modules.res.musiconhold.program import MusicProgram, ProgramPlayer

logger = Logger("res_musiconhold")

#: Seconds before all files are tried again where none could be played; they double up to the longest.
_PAUSE, _LONGEST_PAUSE = 1.0, 30.0


@dataclass(slots=True)
class MusicClass:
    """A class and the files that it plays, as names without extension, or its program."""

    name: str
    options: ClassOptions
    files: list[str] = field(default_factory=list)
    program: MusicProgram | None = None

    @property
    def is_playable(self) -> bool:
        """Whether there is something to hear."""
        return bool(self.files) or self.program is not None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a channel's music stopped: the class, its files in the order in which they are heard, the file of them, ms in it."""

    name: str
    order: list[str]
    index: int
    offset_ms: int

    def is_of(self, music: MusicClass) -> bool:
        """Whether the class still has these files."""
        return self.name == music.name and sorted(self.order) == sorted(music.files)


class MusicPlayer(MusicListener):
    """Plays the files of a class one after the other; the next is opened off the loop before the last one ends.

    Where it stopped is kept on the channel, as a :class:`Place`, to go on from there.
    """

    __slots__ = (
        "_announces",
        "_index",
        "_next",
        "_next_index",
        "_offset_ms",
        "_opening",
        "_order",
        "_pause",
        "_reader",
        "_unheard",
        "_upcoming",
        "music",
    )

    def __init__(self, music: MusicClass, order: list[str], start: int, offset_ms: int = 0, on_key: OnKey | None = None) -> None:
        super().__init__(on_key)
        self.music = music
        self._order = order
        self._upcoming = start
        self._offset_ms = offset_ms
        self._announces = bool(music.options.announcement) and not offset_ms
        self._reader: SoundReader | None = None
        self._index = -1
        self._next: SoundReader | None = None
        self._next_index = -1
        self._opening = False
        #: what could not be played, which is told once
        self._unheard: set[str] = set()
        self._pause = _PAUSE

    def opened(self, channel: Channel) -> None:
        """Begin to open the first file, and tell."""
        super().opened(channel)
        channel.system.bus.publish(events.MusicOnHoldChanged(channel, self.music.name))
        self._open_ahead(channel)

    def closed(self) -> None:
        """Keep the position, and tell."""
        super().closed()
        assert self.channel is not None
        if self._reader is not None and self._index >= 0:
            self.channel.data[_PLACE] = Place(self.music.name, self._order, self._index, self._reader.tell_ms())
        self.channel.system.bus.publish(events.MusicOnHoldChanged(self.channel, None))

    def next_frame(self) -> Frame | None:
        """The next 20 ms of the music; an empty frame while a file is being opened."""
        frame = self._reader.next_tick() if self._reader is not None else None
        if frame is None:
            self._reader, self._index, self._next = self._next, self._next_index, None
            frame = self._reader.next_tick() if self._reader is not None else None
        if self._next is None and not self._opening and self.channel is not None:
            if self._reader is None or self._reader.is_at_end:
                self._open_ahead(self.channel)
        return frame if frame is not None else NULL_FRAME

    def _open_ahead(self, channel: Channel) -> None:
        self._opening = True
        channel.tasks.start(self._open_next(channel), name="music on hold")

    def _select(self) -> tuple[str, int]:
        """The next sound: its name, and its number in the order, -1 for the announcement."""
        if self._announces:
            self._announces = False
            return self.music.options.announcement, -1
        index = self._upcoming % len(self._order)
        if not (self.music.options.loop_last and index == len(self._order) - 1):
            self._upcoming = index + 1
        self._announces = bool(self.music.options.announcement)
        return self._order[index], index

    async def _open_next(self, channel: Channel) -> None:
        for _ in range(2 * len(self._order)):
            name, index = self._select()
            try:
                reader = await channel.system.sounds.open(await find_sound(channel, name))
            except (SoundMissing, SoundFault) as fault:
                if name not in self._unheard:  # it is tried again with every round
                    self._unheard.add(name)
                    logger.warning(f"music class '{self.music.name}': {fault}")
                continue
            reader.seek_ms(self._offset_ms)
            self._offset_ms = 0
            if not reader.is_at_end:
                self._next, self._next_index, self._pause = reader, index, _PAUSE
                break
        else:
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._opening = False


#: families of extconfig.conf with classes, and with the entries of playlists
FAMILY, ENTRIES = "musiconhold", "musiconhold_entry"
#: where a channel keeps the task that looks for its class in realtime, and the place where its music stopped
_PENDING, _PLACE = "moh pending", "moh position"


class MusicOnHoldService:
    """The classes of musiconhold.conf, and of realtime where extconfig.conf says so; service ``music on hold``."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.classes: dict[str, MusicClass] = {}
        self.options = GeneralOptions()
        #: classes that were read from realtime
        self.realtime: dict[str, MusicClass] = {}
        self._random = Random()

    def load(self) -> None:
        """Read musiconhold.conf; without a class ``default`` the folder ``moh`` of the data directory is one."""
        classes: dict[str, MusicClass] = {}
        general = GeneralOptions()
        config = self.system.configuration.read("musiconhold.conf")
        report = Report()
        for category in config.categories if config is not None else ():
            if category.name.lower() == "general":
                general = GeneralOptions.read(category, report)
                continue
            options = ClassOptions.read(category, report)
            classes[category.name] = MusicClass(category.name, options)
        for warning in report.warnings:
            logger.log(warning.level, str(warning))
        for music in list(classes.values()):
            if self._find_files(music):
                _keep_program(music, self.classes.get(music.name))
            else:
                del classes[music.name]
        if "default" not in classes:
            classes["default"] = MusicClass("default", ClassOptions())
            self._find_files(classes["default"])
        before = self.all_classes()
        self.classes, self.options = classes, general
        self.realtime = {}
        self._retire(before)

    def _retire(self, before: Iterable[MusicClass]) -> None:
        """End the programs of classes that are no more, as soon as nobody hears them."""
        kept = {music.program for music in self.all_classes()}
        for music in before:
            if music.program is not None and music.program not in kept:
                music.program.retire()

    def unregister(self, name: str) -> bool:
        """Take away a class of the file; False where there is none."""
        music = self.classes.pop(name, None)
        if music is not None:
            self._retire([music])
        return music is not None

    def _find_files(self, music: MusicClass) -> bool:
        """Have what the class plays ready; False, which is told, where it cannot be played."""
        options = music.options
        if options.mode not in MODES:
            logger.warning(f"music class '{music.name}': there is no mode '{options.mode}'")
            return False
        if options.runs_program:
            try:
                music.program = MusicProgram(self.system, music.name, options)
            except ClassFault as fault:
                logger.warning(f"music class '{music.name}': {fault}")
                return False
            return True
        if options.mode == "playlist":
            music.files = list(options.entry)
            return True
        folder = Path(options.directory)
        if not folder.is_absolute():
            folder = Path(self.system.directories.astdatadir) / folder
        extensions = self.system.sounds.extensions()
        found = [path for path in folder.glob("*") if path.suffix[1:] in extensions and not path.name.startswith(".")]
        music.files = sorted({str(path.with_suffix("")) for path in found})
        return True

    def start(self, channel: Channel, music_class: str = "") -> bool:
        """Play a class to ``channel``; see :class:`~globstar.core.services.MusicOnHold`."""
        self._forget_pending(channel)
        if self.system.realtime.has(FAMILY) and (unknown := self._unknown(channel, music_class)):
            channel.data[_PENDING] = channel.tasks.start(self._start_later(channel, unknown), name="music class")
            return True
        music = self.choose(channel, music_class)
        for name in self._names(channel, music_class):
            if music is None or name == music.name:
                break
            self._tell_missing(name)
        return self._play(channel, music, music_class)

    def _tell_missing(self, name: str) -> None:
        if name in self.classes or name in self.realtime:
            logger.warning(f"music class '{name}' has no files; the next of those that are wanted is played")
        elif name != "default":
            logger.warning(f"there is no music class '{name}'; the next of those that are wanted is played")

    def _names(self, channel: Channel, music_class: str) -> list[str]:
        """The classes that are wanted, in order: the channel's own, the one asked for, the default one."""
        names = [channel.music_class, music_class]
        if not self.options.preferchannelclass:
            names.reverse()
        return [name for name in (*names, "default") if name]

    def _unknown(self, channel: Channel, music_class: str) -> list[str]:
        """The wanted classes, if one that may be in realtime comes before those that are known."""
        names = self._names(channel, music_class)
        first = next((name for name in names if name in self.classes or name in self._kept), None)
        return names if names and names[0] != first else []

    @property
    def _kept(self) -> dict[str, MusicClass]:
        """Classes of realtime that need not be read again."""
        return self.realtime if self.options.cachertclasses else {}

    async def _start_later(self, channel: Channel, names: list[str]) -> None:
        """Look for the first of several classes that there is, and play it."""
        for name in names:
            music = self.classes.get(name) or self._kept.get(name) or await self._read(name)
            if music is not None and music.is_playable:
                channel.data.pop(_PENDING, None)
                self._play(channel, music, name)
                return
            self._tell_missing(name)

    async def _read(self, name: str) -> MusicClass | None:
        """A class of realtime, as its row is now."""
        try:
            row = await self.system.realtime.load(FAMILY, [("name", name)])
            if row is None:
                gone = self.realtime.pop(name, None)
                self._retire([gone] if gone is not None else [])
                return None
            entries = []
            if dict(row).get("mode") == "playlist":
                rows = await self.system.realtime.load_multi(ENTRIES, [("position >=", "0"), ("name", name)])
                entries = [dict(one).get("entry", "") for one in sorted(rows, key=_position)]
        except RealtimeFault as fault:
            logger.debug(1, f"music class '{name}': {fault}")
            return self.realtime.get(name)
        place = f"{FAMILY} of realtime"
        known = {info.name for info in ClassOptions.describe()}
        variables = [Variable(key.lower(), value, file=place) for key, value in row if key.lower() in known]
        report = Report()
        options = ClassOptions.read([*variables, *(Variable("entry", entry) for entry in entries if entry)], report)
        for warning in report.warnings:
            logger.warning(str(warning))
        music = MusicClass(name, options)
        if not await self.system.run_blocking(self._find_files, music):
            return None
        before = self.realtime.get(name)
        _keep_program(music, before)
        self.realtime[name] = music
        self._retire([before] if before is not None else [])
        return music

    @staticmethod
    def _forget_pending(channel: Channel) -> None:
        pending: asyncio.Task[None] | None = channel.data.pop(_PENDING, None)
        if pending is not None and pending is not asyncio.current_task():
            pending.cancel()

    def _play(self, channel: Channel, music: MusicClass | None, music_class: str) -> bool:
        if music is None or not music.is_playable:
            logger.warning(f"music class '{music.name if music is not None else music_class}' has no files")
            return False
        if music.options.answeredonly and channel.state is not ChannelState.UP:
            logger.verbose(3, f"The channel '{channel.name}' is not answered yet. Ignore the moh request.")
            return False
        on_key = self._change if any(one.options.digit for one in self.all_classes()) else None
        if music.program is not None:
            channel.start_generator(ProgramPlayer(music.program, on_key))
            return True
        order = list(music.files)
        start = offset_ms = 0
        place: Place | None = channel.data.get(_PLACE)
        if place is not None and place.is_of(music):
            order, start, offset_ms = place.order, place.index, place.offset_ms
        elif music.options.random or music.options.sort == "random":
            self._random.shuffle(order)
        elif music.options.sort == "randstart":
            start = self._random.randrange(len(order))
        channel.start_generator(MusicPlayer(music, order, start, offset_ms, on_key))
        return True

    def choose(self, channel: Channel, music_class: str = "") -> MusicClass | None:
        """The class to play: the channel's own and the one asked for, in the order that ``preferchannelclass`` says.

        One with nothing to hear only where no other has more.
        """
        known = {**self._kept, **self.classes}
        wanted = [known[name] for name in self._names(channel, music_class) if name in known]
        return next((music for music in wanted if music.is_playable), wanted[0] if wanted else None)

    def _change(self, channel: Channel, digit: str) -> None:
        """A key was pressed: from now on the channel hears the class that it leads to, if there is one."""
        music = self.class_of_digit(digit)
        if music is not None and music.name != _heard(channel):
            channel.music_class = music.name
            self.start(channel, music.name)

    def class_of_digit(self, digit: str) -> MusicClass | None:
        """The class that a key leads to."""
        known = [*self.classes.values(), *self.realtime.values()]
        return next((music for music in known if digit and music.options.digit == digit), None)

    def all_classes(self) -> list[MusicClass]:
        """The classes of the file, then those that were read from realtime."""
        return [*self.classes.values(), *(music for name, music in self.realtime.items() if name not in self.classes)]

    def stop(self, channel: Channel) -> None:
        """Stop the music on ``channel``."""
        self._forget_pending(channel)
        if isinstance(channel.generator, (MusicPlayer, ProgramPlayer)):
            channel.stop_generator()


def _heard(channel: Channel) -> str:
    """The class that a channel hears."""
    player = channel.generator
    if isinstance(player, MusicPlayer):
        return player.music.name
    return player.program.name if isinstance(player, ProgramPlayer) else ""


def _keep_program(music: MusicClass, before: MusicClass | None) -> None:
    """Who comes from now on hears what the others hear, if the class is as it was."""
    old = before.program if before is not None else None
    if music.program is not None and old is not None and old.is_as(music.program):
        music.program = old


def _position(row: Row) -> int:
    text = dict(row).get("position", "0")
    return int(text) if text.isdecimal() else 0


def _service(system: System) -> MusicOnHoldService:
    service = system.services["music on hold"]
    assert isinstance(service, MusicOnHoldService)
    return service


def load(system: System) -> None:
    """Offer the service."""
    service = MusicOnHoldService(system)
    service.load()
    system.services["music on hold"] = service


def reload(system: System) -> None:
    """Read musiconhold.conf again; music that plays goes on."""
    _service(system).load()


async def unload(system: System) -> None:
    """Take the service back; programs end, and have the time to."""
    service = system.services.pop("music on hold", None)
    if isinstance(service, MusicOnHoldService):
        programs = [music.program for music in service.all_classes() if music.program is not None]
        ending = [task for program in programs if (task := program.stop()) is not None]
        await asyncio.gather(*ending, return_exceptions=True)


@application("MusicOnHold", syntax="MusicOnHold([class[,duration]])")
async def music_on_hold(channel: Channel, data: str) -> None:
    """Play music on hold, for duration seconds or until the caller hangs up.

    A key that is the digit of a class changes to that class.
    """
    arguments = split_arguments(data)
    duration = seconds(argument(arguments, 1)) or None
    service = _service(channel.system)
    if not service.start(channel, argument(arguments, 0)):
        logger.warning(f"Unable to start music on hold (class '{argument(arguments, 0)}') on channel {channel.name}")

    try:
        await channel.wait(None, duration)
    finally:
        service.stop(channel)


@application("StartMusicOnHold", syntax="StartMusicOnHold([class])")
def start_music_on_hold(channel: Channel, data: str) -> None:
    """Play music on hold while the dialplan goes on."""
    if not _service(channel.system).start(channel, data):
        logger.warning(f"Unable to start music on hold class '{data}' on channel {channel.name}")


@application("StopMusicOnHold", syntax="StopMusicOnHold()")
def stop_music_on_hold(channel: Channel) -> None:
    """Stop the music."""
    _service(channel.system).stop(channel)


@cli_command("moh show classes")
def show_classes(system: System, args: list[str]) -> str:
    """List the music classes."""
    data = []
    for music in _service(system).all_classes():
        one = {"Class": music.name, "Mode": music.options.mode}
        if music.options.mode != "playlist":
            one["Directory"] = music.options.directory
        if music.options.mode == "custom":
            one["Application"] = music.options.application
        if music.program is not None:
            one["Format"] = music.program.format.name
        data.append(one)
    lines = [f"{'' if key == 'Class' else chr(9)}{key}: {value}" for one in data for key, value in one.items()]
    return CliText("\n".join(lines), [{key.lower(): value for key, value in one.items()} for one in data])


@cli_command("moh show files")
def show_files(system: System, args: list[str]) -> str:
    """List the files of the music classes."""
    files = {music.name: list(map(str, music.files)) for music in _service(system).all_classes()}
    lines = [line for name, found in files.items() for line in (f"Class: {name}", *(f"\tFile: {file}" for file in found))]
    return CliText("\n".join(lines), files)


@cli_command("moh reload")
def moh_reload(system: System, args: list[str]) -> str:
    """Read musiconhold.conf again."""
    reload(system)
    return ""


@cli_command(
    "moh unregister class",
    usage="moh unregister class <class>",
    complete=lambda system, args: list(_service(system).classes) if len(args) <= 1 else [],
)
def unregister_class(system: System, args: list[str]) -> str:
    """Take away a music class until the next reload; who listens to it hears it to its end."""
    if len(args) != 1:
        raise CliUsage
    if not _service(system).unregister(args[0]):
        raise CliFailure(f"No such moh class: {args[0]}")
    return ""
