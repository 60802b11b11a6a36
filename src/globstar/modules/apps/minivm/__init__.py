"""Mini VoiceMail: parts to build a voicemail from, with the messages sent by mail."""

from globstar.core.system import System
from globstar.modules.apps.minivm.apps import (
    minivm_account_message,
    minivm_delete,
    minivm_greet,
    minivm_mwi,
    minivm_record,
)
from globstar.modules.apps.minivm.commands import (
    list_accounts,
    list_templates,
    list_zones,
    reload_minivm,
    show_settings,
    show_stats,
)
from globstar.modules.apps.minivm.functions import minivm_account, minivm_counter
from globstar.modules.apps.minivm.notify import minivm_notify
from globstar.modules.apps.minivm.service import SERVICE, MinivmService

__all__ = [
    "list_accounts",
    "list_templates",
    "list_zones",
    "load",
    "minivm_account",
    "minivm_account_message",
    "minivm_counter",
    "minivm_delete",
    "minivm_greet",
    "minivm_mwi",
    "minivm_notify",
    "minivm_record",
    "reload",
    "reload_minivm",
    "show_settings",
    "show_stats",
    "unload",
]


def load(system: System) -> None:
    """Read minivm.conf and offer the service ``minivm``."""
    service = MinivmService(system)
    service.load()
    system.services[SERVICE] = service


def reload(system: System) -> None:
    """Read minivm.conf again."""
    service = system.service(SERVICE, MinivmService)
    if service is not None:
        service.load()


def unload(system: System) -> None:
    """Take the service back."""
    system.services.pop(SERVICE, None)
