"""What musiconhold.conf says: the section ``general`` and the classes."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from globstar.base.errors import RemoteFault
from globstar.config.options import Options, option
from globstar.config.values import boolean, enumeration, integer, string
from globstar.core.format import Format, MediaType, find_format, slin

#: Modes that play files, and those that run mpg123 over a folder: arguments of the latter, beside those of all.
FILE_MODES = ("files", "playlist")
MP3_MODES = {
    "mp3": ("-b", "2048"),
    "mp3nb": (),
    "quietmp3": ("-b", "2048", "-f", "8192"),
    "quietmp3nb": ("-f", "8192"),
}
#: Mode of any program.
CUSTOM = "custom"
MODES = (*FILE_MODES, *MP3_MODES, CUSTOM)
_MP3_PROGRAM = ("mpg123", "-q", "-s", "--mono", "-r", "8000", "-e", "s16")
_ADDRESSES = ("http://", "https://")
#: A folder of mode custom that stands for none.
_NO_FOLDER = "nodir"


_ORDERS = enumeration("none", "alpha", "random", "randstart")


def _order(text: str) -> str:
    """The order of files; rows of a database may hold an empty one."""
    return _ORDERS(text.strip() or "none")


def _key(text: str) -> str:
    """One key of a phone; rows of a database may hold an empty one."""
    text = text.strip()
    if text and (len(text) > 1 or text.upper() not in "0123456789*#ABCD"):
        raise ValueError("expected one key: 0 to 9, *, # or A to D")
    return text.upper()


class GeneralOptions(Options):
    """``[general]`` of musiconhold.conf."""

    preferchannelclass = option(boolean, True, help="The channel's own class wins over the one that an application names.")
    cachertclasses = option(boolean, False, help="Classes of realtime are read once, not each time that they are played.")


class ClassOptions(Options):
    """One class of musiconhold.conf."""

    mode: str = option(string, "files", help="Where the music is from: files, playlist, custom, or mp3 and its kin.")
    directory: str = option(string, "moh", help="Folder with the music, below the data directory unless absolute.")
    entry: tuple[str, ...] = option(lambda text: (text,), (), repeat="extend", help="A file of a playlist.")
    sort: str = option(_order, "none", help="By name from the first or any file (alpha, randstart), by chance (random), or none.")
    random = option(boolean, False, help="Older name for sort=random.")
    announcement: str = option(string, "", help="Sound to play at the start and between the files.")
    digit: str = option(_key, "", help="Key by which who listens to MusicOnHold() changes to this class.")
    format: str = option(string, "", help="What a program's sound is, slin unless said; of files the cheapest is chosen.")
    application: str = option(string, "", help="Program of mode custom, with its arguments; its output is the sound.")
    kill_method = option(
        enumeration("process_group", "process"), "process_group", help="Whom the signals go to that end a program."
    )
    kill_escalation_delay = option(integer(0, 60_000), 100, unit="ms", help="Time between HUP, TERM and KILL.")
    answeredonly = option(boolean, False, help="Only on answered calls.")
    loop_last = option(boolean, False, help="Play the last file again and again.")

    @property
    def runs_program(self) -> bool:
        """Whether a program makes the music."""
        return self.mode not in FILE_MODES

    @property
    def folder(self) -> str:
        """The folder with the music, or the address that stands in its place; "" for none, as a program needs none."""
        if self.mode == CUSTOM and ("directory" not in self.given() or self.directory == _NO_FOLDER):
            return ""
        return self.directory


class ClassFault(RemoteFault):
    """A class whose program cannot be run; the message says why."""


def program_format(options: ClassOptions) -> Format:
    """What the program of a class writes. Raises :class:`ClassFault`."""
    found = find_format(options.format) if options.format and options.mode == CUSTOM else slin
    if found is None or found.codec.media is not MediaType.AUDIO or not found.bytes_for(20):
        raise ClassFault(f"format '{options.format}' is no codec of fixed length")
    return found


def command_line(options: ClassOptions, data: Path) -> list[str]:
    """The program of a class and its arguments. Raises :class:`ClassFault`.

    The MP3 files of its folder are the last arguments; a folder that is an address is the last argument itself.
    """
    if options.mode == CUSTOM:
        try:
            command = shlex.split(options.application)
        except ValueError as error:
            raise ClassFault(f"application '{options.application}': {error}") from error
    else:
        command = [*_MP3_PROGRAM, *MP3_MODES[options.mode], *(["-z"] if options.random or options.sort == "random" else [])]
    folder = options.folder
    program = shutil.which(command[0]) if command else None
    if program is None:
        raise ClassFault(f"there is no program '{command[0]}'" if command else "a program needs application=")
    command[0] = program
    if folder.lower().startswith(_ADDRESSES):
        return [*command, folder]
    if folder:
        files = sorted(path for path in (data / folder).glob("*") if path.suffix.lower() == ".mp3")
        if options.mode != CUSTOM and not files:
            raise ClassFault(f"there are no MP3 files in {data / folder}")
        command += map(str, files)
    return command
