"""Configuration files: reading them, and changing them from outside."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from globstar.base.log import Logger
from globstar.config.edit import ConfigText, EditFault, Section, inherited_entries
from globstar.config.errors import ConfigError, ConfigFileMissing
from globstar.config.file import Category, ConfigFile, Variable
from globstar.config.reader import category_filter, read_config
from globstar.config.source import FileSource
from globstar.config.values import is_false
from globstar.core.configwrite import replace_config
from globstar.core.manager import ActionFault, ActionRequest, Answer, Permission, failure, manager_action, success
from globstar.interfaces.ami.actions.core import reload_module

logger = Logger("manager")

SYSTEM, CONFIG = Permission.SYSTEM, Permission.CONFIG
#: Most changes in one UpdateConfig.
MOST_CHANGES = 1000
_MISSING = "Problem with category, value, or line (if required)"


def _file_name(request: ActionRequest, header: str = "Filename", refusal: str = "Config file not found") -> str:
    name = request.get(header)
    if not name:
        raise ActionFault("Filename not specified")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ActionFault(refusal)
    return name


async def _config(request: ActionRequest) -> ConfigFile:
    name = _file_name(request)
    try:
        return await asyncio.to_thread(read_config, name, request.system.configuration.overlay)
    except ConfigFileMissing:
        raise ActionFault("Config file not found") from None
    except ConfigError as error:
        logger.warning(f"manager user '{request.session.account}' asked for a file that cannot be read: {error}")
        raise ActionFault("Config file has invalid format") from None


def _chosen(request: ActionRequest, config: ConfigFile) -> list[Category]:
    wanted, condition = request.get("Category"), request.get("Filter")
    try:
        accepts = category_filter(condition).accepts if condition else lambda category: not category.is_template
    except ConfigError:
        raise ActionFault("Invalid filter") from None
    return [category for category in config.sections if (not wanted or category.name == wanted) and accepts(category)]


@manager_action("GetConfig", SYSTEM | CONFIG, synopsis="Retrieve configuration.")
async def get_config(request: ActionRequest) -> Answer:
    """List the categories and lines of a configuration file."""
    lines: list[tuple[str, str | None]] = []
    for number, category in enumerate(_chosen(request, await _config(request))):
        lines.append((f"Category-{number:06}", category.name))
        if category.is_template:
            lines.append((f"IsTemplate-{number:06}", "1"))
        if category.bases:
            lines.append((f"Templates-{number:06}", ",".join(category.bases)))
        lines += [
            (f"Line-{number:06}-{index:06}", f"{variable.name}={variable.value}") for index, variable in enumerate(category)
        ]
    return success(None, *(lines or [("No categories found", None)]))


@manager_action("GetConfigJSON", SYSTEM | CONFIG, synopsis="Retrieve configuration (JSON format).")
async def get_config_json(request: ActionRequest) -> Answer:
    """Give a configuration file as JSON."""
    found: dict[str, dict[str, object]] = {}
    for category in _chosen(request, await _config(request)):
        values: dict[str, object] = {"istemplate": 1} if category.is_template else {}
        if category.bases:
            values["templates"] = ",".join(category.bases)
        for variable in category:
            held = values.get(variable.name)
            if held is None:
                values[variable.name] = variable.value
            else:
                values[variable.name] = [*held, variable.value] if isinstance(held, list) else [held, variable.value]
        found[category.name] = values
    return success(None, ("JSON", json.dumps(found, separators=(",", ":"), ensure_ascii=False)))


@manager_action("ListCategories", CONFIG, synopsis="List categories in configuration file.")
async def list_categories(request: ActionRequest) -> Answer:
    """List the categories of a configuration file."""
    names = [(f"Category-{number:06}", category.name) for number, category in enumerate(await _config(request))]
    return success(None, *names) if names else failure("Error: no categories found")


def _folder(request: ActionRequest) -> FileSource:
    source = request.system.configuration.source
    if not isinstance(source, FileSource):
        raise ActionFault("The configuration has no folder")
    return source


@manager_action("CreateConfig", CONFIG, synopsis="Creates an empty file in the configuration directory.")
async def create_config(request: ActionRequest) -> Answer:
    """Make an empty configuration file; one that is there stays."""
    path, folder = _folder(request).path(_file_name(request)), _folder(request)

    def create() -> None:
        if not _is_inside(path, folder):
            raise ActionFault("File requires escalated privileges")
        path.open("x").close()

    try:
        await asyncio.to_thread(create)
    except OSError as error:
        return failure(error.strerror or "It cannot be made")
    return success("New configuration file created successfully")


def _is_inside(path: Path, folder: FileSource) -> bool:
    """Whether a file is below the configuration folder, wherever links lead."""
    root = os.path.realpath(folder.path("."))
    return os.path.realpath(path).startswith(f"{root}{os.sep}")


@manager_action("UpdateConfig", CONFIG, synopsis="Update basic configuration.")
async def update_config(request: ActionRequest) -> Answer:
    """Change a configuration file and write it, under its own name or another; comments and order stay.

    The changes are numbered from 000000: ``Action-000000`` is NewCat, RenameCat, DelCat, EmptyCat, Update, Delete, Append or
    Insert, for the category ``Cat-000000``; ``Var``, ``Value`` (one that begins with > is written with =>), ``Match`` (the value
    that a variable must have), ``Line`` (a place in the category) and ``Options`` as the action needs them: ``allowdups``,
    ``template``, ``inherit="..."``, ``catfilter="name=value,..."``. Nothing is written unless all can be done. ``Reload`` is
    yes or a module that reads the file again. ``PreserveEffectiveContext: no`` leaves out what categories inherit.
    """
    refusal = "File requires escalated privileges"
    folder = _folder(request)
    source, target = (folder.path(_file_name(request, header, refusal)) for header in ("SrcFilename", "DstFilename"))
    created = f"{request.system.local_time(request.system.wall_time()):%a %b %e %H:%M:%S %Y}"
    try:
        await asyncio.to_thread(_rewrite, request, folder, source, target, created)
    except EditFault as fault:
        return failure(str(fault))
    except ConfigError as error:
        logger.warning(f"UpdateConfig: {error}")
        return failure("Config file has invalid format")
    except OSError as error:
        logger.warning(f"UpdateConfig cannot write '{target}': {error.strerror or error}")
        return failure("Save of config failed")
    wanted = request.get("Reload")
    if wanted and not is_false(wanted):
        await reload_module(request, "" if wanted.lower() in ("yes", "true", "y", "t", "1", "on") else wanted)
    return success()


def _rewrite(request: ActionRequest, folder: FileSource, source: Path, target: Path, created: str) -> None:
    if not (_is_inside(source, folder) and _is_inside(target, folder)) or not source.is_file():
        raise EditFault("File requires escalated privileges")
    name, target_name = request.get("SrcFilename"), request.get("DstFilename")
    text = ConfigText(source.read_text("utf-8", "surrogateescape"))
    keeps = not (request.has("PreserveEffectiveContext") and is_false(request.get("PreserveEffectiveContext")))
    inherited = inherited_entries(read_config(name, folder)) if keeps else None
    for change in _changes(request):
        _apply(text, change)
    header = (
        "", "Automatically generated configuration file", f"Filename: {target_name} ({target})", "Generator: Manager",
        f"Creation Date: {created}", "",
    )  # fmt: skip
    replace_config(target, text.text(header, inherited), request.system.options)


Change = dict[str, str]


def _changes(request: ActionRequest) -> Iterator[Change]:
    """The numbered changes up to the first gap, each by the names of its headers."""
    for number in range(MOST_CHANGES):
        action = request.get(f"Action-{number:06}")
        if not action:
            return
        keys = ("Cat", "Var", "Value", "Match", "Line", "Options")
        yield {"Action": action, **{key: request.get(f"{key}-{number:06}") for key in keys}}


def _apply(text: ConfigText, change: Change) -> None:
    """Make one change. Raises EditFault."""
    action, name, options = change["Action"].lower(), change["Cat"], _options(change["Options"])
    if not name:
        raise EditFault("No category specified")
    if action == "newcat":
        bases = [base.strip() for base in options.get("inherit", "").split(",") if base.strip()]
        text.add_section(name, bases, is_template="template" in options, may_repeat="allowdups" in options)
        return
    section = text.named(name, _accepts(options.get("catfilter", "")))
    variable, value, match = change["Var"], change["Value"], change["Match"]
    line = int(change["Line"]) if re.fullmatch(r"\d{1,6}", change["Line"], re.ASCII) else None
    is_object, value = value.startswith(">"), value.removeprefix(">")
    match action:
        case "renamecat" if value:
            text.rename(section, value)
        case "delcat":
            text.remove(section)
        case "emptycat":
            text.empty(section)
        case "update" if variable:
            text.update(section, variable, value, match, is_object=is_object)
        case "delete" if variable or line is not None:
            text.delete(section, variable, match, line)
        case "append" if variable:
            text.insert(section, variable, value, is_object=is_object)
        case "insert" if variable and line is not None:
            text.insert(section, variable, value, line, is_object=is_object)
        case "renamecat" | "update" | "delete" | "append" | "insert":
            raise EditFault(_MISSING)
        case _:
            raise EditFault("Unknown action command")


def _options(text: str) -> dict[str, str]:
    """``allowdups,inherit="a,b"`` as names and values."""
    return {name.lower(): quoted or plain for name, quoted, plain in re.findall(r'(\w+)\s*(?:=\s*(?:"([^"]*)"|([^",]*)))?', text)}


def _accepts(condition: str) -> Callable[[Section], bool] | None:
    if not condition:
        return None
    try:
        chosen = category_filter(condition)
    except ConfigError:
        raise EditFault("Failed to parse the filter") from None

    def accepts(section: Section) -> bool:
        category = Category(section.name, is_template="!" in section.options)
        category.variables = [Variable(entry.name, entry.value) for _, entry in section.variables()]
        return chosen.accepts(category)

    return accepts
