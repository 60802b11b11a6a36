"""What the dialplan can ask about manager clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.interfaces.ami.hub import SERVICE

if TYPE_CHECKING:
    from globstar.interfaces.ami.server import ManagerServer


@function("AMI_CLIENT", syntax="AMI_CLIENT(loginname,field)")
def ami_client(channel: Channel | None, args: str) -> str:
    """Something about a user of manager.conf.

    The only ``field`` is sessions: how many clients are logged in under that name now.
    """
    if channel is None:
        raise FunctionError("a channel is needed")
    name, _, field = (part.strip() for part in args.partition(","))
    if not name or not field:
        raise FunctionError("AMI_CLIENT needs a name and a field")
    server: ManagerServer = channel.system.services[SERVICE]
    if name not in server.hub.settings.users:
        raise FunctionError(f"there is no manager user '{name}'")
    if field.lower() != "sessions":
        raise FunctionError(f"AMI_CLIENT has no field '{field}'")
    return str(sum(1 for session in server.hub.sessions if session.is_logged_in and session.account == name))
