"""Look up Caller*ID name/number from blacklist database."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function


@function("BLACKLIST", syntax="BLACKLIST()")
def blacklist(channel: Channel | None, args: str) -> str:
    """1 if the caller's number or name is a key of the family ``blacklist`` of the AstDB, else 0."""
    if channel is None:
        raise FunctionError("BLACKLIST needs a channel")
    party = channel.caller.id
    wanted = [part.text for part in (party.number, party.name) if part.valid and part.text]
    return "1" if any(channel.system.database.get("blacklist", text) is not None for text in wanted) else "0"
