"""ODBC transaction resource."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.values import boolean
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import application, function
from globstar.core.sql.classes import SERVICE, DatabaseClasses
from globstar.core.sql.database import SqlFault
from globstar.core.sql.transactions import Transaction, transactions
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("res_odbc_transaction")

REQUIRES = ("res_odbc",)

_LEVELS = {
    "read_committed": "READ COMMITTED",
    "read_uncommitted": "READ UNCOMMITTED",
    "repeatable_read": "REPEATABLE READ",
    "serializable": "SERIALIZABLE",
}


def _need(channel: Channel | None) -> Channel:
    if channel is None:
        raise FunctionError("a channel is needed")
    return channel


@function("ODBC", syntax="ODBC(property[,argument])")
async def odbc(channel: Channel | None, args: str) -> str:
    """Transactions of this call.

    ``transaction`` is the name of the active one; writing makes another active, which is begun on the database given as
    argument if it is new. ``forcecommit`` says whether it is committed when the call ends without that, ``isolation`` its level
    (read_committed, read_uncommitted, repeatable_read or serializable); both of the transaction given as argument, or
    of the active one. ODBC_RESULT tells how writing went.
    """
    held = transactions(_need(channel))
    what, name = _split(args)
    transaction = held.find(name) if what != "transaction" else held.active
    match what:
        case "transaction":
            return transaction.name if transaction is not None else ""
        case "forcecommit":
            return "" if transaction is None else str(int(transaction.force_commit))
        case "isolation":
            return "" if transaction is None else transaction.isolation
    raise FunctionError(f"'{what}' is none of transaction, forcecommit and isolation")


def _split(args: str) -> tuple[str, str]:
    arguments = split_arguments(args, 2)
    return argument(arguments, 0).lower(), argument(arguments, 1)


@odbc.writer
async def _write(channel: Channel | None, args: str, value: str) -> None:
    channel = _need(channel)
    what, name = _split(args)
    held = transactions(channel)
    if what == "transaction":
        await _activate(channel, value, name)
        return
    if what not in ("forcecommit", "isolation"):
        channel.set_variable("ODBC_RESULT", "INVALID_ARGUMENT")
        raise FunctionError(f"'{what}' is none of transaction, forcecommit and isolation")
    transaction = held.find(name)
    if transaction is None:
        channel.set_variable("ODBC_RESULT", "NO_TRANSACTION")
        raise FunctionError(f"there is no transaction '{name}'" if name else "no transaction is active")
    try:
        if what == "forcecommit":
            transaction.force_commit = boolean(value)
        else:
            await _set_isolation(transaction, value)
    except (ValueError, SqlFault) as error:
        channel.set_variable("ODBC_RESULT", "INVALID_ARGUMENT" if isinstance(error, ValueError) else "SQL_ERROR")
        raise FunctionError(f"{what}: {error}") from error
    channel.set_variable("ODBC_RESULT", "OK")


async def _set_isolation(transaction: Transaction, value: str) -> None:
    word = value.strip().lower()
    level = _LEVELS.get(word)
    if level is None:
        raise ValueError("expected " + ", ".join(_LEVELS))
    await transaction.session.rollback()
    await transaction.session.run(lambda connection: connection.execution_options(isolation_level=level))
    transaction.isolation = word


async def _activate(channel: Channel, name: str, database: str) -> None:
    held = transactions(channel)
    known = held.by_name.get(name)
    if known is not None:
        held.active = known
        channel.set_variable("ODBC_RESULT", "OK")
        return
    classes = channel.system.service(SERVICE, DatabaseClasses)
    found = classes.get(database) if classes is not None else None
    if not name or found is None:
        channel.set_variable("ODBC_RESULT", "INVALID_DB" if name else "INVALID_ARGUMENT")
        raise FunctionError(f"there is no database '{database}' in res_odbc.conf" if name else "a transaction needs a name")
    try:
        session = await found.database.session()
    except SqlFault as fault:
        channel.set_variable("ODBC_RESULT", "FAILED_TO_CREATE")
        raise FunctionError(str(fault)) from fault
    if held.is_over:
        await session.close()
        return
    isolation = found.database.settings.isolation.lower().replace(" ", "_") or "read_committed"
    held.active = held.by_name[name] = Transaction(name, found, session, found.force_commit, isolation)
    channel.set_variable("ODBC_RESULT", "OK")


async def _end(channel: Channel, name: str, *, commits: bool) -> None:
    variable = "COMMIT_RESULT" if commits else "ROLLBACK_RESULT"
    transaction = transactions(channel).find(name)
    if transaction is None:
        channel.set_variable(variable, "NO_TRANSACTION")
        logger.warning(f"there is no transaction '{name}'" if name else "no transaction is active")
        return
    try:
        await (transaction.session.commit() if commits else transaction.session.rollback())
    except SqlFault as fault:
        channel.set_variable(variable, "SQL_ERROR")
        logger.warning(f"transaction '{transaction.name}': {fault}")
        return
    channel.set_variable(variable, "OK")


@application("ODBC_Commit", syntax="ODBC_Commit([transaction ID])")
async def commit(channel: Channel, data: str) -> None:
    """Keep what the active transaction, or the one named, has changed; COMMIT_RESULT is OK or tells why not."""
    await _end(channel, data.strip(), commits=True)


@application("ODBC_Rollback", syntax="ODBC_Rollback([transaction ID])")
async def rollback(channel: Channel, data: str) -> None:
    """Take back what the active transaction, or the one named, has changed; ROLLBACK_RESULT is OK or tells why not."""
    await _end(channel, data.strip(), commits=False)
