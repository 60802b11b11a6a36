"""Lets SIPp, which speaks UDP and TCP, talk to a server over TLS and WebSocket: its TCP connection becomes one of that kind.

Only what names the transport is rewritten (Via, ``transport=``); everything else passes as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from tests.support.loopback import HOST, LEAST

_LENGTH = re.compile(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)\s*$")


async def messages(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The SIP messages of a stream (RFC 3261 18.3)."""
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        length = _LENGTH.search(head)
        yield head.lstrip(b"\r\n") + (await reader.readexactly(int(length[1])) if length else b"")


class Relay:
    """One relay in a thread of its own; ``port`` is where SIPp connects."""

    def __init__(self, protocol: str, target: int, authority: Path | None = None) -> None:
        self.protocol, self.target, self.authority = protocol, target, authority
        self.port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._done = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), name=f"asyncio_{protocol}")
        self._thread.start()
        assert self._ready.wait(LEAST)

    def close(self) -> None:
        """End it, with its connections."""
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(LEAST)
        self._loop.close()

    async def _serve(self) -> None:
        connections: set[asyncio.Task[None]] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            try:
                await (self._to_tls if self.protocol == "tls" else self._to_websocket)(reader, writer)
            except (OSError, aiohttp.ClientError, asyncio.CancelledError):
                pass  # the server or SIPp ended the connection; SIPp tells what it missed
            finally:
                connections.discard(task)
                writer.close()

        server = await asyncio.start_server(accept, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._done.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _outward(self, data: bytes) -> bytes:
        name = self.protocol.encode()
        data = data.replace(b"SIP/2.0/TCP", b"SIP/2.0/" + name.upper())
        return data.replace(b"transport=TCP", b"transport=" + name).replace(b"transport=tcp", b"transport=" + name)

    def _inward(self, data: bytes) -> bytes:
        name = self.protocol.encode()
        data = data.replace(b"SIP/2.0/" + name.upper(), b"SIP/2.0/TCP")
        return re.sub(b"(?i)transport=" + name, b"transport=TCP", data)

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority))

    async def _to_tls(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(
            HOST, self.target, ssl=self._context(), server_hostname="localhost"
        )

        async def back() -> None:
            async for message in messages(far_reader):
                writer.write(self._inward(message))

        returning = asyncio.ensure_future(back())
        try:
            async for message in messages(reader):
                far_writer.write(self._outward(message))
        finally:
            returning.cancel()
            far_writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await returning

    async def _to_websocket(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secure = self.protocol == "wss"
        url = f"wss://localhost:{self.target}/ws" if secure else f"ws://{HOST}:{self.target}/ws"
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, protocols=("sip",), ssl=self._context() if secure else True) as socket,
        ):

            async def back() -> None:
                async for message in socket:
                    data = message.data if isinstance(message.data, bytes) else message.data.encode()
                    writer.write(self._inward(data))

            returning = asyncio.ensure_future(back())
            try:
                async for message in messages(reader):
                    await socket.send_str(self._outward(message).decode())
            finally:
                returning.cancel()
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await returning
