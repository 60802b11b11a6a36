"""Music from files: a class, and what one channel hears of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.frame import NULL_FRAME, Frame
from globstar.core.playback import SoundMissing, find_sound
from globstar.core.soundfile import SoundFault, SoundReader
from globstar.modules.res.musiconhold.keys import MusicListener, OnKey
from globstar.modules.res.musiconhold.options import ClassOptions
from globstar.modules.res.musiconhold.program import MusicProgram

if TYPE_CHECKING:
    from globstar.core.channel import Channel

logger = Logger("res_musiconhold")

#: where a channel keeps the :class:`Place` where its music stopped
PLACE = "moh position"
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
        self._announces = bool(music.options.announcement)
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
            self.channel.data[PLACE] = Place(self.music.name, self._order, self._index, self._reader.tell_ms())
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
            if index >= 0:
                reader.seek_ms(self._offset_ms)
                self._offset_ms = 0
            if not reader.is_at_end:
                self._next, self._next_index, self._pause = reader, index, _PAUSE
                break
        else:
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._opening = False
