"""Call Completion Supplementary Services: who reached nobody is called back when the called party is free."""

from globstar.core.callcompletion import DEFAULTS, SERVICE
from globstar.core.system import System
from globstar.modules.builtin.ccss.apps import call_completion_cancel, call_completion_request, cancel, report_status
from globstar.modules.builtin.ccss.events import completion_event
from globstar.modules.builtin.ccss.service import DEVICE_PREFIX, CompletionService

__all__ = [
    "call_completion_cancel",
    "call_completion_request",
    "cancel",
    "completion_event",
    "load",
    "reload",
    "report_status",
    "unload",
]


def load(system: System) -> None:
    """Read ccss.conf and offer the service ``call completion``."""
    service = CompletionService(system)
    service.load()
    system.services[SERVICE] = service
    system.device_states.add_provider(DEVICE_PREFIX, service.device_state)


def reload(system: System) -> None:
    """Read ccss.conf again."""
    service = system.service(SERVICE, CompletionService)
    if service is not None:
        service.load()


def unload(system: System) -> None:
    """Give everything up."""
    service = system.services.pop(SERVICE, None)
    system.services.pop(DEFAULTS, None)
    system.device_states.remove_provider(DEVICE_PREFIX)
    if service is not None:
        service.cancel_all()
