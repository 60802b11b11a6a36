"""``globstar -rx``: one command to a running server, with nothing imported that it does not need."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path


class ServerUnreachable(Exception):
    """No server answers on the control socket."""


class ControlClient:
    """A blocking connection to the control socket."""

    def __init__(self, path: Path, timeout: float | None = None) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise ServerUnreachable(f"Unable to connect to remote asterisk (does {path} exist?)") from error
        self._file = self._socket.makefile("rwb")

    def request(self, **message: object) -> dict[str, object]:
        """Ask and wait for the answer; log lines that come meanwhile are dropped."""
        self._file.write(json.dumps(message).encode() + b"\n")
        self._file.flush()
        while line := self._file.readline():
            answer: dict[str, object] = json.loads(line)
            if "log" not in answer:
                return answer
        raise ServerUnreachable("Disconnected from the server")

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()


def run_remotely(path: Path, command: str) -> int:
    """Run one command on the server, print its output; the exit status is 1 if no server answers.

    What became of the command is no matter for it, as with Asterisk 23 (scripts that want to know ask for ``--json``).
    """
    try:
        client = ControlClient(path)
        output = str(client.request(run=command)["output"])
    except (ServerUnreachable, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    client.close()
    sys.stdout.write(output)
    return 0
