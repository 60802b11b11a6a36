"""The native relay over io_uring, and where the kernel refuses it."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import globstar
from globstar.media import engine as engine_module
from globstar.media import native
from tests.unit.media.native_rig import HOST, Pair, Way, new_engine

#: numbers of system calls, the same on all machines
IO_URING_SETUP, IO_URING_ENTER = 425, 426


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine offers its paths to the threads twenty times a second, not twice."""
    monkeypatch.setattr(engine_module, "ROUND", 0.05)


def kernel_permits() -> bool:
    """Whether io_uring can be used here: found out without the relay."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(IO_URING_SETUP, 4, ctypes.create_string_buffer(120))
    if descriptor >= 0:
        os.close(descriptor)
    release = tuple(map(int, os.uname().release.split(".")[:2]))
    return bool(descriptor >= 0) and release >= (6, 0)


async def test_io_uring_is_used_where_the_kernel_permits() -> None:
    for way in (Way.RING, Way.CALLS):
        engine = new_engine(way)
        assert engine.native is not None
        calls = Pair(engine)
        await calls.settle(is_native=True)
        assert engine.native.threads == 1
        assert engine.native.rings == (way is Way.RING and kernel_permits())
        engine.close()
        calls.close()


#: Has io_uring_setup or io_uring_enter refused, as containers do, and relays a packet each way.
REFUSED = """
import ctypes, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
code = struct.pack("HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, int(sys.argv[1]), 0x06, 0, 0, 0x00050001, 0x06, 0, 0, 0x7FFF0000)
kept = ctypes.create_string_buffer(code)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(kept)))
assert libc.prctl(38, 1, 0, 0, 0) == 0, "no new privileges"
assert libc.prctl(22, 2, ctypes.byref(program)) == 0, "no filter"
import threading
from globstar.media._native import NativePath, RelayThread
thread = RelayThread()
phones = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
ours = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for one, phone in zip(ours, phones):
    phone.settimeout(45)
    phone.bind(("127.0.0.1", 0))
    one.bind(("127.0.0.1", 0))
    one.connect(phone.getsockname())
    phone.connect(one.getsockname())
paths = [NativePath(), NativePath()]
for path, one, other in zip(paths, ours, ours[::-1]):
    thread.put(path, 1, 2, 9, 0, 0, 0, 0, 0, 0, None, 0.0, 0.0, 0, 0)
    thread.add(path, one.fileno(), other.fileno(), bytes(256), bytes(512), False, None, None, None, None)
body = threading.Thread(target=thread.run)
body.start()
for phone, other in zip(phones, phones[::-1]):
    phone.send(struct.pack("!BBHII", 0x80, 0, 10, 160, 1) + b"speech")
    assert other.recv(100) == struct.pack("!BBHII", 0x80, 0, 10, 160, 2) + b"speech"
thread.stop()
body.join()
print(thread.uses_ring, thread.ring_refusal, thread.packets)
"""


@pytest.mark.skipif(not native.is_available(), reason="the native module was not built")
@pytest.mark.parametrize("refused", [IO_URING_SETUP, IO_URING_ENTER])
def test_a_kernel_that_refuses_io_uring_is_asked_for_each_packet(refused: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, str(refused)],
        env={**os.environ, "PYTHONPATH": str(Path(globstar.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["False", str(errno.EPERM), "2"]


@pytest.mark.skipif(not native.is_available(), reason="the native module was not built")
@pytest.mark.parametrize("wants_ring", [True, False])
def test_sends_that_fail_are_counted(wants_ring: bool) -> None:
    thread = native._native.RelayThread(0.0, wants_ring)
    here, phone, there, nowhere = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4))
    with here, phone, there, nowhere:
        for one in (here, phone, there):
            one.bind((HOST, 0))
        here.connect(phone.getsockname())
        there.settimeout(45)
        good, bad = native._native.NativePath(), native._native.NativePath()
        for path, source in ((bad, 1), (good, 2)):
            thread.put(path, source, 9, 0, 0, 0, 0, 0, 0, 0, None, 0.0, 0.0, 0, 0)
        # the second one is another stream of the same socket
        thread.add(bad, here.fileno(), nowhere.fileno(), bytes(256), bytes(512), False, None, None, None, None)
        thread.add(
            good, here.fileno(), there.fileno(), bytes(256), bytes(512), False, None, None, None, there.getsockname(), 0, 0, bad
        )
        body = threading.Thread(target=thread.run)
        body.start()
        for number in range(1, 41):
            for source in (1, 2):
                phone.sendto(struct.pack("!BBHII", 0x80, 0, number, 160 * number, source), here.getsockname())
            assert there.recv(100) == struct.pack("!BBHII", 0x80, 0, number, 160 * number, 9)
        figures = thread.get([bad, good])
        thread.stop()
        body.join()
    assert [(numbers[3], numbers[8]) for numbers in figures] == [(40, 40), (40, 0)]
    assert thread.packets == 80
