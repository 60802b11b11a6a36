"""``pjsip set logger`` and ``pjsip set history``: SIP messages as they pass, for people to read."""

from __future__ import annotations

import ipaddress
import os
import re
from collections import deque
from dataclasses import dataclass
from typing import BinaryIO

from globstar.base.log import Logger
from globstar.proto import pcap
from globstar.proto.sip.flow import Flow

logger = Logger("res_pjsip_logger")

#: Messages that the history keeps; the oldest go first.
HISTORY_LIMIT = 2000
#: a=crypto (RFC 4568): the key is base64 up to its lifetime
_KEY = re.compile(r"(inline:)[^\s|;]+", re.IGNORECASE)
_SECRET_HEADERS = ("authorization:", "proxy-authorization:")


def readable(data: bytes) -> str:
    """A message as text, with digests and keys of media made unreadable."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    if "a=crypto:" in text:
        text = _KEY.sub(r"\1<redacted>", text)
    if "uthorization:" not in text:
        return text
    lines = []
    for line in text.split("\n"):
        if line.lower().startswith(_SECRET_HEADERS):
            head, found, tail = line.partition('response="')
            if found:
                line = f'{head}response="<redacted>"{tail.partition(chr(34))[2]}'
        lines.append(line)
    return "\n".join(lines)


class MessageLogger:
    """Logs messages, all of them or those of some hosts and methods, to the log, to a capture file or to both."""

    def __init__(self) -> None:
        self.is_on = False
        self.is_verbose = True
        self._capture: BinaryIO | None = None
        self.hosts: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        self.methods: set[str] = set()

    def enable(self, host: str = "", *, add: bool = False) -> None:
        """Log everything, or what goes from and to ``host`` (an address or a network). Raises ValueError."""
        wanted = [ipaddress.ip_network(host, strict=False)] if host else []
        self.hosts = self.hosts + wanted if add else wanted
        self.is_on = True

    def disable(self) -> None:
        """Log nothing, and close the capture file."""
        self.is_on = False
        self.hosts = []
        self.methods = set()
        if self._capture is not None:
            self._capture.close()
            self._capture = None

    def write_to(self, path: str) -> None:
        """Write messages to a new capture file too, until :meth:`disable`, as they are: only we may read it. Raises OSError."""
        capture = open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115 - it stays open
        if self._capture is not None:
            self._capture.close()
        self._capture = capture
        capture.write(pcap.FILE_HEADER)
        capture.flush()
        self.is_on = True

    def note(self, what: str, flow: Flow, data: bytes, wall_time: float) -> None:
        """A message passes."""
        if not self.is_on or (self.hosts and not self._is_wanted(flow.host)):
            return
        if self.methods and data.split(b" ", 1)[0].decode("ascii", "replace") not in self.methods:
            return
        if self._capture is not None:
            self._write(what == "received", flow, data, wall_time)
        if not self.is_verbose:
            return
        verb, way = ("Received", "from") if what == "received" else ("Transmitting", "to")
        kind = "request" if not data.startswith(b"SIP/2.0") else "response"
        logger.verbose(
            0,
            f"<--- {verb} SIP {kind} ({len(data)} bytes) {way} {flow.transport.name}:{flow.host}:{flow.port} --->\n"
            f"{readable(data)}\n",
        )

    def _write(self, is_received: bool, flow: Flow, data: bytes, wall_time: float) -> None:
        here, there = flow.transport.address_for(flow.host), (flow.host, flow.port)
        source, destination = (there, here) if is_received else (here, there)
        assert self._capture is not None
        try:
            self._capture.write(pcap.record(data, source, destination, wall_time))
            self._capture.flush()
        except OSError as error:
            logger.error(f"the capture file cannot be written any more: {error}")
            self._capture.close()
            self._capture = None

    def _is_wanted(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in net for net in self.hosts)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One message of the past."""

    number: int
    wall_time: float
    is_received: bool
    address: str
    data: bytes

    @property
    def first_line(self) -> str:
        """What the list shows."""
        return self.data.partition(b"\r\n")[0].decode("utf-8", "replace")


class MessageHistory:
    """Keeps the last messages while it is on."""

    def __init__(self) -> None:
        self.is_on = False
        self.entries: deque[HistoryEntry] = deque(maxlen=HISTORY_LIMIT)
        self._number = 0

    def clear(self) -> None:
        """Forget everything."""
        self.entries.clear()
        self._number = 0

    def note(self, what: str, flow: Flow, data: bytes, wall_time: float) -> None:
        """A message passes."""
        if self.is_on:
            self.entries.append(HistoryEntry(self._number, wall_time, what == "received", f"{flow.host}:{flow.port}", data))
            self._number += 1
