"""The manager's lists of subscriptions."""

from __future__ import annotations

from globstar.core.cli import CliFailure
from globstar.core.manager import ActionFault, ActionRequest, Answer, ListItem, Permission, failure, listing, manager_action
from globstar.core.party import format_caller_id
from globstar.modules.channels.pjsip.cli_show import driver_of
from globstar.modules.channels.pjsip.pubsub.cli import rows_of

#: What a subscription's details are called on the wire; the others keep their names.
_NAMES = {"Content-Type": "ContentType"}


def _listing(request: ActionRequest, direction: str, role: str, event: str) -> Answer:
    try:
        rows = rows_of(request.system, direction)
    except CliFailure as missing:
        raise ActionFault(str(missing)) from None
    items = []
    for row in rows:
        endpoint, details = row.endpoint, dict(row.details())
        caller = format_caller_id(endpoint.caller_name, endpoint.caller_number, "<unknown>")
        fields: list[tuple[str, str | None]] = [("Role", role), ("Endpoint", endpoint.name), ("Callid", row.call_id)]
        fields += [("State", details.pop("State", "")), ("Callerid", caller)]
        fields += [(_NAMES.get(name, name), value) for name, value in details.items()]
        items.append(ListItem(event, fields))
    return listing(f"Following are Events for each {direction} Subscription", f"{event}Complete", items)


@manager_action("PJSIPShowSubscriptionsInbound", Permission.SYSTEM, synopsis="Lists subscriptions.")
def manager_subscriptions_inbound(request: ActionRequest) -> Answer:
    """List who subscribed here."""
    return _listing(request, "inbound", "Notifier", "InboundSubscriptionDetail")


@manager_action("PJSIPShowSubscriptionsOutbound", Permission.SYSTEM, synopsis="Lists subscriptions.")
def manager_subscriptions_outbound(request: ActionRequest) -> Answer:
    """List what this server subscribed to elsewhere."""
    return _listing(request, "outbound", "Subscriber", "OutboundSubscriptionDetail")


@manager_action("PJSIPShowResourceLists", Permission.SYSTEM, synopsis="Displays settings for configured resource lists.")
def manager_resource_lists(request: ActionRequest) -> Answer:
    """List the resource lists of pjsip.conf."""
    lists = driver_of(request.system).settings.resource_lists
    if not lists:
        return failure("No resource lists found")
    items = []
    for name, found in sorted(lists.items()):
        fields = [("ObjectType", "resource_list"), ("ObjectName", name), ("Event", found.event)]
        fields += [("FullState", "true" if found.full_state else "false"), ("ListItem", ",".join(found.list_item))]
        fields.append(("NotificationBatchInterval", str(found.notification_batch_interval)))
        items.append(ListItem("ResourceListDetail", fields))
    return listing(
        "A listing of resource lists follows, presented as ResourceListDetail events", "ResourceListDetailComplete", items
    )
