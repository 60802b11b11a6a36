"""Manager Device State Topic Forwarder"""

from __future__ import annotations

from globstar.core.manager import ActionRequest, Answer, ListItem, Permission, listing, manager_action

CALL, REPORTING = Permission.CALL, Permission.REPORTING


@manager_action("DeviceStateList", CALL | REPORTING, synopsis="List the current known device states.")
def device_state_list(request: ActionRequest) -> Answer:
    """List the state of every device that is known."""
    states = request.system.device_states
    items = [
        ListItem("DeviceStateChange", (("Device", device), ("State", states.state(device).name))) for device in states.known()
    ]
    return listing("Device State Changes will follow", "DeviceStateListComplete", items)
