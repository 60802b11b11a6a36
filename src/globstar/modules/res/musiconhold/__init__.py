"""Music On Hold Resource."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from pathlib import Path
from random import Random

from globstar.base.log import Logger
from globstar.config.file import Variable
from globstar.config.options import Report
from globstar.core.channel import Channel, ChannelState
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.numbers import leading_float, seconds
from globstar.core.realtime.engine import RealtimeFault, Row
from globstar.core.registry import application
from globstar.core.system import System
from globstar.dialplan.arguments import argument, split_arguments
from globstar.modules.res.musiconhold.options import MODES, ClassFault, ClassOptions, GeneralOptions
from globstar.modules.res.musiconhold.player import PLACE, MusicClass, MusicPlayer, Place
from globstar.modules.res.musiconhold.program import MusicProgram, ProgramPlayer

logger = Logger("res_musiconhold")

#: families of extconfig.conf with classes, and with the entries of playlists
FAMILY, ENTRIES = "musiconhold", "musiconhold_entry"
#: where a channel keeps the task that looks for its class in realtime
_PENDING = "moh pending"


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
                if not music.is_playable:
                    what = "entry" if music.options.mode == "playlist" else f"sound in its folder '{music.options.directory}'"
                    logger.warning(f"music class '{music.name}' has no {what}")
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
        place: Place | None = channel.data.get(PLACE)
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
    if math.isnan(leading_float(argument(arguments, 1) or "0")):
        logger.warning(f"MusicOnHold: '{arguments[1]}' is no number of seconds; the music plays until the caller hangs up")
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
            one["Directory"] = music.options.folder or "<none>"
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
