"""A manager client for tests: one connection, one action after the other."""

from __future__ import annotations

import socket
from typing import Self

from tests.support.loopback import HOST

CONFIG = "[general]\nenabled=yes\nport={port}\nbindaddr={host}\n[m]\nsecret=golden\nread=all\nwrite=all\n"


def manager_conf(port: int) -> str:
    """The server's configuration for it."""
    return CONFIG.format(host=HOST, port=port)


class Manager:
    """Logged in on entry, without events."""

    def __init__(self, port: int) -> None:
        self._connection = socket.create_connection((HOST, port), 60)
        self._stream = self._connection.makefile("rw", encoding="utf-8", newline="")

    def __enter__(self) -> Self:
        self._stream.readline()
        self.ask("Login", Username="m", Secret="golden", Events="off")
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._connection.close()

    def ask(self, action: str, **headers: str) -> str:
        """One action, which must succeed; gives the answer."""
        fields = {"Action": action, **headers}
        self._stream.write("".join(f"{key}: {value}\r\n" for key, value in fields.items()) + "\r\n")
        self._stream.flush()
        answer = "".join(iter(self._stream.readline, "\r\n"))
        assert "Response: Success" in answer, answer
        return answer

    def command(self, command: str) -> str:
        """The output of a CLI command."""
        answer = self.ask("Command", Command=command)
        return "\n".join(line.removeprefix("Output: ") for line in answer.splitlines() if line.startswith("Output: "))
