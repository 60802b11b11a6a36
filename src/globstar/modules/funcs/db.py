"""Database (astdb) related dialplan functions."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function

logger = Logger("func_db")


def _place(channel: Channel | None, args: str) -> tuple[Channel, str, str]:
    """The family and the key of ``family/key``, where the key may have slashes."""
    if channel is None:
        raise FunctionError("the AstDB needs a channel")
    family, slash, key = args.partition("/")
    if not slash:
        raise FunctionError(f"the AstDB needs family/key, not '{args}'")
    return channel, family, key


@function("DB", syntax="DB(family/key)")
def db(channel: Channel | None, args: str) -> str:
    """A value of the AstDB, which outlives calls and restarts. Reading one that exists sets DB_RESULT as well."""
    channel, family, key = _place(channel, args)
    value = channel.system.database.get(family, key)
    if value is None:
        return ""
    channel.set_variable("DB_RESULT", value)
    return value


@db.writer
def _write(channel: Channel | None, args: str, value: str) -> None:
    channel, family, key = _place(channel, args)
    channel.system.database.put(family, key, value)


@function("DB_EXISTS", syntax="DB_EXISTS(family/key)")
def db_exists(channel: Channel | None, args: str) -> str:
    """1 if the AstDB has such a key, else 0. If it has, DB_RESULT is its value."""
    channel, family, key = _place(channel, args)
    value = channel.system.database.get(family, key)
    if value is None:
        return "0"
    channel.set_variable("DB_RESULT", value)
    return "1"


@function("DB_DELETE", syntax="DB_DELETE(family/key)")
def db_delete(channel: Channel | None, args: str) -> str:
    """Remove a key from the AstDB and give the value that it had, also as DB_RESULT.

    Writing does the same, whatever the value written: ``Set(DB_DELETE(family/key)=)``.
    """
    channel, family, key = _place(channel, args)
    value = channel.system.database.get(family, key)
    if value is None:
        value = ""
    else:
        channel.system.database.delete(family, key)
    channel.set_variable("DB_RESULT", value)
    return value


@db_delete.writer
def _delete(channel: Channel | None, args: str, value: str) -> None:
    db_delete.read(channel, args)


def _below(channel: Channel | None, prefix: str) -> list[str]:
    """The names of the next level below a prefix, sorted, each once."""
    if channel is None:
        raise FunctionError("the AstDB needs a channel")
    family, _, key = prefix.strip("/").partition("/")
    start = f"/{family}/{key}/" if key else f"/{family}/" if family else "/"
    names: dict[str, None] = {}
    for full, _ in channel.system.database.tree(family, key):
        if full.startswith(start):
            names.setdefault(full[len(start) :].partition("/")[0])
    return list(names)


@function("DB_KEYS", syntax="DB_KEYS([prefix])")
def db_keys(channel: Channel | None, args: str) -> str:
    """The keys and families directly below a family of the AstDB, separated by commas; the families if none is given."""
    return ",".join(_below(channel, args))


@function("DB_KEYCOUNT", syntax="DB_KEYCOUNT([prefix])")
def db_key_count(channel: Channel | None, args: str) -> str:
    """How many keys and families there are directly below a family of the AstDB."""
    return str(len(_below(channel, args)))
