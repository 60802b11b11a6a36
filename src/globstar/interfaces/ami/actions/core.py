"""The server itself: its status, modules, commands, events of users."""

from __future__ import annotations

from globstar import ASTERISK_VERSION
from globstar.config.values import is_true
from globstar.core import events
from globstar.core.cli import find_command, run_command, split_words
from globstar.core.loader import ModuleError, ModuleStatus
from globstar.core.manager import PROTOCOL_VERSION, ActionRequest, Answer, Permission, failure, manager_action, success
from globstar.core.services import HttpServer

SYSTEM, REPORTING, CONFIG = Permission.SYSTEM, Permission.REPORTING, Permission.CONFIG


@manager_action("CoreStatus", SYSTEM | REPORTING, synopsis="Show PBX core status variables.")
def core_status(request: ActionRequest) -> Answer:
    """Tell since when the server runs and how many calls there are."""
    system = request.system
    started, reloaded = system.local_time(system.started_wall), system.local_time(system.last_reload_wall)
    return success(
        None,
        ("CoreStartupDate", f"{started:%Y-%m-%d}"),
        ("CoreStartupTime", f"{started:%H:%M:%S}"),
        ("CoreReloadDate", f"{reloaded:%Y-%m-%d}"),
        ("CoreReloadTime", f"{reloaded:%H:%M:%S}"),
        ("CoreCurrentCalls", str(len(system.channels))),
        ("CoreProcessedCalls", str(system.calls_processed)),
    )


@manager_action("CoreSettings", SYSTEM | REPORTING, synopsis="Show PBX core settings (version etc).")
def core_settings(request: ActionRequest) -> Answer:
    """Tell what the server was started with."""
    system, options = request.system, request.system.options
    http = system.services.get("http")

    def yes(value: bool) -> str:
        return "Yes" if value else "No"

    cdr = system.services.get("call records")
    return success(
        None,
        ("AMIversion", PROTOCOL_VERSION),
        ("AsteriskVersion", ASTERISK_VERSION),
        ("SystemName", options.systemname),
        ("CoreMaxCalls", str(options.maxcalls)),
        ("CoreMaxLoadAvg", f"{options.maxload:f}"),
        ("CoreRunUser", options.runuser),
        ("CoreRunGroup", options.rungroup),
        ("CoreMaxFilehandles", str(options.maxfiles)),
        ("CoreRealTimeEnabled", "No"),
        ("CoreCDRenabled", yes(cdr is not None)),
        ("CoreHTTPenabled", yes(isinstance(http, HttpServer) and http.is_enabled and "manager" in getattr(http, "routes", {}))),
        ("SoundsSearchCustomDir", yes(options.sounds_search_custom_dir)),
    )


@manager_action("Command", Permission.COMMAND, synopsis="Execute Asterisk CLI Command.")
async def command(request: ActionRequest) -> Answer:
    """Run a command line as the console does."""
    line = request.get("Command")
    if not line:
        return failure("No command provided")
    is_known = find_command(request.system, split_words(line)) is not None
    text = await run_command(request.system, line)
    output = [("Output", part) for part in text.removesuffix("\n").split("\n")]
    return Answer("Success" if is_known else "Error", "Command output follows", output)


@manager_action("UserEvent", Permission.USER, synopsis="Send an arbitrary event.")
def user_event(request: ActionRequest) -> Answer:
    """Tell every client of an event that this one makes up."""
    headers = tuple((name, value) for name, value in request.headers if name.lower() not in ("action", "userevent"))
    request.system.bus.publish(events.UserEventRaised(None, request.get("UserEvent"), headers))
    return success("Event Sent")


@manager_action("ModuleCheck", SYSTEM, synopsis="Check if module is loaded.")
def module_check(request: ActionRequest) -> Answer:
    """Tell whether a module runs."""
    module = request.system.loader.find(request.get("Module"))
    if module is None or module.status is not ModuleStatus.RUNNING:
        return failure("Module not loaded")
    return success(None, ("Version", ""))


@manager_action("ModuleLoad", SYSTEM, synopsis="Module management.")
async def module_load(request: ActionRequest) -> Answer:
    """Load, unload, reload or refresh a module; a reload without a name is one of everything."""
    loader, name, kind = request.system.loader, request.get("Module"), request.get("LoadType").lower()
    if not kind:
        return failure("Incomplete ModuleLoad action.")
    if kind == "reload":
        return await reload_module(request, name)
    if not name:
        return failure("Need module name")
    try:
        if kind == "load":
            await loader.load(name)
            return success("Module loaded.")
        if kind == "unload":
            await loader.unload(name)
            return success("Module unloaded.")
        if kind == "refresh":
            await loader.refresh(name, recursively=is_true(request.get("Recursive")))
            return success("Module refreshed.")
    except ModuleError:
        if kind == "load":
            return failure("Module not found." if loader.find(name) is None else "Could not load module.")
        return failure("Could not unload module." if kind == "unload" else "Could not refresh module.")
    return failure("Completed without error, unknown LoadType")


async def reload_module(request: ActionRequest, name: str) -> Answer:
    """Read the configuration of a module again, or of everything without a name."""
    loader = request.system.loader
    if not name:
        await run_command(request.system, "core reload")
        return success("Module reloaded.")
    module = loader.find(name)
    if name.lower() == "manager":
        await request.system.services["manager"].reload()
        return success("Module reloaded.")
    try:
        await loader.reload(name)
    except ModuleError:
        is_able = module is None or hasattr(module.code, "reload")
        return failure("No such module." if is_able else "Module does not support reload action.")
    return success("Module reloaded.")


@manager_action("Reload", SYSTEM | CONFIG, synopsis="Send a reload event.")
async def reload(request: ActionRequest) -> Answer:
    """Read the configuration of a module again, or of all of them."""
    name = request.get("Module")
    answer = await reload_module(request, name)
    if answer.status == "Success":
        return success("Module Reloaded")
    module = request.system.loader.find(name)
    return failure("No such module" if module is None else "Module does not support reload")


@manager_action("LoggerRotate", SYSTEM | REPORTING, synopsis="Reload and rotate the Asterisk logger.")
async def logger_rotate(request: ActionRequest) -> Answer:
    """Begin new log files and read logger.conf again."""
    log = request.system.services.get("log")
    if log is None:
        return failure("Failed to reload the logger and rotate log files")
    log.rotate()
    return success("Reloaded the logger and rotated log files")
