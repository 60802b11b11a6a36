"""core ...: version, uptime, settings, verbosity, help, stopping."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Callable

from globstar import ASTERISK_VERSION, __version__
from globstar.base.log import hub
from globstar.core.cli import CliUsage, cli_command, current_session, find_command, plural
from globstar.core.cli_data import CliText
from globstar.core.system import System
from globstar.interfaces.reloading import reload_everything
from globstar.media import native


@cli_command("core show version")
def show_version(system: System, args: list[str]) -> str:
    """Show the version: Asterisk's whose behaviour this is, ours, the machine, and since when it runs."""
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(system.started_wall))
    where = f"{platform.node()} on a {platform.machine()} running {platform.system()} on {started} UTC"
    return f"Asterisk {ASTERISK_VERSION} built by globstar-{__version__} @ {where}"


def _long_duration(seconds: float) -> str:
    """``2 days, 3 hours, 5 seconds``."""
    rest = int(seconds)
    parts = []
    for length, noun in ((604800, "week"), (86400, "day"), (3600, "hour"), (60, "minute")):
        count, rest = divmod(rest, length)
        if count:
            parts.append(plural(count, noun))
    if rest or not parts:
        parts.append(plural(rest, "second"))
    return ", ".join(parts)


@cli_command("core show uptime", usage="core show uptime [seconds]", complete=lambda system, args: ["seconds"])
def show_uptime(system: System, args: list[str]) -> str:
    """Show how long the server has been running, and when it reloaded last."""
    if args not in ([], ["seconds"]):
        raise CliUsage
    show: Callable[[float], str] = (lambda seconds: str(int(seconds))) if args else _long_duration
    now = system.wall_time()
    return f"System uptime: {show(now - system.started_wall)}\nLast reload: {show(now - system.last_reload_wall)}"


@cli_command("core show settings")
def show_settings(system: System, args: list[str]) -> str:
    """Show what the server was started with and what is in use."""
    options, folders, console = system.options, system.directories, current_session()
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)

    def switch(value: bool) -> str:
        return "Enabled" if value else "Disabled"

    def clock(wall: float) -> str:
        return system.local_time(wall).strftime("%H:%M:%S")

    media = "native" if native.is_available() else "Python and numpy"
    core_limit, _ = resource.getrlimit(resource.RLIMIT_CORE)
    manager = system.services.get("manager")
    ami = manager.hub.settings.general if manager is not None else None
    http = system.services.get("http")
    core = (
        ("Version", f"{ASTERISK_VERSION} (Globstar {__version__})"),
        ("Event loop", f"{type(system.loop).__module__}.{type(system.loop).__name__}"),
        ("Media engine", media),
        ("Maximum calls", f"{options.maxcalls} (Current {len(system.channels)})" if options.maxcalls else "Not set"),
        ("Maximum open file handles", str(files)),
        ("Root console verbosity", str(hub.verbosity)),
        ("Current console verbosity", str(hub.verbosity if console is None else console.verbosity)),
        ("Debug level", str(hub.debug_level)),
        ("Dump core on crash", "Yes" if core_limit else "No"),
        ("Maximum load average", f"{options.maxload:f}"),
        ("Minimum free memory", f"{options.minmemfree} MB"),
        ("Startup time", clock(system.started_wall)),
        ("Last reload time", clock(system.last_reload_wall)),
        ("System", f"{platform.system()}/{platform.release()} on {platform.machine()}, Python {platform.python_version()}"),
        ("System name", options.systemname),
        ("Entity ID", system.entity_id),
        ("PBX UUID", system.pbx_uuid),
        ("Default language", options.defaultlanguage),
        ("Language prefix", switch(options.languageprefix)),
        ("User name and group", f"{options.runuser}/{options.rungroup}"),
        ("Running directory", os.getcwd()),
        ("Executable includes", switch(options.execincludes)),
        ("Transmit silence during rec", switch(options.transmit_silence)),
        ("Generic PLC", switch(system.translation.plc.generic)),
        ("Generic PLC on equal codecs", switch(system.translation.plc.on_equal_codecs)),
        ("Hide Msg Chan AMI events", switch(options.hide_messaging_ami_events)),
        ("Sounds search custom dir", switch(options.sounds_search_custom_dir)),
        ("Min DTMF duration:", str(options.mindtmfduration)),
        ("RTP dynamic payload types", f"{options.rtp_pt_dynamic}-63,96-127" if options.rtp_pt_dynamic < 64 else "96-127"),
        ("Shell on remote consoles", switch(not options.disable_remote_console_shell)),
        ("Loop stalls seen", f"{system.watchdog.stalls} (longest {system.watchdog.worst_ms} ms)"),
    )
    subsystems = (
        ("Manager (AMI)", switch(ami is not None and ami.enabled)),
        ("Web Manager (AMI/HTTP)", switch(ami is not None and ami.enabled and ami.webenabled)),
        ("HTTP server", switch(http is not None and http.is_enabled)),
        ("Call data records", switch("call records" in system.services)),
        ("Realtime Architecture (ARA)", switch(bool(system.realtime.mappings))),
    )
    paths = (
        ("Configuration file", f"{folders.astetcdir}/asterisk.conf"),
        ("Configuration directory", folders.astetcdir),
        ("Module directory", folders.astmoddir),
        ("Spool directory", folders.astspooldir),
        ("Log directory", folders.astlogdir),
        ("Run/Sockets directory", folders.astrundir),
        ("PID file", f"{folders.astrundir}/asterisk.pid"),
        ("VarLib directory", folders.astvarlibdir),
        ("Data directory", folders.astdatadir),
        ("ASTDB", f"{folders.astdbdir}/astdb"),
        ("IAX2 Keys directory", f"{folders.astkeydir}/keys"),
        ("AGI Scripts directory", folders.astagidir),
        ("Cache directory", folders.astcachedir),
    )
    data = dict((*core, *subsystems, *paths))
    lines = ["", "PBX Core settings", "-----------------"]
    lines += [f"  {name + ':':<28} {value}" for name, value in core]
    lines += ["", "* Subsystems", "  -------------"]
    lines += [f"  {name + ':':<28} {value}" for name, value in subsystems]
    lines += ["", "* Directories", "  -------------"]
    lines += [f"  {name + ':':<28} {value}" for name, value in paths]
    return CliText("\n".join(lines) + "\n\n", data)


def _level(args: list[str], current: int) -> int:
    words = [word for word in args if word != "silent"]
    if words[:1] == ["off"] and len(words) == 1:
        return 0
    at_least = words[:1] == ["atleast"]
    words = words[1:] if at_least else words
    if not words or not words[0].isdecimal():
        raise CliUsage
    return max(current, int(words[0])) if at_least else int(words[0])


@cli_command(
    "core set verbose",
    usage="core set verbose [atleast] <level> [silent]\n       core set verbose off",
    complete=lambda system, args: ["off", "atleast", *(str(level) for level in range(1, 6))] if len(args) <= 1 else ["silent"],
)
def set_verbose(system: System, args: list[str]) -> str:
    """Set how much is told.

    Level 0 or off tells nothing; the option silent changes it without a word. Each console has its own; what files show is
    said in logger.conf, and where nothing is said there the root console's counts.
    """
    console = current_session()
    old = hub.verbosity if console is None else console.verbosity
    new = _level(args, old)
    if console is None:
        hub.verbosity = new
    else:
        console.set_verbosity(new)
    if "silent" in args:
        return ""
    return _changed("Console verbose", old, new)


def _debug_words(system: System, args: list[str]) -> list[str]:
    if len(args) <= 1:
        return ["off", "atleast", *(str(level) for level in range(1, 6))]
    if args[0] == "atleast" and len(args) == 2:
        return [str(level) for level in range(1, 6)]
    return sorted(module.name for module in system.loader.running() if not module.is_builtin)


@cli_command(
    "core set debug",
    usage="core set debug [atleast] <level> [module]\n       core set debug off",
    complete=_debug_words,
)
def set_debug(system: System, args: list[str]) -> str:
    """Set the debug level, of everything or of one module; with ``atleast`` only if it is lower."""
    words = args[1:] if args[:1] == ["atleast"] else args
    if len(words) == 2 and words[0].isdecimal():
        module = words[1].removesuffix(".so")
        old = hub.debug_modules.pop(module, 0)
        new = max(old, int(words[0])) if words is not args else int(words[0])
        if new:
            hub.debug_modules[module] = new
        return _changed(f"Core debug for '{module}'", old, new)
    old, hub.debug_level = hub.debug_level, _level(args, hub.debug_level)
    return _changed("Core debug", old, hub.debug_level)


def _changed(what: str, old: int, new: int) -> str:
    def text(level: int) -> str:
        return str(level) if level else "OFF"

    if old == new:
        return f"{what} is still {text(new)}."
    return f"{what} was {text(old)} and is now {text(new)}."


def _topics(system: System, args: list[str]) -> list[str]:
    """The next word of commands that begin as ``args`` do."""
    head = [word.lower() for word in args[:-1]]
    names = (spec.words for spec in system.registry("cli command"))
    return sorted({words[len(head)] for words in names if len(words) > len(head) and words[: len(head)] == head})


@cli_command("core show help", usage="core show help [topic]", complete=_topics, is_open=True)
def show_help(system: System, args: list[str]) -> str:
    """List the commands, or explain one."""
    exact = find_command(system, args) if args else None
    if exact is not None and len(exact.words) == len(args):
        return exact.usage
    wanted = " ".join(args).lower()
    shown = [spec for spec in system.registry("cli command") if spec.name.startswith(wanted)]
    if not shown:
        return f"No such command '{' '.join(args)}'."
    text = "\n".join(f"{spec.name:>30} -- {spec.synopsis}" for spec in shown)
    return CliText(text, [{"command": spec.name, "synopsis": spec.synopsis} for spec in shown])


@cli_command("core reload")
async def core_reload(system: System, args: list[str]) -> str:
    """Read every configuration file again."""
    return "".join(f"Module '{name}' reported a reload failure\n" for name in await reload_everything(system))


@cli_command("core waitfullybooted")
async def wait_fully_booted(system: System, args: list[str]) -> str:
    """Wait until everything is loaded."""
    await system.booted.wait()
    return "Asterisk has fully booted."


async def _stop_when_idle(system: System) -> None:
    await system.wait_until_idle()
    system.stop_requested.set()


def _stop(system: System, how: str, *, restart: bool) -> str:
    pending = system.services.pop("pending shutdown", None)
    if pending is not None:
        pending.cancel()
    system.services["restart"] = restart
    if how == "now":
        system.stop_requested.set()
        return ""
    if how == "gracefully":
        system.accepts_calls = False
    system.services["pending shutdown"] = system.tasks.start(_stop_when_idle(system), name=f"stop {how}")
    return f"Waiting for inactivity to perform {'restart' if restart else 'halt'}"


@cli_command("core stop now")
def stop_now(system: System, args: list[str]) -> str:
    """Stop the server at once, ending all calls."""
    return _stop(system, "now", restart=False)


@cli_command("core stop gracefully")
def stop_gracefully(system: System, args: list[str]) -> str:
    """Take no more calls and stop when the last one has ended."""
    return _stop(system, "gracefully", restart=False)


@cli_command("core stop when convenient")
def stop_when_convenient(system: System, args: list[str]) -> str:
    """Stop as soon as there is no call; calls are taken until then."""
    return _stop(system, "when convenient", restart=False)


@cli_command("core restart now")
def restart_now(system: System, args: list[str]) -> str:
    """Restart the server at once, ending all calls."""
    return _stop(system, "now", restart=True)


@cli_command("core restart gracefully")
def restart_gracefully(system: System, args: list[str]) -> str:
    """Take no more calls and restart when the last one has ended."""
    return _stop(system, "gracefully", restart=True)


@cli_command("core restart when convenient")
def restart_when_convenient(system: System, args: list[str]) -> str:
    """Restart as soon as there is no call."""
    return _stop(system, "when convenient", restart=True)


@cli_command("core abort shutdown")
def abort_shutdown(system: System, args: list[str]) -> str:
    """Take back a stop or restart that waits for calls to end."""
    pending = system.services.pop("pending shutdown", None)
    if pending is not None:
        pending.cancel()
    system.accepts_calls = True
    return ""


@cli_command("core show taskowners")
def show_task_owners(system: System, args: list[str]) -> str:
    """List the running tasks by the one who owns them."""
    lines = system.tasks.names()
    for channel in system.channels.values():
        lines += channel.tasks.names()
    return CliText("\n".join([*lines, plural(len(lines), "task")]), lines)
