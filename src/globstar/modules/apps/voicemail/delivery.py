"""Sounds that come from elsewhere (recordings of calls) become messages of a mailbox."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.services import DeliveredSound
from globstar.modules.apps.voicemail.store import FOLDERS, MessageInfo

if TYPE_CHECKING:
    from globstar.modules.apps.voicemail.service import VoicemailService

logger = Logger("app_voicemail")


async def deliver_sound(service: VoicemailService, address: str, sound: Path, message: DeliveredSound) -> bool:
    """Put a copy of ``sound`` into the mailbox ``100@default/Work`` (INBOX without a folder); False where that cannot be."""
    mailbox, _, folder = address.strip().partition("/")
    user = await service.look_up(mailbox)
    folder = folder or FOLDERS[0]
    if user is None or not folder.isalnum():
        logger.warning(f"'{address}' is no mailbox: {sound} is not delivered")
        return False
    when = service.system.local_time(message.started)
    info = MessageInfo(
        origmailbox=user.number,
        context=message.context,
        exten=message.extension,
        priority=str(message.priority),
        callerchan=message.channel_name,
        callerid=message.caller_id or "Unknown",
        origdate=when.strftime("%a %b %d %I:%M:%S %p %Z %Y"),
        origtime=str(int(message.started)),
        msg_id=f"{int(message.started)}-{secrets.randbelow(10**8):08}",
        duration=str(int(message.seconds)),
    )
    box = service.mailbox(user)

    def store() -> Path | None:
        copy = box.temporary(secrets.token_hex(4)).with_suffix(sound.suffix)
        shutil.copyfile(sound, copy)
        stored = box.store(copy.with_suffix(""), info, folder, user.options.maxmsg)
        copy.unlink(missing_ok=True)
        return stored

    try:
        stored = await service.system.run_blocking(store)
    except OSError as error:
        logger.warning(f"{sound} is not delivered to {mailbox}: {error}")
        return False
    if stored is None:
        logger.warning(f"{sound} is not delivered: the folder {folder} of {mailbox} is full")
        return False
    await service.announce(user)
    return True
