"""One database: its pool of connections, the threads that work with them, and what is known of its health."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger
from globstar.base.loosethreads import LooseThreads
from globstar.core.sql.address import DatabaseAddress
from globstar.core.sql.reading import TOOK

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

logger = Logger("sql")
T = TypeVar("T")

#: Jobs that may wait for one database; more are refused at once.
MAX_WAITING = 1000
#: A connection that was idle for longer is tested before it is used, seconds.
IDLE_TIME = 5.0
#: Longest wait for one job, seconds, beside what the connection may take.
JOB_TIMEOUT = 30.0
#: How long the transactions of calls that have just ended may take until a database is closed over them, seconds.
ENDING_TIME = 5.0
#: A server that is cut off is found out within :data:`JOB_TIMEOUT`, and not when TCP gives up after a quarter of an hour or more.
_WATCHED_CONNECTION = {
    "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": int(JOB_TIMEOUT * 1000),
}  # fmt: skip


class SqlFault(GlobstarError):
    """A statement failed; the message is the database's."""


class DatabaseDown(SqlFault):
    """There is no connection. The log has told the reason once."""


class _Broken(Exception):
    """A connection broke before anything was committed."""


class _Job:
    """A job on its way; one that nobody waits for any more commits nothing, so that it may be given anew."""

    __slots__ = ("is_given_up",)

    def __init__(self) -> None:
        self.is_given_up = False


class SqlUnavailable(GlobstarError):
    """SQLAlchemy or the driver of a database is not installed; the message says what to install."""


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """How a database is used. Times in seconds."""

    address: DatabaseAddress
    max_connections: int = 4
    #: connections that stay open while nobody uses them; None: all
    kept_connections: int | None = None
    #: whether idle connections are used in turn, and not the one used last first
    round_robin: bool = False
    connect_timeout: float = 10.0
    #: after a failure to connect nobody tries again for so long
    negative_cache: float = 5.0
    #: statements that take longer are told of; 0: none
    slow_query_limit: float = 5.0
    #: SQLAlchemy's name of an isolation level; empty: the database's own
    isolation: str = ""
    #: what tests a connection that was idle; empty: the driver's own test
    sanity_sql: str = ""
    #: how long SQLite waits for another program's lock
    busy_timeout: float = 10.0
    #: whether statements are shown at debug level 3
    logs_statements: bool = False
    #: whether literals may hold backslash escapes (SQL_ESC_BACKSLASHES)
    backslash_is_escape: bool = True


class SqlDatabase:
    """A database that jobs are given to; each runs in a thread with a connection and a transaction of its own.

    Statements of a job are committed when it ends and rolled back when it raises. Made on the loop that it is used on.
    """

    def __init__(self, name: str, settings: DatabaseSettings, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.name = name
        self.settings = settings
        self._loop = loop or asyncio.get_running_loop()
        self._engine: Engine | None = None
        self._threads: LooseThreads | None = None
        self._sessions: set[SqlSession] = set()
        self._session_closed = asyncio.Event()
        self._waiting = 0
        self._is_closed = False
        #: when the database was found to be down (loop time), None while it is up as far as is known
        self.down_since: float | None = None
        self.down_reason = ""
        self._no_try_before = 0.0
        self.last_negative_wall = 0.0
        self.jobs = 0
        self.failures = 0
        self.refused = 0
        self.statements = 0
        self.longest = 0.0
        self.longest_statement = ""

    def __repr__(self) -> str:
        return f"SqlDatabase({self.name}, {self.settings.address})"

    @property
    def is_connected(self) -> bool:
        """Whether connections stand."""
        return self.connections > 0 and self.down_since is None

    @property
    def connections(self) -> int:
        """How many connections stand, in use or idle."""
        if self._engine is None:
            return 0
        pool: Any = self._engine.pool
        return int(pool.checkedin() + pool.checkedout()) if hasattr(pool, "checkedin") else 1

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run ``work(connection)`` in a thread and give its result.

        Raises DatabaseDown without a connection, SqlFault when a statement fails or takes too long, or too many jobs wait.
        Of a job that took too long, or whose caller was cancelled, nothing is committed.
        """
        job = _Job()
        self._refuse_if_closed()
        try:
            return await self._submit(lambda: self._do(work, job))
        finally:
            job.is_given_up = True

    async def session(self) -> SqlSession:
        """A connection of one's own, with its transaction; close it. Raises as :meth:`run`."""
        made: list[Connection] = []
        job = _Job()

        def give_back() -> None:
            if made:
                made.pop().close()

        def connect() -> None:
            made.append(self._connect())
            if job.is_given_up:
                give_back()

        self._refuse_if_closed()
        try:
            await self._submit(connect)
        except BaseException:  # one that comes too late is nobody's
            job.is_given_up = True
            if made:
                self._pool().submit(give_back)
            raise
        session = SqlSession(self, made.pop())
        self._sessions.add(session)
        return session

    async def check(self) -> bool:
        """Try to connect now; the outcome is logged like any other."""
        try:
            await self.run(lambda connection: None)
        except SqlFault:
            return False
        return True

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise DatabaseDown(f"database '{self.name}' is closed")

    def _pool(self) -> LooseThreads:
        if self._threads is None:
            self._threads = LooseThreads(max(1, self.settings.max_connections), f"globstar-sql-{self.name}")
        return self._threads

    async def _submit(self, job: Callable[[], T]) -> T:
        now = self._loop.time()
        if self.down_since is not None and now < self._no_try_before:
            raise DatabaseDown(self.down_reason)
        if self._waiting >= MAX_WAITING:
            self.refused += 1
            raise SqlFault(f"database '{self.name}': {MAX_WAITING} jobs wait already")
        self._waiting += 1
        self.jobs += 1
        try:
            limit = JOB_TIMEOUT + self.settings.connect_timeout
            result = await asyncio.wait_for(self._loop.run_in_executor(self._pool(), job), limit)
        except TimeoutError:
            self.failures += 1
            raise SqlFault(
                f"database '{self.name}' did not answer within {JOB_TIMEOUT + self.settings.connect_timeout:g} s"
            ) from None
        except DatabaseDown as down:
            self._is_down(str(down))
            raise
        except SqlFault:
            self.failures += 1
            self._is_up()
            raise
        finally:
            self._waiting -= 1
        self._is_up()
        return result

    def _is_down(self, reason: str) -> None:
        self.failures += 1
        self._no_try_before = self._loop.time() + self.settings.negative_cache
        self.last_negative_wall = time.time()
        if self.down_since is None:
            self.down_since = self._loop.time()
            logger.error(f"database '{self.name}' ({self.settings.address}) cannot be reached: {reason}; calls go on without it")
        self.down_reason = reason

    def _is_up(self) -> None:
        if self.down_since is not None:
            logger.notice(f"database '{self.name}' is there again after {self._loop.time() - self.down_since:.0f} s")
            self.down_since = None

    # -- in threads --------------------------------------------------------------------------------------------------

    def _make_engine(self) -> Engine:
        try:
            import sqlalchemy
        except ImportError:
            raise SqlUnavailable("SQLAlchemy is not installed (pip install 'globstar[sql]')") from None
        settings = self.settings
        connect: dict[str, Any] = {}
        most = max(1, settings.max_connections)
        kept = most if settings.kept_connections is None else max(1, min(settings.kept_connections, most))
        pool: dict[str, Any] = {
            "pool_size": kept,
            "max_overflow": most - kept,
            "pool_timeout": settings.connect_timeout,
            "pool_use_lifo": not settings.round_robin,
        }
        match settings.address.kind:
            case "postgresql":
                connect = {"connect_timeout": max(1, int(settings.connect_timeout)), "application_name": "globstar"}
                if settings.address.dialect.endswith("+psycopg"):
                    connect |= _WATCHED_CONNECTION
                for name, _ in settings.address.options:
                    connect.pop(name, None)
            case "mysql":
                connect = {"connect_timeout": max(1, int(settings.connect_timeout)), "read_timeout": int(JOB_TIMEOUT)}
            case "sqlite":
                connect = {"timeout": settings.busy_timeout, "check_same_thread": False}
                pool["poolclass"] = sqlalchemy.pool.QueuePool
        extra = {"isolation_level": settings.isolation} if settings.isolation else {}
        try:
            engine = sqlalchemy.create_engine(settings.address.url, connect_args=connect, **pool, **extra)
        except ImportError as error:
            raise SqlUnavailable(f"the driver of {settings.address.dialect} is not installed: {error}") from None
        except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError) as error:
            raise SqlUnavailable(f"{settings.address}: {error}") from None
        if settings.sanity_sql or settings.address.kind != "sqlite":
            _check_idle(engine, settings.sanity_sql)
        self._time_statements(engine)
        return engine

    def _time_statements(self, engine: Engine) -> None:
        """Note how long each statement takes."""
        import sqlalchemy

        def before(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            connection.info["begun"] = time.monotonic()
            if self.settings.logs_statements:
                logger.debug(3, f"{self.name}: {statement}")

        def after(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            self._took(time.monotonic() - connection.info.pop("begun", time.monotonic()), statement)

        def took(seconds: float, statement: str) -> None:
            if self.settings.logs_statements:
                logger.debug(3, f"{self.name}: {statement}")
            self._took(seconds, statement)

        def connected(dbapi_connection: Any, record: Any) -> None:
            record.info[TOOK] = took

        sqlalchemy.event.listen(engine, "connect", connected)
        sqlalchemy.event.listen(engine, "before_cursor_execute", before)
        sqlalchemy.event.listen(engine, "after_cursor_execute", after)

    def _connect(self) -> Connection:
        from sqlalchemy.exc import SQLAlchemyError
        from sqlalchemy.exc import TimeoutError as PoolTimeout

        try:
            if self._engine is None:
                self._engine = self._make_engine()
            return self._engine.connect()
        except SqlUnavailable as missing:
            raise DatabaseDown(str(missing)) from None
        except PoolTimeout:
            raise SqlFault(f"database '{self.name}': all {self.settings.max_connections} connections are in use") from None
        except SQLAlchemyError as error:
            raise DatabaseDown(reason_of(error)) from error

    def _do(self, work: Callable[[Connection], T], job: _Job) -> T:
        """Run a job; one whose connection breaks before its commit is run once more with another."""
        try:
            return self._try(work, job)
        except _Broken:
            return self._try(work, job, is_last=True)

    def _try(self, work: Callable[[Connection], T], job: _Job, *, is_last: bool = False) -> T:
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        connection = self._connect()
        is_working = True
        try:
            result = work(connection)
            if job.is_given_up:
                raise SqlFault(f"database '{self.name}' did not answer in time; nothing was committed")
            is_working = False
            connection.commit()
            return result
        except DBAPIError as error:
            # a driver that fails halfway through many rows speaks of its own state, and not of the connection that broke
            error.connection_invalidated = error.connection_invalidated or _give_back(connection) is not None
            if error.connection_invalidated and is_working and not is_last:
                raise _Broken from error
            raise SqlFault(reason_of(error)) from error
        except SQLAlchemyError as error:
            raise SqlFault(str(error).splitlines()[0]) from error
        finally:
            _give_back(connection)

    def _took(self, seconds: float, statement: str) -> None:
        self.statements += 1
        if seconds > self.longest:
            self.longest, self.longest_statement = seconds, statement
        limit = self.settings.slow_query_limit
        if limit and seconds > limit:
            logger.warning(f"database '{self.name}' took {seconds * 1000:.0f} ms for: {statement[:200]}")

    async def close(self, patience: float | None = ENDING_TIME) -> None:
        """Take no job any more, and give all connections back.

        Whoever has a :meth:`session` may end it within ``patience`` seconds, or when it likes (None); what is open then is taken
        back.
        """
        self._is_closed = True
        try:
            async with asyncio.timeout(patience):
                while self._sessions:
                    self._session_closed.clear()
                    await self._session_closed.wait()
        except TimeoutError:
            logger.warning(f"database '{self.name}' is closed: {len(self._sessions)} open transactions are taken back")
        for session in tuple(self._sessions):
            await session.close()
        threads, engine = self._threads, self._engine
        self._threads = self._engine = None
        if engine is not None:
            await self._loop.run_in_executor(None, engine.dispose)
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)


def _give_back(connection: Connection) -> Exception | None:
    """Give a connection back without what was not committed; once is enough.

    One that cannot even roll back is not used again; why it could not.
    """
    from sqlalchemy.exc import SQLAlchemyError

    failure: Exception | None = None
    try:
        connection.rollback()
    except SQLAlchemyError as error:
        connection.invalidate(error)
        failure = error
    connection.close()
    return failure


def _check_idle(engine: Engine, statement: str) -> None:
    """Test connections that were idle for a while before they are used, by ``statement`` or the driver's own way.

    One that fails is replaced.
    """
    import sqlalchemy

    def returned(dbapi_connection: Any, record: Any) -> None:
        record.info["returned"] = time.monotonic()

    def check(dbapi_connection: Any, record: Any, proxy: Any) -> None:
        if time.monotonic() - record.info.get("returned", time.monotonic()) < IDLE_TIME:
            return
        try:
            if not statement:
                engine.dialect.do_ping(dbapi_connection)
                return
            cursor = dbapi_connection.cursor()
            try:
                cursor.execute(statement)
            finally:
                cursor.close()
        except Exception as error:  # whatever a driver raises: the connection is of no use
            raise sqlalchemy.exc.DisconnectionError(str(error)) from error

    sqlalchemy.event.listen(engine, "checkin", returned)
    sqlalchemy.event.listen(engine, "checkout", check)


class SqlSession:
    """A connection that somebody keeps for a while, for transactions over several statements."""

    def __init__(self, database: SqlDatabase, connection: Connection) -> None:
        self.database = database
        self._connection: Connection | None = connection
        self._lock = asyncio.Lock()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run ``work(connection)`` without a commit. Raises SqlFault."""
        from sqlalchemy.exc import SQLAlchemyError

        async with self._lock:
            connection = self._connection
            if connection is None:
                raise DatabaseDown(f"the connection with database '{self.database.name}' is closed")

            def do() -> T:
                try:
                    return work(connection)
                except SQLAlchemyError as error:
                    raise SqlFault(reason_of(error)) from error

            return await self.database._submit(do)

    async def commit(self) -> None:
        """End the transaction; its changes stay."""
        await self.run(lambda connection: connection.commit())

    async def rollback(self) -> None:
        """End the transaction without its changes."""
        await self.run(lambda connection: connection.rollback())

    async def close(self) -> None:
        """Give the connection back; what was not committed is lost. Once is enough."""
        database = self.database
        async with self._lock:
            connection, self._connection = self._connection, None
            if connection is None:
                return
            giving_back = database._loop.run_in_executor(database._pool(), _give_back, connection)
            failure: Exception | None
            try:
                failure = await asyncio.wait_for(giving_back, JOB_TIMEOUT)
            except TimeoutError as late:
                failure = late
            finally:
                database._sessions.discard(self)
                database._session_closed.set()
            if failure is not None:
                logger.warning(f"database '{database.name}' lost the end of a transaction: {reason_of(failure)}")


def reason_of(error: Exception) -> str:
    """What a driver said, in one line and without the statement."""
    original = getattr(error, "orig", None) or error
    arguments: tuple[object, ...] = getattr(original, "args", ())
    # PyMySQL's errors are a number and a text
    has_number = len(arguments) == 2 and isinstance(arguments[0], int)
    text = str(arguments[-1] if has_number else original)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else type(original).__name__


def text_of(value: Any) -> str | None:
    """A value of a column as text, as ODBC gives it; None for NULL."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "surrogateescape")
    return str(value)
