"""Measures CDR and CEL: rows a CPU second per backend, and what a bridged call costs with them.

usage: python -m bench.bench_records [--rows N] [--calls N] [--runs N]

CPU time is that of the whole process, its threads included, in one process without a network. Servers of databases are started
where they are installed; their own CPU time does not count.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

from bench.inside import drop, median_of
from globstar.base.log import Level, hub
from globstar.core.cdr.engine import SERVICE as CDR
from globstar.core.cdr.record import FinishedRecord
from globstar.core.cel.engine import SERVICE as CEL
from globstar.core.cel.event import CelEvent
from globstar.core.outbox import SERVICE as OUTBOXES
from globstar.core.system import System
from tests.interop.support.databases import DatabaseServer, mariadb, postgresql, program
from tests.support.testtech import World

FIELDS = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end",
    "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield",
)  # fmt: skip
EVENT_FIELDS = (
    "eventtype", "eventtime", "cidname", "cidnum", "cidani", "exten", "context", "channame", "appname", "appdata", "amaflags",
    "uniqueid", "linkedid", "peer", "eventextra",
)  # fmt: skip
EVENT_REFERENCES = (
    "${eventtype}", "${eventtime}", "${CALLERID(name)}", "${CALLERID(num)}", "${CALLERID(ANI)}", "${CHANNEL(exten)}",
    "${CHANNEL(context)}", "${CHANNEL(channame)}", "${CHANNEL(appname)}", "${CHANNEL(appdata)}", "${CHANNEL(amaflags)}",
    "${CHANNEL(uniqueid)}", "${CHANNEL(linkedid)}", "${BRIDGEPEER}", "${eventextra}",
)  # fmt: skip
RECORD = FinishedRecord(
    "acct", "100", "201", "main", '"Alice" <100>', "PJSIP/alice-00000001", "PJSIP/bob-00000002", "Dial", "PJSIP/bob,20",
    1.7e9, 1.7e9 + 3, 1.7e9 + 60.5, 60, 57, "ANSWERED", "DOCUMENTATION", "1700000000.1", "", "", "1700000000.1", 1, {},
)  # fmt: skip
EVENT = CelEvent(
    "BRIDGE_ENTER", 1.7e9, "", "Alice", "100", "100", "", "201", "201", "main", "PJSIP/alice-00000001", "Dial", "PJSIP/bob", 3,
    "", "", "1700000000.1", "1700000000.1", "", "PJSIP/bob-00000002", '{"bridge_id":"x"}',
)  # fmt: skip
TABLES = (
    f"CREATE TABLE cdr ({', '.join(f'{name} VARCHAR(80)' for name in FIELDS if name not in ('end',))})",
    "CREATE TABLE cel (eventtype VARCHAR(30), eventtime TIMESTAMP NULL, cid_name VARCHAR(80), cid_num VARCHAR(80), exten "  # noqa: ISC004
    "VARCHAR(80), context VARCHAR(80), channame VARCHAR(80), appname VARCHAR(80), amaflags INTEGER, uniqueid VARCHAR(150), "
    "linkedid VARCHAR(150), peer VARCHAR(80), extra VARCHAR(512))",
)
PLAN = "[default]\nexten => 201,1,Dial(Test/bob,20)\n"
ALL_EVENTS = "[general]\nenable=yes\nevents=ALL\napps=dial\n"


def _quoted(references: tuple[str, ...]) -> str:
    return ",".join(f"${{CSV_QUOTE({reference})}}" for reference in references)


CDR_LINE = _quoted(tuple(f"${{CDR({name})}}" for name in FIELDS))
CEL_LINE = _quoted(EVENT_REFERENCES)


def _odbc(url: str) -> dict[str, str]:
    return {"res_odbc.conf": f"[first]\nenabled=yes\ndsn={url}\n"}


def _cdr_backends(root: Path) -> dict[str, dict[str, str]]:
    return {
        "cdr csv": {"cdr.conf": "[general]\n[csv]\naccountlogs=no\nloguniqueid=yes\n"},
        "cdr custom, mapping": {"cdr_custom.conf": f"[mappings]\nm.csv => {CDR_LINE}\n"},
        "cdr custom, dialplan": {"cdr_custom.conf": f"[mappings]\nm.csv => {CDR_LINE},${{LEN(x)}}\n"},
        "cdr custom, fields": {"cdr_custom.conf": f"[m.csv]\nfields={','.join(FIELDS)}\n"},
        "cdr custom, JSON": {"cdr_custom.conf": f"[m.json]\nformat=json\nfields={','.join(FIELDS)}\n"},
        "cdr SQLite": {"cdr_sqlite3_custom.conf": f"[m]\nfields={','.join(FIELDS)}\n"},
        "cdr adaptive, SQLite": {
            **_odbc(f"sqlite:///{root}/a.sqlite3"),
            "cdr_adaptive_odbc.conf": "[a]\nconnection=first\ntable=cdr\n",
        },
    }


def _cel_backends(root: Path) -> dict[str, dict[str, str]]:
    return {
        "cel custom, mapping": {"cel_custom.conf": f"[mappings]\nm.csv => {CEL_LINE}\n"},
        "cel custom, dialplan": {"cel_custom.conf": f"[mappings]\nm.csv => {CEL_LINE},${{LEN(x)}}\n"},
        "cel custom, fields": {"cel_custom.conf": f"[m.csv]\nfields={','.join(EVENT_FIELDS)}\n"},
        "cel custom, JSON": {"cel_custom.conf": f"[m.json]\nformat=json\nfields={','.join(EVENT_FIELDS)}\n"},
        "cel SQLite": {"cel_sqlite3_custom.conf": f"[m]\nfields={','.join(EVENT_FIELDS)}\n"},
        "cel SQL, SQLite": {**_odbc(f"sqlite:///{root}/a.sqlite3"), "cel_odbc.conf": "[a]\nconnection=first\ntable=cel\n"},
    }


def _server_backends(server: DatabaseServer) -> dict[str, dict[str, str]]:
    if server.kind == "postgresql":
        place = f"[global]\nhostname=127.0.0.1\nport={server.port}\n"
        return {"cdr PostgreSQL": {"cdr_pgsql.conf": place}, "cel PostgreSQL": {"cel_pgsql.conf": place}}
    odbc = _odbc(server.url.replace("+pymysql", ""))
    return {
        "cdr MariaDB": {**odbc, "cdr_adaptive_odbc.conf": "[a]\nconnection=first\ntable=cdr\n"},
        "cel MariaDB": {**odbc, "cel_odbc.conf": "[a]\nconnection=first\ntable=cel\n"},
    }


async def rows_of(name: str, files_of: Callable[[Path], dict[str, str]], count: int, root: Path) -> float:
    """Rows a CPU second of one backend: handed over ten at a time, until the last one is written."""
    with closing(sqlite3.connect(root / "a.sqlite3")) as database:
        for statement in TABLES:
            database.execute(statement.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
    async with await World.start("[default]\n", files={"cel.conf": ALL_EVENTS, **files_of(root)}, root=root) as world:
        system: System = world.system
        used = 0.0
        for _ in range(2):  # the first round makes files, tables and connections
            before = time.process_time()
            for start in range(0, count, 10):
                if name.startswith("cdr"):
                    system.services[CDR].poster.post([RECORD] * 10)
                else:
                    for _ in range(10):
                        system.services[CEL]._post(EVENT)
                if start % 1000 == 0:
                    await asyncio.sleep(0)
            for outbox in system.services[OUTBOXES].values():
                await outbox.flush()
                if outbox.error or outbox.dropped:
                    raise SystemExit(f"{name}: {outbox.error or 'rows are dropped'}")
            used = time.process_time() - before
    return count / used


async def call_cost(files: dict[str, str], count: int, root: Path) -> float:
    """CPU microseconds of a bridged call between two scripted phones, its rows written."""
    async with await World.start(PLAN, files=files, root=root) as world:
        world.system.bus._watchers.clear()  # the world's own notes
        for listeners in world.system.bus._listeners.values():
            listeners[:] = [listener for listener in listeners if getattr(listener, "__self__", None) is not world]
        alice, bob = world.phone("alice", "100", "Alice"), world.phone("bob", "101", "Bob")

        async def one() -> None:
            leg = alice.dials("201")
            callee = await bob.is_called()
            callee.answers()
            await leg.is_told("answer")
            leg.hangs_up()
            await world.all_gone()

        for _ in range(20):
            await one()
        before = time.process_time()
        for _ in range(count):
            await one()
        for outbox in world.system.services[OUTBOXES].values():
            await outbox.flush()
        return (time.process_time() - before) / count * 1e6


@contextmanager
def _servers() -> Iterator[list[DatabaseServer]]:
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = []
        for begin, needed in ((postgresql, "pg_ctl"), (mariadb, "mariadbd")):
            if program(needed) is None:
                print(f"{needed} is not installed: left out")
                continue
            server = stack.enter_context(begin(root))
            server.run(*TABLES)
            found.append(server)
        yield found


def main() -> None:
    """Print a line for each backend, and what a call costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    hub.add(Level.WARNING | Level.ERROR | Level.NOTICE, drop)
    with _servers() as servers:
        backends = [(name, partial(_files, kind, name)) for kind in (_cdr_backends, _cel_backends) for name in kind(Path())]
        for server in servers:
            backends += [(name, partial(_same, files)) for name, files in _server_backends(server).items()]
        for name, files_of in backends:
            rate = median_of(options.runs, partial(rows_of, name, files_of, options.rows))
            print(f"{name:<24} {rate:10,.0f} rows a CPU second")
    csv, custom = "[general]\nenable=yes\n[csv]\n", f"[m.csv]\nfields={','.join(EVENT_FIELDS)}\n"
    off = {"cdr.conf": "[general]\nenable=no\n"}
    for name, files in {
        "a call without records": off,
        "a call, CDR in CSV": {"cdr.conf": csv},
        "a call, CEL in a file": {**off, "cel.conf": ALL_EVENTS, "cel_custom.conf": custom},
        "a call, both": {"cdr.conf": csv, "cel.conf": ALL_EVENTS, "cel_custom.conf": custom},
    }.items():
        cost = median_of(options.runs, partial(call_cost, files, options.calls))
        print(f"{name:<24} {cost:10,.0f} us CPU")


def _files(kind: Callable[[Path], dict[str, dict[str, str]]], name: str, root: Path) -> dict[str, str]:
    return kind(root)[name]


def _same(files: dict[str, str], root: Path) -> dict[str, str]:
    return files


if __name__ == "__main__":
    main()
