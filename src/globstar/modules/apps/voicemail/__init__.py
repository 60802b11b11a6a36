"""Comedian Mail (Voicemail System)."""

from globstar.core.system import System
from globstar.modules.apps.voicemail.commands import (
    forward_message,
    move_message,
    reload_voicemail,
    remove_message,
    show_aliases,
    show_mailbox,
    show_users,
    show_zones,
)
from globstar.modules.apps.voicemail.info import vm_info
from globstar.modules.apps.voicemail.leave import voicemail
from globstar.modules.apps.voicemail.manager_actions import (
    manager_box_summary,
    manager_forward,
    manager_move,
    manager_refresh,
    manager_remove,
    manager_user_status,
    manager_users_list,
    password_change,
)
from globstar.modules.apps.voicemail.menu import voicemail_main
from globstar.modules.apps.voicemail.service import VoicemailService

__all__ = [
    "forward_message",
    "load",
    "manager_box_summary",
    "manager_forward",
    "manager_move",
    "manager_refresh",
    "manager_remove",
    "manager_user_status",
    "manager_users_list",
    "move_message",
    "password_change",
    "reload",
    "reload_voicemail",
    "remove_message",
    "show_aliases",
    "show_mailbox",
    "show_users",
    "show_zones",
    "unload",
    "vm_info",
    "voicemail",
    "voicemail_main",
]


async def load(system: System) -> None:
    """Read voicemail.conf and offer the service ``voicemail``."""
    service = VoicemailService(system)
    service.load()
    await service.load_realtime()
    system.services["voicemail"] = service
    await service.count_all()


async def reload(system: System) -> None:
    """Read voicemail.conf again; a broken file leaves everything as it is."""
    service = system.service("voicemail", VoicemailService)
    if service is not None:
        service.load()
        await service.load_realtime()
        await service.count_all()


def unload(system: System) -> None:
    """Take the service back."""
    system.services.pop("voicemail", None)
