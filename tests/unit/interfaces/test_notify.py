"""What systemd hears."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.interfaces.notify import ServiceManager
from tests.support.switch import LogCapture


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(listener: socket.socket) -> list[str]:
    return listener.recv(4096).decode().split("\n")


async def test_readiness_and_the_watchdog(listener: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": str(listener.getsockname()), "WATCHDOG_USEC": "20000"})
    assert manager.is_there
    manager.ready()
    assert heard(listener) == ["READY=1", f"MAINPID={os.getpid()}", "STATUS=Fully booted"]
    assert heard(listener) == ["WATCHDOG=1"]
    loop = asyncio.get_running_loop()
    for _ in range(2):
        assert await asyncio.wait_for(loop.sock_recv(listener, 100), 45) == b"WATCHDOG=1"
    manager.close()
    manager.reloading()
    said = heard(listener)
    while said == ["WATCHDOG=1"]:
        said = heard(listener)
    assert said[0] == "RELOADING=1"
    assert said[1].startswith("MONOTONIC_USEC=")
    manager.reloaded()
    assert heard(listener)[0] == "READY=1"
    manager.stopping()
    assert heard(listener)[0] == "STOPPING=1"


async def test_without_a_watchdog_there_are_no_signs_of_life(listener: socket.socket) -> None:
    address = {"NOTIFY_SOCKET": str(listener.getsockname())}
    for environment in (address, {**address, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}, {**address, "WATCHDOG_USEC": "x"}):
        manager = ServiceManager(environment)
        manager.ready()
        assert heard(listener)[0] == "READY=1"
        with pytest.raises(BlockingIOError):
            listener.recv(100)
        manager.close()


def test_nobody_to_tell_and_one_who_is_gone(tmp_path: Path) -> None:
    silent = ServiceManager({})
    assert not silent.is_there
    silent.tell("READY=1")
    with LogCapture() as log:
        ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "nowhere")}).tell("READY=1")
    assert "cannot be told READY=1" in log.texts(Level.WARNING)[0]


def test_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0globstar-test-{os.getpid()}")
        ServiceManager({"NOTIFY_SOCKET": f"@globstar-test-{os.getpid()}"}).stopping()
        assert listening.recv(100).startswith(b"STOPPING=1")
