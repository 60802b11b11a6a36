"""A manager client in tests without a socket."""

from __future__ import annotations

import asyncio

from globstar.config import MemorySource
from globstar.config.options import Report
from globstar.config.reader import read_config
from globstar.core.system import System
from globstar.interfaces.ami.server import ManagerServer
from globstar.interfaces.ami.session import Session
from globstar.interfaces.ami.settings import read_manager

Message = list[tuple[str, str]]

CONFIG = """
[general]
enabled=yes
displayconnects=no
[full]
secret=golden
read=all
write=all
"""


class AmiClient:
    """One client: ``ask`` sends an action, ``messages`` is all that came."""

    def __init__(self, server: ManagerServer, port: int = 40000) -> None:
        self.received = b""
        self.is_closed = False
        self.closed = asyncio.Event()
        self.is_read = True
        self.session = Session(server.hub, self, local=("127.0.0.1", 15039), remote=("127.0.0.1", port))
        self.session.greet()

    # -- Output
    def write(self, data: bytes) -> None:
        self.received += data

    def close(self) -> None:
        self.is_closed = True
        self.closed.set()

    def set_reading(self, is_wanted: bool) -> None:
        self.is_read = is_wanted

    # -- what tests do
    def send(self, text: str) -> None:
        self.session.receive(text.encode())

    def take(self) -> str:
        """What came since the last call."""
        text, self.received = self.received.decode(), b""
        return text

    def ask(self, action: str, *headers: tuple[str, str]) -> str:
        """Send an action and return what came by now."""
        self.take()
        self.send("".join(f"{name}: {value}\r\n" for name, value in (("Action", action), *headers)) + "\r\n")
        return self.take()

    def log_in(self, user: str = "full", secret: str = "golden", events: str = "on") -> None:
        """Log in; the answer comes at the loop's next turn."""
        self.send(f"Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\nEvents: {events}\r\n\r\n")

    def events(self) -> list[Message]:
        """The events that came since the last call."""
        return [message for message in split_messages(self.take()) if message[0][0] == "Event"]


def split_messages(text: str) -> list[Message]:
    """The messages of a stream, each a list of lines in order."""
    found = []
    for block in text.split("\r\n\r\n"):
        lines = [line.partition(":") for line in block.split("\r\n") if line]
        if lines:
            found.append([(name, value.removeprefix(" ")) for name, _, value in lines])
    return found


async def start_manager(system: System, config: str = CONFIG) -> ManagerServer:
    """A manager with that configuration, which listens nowhere."""
    server = ManagerServer(system)
    report = Report()
    server.hub.apply(read_manager(read_config("manager.conf", MemorySource({"manager.conf": config})), report))
    assert not report.warnings, report.warnings
    return server
