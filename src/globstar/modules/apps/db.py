"""Database Access Functions."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.registry import application

logger = Logger("app_db")


@application("DBdeltree", syntax="DBdeltree(family[/keytree])")
def delete_tree(channel: Channel, data: str) -> None:
    """Delete a family of the database, or what is below a key of it."""
    family, _, keytree = data.partition("/")
    if not family:
        logger.warning("DBdeltree needs family[/keytree]")
        return
    if not channel.system.database.delete_tree(family, keytree):
        logger.verbose(4, f"DBdeltree: there is nothing below {data}")
