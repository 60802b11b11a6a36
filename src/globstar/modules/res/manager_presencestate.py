"""Manager Presence State Topic Forwarder"""

from __future__ import annotations

from globstar.core.manager import ActionRequest, Answer, ListItem, Permission, listing, manager_action

CALL, REPORTING = Permission.CALL, Permission.REPORTING


@manager_action("PresenceStateList", CALL | REPORTING, synopsis="List the current known presence states.")
def presence_state_list(request: ActionRequest) -> Answer:
    """List every presence that was set."""
    states = request.system.device_states
    items = []
    for full, _ in request.system.database.tree("CustomPresence"):
        name = f"CustomPresence:{full.removeprefix('/CustomPresence/')}"
        status, subtype, message = states.presence_of(name)
        fields = (("Presentity", name), ("Status", status), ("Subtype", subtype), ("Message", message))
        items.append(ListItem("PresenceStateChange", fields))
    return listing("Presence State Changes will follow", "PresenceStateListComplete", items)
