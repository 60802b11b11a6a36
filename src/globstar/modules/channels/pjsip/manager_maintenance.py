"""PJSIPSetMaintenance and PJSIPShowMaintenance, and the event of a change."""

from __future__ import annotations

from collections.abc import Iterator

from globstar.core import events
from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    ListItem,
    ManagerEvent,
    Permission,
    failure,
    listing,
    manager_action,
    manager_event,
    success,
)
from globstar.modules.channels.pjsip.driver import PjsipDriver
from globstar.modules.channels.pjsip.supplements.maintenance import Maintenance, maintenance_of

SYSTEM, REPORTING = Permission.SYSTEM, Permission.REPORTING


def _maintenance(request: ActionRequest) -> tuple[PjsipDriver, Maintenance]:
    driver = request.system.service("pjsip", PjsipDriver)
    found = maintenance_of(driver) if driver is not None else None
    if driver is None or found is None:
        raise ActionFault("res_pjsip_maintenance is not loaded")
    return driver, found


def _state(is_on: bool) -> str:
    return "enabled" if is_on else "disabled"


@manager_action("PJSIPSetMaintenance", SYSTEM, synopsis="Enable or disable maintenance mode on a PJSIP endpoint.")
def manager_set_maintenance(request: ActionRequest) -> Answer:
    """Begin or end the maintenance of an endpoint, or of ``all``."""
    driver, maintenance = _maintenance(request)
    name, state = request.get("Endpoint"), request.get("State").lower()
    if not name:
        return failure("Endpoint parameter missing.")
    if state not in ("on", "off"):
        return failure("State parameter missing." if not state else "State must be on or off.")
    endpoints = driver.settings.endpoints
    if name.lower() != "all" and name not in endpoints:
        return failure("Unable to retrieve endpoint.")
    maintenance.set(sorted(endpoints) if name.lower() == "all" else [name], state == "on")
    return success(f"Maintenance mode {_state(state == 'on')}")


@manager_action("PJSIPShowMaintenance", SYSTEM | REPORTING, synopsis="Show maintenance mode status for PJSIP endpoints.")
def manager_show_maintenance(request: ActionRequest) -> Answer:
    """List the endpoints in maintenance, or tell of one whether it is."""
    driver, maintenance = _maintenance(request)
    name = request.get("Endpoint")
    if name and name not in driver.settings.endpoints:
        return failure("Unable to retrieve endpoint.")
    items = [
        ListItem("PJSIPMaintenanceStatus", (("Endpoint", one), ("Status", _state(one in maintenance.endpoints))))
        for one in ([name] if name else sorted(maintenance.endpoints))
    ]
    return listing("Maintenance statuses will follow", "PJSIPMaintenanceStatusComplete", items)


@manager_event(events.EndpointMaintenanceChanged)
def maintenance_status(event: events.EndpointMaintenanceChanged) -> Iterator[ManagerEvent]:
    """An endpoint's maintenance began or ended."""
    yield ManagerEvent("PJSIPMaintenanceStatus", SYSTEM, (("Endpoint", event.endpoint), ("Status", event.status)))
