"""``manager ...``: who is connected, which actions and users there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from globstar.config.errors import ConfigError
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.cli_data import CliText, records
from globstar.core.loader import ModuleStatus
from globstar.core.manager import ManagerActionSpec, class_number, privilege_text
from globstar.core.system import System
from globstar.interfaces.ami.hub import SERVICE, ManagerHub
from globstar.interfaces.ami.reference import reference


def _hub(system: System) -> ManagerHub:
    server = system.services.get(SERVICE)
    if server is None:
        raise CliFailure("there is no manager")
    return cast(ManagerHub, server.hub)


def _actions(system: System, args: list[str]) -> Iterable[str]:
    return [spec.name for spec in system.registry("manager action")]


def _users(system: System, args: list[str]) -> Iterable[str]:
    return _hub(system).settings.users


def _events(system: System) -> list[str]:
    """The events of the core and of modules that run."""
    running = {module.name for module in system.loader.modules.values() if module.status is ModuleStatus.RUNNING}
    return [name for name, entry in reference("event").items() if "core" in entry.modules or running.intersection(entry.modules)]


@cli_command("manager show commands")
def show_commands(system: System, args: list[str]) -> str:
    """List the actions of the manager."""
    if args:
        raise CliUsage
    specs: list[ManagerActionSpec] = sorted(system.registry("manager action"), key=lambda spec: spec.name.lower())
    width = max((len(spec.name) for spec in specs), default=6)
    lines = [f"  {'Action':<{width}}  Synopsis", f"  {'-' * 6:<{width}}  --------"]
    lines += [f"  {spec.name:<{width}}  {spec.synopsis}" for spec in specs]
    data = [{"action": spec.name, "synopsis": spec.synopsis, "privilege": privilege_text(spec.permissions)} for spec in specs]
    return CliText("\n".join(lines) + "\n\n", data)


@cli_command(
    "manager show command", usage="manager show command <actionname> [<actionname> [<actionname> [...]]]", complete=_actions
)
def show_command(system: System, args: list[str]) -> str:
    """Describe actions of the manager."""
    if not args:
        raise CliUsage
    blocks = []
    for name in args:
        spec: ManagerActionSpec | None = system.registry("manager action").get(name)
        if spec is None:
            blocks.append(f"No manager action '{name}'\n")
            continue
        known = reference("action").get(spec.name)
        syntax = [f"Action: {spec.name}", *(known.lines() if known is not None else ())]
        parts = [("Syntax", "\n".join(syntax)), ("Synopsis", spec.synopsis)]
        parts += [("Description", spec.description)] if spec.description else []
        parts.append(("Privilege", privilege_text(spec.permissions)))
        blocks.append("\n".join(f"[{title}]\n{text}\n" for title, text in parts))
    return "\n".join(blocks)


@cli_command("manager show connected")
def show_connected(system: System, args: list[str]) -> str:
    """List the connected clients."""
    if args:
        raise CliUsage
    form = "  {:<15}  {:<55}  {:<10}  {:<10}  {:<8}  {:<8}  {:<10}  {:<10}"
    titles = ("Username", "IP Address", "Start", "Elapsed", "FileDes", "HttpCnt", "ReadPerms", "WritePerms")
    lines = [form.format(*titles)]
    data = []
    sessions = [session for session in _hub(system).sessions if session.is_logged_in]
    now = system.wall_time()
    for session in sessions:
        requests = getattr(session, "requests", 0)
        values = (
            session.account[:15], session.remote[0], int(session.opened_wall), int(now - session.opened_wall), session.number,
            requests, class_number(session.read), class_number(session.write),
        )  # fmt: skip
        lines.append(form.format(*values))
        data.append(values)
    lines.append(f"{len(sessions)} users connected.")
    return CliText("\n".join(line.rstrip() for line in lines) + "\n", records(titles, data))


@cli_command("manager show eventq")
def show_event_queue(system: System, args: list[str]) -> str:
    """Show the events that are kept: the last one, and with ``replayevents`` those that clients may have again."""
    if args:
        raise CliUsage
    hub = _hub(system)
    kept = [(permission, text) for _, permission, _, text in hub.kept] or ([hub.last] if hub.last is not None else [])
    users = sum(session.is_logged_in for session in hub.sessions)
    lines = []
    for permission, text in kept:
        plain = text.replace("\r", "")
        lines.append(f"Usecount: {users}\nCategory: {class_number(permission)}\nEvent:\n{plain}\n")
    return CliText("\n".join(lines), [text.split("\r\n")[:-1] for _, text in kept])


@cli_command("manager show users")
def show_users(system: System, args: list[str]) -> str:
    """List the users of manager.conf."""
    if args:
        raise CliUsage
    users = list(_hub(system).settings.users)
    if not users:
        return CliText("There are no manager users.\n", [])
    lines = ["", "username", "--------", *users, "-" * 19, f"{len(users)} manager users configured."]
    return CliText("\n".join(lines) + "\n", users)


@cli_command("manager show user", usage="manager show user <user>", complete=_users)
def show_user(system: System, args: list[str]) -> str:
    """Show what a user of manager.conf may do."""
    if len(args) != 1:
        raise CliUsage
    user = _hub(system).settings.users.get(args[0])
    if user is None:
        return f"There is no manager called {args[0]}\n"
    options = user.options
    filters = [*options.filters.inclusions, *options.filters.exclusions]
    rows = [
        ("username", user.name),
        ("secret", "<Set>" if options.secret else "<N/A>"),
        ("ACL", "yes" if options.access or options.acl else "no"),
        ("read perm", privilege_text(options.reads)),
        ("write perm", privilege_text(options.writes)),
        ("displayconnects", "yes" if options.displayconnects else "no"),
        ("allowmultiplelogin", "yes" if options.allowmultiplelogin else "no"),
    ]
    lines = ["", *(f"{name:>18}: {value}" for name, value in rows), f"{'Variables':>18}: "]
    lines += [f"{'':>20}{name} = {value}" for name, value in options.variables]
    lines += [f"{'eventfilter':>18}: {one.describe()}" for one in filters]
    return "\n".join(lines) + "\n"


@cli_command("manager show settings")
def show_settings(system: System, args: list[str]) -> str:
    """Show the general settings of the manager."""
    if args:
        raise CliUsage
    general = _hub(system).settings.general

    def yes(value: bool) -> str:
        return "Yes" if value else "No"

    host, port = general.tlsbindaddr
    rows = [
        ("Manager (AMI)", yes(general.enabled)),
        ("Web Manager (AMI/HTTP)", yes(general.webenabled)),
        ("TCP Bindaddress", f"{general.bindaddr}:{general.port}"),
        ("HTTP Timeout (seconds)", str(general.httptimeout)),
        ("TLS Enable", yes(general.tlsenable)),
        ("TLS Bindaddress", f"{host or general.bindaddr}:{port or 5039}" if general.tlsenable else "Disabled"),
        ("TLS Certfile", general.tlscertfile or "asterisk.pem"),
        ("TLS Privatekey", general.tlsprivatekey),
        ("TLS Cipher", general.tlscipher),
        ("Allow multiple login", yes(general.allowmultiplelogin)),
        ("Display connects", yes(general.displayconnects)),
        ("Timestamp events", yes(general.timestampevents)),
        ("Channel vars", ",".join(general.channelvars)),
        ("Disabled events", ",".join(general.disabledevents)),
        ("Debug", yes(general.debug)),
    ]
    lists = ("Channel vars", "Disabled events")
    lines = ["", "Global Settings:", "----------------"]
    lines += [f"  {name + ':':<25}  {value if name in lists else f'{value:<15}'}" for name, value in rows]
    return "\n".join(lines) + "\n"


@cli_command("manager show counters")
def show_counters(system: System, args: list[str]) -> str:
    """Show where the manager listens and what it has counted since the start (not in Asterisk)."""
    if args:
        raise CliUsage
    hub = _hub(system)
    addresses = system.services[SERVICE].addresses
    rows = [
        ("Listening on", ", ".join(f"{host}:{port}" for host, port in addresses) or "nothing"),
        ("Sessions", f"{len(hub.sessions)}, {hub.waiting} of them not logged in"),
        ("Sessions since the start", str(hub.opened)),
        ("Events told", f"{hub.number}, sent {hub.sent} times"),
        ("Events kept", str(len(hub.kept))),
        ("Clients cut off", str(hub.cut_off)),
        ("Addresses that guess", str(len(hub.guesses))),
    ]
    return "\n".join(f"  {name + ':':<25}  {value}" for name, value in rows) + "\n"


@cli_command("manager show events")
def show_events(system: System, args: list[str]) -> str:
    """List the events that clients may be told of."""
    if args:
        raise CliUsage
    names = sorted(_events(system))
    rows = [names[start : start + 3] for start in range(0, len(names), 3)]
    lines = ["Events:", "  ".join(["", *["-" * 26] * 3])]
    lines += ["  ".join(["", *(f"{name[:26]:<26}" for name in row)]).rstrip() for row in rows]
    return CliText("\n".join([*lines, "", f"{len(names)} events registered."]) + "\n", names)


def _event_names(system: System, args: list[str]) -> Iterable[str]:
    return _events(system)


@cli_command("manager show event", usage="manager show event <eventname>", complete=_event_names)
def show_event(system: System, args: list[str]) -> str:
    """Describe an event."""
    if len(args) != 1:
        raise CliUsage
    name = next((name for name in _events(system) if name.lower() == args[0].lower()), None)
    if name is None:
        return f"Could not find event '{args[0]}'\n"
    entry = reference("event")[name]
    syntax = "\n".join([f"Event: {name}", *entry.lines()])
    parts = [("Syntax", syntax), ("Class", entry.classes), ("Module", ", ".join(entry.modules))]
    return "\n".join(f"[{title}]\n{text}\n" for title, text in parts)


def _session_numbers(system: System, args: list[str]) -> Iterable[str]:
    return [str(session.number) for session in _hub(system).sessions]


@cli_command("manager kick session", usage="manager kick session <file descriptor>", complete=_session_numbers)
def kick_session(system: System, args: list[str]) -> str:
    """End the session with that number (FileDes in ``manager show connected``)."""
    if len(args) != 1 or not args[0].isdecimal():
        raise CliUsage
    for session in list(_hub(system).sessions):
        if session.number == int(args[0]):
            session.end()
            return f"Kicking manager session connected using file descriptor {args[0]}\n"
    return f"No manager session found using file descriptor {args[0]}\n"


@cli_command("manager set debug", usage="manager set debug [on|off]", complete=lambda system, args: ["on", "off"])
def set_debug(system: System, args: list[str]) -> str:
    """Show or change whether events carry their number."""
    general = _hub(system).settings.general
    if not args:
        return f"manager debug is {'on' if general.debug else 'off'}\n"
    if args not in (["on"], ["off"]):
        raise CliUsage
    general.__dict__["debug"] = args == ["on"]
    return ""


@cli_command("manager reload")
async def reload(system: System, args: list[str]) -> str:
    """Read manager.conf again; clients that are logged in stay so."""
    if args:
        raise CliUsage
    try:
        await system.services[SERVICE].reload()
    except (ConfigError, KeyError) as error:
        raise CliFailure(str(error)) from None
    return ""
