"""cli_permissions.conf, cli.conf and the commands about commands."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.values import is_true
from globstar.core import events
from globstar.core.cli import CliUsage, cli_command, find_command, run_command
from globstar.core.cli_data import CliText
from globstar.core.cli_permissions import CliPermissions, Rule, find_identity, read_permissions
from globstar.core.system import System

logger = Logger("cli")

_SERVICE = "cli permissions"


def load(system: System) -> None:
    """Read who may do what, and run the commands of cli.conf when everything is loaded."""
    reload(system)

    def run_startup(event: events.FullyBooted) -> None:
        commands = _startup_commands(system)
        if commands:
            system.tasks.start(_run(system, commands), name="startup commands")

    system.bus.subscribe(events.FullyBooted, run_startup)


def reload(system: System) -> None:
    """Read cli_permissions.conf again."""
    system.services[_SERVICE] = read_permissions(system.configuration.read("cli_permissions.conf"))


def _startup_commands(system: System) -> list[str]:
    """``command = yes`` and ``command = fully-booted`` of ``[startup_commands]``.

    ``pre-init`` and ``pre-module`` ask for earlier moments, at which no command exists yet: they run now, and it is said.
    """
    config = system.configuration.read("cli.conf")
    category = config.category("startup_commands") if config is not None else None
    commands = []
    for variable in category or ():
        when = variable.value.strip().lower()
        if when in ("pre-init", "pre-module"):
            logger.notice(f"{variable.file}:{variable.line}: '{variable.name}' runs when the server has booted, not at {when}")
        elif when != "fully-booted" and not is_true(when):
            continue
        commands.append(variable.name)
    return commands


async def _run(system: System, commands: list[str]) -> None:
    for command in commands:
        output = await run_command(system, command)
        logger.notice(f"startup command '{command}': {output.strip() or 'done'}")


def _rules(heading: str, table: dict[int, tuple[str, list[Rule]]]) -> list[str]:
    lines = []
    for number, (name, rules) in table.items():
        lines += ["", f"{heading}: {name} [{number}]"]
        lines += [f"\t{'permit' if rule.permits else 'deny'} -> {rule.pattern}" for rule in rules]
    return lines


@cli_command("cli show permissions")
def show_permissions(system: System, args: list[str]) -> str:
    """Show which commands users and groups may run."""
    if args:
        raise CliUsage
    permissions: CliPermissions = system.services[_SERVICE]
    default = "permit" if permissions.is_permitted_by_default else "deny"
    lines = [f"Default: {default}", *_rules("User", permissions.users), *_rules("Group", permissions.groups), ""]
    data = {
        "default": default,
        "users": {name: [[rule.permits, rule.pattern] for rule in rules] for name, rules in permissions.users.values()},
        "groups": {name: [[rule.permits, rule.pattern] for rule in rules] for name, rules in permissions.groups.values()},
    }
    return CliText("\n".join(lines), data)


@cli_command("cli check permissions", usage="cli check permissions {<username>|@<groupname>|<username>@<groupname>} [<command>]")
def check_permissions(system: System, args: list[str]) -> str:
    """Tell whether a user or group may run a command, or which commands at all."""
    if not args:
        raise CliUsage
    try:
        uid, gid = find_identity(args[0])
    except ValueError as error:
        return str(error)
    permissions: CliPermissions = system.services[_SERVICE]
    who = f"{'Group' if args[0].startswith('@') else 'User'} '{args[0]}'"
    if args[1:]:
        if find_command(system, args[1:]) is None:
            return f"There is no such command: '{' '.join(args[1:])}'"
        verb = "is allowed" if permissions.allows(uid, gid, args[1:]) else "is not allowed"
        return f"{who} {verb} to run command: '{' '.join(args[1:])}'"
    allowed = [spec.name for spec in system.registry("cli command") if permissions.allows(uid, gid, spec.words)]
    if not allowed:
        return CliText(f"{who} is not allowed to run any command", [])
    return CliText("\n".join([f"{who} is allowed to run:", *(f"{name:>30}" for name in allowed)]), allowed)


@cli_command("cli reload permissions")
def reload_permissions(system: System, args: list[str]) -> str:
    """Read cli_permissions.conf again."""
    if args:
        raise CliUsage
    reload(system)
    return ""
