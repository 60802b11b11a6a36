"""Interactive consoles: ``-r`` over the control socket, ``-c`` inside the server; completion, history, ``!shell``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout

from globstar import ASTERISK_VERSION, __version__
from globstar.interfaces.cli.prompt import prompt_text

Run = Callable[[str], Awaitable[str]]
Complete = Callable[[str], Awaitable[list[str]]]


class _CommandCompleter(Completer):
    """Asks the server for the candidates of the word before the cursor."""

    def __init__(self, complete: Complete) -> None:
        self._complete = complete

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Not used: the console completes asynchronously."""
        return ()

    async def get_completions_async(self, document: Document, complete_event: CompleteEvent) -> AsyncGenerator[Completion, None]:
        """The candidates as the server has them."""
        line = document.text_before_cursor
        word = "" if line[-1:].isspace() else line.split(" ")[-1]
        for candidate in await self._complete(line):
            yield Completion(candidate, start_position=-len(word))


def _history() -> FileHistory | InMemoryHistory:
    path = Path.home() / ".globstar_history"
    try:
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


async def interact(
    run: Run, complete: Complete, *, prompt: Callable[[], str], banner: bool = True, allow_shell: bool = True
) -> None:
    """Read commands until ``exit``, ``quit`` or end of input; ``!command`` goes to the shell unless that is not allowed.

    ``prompt`` is asked before each of them.
    """
    if banner:
        print(f"Globstar {__version__}, an open telephony server. Type 'core show help' for commands.")
        print("=" * 73)
    if not sys.stdin.isatty():
        await _read_plain(run)
        return
    session: PromptSession[str] = PromptSession(
        history=_history(), completer=_CommandCompleter(complete), complete_while_typing=False
    )
    with patch_stdout(raw=True):
        while True:
            try:
                line = (await session.prompt_async(ANSI(prompt()))).strip()
            except (EOFError, KeyboardInterrupt):
                return
            if line in ("exit", "quit"):
                return
            if line.startswith("!") and not allow_shell:
                print("Shell commands are disabled on remote consoles (disable_remote_console_shell in asterisk.conf).")
            elif line.startswith("!"):
                process = await asyncio.create_subprocess_shell(line[1:] or os.environ.get("SHELL", "/bin/sh"))
                await process.wait()
            elif line:
                print(await run(line), end="", flush=True)


async def _read_plain(run: Run) -> None:
    """Commands from a pipe or a file, one per line.

    A thread reads, as not every descriptor can be polled; it is left behind where the input never ends.
    """
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    descriptor = sys.stdin.fileno()

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
            while data := os.read(descriptor, 4096):
                loop.call_soon_threadsafe(lines.feed_data, data)
            loop.call_soon_threadsafe(lines.feed_eof)

    threading.Thread(target=read, name="console input", daemon=True).start()
    while line := (await lines.readline()).decode(errors="replace"):
        if line.strip() in ("exit", "quit"):
            return
        if line.strip():
            print(await run(line.strip()), end="", flush=True)


async def remote_console(
    path: Path,
    verbosity: int,
    *,
    allow_shell: bool = True,
    palette: str = "none",
    is_muted: bool = False,
    banner: bool = True,
    system_name: str = "",
) -> int:
    """``globstar -r``: a console on a running server, in the colours of ``palette``. The exit status is 1 if none answers."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=16 * 1024 * 1024)
    except OSError:
        sys.stderr.write(f"Unable to connect to remote asterisk (does {path} exist?)\n")
        return 1
    answers: asyncio.Queue[dict[str, object]] = asyncio.Queue(16)

    async def receive() -> None:
        while line := await reader.readline():
            message = json.loads(line)
            if "log" in message:
                print(message["log"], flush=True)
            else:
                await answers.put(message)
        await answers.put({"output": "", "candidates": [], "closed": True})

    async def ask(**message: object) -> dict[str, object]:
        writer.write(json.dumps(message).encode() + b"\n")
        await writer.drain()
        answer = await answers.get()
        if "closed" in answer:
            print("Disconnected from the server.")
            raise EOFError
        return answer

    async def run(line: str) -> str:
        return str((await ask(run=line))["output"])

    async def complete(line: str) -> list[str]:
        candidates = (await ask(complete=line))["candidates"]
        return list(candidates) if isinstance(candidates, list) else []

    def prompt() -> str:
        return prompt_text(os.environ.get("ASTERISK_PROMPT"), system_name=system_name)

    if banner:  # scripts that type for somebody wait for this line
        print(
            f"Connected to Asterisk {ASTERISK_VERSION} currently running on {socket.gethostname()} (pid = {_server_pid(writer)})"
        )
    receiver = asyncio.ensure_future(receive())
    console: asyncio.Future[None] | None = None
    try:
        await ask(watch=verbosity, palette=palette)
        if is_muted:
            await ask(run="logger mute silent")
        console = asyncio.ensure_future(interact(run, complete, prompt=prompt, banner=banner, allow_shell=allow_shell))
        await asyncio.wait({console, receiver}, return_when=asyncio.FIRST_COMPLETED)
        if console.done():
            console.result()
            return 0
        print("Disconnected from the server.")
        return 1
    except (EOFError, ConnectionError):
        return 1
    finally:
        for task in (receiver, console):
            if task is not None:
                task.cancel()
        await asyncio.gather(receiver, *([console] if console is not None else []), return_exceptions=True)
        writer.close()


def _server_pid(writer: asyncio.StreamWriter) -> int:
    """The process at the other end of a UNIX socket."""
    peer: socket.socket = writer.get_extra_info("socket")
    pid: int = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))[0]
    return pid
