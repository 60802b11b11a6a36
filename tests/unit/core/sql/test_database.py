"""A database: jobs in threads, transactions, outages."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from globstar.base.log import Level
from globstar.core.sql import DatabaseAddress, DatabaseDown, DatabaseSettings, SqlDatabase, SqlFault
from globstar.core.sql import database as module
from tests.support.switch import LogCapture

# the database's own threads end with the fixture
pytestmark = pytest.mark.leaks_threads


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqlDatabase]:
    address = DatabaseAddress("sqlite+pysqlite", database=str(tmp_path / "db.sqlite3"))
    database = SqlDatabase("test", DatabaseSettings(address, max_connections=2))
    await database.run(lambda c: c.execute(text("CREATE TABLE t (a TEXT)")))
    yield database
    await database.close()


async def count(database: SqlDatabase) -> int:
    return await database.run(lambda c: int(c.execute(text("SELECT count(*) FROM t")).scalar() or 0))


async def test_a_job_is_committed_and_a_failing_one_is_not(database: SqlDatabase) -> None:
    def fails(connection):
        connection.execute(text("INSERT INTO t VALUES ('x')"))
        connection.execute(text("SELECT * FROM absent"))

    await database.run(lambda c: c.execute(text("INSERT INTO t VALUES ('x')")))
    with pytest.raises(SqlFault, match="no such table: absent"):
        await database.run(fails)
    assert await count(database) == 1
    assert (database.failures, database.down_since) == (1, None)


async def test_many_jobs_share_few_connections(database: SqlDatabase) -> None:
    await asyncio.gather(*(database.run(lambda c: c.execute(text("INSERT INTO t VALUES ('x')"))) for _ in range(50)))
    assert await count(database) == 50
    assert 1 <= database.connections <= 2


async def test_a_session_keeps_its_transaction(database: SqlDatabase) -> None:
    session = await database.session()
    await session.run(lambda c: c.execute(text("INSERT INTO t VALUES ('x')")))
    await session.rollback()
    await session.run(lambda c: c.execute(text("INSERT INTO t VALUES ('y')")))
    await session.commit()
    await session.run(lambda c: c.execute(text("INSERT INTO t VALUES ('z')")))
    await session.close()
    assert await count(database) == 1


async def test_a_closed_database_waits_for_sessions_and_takes_back_what_stays_open(database: SqlDatabase) -> None:
    kept, left = await database.session(), await database.session()
    await kept.run(lambda c: c.execute(text("INSERT INTO t VALUES ('kept')")))
    with LogCapture() as log:
        closing = asyncio.create_task(database.close(0.2))
        await asyncio.sleep(0)
        with pytest.raises(DatabaseDown, match="is closed"):
            await database.session()
        await kept.commit()
        await kept.close()
        await left.run(lambda c: c.execute(text("INSERT INTO t VALUES ('left')")))
        await closing
    assert log.texts(Level.WARNING) == ["database 'test' is closed: 1 open transactions are taken back"]
    assert database.connections == 0
    with pytest.raises(DatabaseDown, match="is closed"):
        await left.commit()
    await left.close()
    again = SqlDatabase("again", database.settings)
    assert await again.run(lambda c: [row[0] for row in c.execute(text("SELECT * FROM t"))]) == ["kept"]
    await again.close()


async def test_a_session_that_nobody_waits_for_any_more_is_given_back(
    database: SqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, begun, goes_on = database._connect, threading.Event(), threading.Event()

    def slowly() -> Connection:
        begun.set()
        goes_on.wait(20)
        return connect()

    monkeypatch.setattr(database, "_connect", slowly)
    waiting = asyncio.create_task(database.session())
    await asyncio.to_thread(begun.wait, 20)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    made: list[object] = []
    event.listen(database._engine, "checkout", lambda *what: made.append(what))
    goes_on.set()
    async with asyncio.timeout(20):
        while not made or database._engine.pool.checkedout():  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)


async def test_an_outage_is_told_once_and_its_end_too(tmp_path: Path) -> None:
    folder = tmp_path / "away"
    address = DatabaseAddress("sqlite+pysqlite", database=str(folder / "db.sqlite3"))
    database = SqlDatabase("gone", DatabaseSettings(address, negative_cache=0))
    with LogCapture() as log:
        for _ in range(3):
            with pytest.raises(DatabaseDown):
                await database.run(lambda c: None)
        assert len(log.texts(Level.ERROR)) == 1
        assert "'gone'" in log.texts(Level.ERROR)[0]
        folder.mkdir()
        await database.run(lambda c: None)
        assert "is there again" in log.texts(Level.NOTICE)[0]
    assert database.down_since is None
    await database.close()


async def test_after_a_failure_nobody_tries_for_a_while(tmp_path: Path) -> None:
    folder = tmp_path / "away"
    address = DatabaseAddress("sqlite+pysqlite", database=str(folder / "db.sqlite3"))
    database = SqlDatabase("gone", DatabaseSettings(address, negative_cache=600))
    assert not await database.check()
    folder.mkdir()
    jobs = database.jobs
    assert not await database.check()
    assert database.jobs == jobs
    await database.close()
    with pytest.raises(DatabaseDown):
        await database.run(lambda c: None)


async def test_a_missing_driver_says_what_to_install() -> None:
    database = SqlDatabase("odd", DatabaseSettings(DatabaseAddress("oracle+oracledb", "localhost", database="x")))
    with LogCapture() as log:
        assert not await database.check()
    assert "oracle" in log.texts(Level.ERROR)[0]
    await database.close()


async def test_an_idle_connection_whose_test_fails_is_replaced(database: SqlDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(database.settings, sanity_sql="SELECT a FROM t")
    other = SqlDatabase("tested", settings)
    assert await other.check()
    with sqlite3.connect(str(settings.address.database)) as connection:
        connection.execute("DROP TABLE t")
    connection.close()
    made: list[object] = []
    assert other._engine is not None
    event.listen(other._engine, "connect", lambda *_: made.append(1))
    assert await other.check()
    assert not made, "it was used a moment ago"
    monkeypatch.setattr("globstar.core.sql.database.IDLE_TIME", 0.0)
    assert await other.check()
    assert made
    await other.close()


async def test_slow_statements_are_told(database: SqlDatabase) -> None:
    slow = SqlDatabase("slow", replace(database.settings, slow_query_limit=0.000001))
    with LogCapture() as log:
        await slow.run(lambda c: c.execute(text("SELECT 1")))
    assert log.texts(Level.WARNING)[0].endswith("for: SELECT 1")
    assert slow.longest_statement == "SELECT 1"
    await slow.close()


async def test_a_job_whose_connection_breaks_is_run_again(database: SqlDatabase) -> None:
    tries = []

    def breaks(connection):
        tries.append(connection)
        connection.execute(text("INSERT INTO t VALUES ('x')"))
        if len(tries) == 1:
            raise DBAPIError("x", {}, Exception("server closed the connection"), connection_invalidated=True)

    await database.run(breaks)
    assert (len(tries), await count(database)) == (2, 1)

    def always_breaks(connection):
        raise DBAPIError("x", {}, Exception("server closed the connection"), connection_invalidated=True)

    with pytest.raises(SqlFault, match="server closed"):
        await database.run(always_breaks)


@pytest.fixture
def rollbacks_fail_once(database: SqlDatabase, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was told to roll back: the first is broken."""
    assert database._engine is not None
    dialect, tried = database._engine.dialect, []
    roll_back = dialect.do_rollback

    def fails_once(connection):
        tried.append(connection)
        if len(tried) == 1:
            raise sqlite3.OperationalError("sending query failed")
        roll_back(connection)

    monkeypatch.setattr(dialect, "do_rollback", fails_once)
    return tried


async def test_a_connection_that_cannot_roll_back_is_broken(database: SqlDatabase, rollbacks_fail_once: list[object]) -> None:
    """psycopg says of a server that goes away between many rows only that its pipeline is busy."""
    tries = []

    def breaks(connection):
        tries.append(connection.connection.dbapi_connection)
        connection.execute(text("INSERT INTO t VALUES ('x')"))
        if len(tries) == 1:
            raise DBAPIError("x", {}, Exception("cannot exit pipeline mode while busy"))

    await database.run(breaks)
    assert (len(tries), await count(database)) == (2, 1)
    assert tries[0] is not tries[1]
    assert database._engine.pool.checkedout() == 0


async def test_a_fault_of_the_work_and_a_connection_that_cannot_roll_back(
    database: SqlDatabase, rollbacks_fail_once: list[object]
) -> None:
    def fails(connection):
        connection.execute(text("INSERT INTO t VALUES ('x')"))
        raise ValueError("no row")

    with pytest.raises(ValueError, match="no row"):
        await database.run(fails)
    assert len(rollbacks_fail_once) == 1
    assert (await count(database), database._engine.pool.checkedout()) == (0, 0)


async def test_a_session_that_cannot_roll_back_gives_its_place_back(
    database: SqlDatabase, rollbacks_fail_once: list[object]
) -> None:
    session = await database.session()
    await session.run(lambda c: c.execute(text("INSERT INTO t VALUES ('x')")))
    with LogCapture() as log:
        await session.close()
    assert log.texts(Level.WARNING) == ["database 'test' lost the end of a transaction: sending query failed"]
    assert (await count(database), database._engine.pool.checkedout()) == (0, 0)


async def test_a_job_that_took_too_long_commits_nothing(database: SqlDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JOB_TIMEOUT", 2.0)
    slow = SqlDatabase("slow", replace(database.settings, connect_timeout=0.0))
    goes_on, is_over = threading.Event(), threading.Event()

    def insert(connection: Connection) -> None:
        connection.execute(text("INSERT INTO t VALUES ('late')"))
        goes_on.wait(60)
        connection.connection.driver_connection.set_trace_callback(lambda statement: is_over.set())  # type: ignore[union-attr]

    with pytest.raises(SqlFault, match="did not answer"):
        await slow.run(insert)
    monkeypatch.setattr(module, "JOB_TIMEOUT", 60.0)
    goes_on.set()
    assert await asyncio.to_thread(is_over.wait, 60), "it ends, by taking back what it did"
    await slow.run(lambda c: c.execute(text("INSERT INTO t VALUES ('again')")))
    assert await slow.run(lambda c: [row[0] for row in c.execute(text("SELECT a FROM t"))]) == ["again"]
    await slow.close()
