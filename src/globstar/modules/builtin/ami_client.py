"""What the dialplan can ask about manager clients."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.manager import ManagerUsers
from globstar.core.registry import function


@function("AMI_CLIENT", syntax="AMI_CLIENT(loginname,field)")
def ami_client(channel: Channel | None, args: str) -> str:
    """Something about a user of manager.conf.

    The only ``field`` is sessions: how many clients are logged in under that name now.
    """
    if channel is None:
        raise FunctionError("a channel is needed")
    name, _, field = (part.strip() for part in args.partition(","))
    if not name or not field:
        raise FunctionError("a name and a field are needed")
    users = channel.system.service("manager", ManagerUsers)  # type: ignore[type-abstract]
    count = users.logged_in(name) if users is not None else None
    if count is None:
        raise FunctionError(f"there is no manager user '{name}'")
    if field.lower() != "sessions":
        raise FunctionError(f"there is no field '{field}'")
    return str(count)
