"""The other end of the dialogue: a process, a FastAGI server or a queue."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from globstar.base.errors import GlobstarError
from globstar.proto.agi import MAX_LINE

#: What may wait to be read by a script, bytes; more means that it does not read.
MAX_UNREAD = 262_144
#: How long a script that does not read may take to begin to, seconds.
UNREAD_PATIENCE = 5.0


class ScriptFault(GlobstarError):
    """A script breaks the rules: its line has no end, or it does not read its answers."""


class ScriptMissing(GlobstarError):
    """There is no such script."""


class ScriptRefused(GlobstarError):
    """A script cannot be run or reached."""


class Script(ABC):
    """One script at work. ``read_line`` gives what it says, ``send`` tells it something."""

    #: what the log calls it
    name = ""

    @abstractmethod
    async def read_line(self) -> str | None:
        """The next command without its line's end; None when the script has ended. Raises :class:`ScriptFault`."""

    @abstractmethod
    def send(self, line: str) -> None:
        """Tell it one line."""

    @abstractmethod
    async def flush(self) -> None:
        """Wait until it has read enough; raises :class:`ScriptFault` if it does not."""

    @abstractmethod
    def signal_hangup(self) -> None:
        """Tell it that the call has ended."""

    @abstractmethod
    def close(self) -> None:
        """End the dialogue, and the script with it if it does not end by itself."""


class StreamScript(Script):
    """A script at the other end of two byte streams."""

    def __init__(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.name = name
        self.reader = reader
        self.writer = writer

    async def read_line(self) -> str | None:
        """See Script. A last line without an end counts."""
        try:
            line = await self.reader.readline()
        except ValueError as error:  # asyncio's word for a line longer than the reader's limit
            raise ScriptFault(f"a line of more than {MAX_LINE} bytes") from error
        except OSError:  # the connection broke: the script is gone
            return None
        return line.rstrip(b"\r\n").decode("utf-8", "surrogateescape") if line else None

    def send(self, line: str) -> None:
        """See Script."""
        if not self.writer.is_closing():
            self.writer.write(line.encode("utf-8", "surrogateescape") + b"\n")

    async def flush(self) -> None:
        """See Script."""
        if self.writer.transport.get_write_buffer_size() <= MAX_UNREAD:
            return
        try:
            await asyncio.wait_for(self.writer.drain(), UNREAD_PATIENCE)
        except TimeoutError as error:
            raise ScriptFault("it does not read its answers") from error
        except OSError:  # gone; reading says so, too
            return

    def signal_hangup(self) -> None:
        """Over a network a line says it."""
        self.send("HANGUP")

    def close(self) -> None:
        """See Script."""
        self.writer.close()
