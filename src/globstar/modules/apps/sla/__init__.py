"""Shared Line Appearances."""

from globstar.core.system import System
from globstar.modules.apps.sla.apps import sla_station, sla_trunk
from globstar.modules.apps.sla.commands import show_stations, show_trunks
from globstar.modules.apps.sla.lines import DEVICE_PREFIX
from globstar.modules.apps.sla.service import SERVICE, SlaService

__all__ = ["load", "reload", "show_stations", "show_trunks", "sla_station", "sla_trunk", "unload"]


def load(system: System) -> None:
    """Read sla.conf, make its extensions and offer the service ``shared lines``."""
    service = SlaService(system)
    service.load()
    system.services[SERVICE] = service
    system.device_states.add_provider(DEVICE_PREFIX, service.device_state)


def reload(system: System) -> None:
    """Read sla.conf again when no trunk is in use."""
    service = system.service(SERVICE, SlaService)
    if service is not None:
        service.load()


def unload(system: System) -> None:
    """Take everything back."""
    service = system.services.pop(SERVICE, None)
    system.device_states.remove_provider(DEVICE_PREFIX)
    if service is not None:
        service.close()
