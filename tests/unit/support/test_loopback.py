"""Ports that are given to a test are given to nobody else for a while: neither to its threads nor to other processes."""

from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import loopback
from tests.support.loopback import HOST, free_port
from tests.support.server import ENVIRONMENT

ROOT = Path(__file__).parents[3]

MANY = """\
import sys
from pathlib import Path
from tests.support import loopback
loopback.LEDGER = Path(sys.argv[1])
print(*(loopback.free_port(3) for _ in range(100)))
"""


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger of the test's own."""
    path = tmp_path / "ledger"
    monkeypatch.setattr(loopback, "LEDGER", path)
    return path


def test_processes_that_ask_at_the_same_time_get_different_ports(ledger: Path) -> None:
    command = [sys.executable, "-c", MANY, str(ledger)]
    asking = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=ENVIRONMENT) for _ in range(3)]
    given = [int(word) for one in asking for word in one.communicate(timeout=60)[0].split()]
    assert len(given) == 300
    taken = {port + offset for port in given for offset in range(4)}  # even numbers of ports
    assert len(taken) == 4 * 300


def test_threads_that_ask_at_the_same_time_get_different_ports(ledger: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda _: free_port(), range(200)))
    assert len(set(given)) == 200
    assert not any(port % 2 for port in given)


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_what_is_bound_is_passed_over(ledger: Path, kind: socket.SocketKind) -> None:
    first = free_port()
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((HOST, first + 5))
        assert free_port(4) > first + 5


def test_after_the_last_port_they_begin_again(ledger: Path) -> None:
    ledger.write_text(str(loopback._END - 4))
    assert loopback._FIRST <= free_port(10) < loopback._END - 100


@pytest.mark.parametrize("text", ["", "x", "7", "99999999"])
def test_a_ledger_that_says_nonsense_is_begun_anew(ledger: Path, text: str) -> None:
    ledger.write_text(text)
    assert loopback._FIRST <= free_port() < loopback._FIRST + 2000


def test_more_than_there_are_is_an_error(ledger: Path) -> None:
    with pytest.raises(RuntimeError, match="no 20000 free ports"):
        free_port(20000)
