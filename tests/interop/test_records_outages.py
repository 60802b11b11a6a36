"""CDR and CEL of the real server in PostgreSQL and MariaDB that stand still or are away, and when the server itself ends."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.interop.support.databases import DatabaseServer, mariadb, postgresql, program
from tests.interop.test_databases import CDR, CEL
from tests.support.loopback import wait_until
from tests.support.server import GlobstarProcess

SERVERS: dict[str, tuple[Callable[[Path], AbstractContextManager[DatabaseServer]], str]] = {
    "postgresql": (postgresql, "pg_ctl"),
    "mariadb": (mariadb, "mariadbd"),
}
PLAN = "[default]\nexten => _X.,1,CELGenUserEvent(mine,${EXTEN})\nsame => n,Answer()\nsame => n,Hangup()\n"
MODULES = "[modules]\nautoload=no\n" + "".join(
    f"load => {name}\n"
    for name in (
        "pbx_config", "app_celgenuserevent", "res_odbc", "cdr_adaptive_odbc", "cel_odbc", "cdr_csv",
    )
)  # fmt: skip


@pytest.fixture(scope="module", params=list(SERVERS))
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    begin, needed = SERVERS[request.param]
    if program(needed) is None:
        pytest.skip(f"{needed} is not installed (tools/install-test-tools)")  # in CI a skip fails the run
    with begin(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def started() -> Iterator[list[GlobstarProcess]]:
    """The servers of a test; none outlives it."""
    processes: list[GlobstarProcess] = []
    yield processes
    for process in processes:
        process.process.kill()
        process.process.wait()


def start(database: DatabaseServer, root: Path, started: list[GlobstarProcess]) -> GlobstarProcess:
    url = database.url.replace("+psycopg", "").replace("+pymysql", "")
    process = GlobstarProcess(
        root,
        {
            "modules.conf": MODULES,
            "extensions.conf": PLAN,
            "res_odbc.conf": f"[first]\nenabled=yes\ndsn={url}\nnegative_connection_cache=0\nconnect_timeout=2\n",
            "cdr.conf": "[general]\nenable=yes\nunanswered=yes\n[csv]\nloguniqueid=yes\n",
            "cel.conf": "[general]\nenable=yes\nevents=USER_DEFINED\n",
            "cdr_adaptive_odbc.conf": "[first]\nconnection=first\ntable=cdr\n",
            "cel_odbc.conf": "[first]\nconnection=first\ntable=cel\n",
        },
        sounds=None,
    )
    started.append(process)
    process.wait_booted()
    return process


def call(process: GlobstarProcess, *numbers: int) -> None:
    for number in numbers:
        process.cli(f"channel originate Local/{number}@default/n application Wait 0")
        process.wait_idle()


def waiting(process: GlobstarProcess, kind: str) -> int:
    """How many rows of the database wait."""
    (line,) = [line for line in process.cli(f"{kind} show backends").splitlines() if "odbc-first" in line]
    return int(line.split()[2])


def spooled(root: Path, name: str) -> int:
    file = root / "spool" / "outbox" / f"{name}.jsonl"
    try:
        return len(file.read_text().splitlines())
    except FileNotFoundError:  # it goes with the last that waits
        return 0


def arrived(database: DatabaseServer) -> list[str]:
    return [row[0].rpartition(":")[2].strip('"}') for row in database.run("SELECT extra FROM cel")]


def handed_over(process: GlobstarProcess, database: DatabaseServer, count: int) -> None:
    """Until so many events are in the table and nothing waits: what is on disk counts as waiting once it has been looked at."""
    wait_until(lambda: len(arrived(database)) >= count, 20, lambda: f"{count} events: {arrived(database)}")
    wait_until(lambda: not waiting(process, "cel") and not waiting(process, "cdr"), 20, "all is handed over")


def test_a_killed_server_hands_over_what_waited_when_it_is_back(
    database: DatabaseServer, tmp_path: Path, started: list[GlobstarProcess]
) -> None:
    database.run("DROP TABLE IF EXISTS cdr", "DROP TABLE IF EXISTS cel", CDR, CEL)
    process = start(database, tmp_path, started)
    call(process, 10)
    wait_until(lambda: len(arrived(database)) == 1, 20, "the first event")
    database.stop()
    try:
        call(process, 11, 12, 13)
        wait_until(lambda: spooled(tmp_path, "cel_odbc-first") == 3, 20, "events wait on disk")
        process.process.send_signal(signal.SIGKILL)
        process.process.wait(60)
    finally:
        database.start()
    process = start(database, tmp_path, started)
    call(process, 14)
    handed_over(process, database, 5)
    assert arrived(database) == ["10", "11", "12", "13", "14"]
    wait_until(lambda: spooled(tmp_path, "cdr_adaptive_odbc-first") == 0, 10, "nothing waits on disk")
    assert process.finish() == []


def test_a_server_ends_in_time_though_its_database_stands_still(
    database: DatabaseServer, tmp_path: Path, started: list[GlobstarProcess]
) -> None:
    database.run("DROP TABLE IF EXISTS cdr", "DROP TABLE IF EXISTS cel", CDR, CEL)
    process = start(database, tmp_path, started)
    call(process, 10)
    wait_until(lambda: len(arrived(database)) == 1, 20, "the first event")
    with database.frozen():
        call(process, 11, 12)
        master = tmp_path / "log" / "cdr-csv" / "Master.csv"
        wait_until(lambda: master.is_file() and len(master.read_text().splitlines()) >= 3, 20, "other backends go on")
        process.run_cli("core stop now")
        # Ten seconds for the first that does not answer and one for each other, on a machine that nobody else keeps busy.
        assert process.process.wait(90) == 0
        assert spooled(tmp_path, "cel_odbc-first") == 2
    process = start(database, tmp_path, started)
    handed_over(process, database, 3)
    assert sorted(arrived(database)) == ["10", "11", "12"]
    assert process.finish() == []
