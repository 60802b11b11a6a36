"""The dialplan: what it holds, and changes of it."""

from __future__ import annotations

from globstar.core.manager import ActionRequest, Answer, ListItem, Permission, failure, listing, manager_action, success
from globstar.dialplan.context import HINT, Context, PriorityInUse, Step
from globstar.dialplan.plan import Dialplan

SYSTEM, CONFIG, REPORTING = Permission.SYSTEM, Permission.CONFIG, Permission.REPORTING


@manager_action("ShowDialPlan", CONFIG | REPORTING, synopsis="Show dialplan contexts and extensions")
def show_dialplan(request: ActionRequest) -> Answer:
    """List the dialplan, a context or an extension of it, with what contexts include."""
    context, extension = request.get("Context"), request.get("Extension")
    plan = request.system.plan
    if context and context not in plan.contexts:
        return failure(f"Did not find context {context}")
    items: list[ListItem] = []
    counts = {"extensions": 0, "priorities": 0, "contexts": 0}
    for found in plan.contexts.values():
        if not context or found.name == context:
            _list_context(plan, found, extension, items, counts, set())
    if not items:
        if extension:
            return failure(f"Did not find extension {extension}@{context}" if context else f"Did not find extension {extension}")
        return failure("Did not find any context")
    return listing(
        "DialPlan list will follow",
        "ShowDialPlanComplete",
        items,
        ("ListExtensions", str(counts["extensions"])),
        ("ListPriorities", str(counts["priorities"])),
        ("ListContexts", str(counts["contexts"])),
    )


def _list_context(
    plan: Dialplan, context: Context, extension: str, items: list[ListItem], counts: dict[str, int], seen: set[str]
) -> None:
    """Add what a context has; of one extension also what included contexts have. Contexts are counted as they are visited."""
    seen.add(context.name)
    counts["contexts"] += 1
    for found in sorted(context.extensions):
        if extension and not found.pattern.matches(extension):
            continue
        counts["extensions"] += 1
        for step in found.ordered_steps():
            counts["priorities"] += step.priority != HINT
            fields: list[tuple[str, str | None]] = [("Context", context.name), ("Extension", found.name)]
            if step.label:
                fields.append(("ExtensionLabel", step.label))
            fields += [("Priority", "hint" if step.priority == HINT else str(step.priority)), ("Application", step.app_name)]
            fields += [("AppData", step.data), ("Registrar", step.registrar)]
            items.append(ListItem("ListDialplan", fields))
    if not extension:
        for include in context.includes:
            fields = [("Context", context.name), ("IncludeContext", include.text), ("Registrar", include.registrar)]
            items.append(ListItem("ListDialplan", fields))
        for switch in context.switches:
            fields = [("Context", context.name), ("Switch", f"{switch.name}/{switch.data}"), ("Registrar", switch.registrar)]
            items.append(ListItem("ListDialplan", fields))
    for include in context.includes if extension else ():
        included = plan.contexts.get(include.context)
        if included is not None and include.context not in seen:
            _list_context(plan, included, extension, items, counts, seen)


@manager_action("DialplanExtensionAdd", SYSTEM, synopsis="Add an extension to the dialplan")
def dialplan_extension_add(request: ActionRequest) -> Answer:
    """Add a priority to an extension; the context is made if need be, and all is gone after a reload."""
    get = request.get
    for header in ("Context", "Extension", "Priority", "Application"):
        if not get(header):
            return failure("Context, Extension, Priority, and Application must be specified.")
    name, _, caller = get("Extension").partition("/")
    text, plan = get("Priority"), request.system.plan
    priority = HINT if text.lower() == "hint" else int(text) if text.isdecimal() and len(text) < 9 else 0
    if not priority:
        return failure("The priority specified was invalid.")
    step = Step(
        get("Context"), name, priority, get("Application"), get("ApplicationData"), caller_id=caller or None,
        registrar="pbx_config",
    )  # fmt: skip
    plan.add_context(step.context, "pbx_config")
    try:
        plan.add_step(step, replace=get("Replace").lower() in ("true", "yes", "1", "on"))
    except PriorityInUse:
        return failure("That extension and priority already exist at that context")
    return success("Added requested extension")


@manager_action("DialplanExtensionRemove", SYSTEM, synopsis="Remove an extension from the dialplan")
def dialplan_extension_remove(request: ActionRequest) -> Answer:
    """Remove an extension or one of its priorities."""
    get = request.get
    if not get("Context") or not get("Extension"):
        return failure("Context and Extension must be specified")
    name, _, caller = get("Extension").partition("/")
    text = get("Priority")
    if text and not text.isdecimal() and text.lower() != "hint":
        return failure("The priority specified was invalid.")
    priority = None if not text else HINT if text.lower() == "hint" else int(text[:9])
    if not request.system.plan.remove_steps(get("Context"), name, priority, caller_id=caller or None):
        return failure("Failed to remove requested extension")
    return success("Removed the requested extension")
