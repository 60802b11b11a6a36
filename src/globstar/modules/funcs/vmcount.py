"""Indicator for whether a voice mailbox has messages in a given folder."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.core.services import MessageStore
from globstar.dialplan.arguments import argument, split_arguments


@function("VMCOUNT", syntax="VMCOUNT(vmbox[,folder])")
async def vmcount(channel: Channel | None, args: str) -> str:
    """How many messages a voice mailbox has in a folder.

    ``vmbox`` is mailbox@context, several with & between them; the context is default if not given. The folder is INBOX
    (new messages) if not given.
    """
    if channel is None:
        raise FunctionError("VMCOUNT needs a channel")
    arguments = split_arguments(args)
    mailboxes = [name for name in argument(arguments, 0).split("&") if name.strip()]
    if not mailboxes:
        raise FunctionError("VMCOUNT needs a mailbox")
    store = channel.system.service("voicemail", MessageStore)  # type: ignore[type-abstract]
    if store is None:
        return "0"
    folder = argument(arguments, 1, "INBOX")
    counts = await channel.system.run_blocking(lambda: [store.message_count(name.strip(), folder) for name in mailboxes])
    return str(sum(counts))
