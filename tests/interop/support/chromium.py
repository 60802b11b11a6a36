"""Chromium without a window, driven over its DevTools protocol: a page whose scripts a test runs."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.interop.support.programs import require

#: Seconds that a browser may take to come up, and a script to answer.
PATIENCE = 100.0
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio",
    "--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0", "--remote-allow-origins=*",
    "--allow-loopback-in-peer-connection", "--disable-background-networking",
)  # fmt: skip


class Page:
    """One page of a running browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0

    async def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_str(json.dumps({"id": self._number, "method": method, "params": params}))
        async with asyncio.timeout(PATIENCE):
            while True:
                answer: dict[str, Any] = json.loads(await self._socket.receive_str())
                if answer.get("id") == self._number:
                    return answer

    async def run(self, script: str) -> Any:
        """The value of an expression, waited for if it is a promise; what it throws fails the test."""
        answer = await self._ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        result = answer.get("result", {})
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        assert "result" in result, answer
        return result["result"].get("value")


@asynccontextmanager
async def chromium_page(folder: Path) -> AsyncIterator[Page]:
    """A browser with a profile of its own, and an empty page; both are gone at the end."""
    profile = folder / "chromium"
    process = await asyncio.create_subprocess_exec(
        require("chromium"), *_FLAGS, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, env={**os.environ, "HOME": str(folder)},
    )  # fmt: skip
    try:
        port = await _port_of(profile / "DevToolsActivePort", process)
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(await _first_page(session, port), max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _first_page(session: aiohttp.ClientSession, port: int) -> str:
    """Where the page is spoken to, which comes a moment after the port has been written down."""
    async with asyncio.timeout(PATIENCE):
        while True:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                for target in await answer.json():
                    if target["type"] == "page":
                        return str(target["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)


async def _port_of(path: Path, process: asyncio.subprocess.Process) -> int:
    """The port of the DevTools, which the browser writes down when it has one."""
    async with asyncio.timeout(PATIENCE):
        while True:
            assert process.returncode is None, f"Chromium has ended with {process.returncode}"
            text = await asyncio.to_thread(lambda: path.read_text() if path.exists() else "")
            if text.strip():
                return int(text.splitlines()[0])
            await asyncio.sleep(0.05)
