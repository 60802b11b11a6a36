"""Music On Hold Resource."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, string
from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.cli import cli_command
from globstar.core.format import slin
from globstar.core.frame import Frame, voice
from globstar.core.generator import Generator
from globstar.core.playback import SoundMissing, find_sound
from globstar.core.registry import application
from globstar.core.soundfile import SoundFault, SoundReader
from globstar.core.system import System
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("res_musiconhold")

_SILENCE = voice(slin, bytes(320), 160)


class ClassOptions(Options):
    """One class of musiconhold.conf."""

    mode = option(string, "files", help="files or playlist; custom applications are not supported yet.")
    directory: str = option(string, "moh", help="Folder with the music, below the data directory unless absolute.")
    entry: tuple[str, ...] = option(lambda text: (text,), (), repeat="extend", help="A file of a playlist.")
    sort: str = option(string, "", help="alpha, random, randstart or none.")
    random = option(boolean, False, help="Older name for sort=random.")
    announcement: str = option(string, "", help="Sound to play between the files.")
    digit: str = option(string, "", help="Accepted; digits do not change classes yet.")
    format: str = option(string, "", help="Accepted; the cheapest format is chosen.")
    application: str = option(string, "", help="Program of mode custom.")
    answeredonly = option(boolean, False, help="Only on answered calls.")
    loop_last = option(boolean, False, help="Play the last file again and again.")


@dataclass(slots=True)
class MusicClass:
    """A class and the files that it plays, as names without extension."""

    name: str
    options: ClassOptions
    files: list[str] = field(default_factory=list)


class MusicPlayer(Generator):
    """Plays the files of a class one after the other; files are opened off the loop, silence bridges the gap."""

    __slots__ = ("_index", "_opening", "_order", "_reader", "music")

    def __init__(self, music: MusicClass, order: list[str], start: int) -> None:
        super().__init__()
        self.music = music
        self._order = order
        self._index = start
        self._reader: SoundReader | None = None
        self._opening = False

    def next_frame(self) -> Frame | None:
        """The next 20 ms of the music, silence while a file is being opened."""
        frame = self._reader.next_frame() if self._reader is not None else None
        if frame is not None:
            return frame
        self._reader = None
        if not self._opening and self.channel is not None:
            self._opening = True
            self.channel.tasks.start(self._open_next(self.channel), name="music on hold")
        return _SILENCE

    async def _open_next(self, channel: Channel) -> None:
        for _ in self._order:
            name = self._order[self._index % len(self._order)]
            last = self._index % len(self._order) == len(self._order) - 1
            if not (self.music.options.loop_last and last):
                self._index += 1
            channel.data["moh position"] = (self.music.name, self._index)
            try:
                self._reader = await channel.system.sounds.open(await find_sound(channel, name))
                break
            except (SoundMissing, SoundFault) as fault:
                logger.warning(f"music class '{self.music.name}': {fault}")
        else:
            await asyncio.sleep(1)
        self._opening = False


class MusicOnHoldService:
    """The classes of musiconhold.conf; service ``music on hold``."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.classes: dict[str, MusicClass] = {}
        self._random = Random()

    def load(self) -> None:
        """Read musiconhold.conf; without a class ``default`` the folder ``moh`` of the data directory is one."""
        classes: dict[str, MusicClass] = {}
        config = self.system.configuration.read("musiconhold.conf")
        report = Report()
        for category in config.categories if config is not None else ():
            if category.name.lower() == "general":
                continue
            options = ClassOptions.read(category, report)
            if options.mode not in ("files", "playlist"):
                logger.warning(f"music class '{category.name}': mode '{options.mode}' is not supported yet")
                continue
            classes[category.name] = MusicClass(category.name, options)
        for warning in report.warnings:
            logger.log(warning.level, str(warning))
        if "default" not in classes:
            classes["default"] = MusicClass("default", ClassOptions())
        for music in classes.values():
            self._find_files(music)
        self.classes = classes

    def _find_files(self, music: MusicClass) -> None:
        options = music.options
        if options.mode == "playlist":
            music.files = list(options.entry)
            return
        folder = Path(options.directory)
        if not folder.is_absolute():
            folder = Path(self.system.directories.astdatadir) / folder
        extensions = self.system.sounds.extensions()
        stems = {str(path.with_suffix("")) for path in folder.glob("*") if path.suffix[1:] in extensions}
        music.files = sorted(stems)

    def start(self, channel: Channel, music_class: str = "") -> bool:
        """Play a class to ``channel``; see :class:`~globstar.core.services.MusicOnHold`."""
        name = channel.music_class or music_class or "default"
        music = self.classes.get(name) or self.classes.get("default")
        if music is None or not music.files:
            logger.warning(f"music class '{name}' has no files")
            return False
        order = list(music.files)
        start = 0
        if music.options.random or music.options.sort == "random":
            self._random.shuffle(order)
        elif music.options.sort == "randstart":
            start = self._random.randrange(len(order))
        else:
            kept, position = channel.data.get("moh position", ("", 0))
            start = max(0, position - 1) if kept == music.name else 0
        channel.start_generator(MusicPlayer(music, order, start))
        self.system.bus.publish(events.MusicOnHoldChanged(channel, music.name))
        return True

    def stop(self, channel: Channel) -> None:
        """Stop the music on ``channel``."""
        if isinstance(channel.generator, MusicPlayer):
            channel.stop_generator()
            self.system.bus.publish(events.MusicOnHoldChanged(channel, None))


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


def unload(system: System) -> None:
    """Take the service back."""
    system.services.pop("music on hold", None)


@application("MusicOnHold", syntax="MusicOnHold([class[,duration]])")
async def music_on_hold(channel: Channel, data: str) -> int | None:
    """Play music on hold, for duration seconds or until the caller hangs up."""
    arguments = split_arguments(data)
    text = argument(arguments, 1)
    seconds = float(text) if text.replace(".", "", 1).isdigit() else None
    service = _service(channel.system)
    if not service.start(channel, argument(arguments, 0)):
        logger.warning(f"Unable to start music on hold (class '{argument(arguments, 0)}') on channel {channel.name}")
    try:
        await channel.wait(None, seconds)
    finally:
        service.stop(channel)
    return None


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
    lines = []
    for music in _service(system).classes.values():
        lines += [f"Class: {music.name}", f"\tMode: {music.options.mode}"]
        if music.options.mode == "files":
            lines.append(f"\tDirectory: {music.options.directory}")
    return "\n".join(lines)


@cli_command("moh show files")
def show_files(system: System, args: list[str]) -> str:
    """List the files of the music classes."""
    lines = []
    for music in _service(system).classes.values():
        lines.append(f"Class: {music.name}")
        lines += [f"\tFile: {name}" for name in music.files]
    return "\n".join(lines)


@cli_command("moh reload")
def moh_reload(system: System, args: list[str]) -> str:
    """Read musiconhold.conf again."""
    reload(system)
    return ""
