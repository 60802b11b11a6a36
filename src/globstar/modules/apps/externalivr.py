"""External IVR Interface Application."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections import deque
from typing import Any

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone, ChannelState
from globstar.core.format import slin
from globstar.core.frame import Frame, FrameType, voice
from globstar.core.generator import Generator
from globstar.core.playback import SoundMissing, find_sound
from globstar.core.registry import application
from globstar.core.soundfile import SoundFault, SoundReader
from globstar.dialplan.arguments import argument, parse_options, split_arguments

logger = Logger("app_externalivr")

_PORT = 2949
#: Longest line of the other side, bytes, and how many sounds may wait.
_LONGEST_LINE = 4096
_MOST_SOUNDS = 256
#: How long the other side may take to be connected, and to end when the call is over, seconds.
_CONNECT_TIME, _END_TIME = 10.0, 2.0
_SILENCE = voice(slin, bytes(320), 160)
_ADDRESS = re.compile(r"ivr://(\[[^\]]+\]|[^:/]+)(?::(\d{1,5}))?/?", re.ASCII)


class PlayList(Generator):
    """Sounds one after the other, silence where there is none."""

    __slots__ = ("_session", "sounds")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.sounds: deque[tuple[str, SoundReader]] = deque()

    def next_frame(self) -> Frame | None:
        """The next 20 ms."""
        while self.sounds:
            name, reader = self.sounds[0]
            frame = reader.next_tick()
            if frame is not None:
                return frame
            self.sounds.popleft()
            self._session.send("F", name)
        return _SILENCE

    def clear(self) -> None:
        """Play none of what is there; the other side is told."""
        if not self.sounds:
            return
        self._session.send("T")
        for name, _ in self.sounds:
            self._session.send("D", name)
        self.sounds.clear()


class Session:
    """A call and the program, or the server, that runs it."""

    def __init__(
        self, channel: Channel, parameters: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.channel = channel
        self._parameters = parameters
        self._reader = reader
        self._writer = writer
        self._playlist = PlayList(self)
        self._clears_by_digit = False

    def send(self, tag: str, data: str = "") -> None:
        """Tell the other side of something."""
        line = f"{tag},{int(self.channel.system.wall_time())}" + (f",{data}" if data else "")
        if not self._writer.is_closing():
            self._writer.write(line.encode(errors="surrogateescape") + b"\n")

    async def run(self, *, tells_of_hangup: bool, is_dead: bool) -> int:
        """Do what the other side says until it, or the call, ends."""
        channel = self.channel
        is_gone = is_dead
        if not is_gone:
            channel.start_generator(self._playlist)
        reading: asyncio.Task[bytes] | None = None
        try:
            while True:
                reading = reading or channel.system.tasks.start(self._line(), name=f"ExternalIVR of {channel.name}")
                try:
                    line = await reading if is_gone else await self._wait(reading)
                except ChannelGone:
                    if not tells_of_hangup:
                        self.send("H")
                        raise
                    self.send("I", "HANGUP")
                    is_gone = True
                    continue
                reading = None
                if not line:
                    logger.warning(f"ExternalIVR of {channel.name}: the other side is gone")
                    return -1
                result = await self._command(line.decode(errors="surrogateescape").rstrip("\r\n"))
                if result is not None:
                    return result
        finally:
            if reading is not None:
                reading.cancel()
            if channel.generator is self._playlist:
                channel.stop_generator()

    async def _line(self) -> bytes:
        try:
            return await self._reader.readline()
        except (ValueError, OSError) as error:  # a line without end, or a connection that broke
            logger.warning(f"ExternalIVR of {self.channel.name}: {error}")
            return b""

    async def _wait(self, reading: asyncio.Task[bytes]) -> bytes:
        line: bytes = await self.channel.wait_for(reading, self._press)
        return line

    def _press(self, frame: Frame) -> Any:
        if frame.type is FrameType.DTMF_END:
            self.send(frame.digit)
            if self._clears_by_digit:
                self._playlist.clear()
        return None

    async def _command(self, line: str) -> int | None:
        """One command; the application's result where it ends it."""
        letter, _, data = line.partition(",")
        if letter in ("H", "E"):
            if data:
                logger.notice(data)
            self.send(letter)
            return -1 if letter == "H" else 0
        if letter in ("S", "A"):
            await self._play(data, clears=letter == "S")
        elif letter == "I":
            self._playlist.clear()
        elif letter == "O":
            if data.lower() in ("autoclear", "noautoclear"):
                self._clears_by_digit = data.lower() == "autoclear"
            else:
                self.send("Z", data)
        elif letter == "V":
            for pair in split_arguments(data):
                name, equals, value = pair.partition("=")
                if equals and name.strip():
                    self.channel.set_variable(name.strip(), value)
                else:
                    self.send("Z", pair)
        elif letter == "G":
            names = [name.strip() for name in data.split(",")]
            self.send("G", ",".join(f"{name}={self.channel.get_variable(name) or ''}" for name in names))
        elif letter == "L":
            logger.notice(data)
        elif letter == "P":
            self.send("P", ",".join(self._parameters))
        elif letter == "T":
            self.channel.answer_at_once()
            if self.channel.state is not ChannelState.UP:
                self.send("Z", "ANSWER_FAILED")
            elif self.channel.generator is not self._playlist:
                self.channel.start_generator(self._playlist)
        else:
            self.send("Z", line)
        return None

    async def _play(self, name: str, *, clears: bool) -> None:
        channel = self.channel
        try:
            reader = await channel.system.sounds.open(await find_sound(channel, name))
        except (SoundMissing, SoundFault) as error:
            logger.warning(f"ExternalIVR of {channel.name}: {error}")
            self.send("Z", name)
            return
        if clears:
            self._playlist.clear()
        if len(self._playlist.sounds) >= _MOST_SOUNDS:
            self.send("Z", name)
            return
        self._playlist.sounds.append((name, reader))


@application("ExternalIVR", syntax="ExternalIVR(command|ivr://host[(arg1[,arg2[,...]])][,options])")
async def external_ivr(channel: Channel, data: str) -> int:
    """Let a program, or a server, play sounds to the call and be told of its keys.

    A program is started with the arguments; a server (ivr://host:port, port 2949) is connected to. Both get events as lines
    ``tag,timestamp,data`` and say commands as lines: S and A play a sound at once or after the others, I stops them, V and G set
    and read variables, P asks for the arguments, T answers, L logs, O sets (no)autoclear, E goes on in the dialplan, H hangs up.

    n: do not answer. i: tell of the hang-up by I instead of ending. d: run on a channel that was hung up.
    """
    target, arguments, rest = _split(data)
    options = parse_options(rest, dict.fromkeys("nid", False), logger.warning)
    if not target:
        logger.error("ExternalIVR requires an argument (command)")
        return -1
    is_dead = bool(channel.soft_hangup)
    if is_dead and "d" not in options:
        raise ChannelGone(channel.name)
    if channel.state is not ChannelState.UP and "n" not in options and not is_dead:
        await channel.answer()
    channel.stop_generator()
    if target.startswith("ivr://"):
        return await _by_server(channel, target, arguments, tells="i" in options, is_dead=is_dead)
    return await _by_program(channel, target, arguments, tells="i" in options, is_dead=is_dead)


def _split(data: str) -> tuple[str, list[str], str]:
    """Target, arguments and options of ``target(arg,arg),options``."""
    parts = split_arguments(data, 2)
    command = argument(parts, 0).strip()
    target, parenthesis, rest = command.partition("(")
    arguments = split_arguments(rest.rpartition(")")[0]) if parenthesis else []
    return target.strip(), arguments, argument(parts, 1)


async def _by_server(channel: Channel, target: str, arguments: list[str], *, tells: bool, is_dead: bool) -> int:
    match = _ADDRESS.fullmatch(target)
    if match is None or int(match[2] or _PORT) > 65535:
        logger.error(f"ExternalIVR: '{target}' is no address")
        return -1
    host, port = match[1].strip("[]"), int(match[2] or _PORT)
    try:
        async with asyncio.timeout(_CONNECT_TIME):
            reader, writer = await asyncio.open_connection(host, port, limit=_LONGEST_LINE)
    except (OSError, TimeoutError) as error:
        logger.warning(f"ExternalIVR: {target} cannot be reached: {error}")
        return -1
    try:
        return await Session(channel, [target, *arguments], reader, writer).run(tells_of_hangup=tells, is_dead=is_dead)
    finally:
        writer.close()


async def _by_program(channel: Channel, target: str, arguments: list[str], *, tells: bool, is_dead: bool) -> int:
    pipe = asyncio.subprocess.PIPE
    words = shlex.split(target)
    try:
        process = await asyncio.create_subprocess_exec(
            *words, *arguments, stdin=pipe, stdout=pipe, stderr=pipe, limit=_LONGEST_LINE
        )
    except OSError as error:
        logger.warning(f"ExternalIVR: '{target}' cannot be run: {error}")
        return -1
    assert process.stdin is not None
    assert process.stdout is not None
    messages = channel.system.tasks.start(_log_messages(process), name=f"messages of ExternalIVR of {channel.name}")
    try:
        session = Session(channel, [target, *arguments], process.stdout, process.stdin)
        return await session.run(tells_of_hangup=tells, is_dead=is_dead)
    finally:
        process.stdin.close()
        channel.system.tasks.start(_see_off(process, messages), name=f"end of ExternalIVR of {channel.name}")


async def _log_messages(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    try:
        async for line in process.stderr:
            logger.notice(f"stderr: {line.decode(errors='replace').rstrip()}")
    except ValueError as error:
        logger.warning(f"ExternalIVR: {error}")


async def _see_off(process: asyncio.subprocess.Process, messages: asyncio.Task[None]) -> None:
    """The program may end by itself; it is not ended by force, as nothing of the call depends on it any more."""
    try:
        async with asyncio.timeout(_END_TIME):
            await process.wait()
    except TimeoutError:
        logger.debug(1, f"ExternalIVR: process {process.pid} goes on")
    finally:
        messages.cancel()
