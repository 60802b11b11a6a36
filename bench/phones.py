"""Many phones in one process (``phones.c``), so that thousands of streams can be sent and timed."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.media import Leg
from tests.support.loopback import HOST

#: Where the phones are: an address of their own, so that server and phones do not take each other's ports.
PHONES = "127.0.0.2"


@dataclass(frozen=True, slots=True)
class Talker:
    """One phone: its leg, what it sends, and which other one (by its place) it hears, for delays.

    ``payload_type`` -1 only listens. A payload is ``size`` bytes that begin with ``first`` (0: noise). Every 20 ms there are
    ``burst`` packets, at once or ``spread`` half milliseconds one after the other. ``packets`` is a file of datagrams to
    send instead.
    """

    leg: Leg
    payload_type: int = 0
    peer: int = -1
    size: int = 160
    first: int = 0
    packets: Path | None = None
    burst: int = 1
    spread: int = 0
    #: where it sends to, if not to the server
    host: str = ""

    def __str__(self) -> str:
        ways = (PHONES, self.leg.local, self.host or HOST, self.leg.remote)
        fields = (*ways, self.payload_type, self.peer, self.size, self.first, self.burst, self.spread)
        return " ".join(map(str, fields)) + (f" {self.packets}" if self.packets is not None else "")


@dataclass(frozen=True, slots=True)
class Heard:
    """Packets while it was measured, and delays from phone to phone in microseconds (0: none were taken)."""

    sent: int
    received: int
    middle_us: float
    worst_us: float


@cache
def build(name: str) -> Path:
    """One of the C programs beside this file, compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise SystemExit("the media benchmarks need a C compiler for their phones (bench/*.c)")
    folder = Path(tempfile.mkdtemp(prefix=f"globstar-bench-{name}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program = folder / name
    subprocess.run([compiler, "-O2", "-o", str(program), str(Path(__file__).with_name(f"{name}.c"))], check=True)
    return program


def talk(talkers: list[Talker], folder: Path, *, warm: float, seconds: float, on_begin: Callable[[], None]) -> Heard:
    """Have all talk; ``on_begin`` is called when the measured time begins, it has ended when this returns."""
    legs = folder / "legs.txt"
    legs.write_text("".join(f"{talker}\n" for talker in talkers))
    command = [str(build("phones")), str(legs), str(warm), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        begun = process.stdout.readline()
        assert begun == "begin\n", f"the phones said {begun!r}"
        on_begin()
        sent, received, middle, worst = process.stdout.readline().split()
    return Heard(int(sent), int(received), float(middle), float(worst))
