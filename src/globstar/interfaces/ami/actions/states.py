"""States of extensions, devices, presence and mailboxes."""

from __future__ import annotations

from globstar.core.devicestate import EXTENSION_STATE_TEXT
from globstar.core.manager import ActionRequest, Answer, ListItem, Permission, failure, listing, manager_action, success

CALL, REPORTING = Permission.CALL, Permission.REPORTING


def _status(state: int | None) -> list[tuple[str, str | None]]:
    number = -1 if state is None else state
    text = EXTENSION_STATE_TEXT.get(number, "Unknown") if state is not None else "Unknown"
    return [("Status", str(number)), ("StatusText", text)]


@manager_action("ExtensionState", CALL | REPORTING, synopsis="Check Extension Status.")
def extension_state(request: ActionRequest) -> Answer:
    """Tell the state of the devices behind a hint."""
    extension = request.get("Exten")
    context = request.get("Context", "default")
    if not extension:
        return failure("Extension not specified")
    states = request.system.device_states
    fields = [("Exten", extension), ("Context", context), ("Hint", states.hints.text_of(context, extension) or "")]
    return success("Extension Status", *fields, *_status(states.extension_state(context, extension)))


@manager_action("ExtensionStateList", CALL | REPORTING, synopsis="List the current known extension states.")
def extension_state_list(request: ActionRequest) -> Answer:
    """List the state of every hint."""
    states = request.system.device_states
    items = []
    for step in request.system.plan.hints():
        if step.extension.startswith("_"):
            continue
        hint = states.hints.text_of(step.context, step.extension) or step.app_name
        fields = [("Exten", step.extension), ("Context", step.context), ("Hint", hint)]
        items.append(ListItem("ExtensionStatus", [*fields, *_status(states.extension_state(step.context, step.extension))]))
    return listing("Extension Statuses will follow", "ExtensionStateListComplete", items)


@manager_action("PresenceState", CALL | REPORTING, synopsis="Check Presence State")
def presence_state(request: ActionRequest) -> Answer:
    """Tell the presence that a provider knows."""
    provider = request.get("Provider")
    if not provider:
        return failure("No provider specified")
    status, subtype, message = request.system.device_states.presence_of(provider)
    fields = [("State", status)]
    fields += [(name, value) for name, value in (("Subtype", subtype), ("Message", message)) if value]
    return success("Presence State", *fields)


@manager_action("MailboxStatus", CALL | REPORTING, synopsis="Check mailbox.")
def mailbox_status(request: ActionRequest) -> Answer:
    """Tell whether new messages wait in a mailbox."""
    mailbox = request.get("Mailbox")
    if not mailbox:
        return failure("Mailbox not specified")
    state = request.system.mailboxes.state(mailbox)
    return success("Mailbox Status", ("Mailbox", mailbox), ("Waiting", str(int(state.new + state.urgent > 0))))


@manager_action("MailboxCount", CALL | REPORTING, synopsis="Check Mailbox Message Count.")
def mailbox_count(request: ActionRequest) -> Answer:
    """Tell how many messages wait in a mailbox."""
    mailbox = request.get("Mailbox")
    if not mailbox:
        return failure("Mailbox not specified")
    state = request.system.mailboxes.state(mailbox)
    counts = (("UrgMessages", str(state.urgent)), ("NewMessages", str(state.new)), ("OldMessages", str(state.old)))
    return success("Mailbox Message Count", ("Mailbox", mailbox), *counts)
