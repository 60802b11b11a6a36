"""Configuration files and the dialplan."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

from globstar.config.errors import ConfigError
from globstar.config.file import Category, ConfigFile
from globstar.config.source import FileSource
from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    ListItem,
    Permission,
    failure,
    listing,
    manager_action,
    success,
)
from globstar.dialplan.context import HINT, Context, PriorityInUse, Step
from globstar.dialplan.plan import Dialplan

SYSTEM, CONFIG, REPORTING = Permission.SYSTEM, Permission.CONFIG, Permission.REPORTING


def _file_name(request: ActionRequest, header: str = "Filename") -> str:
    name = request.get(header)
    if not name:
        raise ActionFault("Filename not specified")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ActionFault("Config file not found")
    return name


def _config(request: ActionRequest) -> ConfigFile:
    try:
        config = request.system.configuration.read(_file_name(request))
    except ConfigError:
        raise ActionFault("Config file has invalid format") from None
    except OSError:
        config = None
    if config is None:
        raise ActionFault("Config file not found")
    return config


def _chosen(request: ActionRequest, config: ConfigFile) -> list[Category]:
    wanted = request.get("Category")
    filters = []
    for part in filter(None, request.get("Filter").split(",")):
        name, _, expression = part.partition("=")
        try:
            filters.append((name.strip(), re.compile(expression)))
        except re.error:
            raise ActionFault("Invalid filter") from None
    found = [category for category in config if not wanted or category.name == wanted]
    return [category for category in found if all(pattern.search(category.get(name) or "") for name, pattern in filters)]


@manager_action("GetConfig", SYSTEM | CONFIG, synopsis="Retrieve configuration.")
def get_config(request: ActionRequest) -> Answer:
    """List the categories and lines of a configuration file."""
    lines: list[tuple[str, str | None]] = []
    for number, category in enumerate(_chosen(request, _config(request))):
        lines.append((f"Category-{number:06}", category.name))
        if category.bases:
            lines.append((f"Templates-{number:06}", ",".join(category.bases)))
        lines += [
            (f"Line-{number:06}-{index:06}", f"{variable.name}={variable.value}") for index, variable in enumerate(category)
        ]
    return success(None, *(lines or [("No categories found", None)]))


@manager_action("GetConfigJSON", SYSTEM | CONFIG, synopsis="Retrieve configuration (JSON format).")
def get_config_json(request: ActionRequest) -> Answer:
    """Give a configuration file as JSON."""
    found: dict[str, dict[str, object]] = {}
    for category in _chosen(request, _config(request)):
        values: dict[str, object] = {"templates": ",".join(category.bases)} if category.bases else {}
        for variable in category:
            held = values.get(variable.name)
            if held is None:
                values[variable.name] = variable.value
            else:
                values[variable.name] = [*held, variable.value] if isinstance(held, list) else [held, variable.value]
        found[category.name] = values
    return success(None, ("JSON", json.dumps(found, separators=(",", ":"), ensure_ascii=False)))


@manager_action("ListCategories", CONFIG, synopsis="List categories in configuration file.")
def list_categories(request: ActionRequest) -> Answer:
    """List the categories of a configuration file."""
    names = [(f"Category-{number:06}", category.name) for number, category in enumerate(_config(request))]
    return success(None, *names) if names else failure("Error: no categories found")


@manager_action("CreateConfig", CONFIG, synopsis="Creates an empty file in the configuration directory.")
def create_config(request: ActionRequest) -> Answer:
    """Make an empty configuration file; one that is there stays."""
    name = _file_name(request)
    source = request.system.configuration.source
    if not isinstance(source, FileSource):
        return failure("The configuration has no folder")
    try:
        with source.path(name).open("x"):
            pass
    except OSError as error:
        return failure(error.strerror or "It cannot be made")
    return success("New configuration file created successfully")


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
