"""``manager ...``: who is connected, which actions and users there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from globstar.config.errors import ConfigError
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.manager import ManagerActionSpec, ManagerEventSpec, permission_names, privilege_text
from globstar.core.system import System
from globstar.interfaces.ami.hub import SERVICE, ManagerHub


def _hub(system: System) -> ManagerHub:
    server = system.services.get(SERVICE)
    if server is None:
        raise CliFailure("there is no manager")
    return cast(ManagerHub, server.hub)


def _actions(system: System, args: list[str]) -> Iterable[str]:
    return [spec.name for spec in system.registry("manager action")]


def _users(system: System, args: list[str]) -> Iterable[str]:
    return _hub(system).settings.users


@cli_command("manager show commands")
def show_commands(system: System, args: list[str]) -> str:
    """List the actions of the manager."""
    if args:
        raise CliUsage
    specs: list[ManagerActionSpec] = list(system.registry("manager action"))
    width = max((len(spec.name) for spec in specs), default=6)
    lines = [f"  {'Action':<{width}}  Synopsis", f"  {'-' * width}  --------"]
    lines += [f"  {spec.name:<{width}}  {spec.synopsis}" for spec in specs]
    return "\n".join(lines) + "\n\n"


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
        text = f"Action: {spec.name}\nSynopsis: {spec.synopsis}\nPrivilege: {privilege_text(spec.permissions)}\n"
        blocks.append(text + (f"Description: {spec.description}\n" if spec.description else ""))
    return "\n".join(blocks)


@cli_command("manager show connected")
def show_connected(system: System, args: list[str]) -> str:
    """List the connected clients."""
    if args:
        raise CliUsage
    form = "  {:<15} {:<55} {:<10} {:<10} {:<8} {:<5} {:<10} {:<10}"
    lines = [form.format("Username", "IP Address", "Start", "Elapsed", "FileDes", "HttpCnt", "Read", "Write").rstrip()]
    sessions = [session for session in _hub(system).sessions if session.is_logged_in]
    now = system.wall_time()
    for session in sessions:
        values = (
            session.account, session.remote[0], int(session.opened_wall), int(now - session.opened_wall), session.number, 0,
            int(session.read), int(session.write),
        )  # fmt: skip
        lines.append(form.format(*values).rstrip())
    lines.append(f"{len(sessions)} users connected.")
    return "\n".join(lines)


@cli_command("manager show users")
def show_users(system: System, args: list[str]) -> str:
    """List the users of manager.conf."""
    if args:
        raise CliUsage
    users = sorted(_hub(system).settings.users)
    if not users:
        return "There are no manager users.\n"
    lines = ["", "Username", "--------", *users, "-" * 19, f"{len(users)} manager users configured."]
    return "\n".join(lines) + "\n"


@cli_command("manager show user", usage="manager show user <user>", complete=_users)
def show_user(system: System, args: list[str]) -> str:
    """Show what a user of manager.conf may do."""
    if len(args) != 1:
        raise CliUsage
    user = _hub(system).settings.users.get(args[0])
    if user is None:
        return f"There is no manager called {args[0]}\n"
    options = user.options
    access = options.access
    filters = [*options.filters.inclusions, *options.filters.exclusions]
    rows = [
        ("username", user.name),
        ("secret", "<Set>" if options.secret else "<N/A>"),
        ("ACL", "yes" if access or options.acl else "no"),
        ("read perm", ",".join(permission_names(options.reads)) or "<none>"),
        ("write perm", ",".join(permission_names(options.writes)) or "<none>"),
        ("displayconnects", "yes" if options.displayconnects else "no"),
        ("allowmultiplelogin", "yes" if options.allowmultiplelogin else "no"),
    ]
    lines = ["", *(f"{name:>18}: {value}" for name, value in rows), f"{'Variables':>18}:"]
    lines += [f"{'':>20}{name} = {value}" for name, value in options.variables]
    lines += [f"{'eventfilter':>18}: {one.describe()}" for one in filters]
    return "\n".join(lines) + "\n"


@cli_command("manager show settings")
def show_settings(system: System, args: list[str]) -> str:
    """Show the general settings of the manager and what it has counted."""
    if args:
        raise CliUsage
    hub = _hub(system)
    general = hub.settings.general
    addresses = system.services[SERVICE].addresses

    def yes(value: bool) -> str:
        return "Yes" if value else "No"

    rows = [
        ("Manager (AMI)", yes(general.enabled)),
        ("Web Manager (AMI/HTTP)", yes(general.webenabled)),
        ("TCP Bindaddress", f"{general.bindaddr}:{general.port}"),
        ("HTTP Timeout (seconds)", str(general.httptimeout)),
        ("TLS Enable", yes(general.tlsenable)),
        ("TLS Bindaddress", f"{general.tlsbindaddr[0] or general.bindaddr}:{general.tlsbindaddr[1] or 5039}"),
        ("TLS Certfile", general.tlscertfile),
        ("TLS Privatekey", general.tlsprivatekey),
        ("TLS Cipher", general.tlscipher),
        ("Allow multiple login", yes(general.allowmultiplelogin)),
        ("Display connects", yes(general.displayconnects)),
        ("Timestamp events", yes(general.timestampevents)),
        ("Channel vars", ",".join(general.channelvars)),
        ("Disabled events", ",".join(general.disabledevents)),
        ("Debug", yes(general.debug)),
        ("Listening on", ", ".join(f"{host}:{port}" for host, port in addresses) or "nothing"),
        ("Events told", f"{hub.number} (sent {hub.sent} times)"),
        ("Clients cut off", str(hub.cut_off)),
    ]
    lines = ["", "Global Settings:", "----------------", *(f"  {name + ':':<26} {value}".rstrip() for name, value in rows)]
    return "\n".join(lines) + "\n"


@cli_command("manager show events")
def show_events(system: System, args: list[str]) -> str:
    """List what clients are told of, by the names of the bus."""
    if args:
        raise CliUsage
    specs: list[ManagerEventSpec] = list(system.registry("manager event"))
    return "\n".join(["Events:", "  --------------------", *(f"  {spec.name}" for spec in specs)]) + "\n"


@cli_command("manager kick session", usage="manager kick session <number>")
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
    return f"manager debug is {args[0]}\n"


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
