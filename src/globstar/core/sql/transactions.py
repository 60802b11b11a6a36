"""Transactions that a call holds over several statements, by name; the one used last is active."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.sql.classes import DatabaseClass
from globstar.core.sql.database import SqlFault, SqlSession

if TYPE_CHECKING:
    from globstar.core.channel import Channel

logger = Logger("res_odbc_transaction")

_KEY = "odbc transactions"


@dataclass(slots=True)
class Transaction:
    """An open transaction of a call."""

    name: str
    database: DatabaseClass
    session: SqlSession
    force_commit: bool
    isolation: str


@dataclass(slots=True)
class CallTransactions:
    """All of a channel. They end with it: committed where that is wanted, else taken back."""

    by_name: dict[str, Transaction] = field(default_factory=dict)
    active: Transaction | None = None
    #: the channel is gone: what is begun now would never end
    is_over: bool = False

    def find(self, name: str) -> Transaction | None:
        """The transaction of that name, the active one without a name."""
        return self.by_name.get(name) if name else self.active


def transactions(channel: Channel) -> CallTransactions:
    """The transactions of a channel, made on first use."""
    held: CallTransactions | None = channel.data.get(_KEY)
    if held is not None:
        return held
    made = channel.data[_KEY] = CallTransactions()
    system = channel.system

    def gone(event: events.ChannelHungUp) -> None:
        if event.channel is channel:
            unsubscribe()
            made.is_over = True
            system.tasks.start(_end_all(made), name="odbc transactions")

    unsubscribe = system.bus.subscribe(events.ChannelHungUp, gone)
    return made


def active_session(channel: Channel | None, database: str) -> SqlSession | None:
    """The connection of the channel's active transaction, if that is with this database."""
    held: CallTransactions | None = channel.data.get(_KEY) if channel is not None else None
    if held is None or held.active is None or held.active.database.name != database:
        return None
    return held.active.session


async def _end_all(held: CallTransactions) -> None:
    for transaction in held.by_name.values():
        try:
            if transaction.force_commit:
                await transaction.session.commit()
            else:
                await transaction.session.rollback()
        except SqlFault as fault:
            logger.warning(f"transaction '{transaction.name}' could not be ended: {fault}")
        await transaction.session.close()
    held.by_name.clear()
    held.active = None
