"""Mailboxes in realtime: the family ``voicemail`` with the columns of Asterisk's table."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.realtime.engine import RealtimeFault, Row

if TYPE_CHECKING:
    from globstar.modules.apps.voicemail.service import MailboxUser, VoicemailService

logger = Logger("app_voicemail")

FAMILY = "voicemail"


@lru_cache(maxsize=1)
def known_options() -> frozenset[str]:
    """The columns that are options of a mailbox here."""
    from globstar.modules.apps.voicemail.service import UserOptions

    return frozenset(name for info in UserOptions.describe() for name in (info.name, *info.aliases))


def is_mapped(service: VoicemailService) -> bool:
    """Whether there are mailboxes in realtime at all."""
    return service.system.realtime.has(FAMILY)


def _user(service: VoicemailService, row: Row) -> MailboxUser | None:
    """A row as a mailbox, None for one without a number."""
    values = {name.lower(): value for name, value in row}
    number, context = values.get("mailbox", ""), values.get("context", "") or "default"
    if not number:
        return None
    options = [(name, value) for name, value in values.items() if name in known_options()]
    password = values.get("password", "")
    return service.make_user(
        context,
        number,
        password,
        values.get("fullname", ""),
        values.get("email", ""),
        values.get("pager", ""),
        options,
        is_realtime=True,
    )


async def read_all(service: VoicemailService) -> list[MailboxUser]:
    """All mailboxes of realtime; none, with the reason told, where they cannot be read."""
    if not is_mapped(service):
        return []
    try:
        rows = await service.system.realtime.load_multi(FAMILY, [("mailbox LIKE", "%")])
    except RealtimeFault as fault:
        logger.debug(1, f"mailboxes of realtime: {fault}")
        return []
    return [user for user in (_user(service, row) for row in rows) if user is not None]


async def read_one(service: VoicemailService, number: str, context: str) -> MailboxUser | None:
    """A mailbox as its row is now; without a context in any. Raises RealtimeFault."""
    criteria = [("mailbox", number), *([("context", context)] if context else [])]
    row = await service.system.realtime.load(FAMILY, criteria)
    return _user(service, row) if row is not None else None


async def keep_password(service: VoicemailService, user: MailboxUser, password: str) -> bool:
    """Write a new password to the row of a mailbox; False, with the reason told, where that cannot be."""
    criteria = [("mailbox", user.number), ("context", user.context)]
    try:
        changed = await service.system.realtime.update(FAMILY, criteria, [("password", password)])
    except RealtimeFault as fault:
        logger.warning(f"the new password of {user.number}@{user.context} is not kept: {fault}")
        return False
    return changed > 0
