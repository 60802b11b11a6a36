"""Database servers of the test's own: a cluster in a folder, on a free port of loopback, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.loopback import free_port
from tests.support.server import ENVIRONMENT

#: Seconds that a server may take to start or stop.
PATIENCE = 60.0


@dataclass(slots=True)
class DatabaseServer:
    """A running server. ``url`` is SQLAlchemy's, for the database ``asterisk``; ``leader`` gives its first process."""

    kind: str
    port: int
    url: str
    start: Callable[[], None]
    stop: Callable[[], None]
    leader: Callable[[], int]

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """All processes of the server stand still: it takes connections and statements, and answers none."""
        leader = self.leader()
        os.kill(leader, signal.SIGSTOP)  # first: from now on it begins no others
        stopped = [leader, *(child for child in _children(leader) if _signalled(child, signal.SIGSTOP))]
        try:
            yield
        finally:
            for process in stopped:
                _signalled(process, signal.SIGCONT)  # the first may see at once that another has ended

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements and give the rows of the last one."""
        import sqlalchemy

        engine = sqlalchemy.create_engine(self.url, poolclass=sqlalchemy.pool.NullPool)
        rows: list[tuple[Any, ...]] = []
        with engine.begin() as connection:
            for statement in statements:
                result = connection.execute(sqlalchemy.text(statement))
                rows = [tuple(row) for row in result] if result.returns_rows else []
        engine.dispose()
        return rows


def _signalled(process: int, number: signal.Signals) -> bool:
    """Whether the process was still there for the signal: one that serves a connection ends with it."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True


def _children(leader: int) -> list[int]:
    """The children of a process."""
    children = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = file.read_text()
        except OSError:  # it has just ended
            continue
        if int(text.rpartition(")")[2].split()[1]) == leader:
            children.append(int(file.parent.name))
    return children


def program(name: str) -> str | None:
    """The path of a program of PostgreSQL or MariaDB, None if it is not installed."""
    found = shutil.which(name)
    if found is not None:
        return found
    candidates = [*sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), Path("/usr/sbin") / name]
    return next((str(path) for path in reversed(candidates) if path.exists()), None)


def _as_user() -> dict[str, Any]:
    return {"user": _owner(), "group": pwd.getpwnam(_owner()).pw_gid, "extra_groups": []} if not os.geteuid() else {}


def _owner() -> str:
    """Who runs the server: not root, which PostgreSQL refuses."""
    return pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() else "nobody"


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that the server's user owns, with a short name (sockets are in it)."""
    path = Path(tempfile.mkdtemp(prefix="globstar-db-"))
    if not os.geteuid():
        entry = pwd.getpwnam(_owner())
        os.chown(path, entry.pw_uid, entry.pw_gid)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _run(command: list[str], **options: Any) -> None:
    options = {"env": ENVIRONMENT, **_as_user(), **options}  # some tests stop and start their server in a thread
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, **options)
    assert done.returncode == 0, done.stdout.decode(errors="replace")


def _wait(is_there: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_there():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)  # polled: neither server tells when it is ready


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def postgresql(root: Path) -> Iterator[DatabaseServer]:
    """A PostgreSQL server whose user asterisk owns the database asterisk."""
    control, initialise = program("pg_ctl"), program("initdb")
    assert control is not None
    assert initialise is not None
    port = free_port()  # not of those that the kernel gives to clients, who might have it while the server is away
    with _folder() as folder:
        data = folder / "data"
        _run([initialise, "-D", str(data), "-U", "asterisk", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"], cwd="/")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"

        def start() -> None:
            # its own descendants keep the pipe: so to a file
            _run([control, "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start"], cwd="/")

        def stop() -> None:
            _run([control, "-D", str(data), "-m", "fast", "-w", "stop"], cwd="/")

        start()
        try:
            _create(f"postgresql+psycopg://asterisk@127.0.0.1:{port}/postgres", "CREATE DATABASE asterisk")
            url = f"postgresql+psycopg://asterisk@127.0.0.1:{port}/asterisk"
            pid = data / "postmaster.pid"
            yield DatabaseServer("postgresql", port, url, start, stop, lambda: int(pid.read_text().split()[0]))
        finally:
            if _answers(port):
                stop()


@contextmanager
def mariadb(root: Path) -> Iterator[DatabaseServer]:
    """A MariaDB server with a database asterisk, open to everybody."""
    daemon, initialise = program("mariadbd"), program("mariadb-install-db") or program("mysql_install_db")
    assert daemon is not None
    assert initialise is not None
    port = free_port()  # not of those that the kernel gives to clients, who might have it while the server is away
    running: list[subprocess.Popen[bytes]] = []
    with _folder() as folder:
        common = ["--no-defaults", f"--datadir={folder / 'data'}"]
        environment = {**ENVIRONMENT, "TMPDIR": str(folder)}  # each removes all temporary tables from there when it starts
        install = [initialise, *common, "--auth-root-authentication-method=normal", "--skip-test-db"]
        _run(install, cwd="/", env=environment)
        command = [
            daemon, *common, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 's'}", "--skip-grant-tables",
            "--skip-networking=0", f"--pid-file={folder / 'pid'}", "--innodb-flush-log-at-trx-commit=0",
            "--lock-wait-timeout=60",  # a transaction that somebody forgot makes a test fail, and not wait for a day
        ]  # fmt: skip

        def start() -> None:
            with (root / "mariadb.log").open("ab") as log:
                running.append(subprocess.Popen(command, cwd="/", stdout=log, stderr=log, env=environment, **_as_user()))
            _wait(lambda: _answers(port), "MariaDB does not start")

        def stop() -> None:
            process = running.pop()
            process.terminate()
            process.wait(PATIENCE)

        start()
        try:
            _create(f"mysql+pymysql://root@127.0.0.1:{port}/mysql", "CREATE DATABASE asterisk CHARACTER SET utf8mb4")
            url = f"mysql+pymysql://root@127.0.0.1:{port}/asterisk"
            yield DatabaseServer("mysql", port, url, start, stop, lambda: running[-1].pid)
        finally:
            if running:
                stop()


def _create(url: str, statement: str) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(statement))
    engine.dispose()
