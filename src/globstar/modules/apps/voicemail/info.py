"""What the dialplan can ask of a mailbox."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.dialplan.arguments import argument, split_arguments
from globstar.modules.apps.voicemail.service import VoicemailService

_ATTRIBUTES = ("count", "email", "exists", "fullname", "language", "locale", "pager", "password", "tz")


@function("VM_INFO", syntax="VM_INFO(mailbox[@context],attribute[,folder])")
async def vm_info(channel: Channel | None, args: str) -> str:
    """An attribute of a mailbox of voicemail.conf; the context is default if not given.

    ``count``: messages in ``folder`` (INBOX); ``exists``: 1 or 0; ``email``, ``pager``, ``fullname``, ``password``: as
    configured; ``language`` and ``tz``: the mailbox's own, else the channel's language and the general zone. ``locale`` is
    empty: messages are written in English.
    """
    if channel is None:
        raise FunctionError("VM_INFO needs a channel")
    arguments = split_arguments(args)
    mailbox, attribute = argument(arguments, 0).strip(), argument(arguments, 1).strip().lower()
    if not mailbox or attribute not in _ATTRIBUTES:
        raise FunctionError(f"VM_INFO needs a mailbox and one of {', '.join(_ATTRIBUTES)}")
    service = channel.system.service("voicemail", VoicemailService)
    user = await service.look_up(mailbox) if service is not None else None
    if attribute == "exists":
        return "1" if user is not None else "0"
    if service is None or user is None:
        return ""
    match attribute:
        case "count":
            folder = argument(arguments, 2, "INBOX").strip()
            return str(await channel.system.run_blocking(service.message_count, f"{user.number}@{user.context}", folder))
        case "email":
            return user.email
        case "pager":
            return user.pager
        case "fullname":
            return user.name
        case "password":
            return user.password
        case "language":
            return user.options.language or channel.language
        case "tz":
            return user.options.tz or service.options.tz
    return ""
