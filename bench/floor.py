"""What the kernel alone takes of a relay (``floor.c``): the figure that no relay over these sockets can be below."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from bench.media import Leg
from bench.phones import PHONES, Heard, Talker, build, talk
from tests.support.loopback import HOST, free_port

#: As ``relay_wait`` of rtp.conf is without being set, and ``relay_pause`` of the native relay.
_WAIT_US, _ENOUGH = 4000, 64


def cpu_seconds(pid: int) -> float:
    """CPU time of a process of one thread, to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def measure(way: str, calls: int, *, warm: float, seconds: float) -> tuple[float, Heard]:
    """CPU seconds of the bare program while phones talk, and what they heard; ``way`` is that of ``floor.c``."""
    first = free_port(2 * calls)
    legs = [Leg(first + place, first + place) for place in range(2 * calls)]
    wait = min(_WAIT_US, 1_000_000 * _ENOUGH // (100 * calls))
    with tempfile.TemporaryDirectory(prefix="globstar-bench-floor-") as name:
        folder = Path(name)
        file = folder / "sockets.txt"
        file.write_text("".join(f"{HOST} {leg.remote} {PHONES} {leg.local}\n" for leg in legs))
        with subprocess.Popen([str(build("floor")), way, str(wait), str(file)], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                began: list[float] = []
                talkers = [Talker(leg, peer=place ^ 1) for place, leg in enumerate(legs)]
                heard = talk(talkers, folder, warm=warm, seconds=seconds, on_begin=lambda: began.append(cpu_seconds(process.pid)))
                return cpu_seconds(process.pid) - began[0], heard
            finally:
                process.kill()


def direct(calls: int, *, warm: float, seconds: float) -> Heard:
    """What the same phones hear that send to each other: the delay without anything between."""
    first = free_port(2 * calls)
    legs = [Leg(first + place, first + (place ^ 1)) for place in range(2 * calls)]
    talkers = [Talker(leg, peer=place ^ 1, host=PHONES) for place, leg in enumerate(legs)]
    with tempfile.TemporaryDirectory(prefix="globstar-bench-direct-") as name:
        return talk(talkers, Path(name), warm=warm, seconds=seconds, on_begin=lambda: None)
