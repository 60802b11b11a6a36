"""Call Parking Resource."""

from globstar.core.system import System
from globstar.modules.res.parking.apps import park, park_and_announce, parked_call
from globstar.modules.res.parking.cli import parking_show
from globstar.modules.res.parking.functions import park_get_channel
from globstar.modules.res.parking.manager_actions import manager_park, manager_parked_calls, manager_parking_lots
from globstar.modules.res.parking.service import SERVICE, ParkingService

__all__ = [
    "load",
    "manager_park",
    "manager_parked_calls",
    "manager_parking_lots",
    "park",
    "park_and_announce",
    "park_get_channel",
    "parked_call",
    "parking_show",
    "reload",
    "unload",
]


def load(system: System) -> None:
    """Read res_parking.conf and offer the service ``parking``."""
    service = ParkingService(system)
    service.load()
    service.start()
    system.services[SERVICE] = service


def reload(system: System) -> None:
    """Read res_parking.conf again."""
    service = system.service(SERVICE, ParkingService)
    if service is not None:
        service.load()


def unload(system: System) -> None:
    """Take extensions and service back."""
    service = system.service(SERVICE, ParkingService)
    if service is not None:
        service.stop()
    system.services.pop(SERVICE, None)
