"""CLI Aliases."""

from __future__ import annotations

from dataclasses import dataclass, field

from globstar.base.log import Logger
from globstar.core.cli import CliCommandSpec, CliUsage, cli_command, complete_line, run_command
from globstar.core.cli_data import CliText
from globstar.core.system import System

logger = Logger("res_clialiases")

_SERVICE = "cli aliases"


@dataclass(slots=True)
class _Aliases:
    """The aliases in force: name and the command that each stands for, with what was registered for them."""

    commands: dict[str, str] = field(default_factory=dict)
    specs: list[CliCommandSpec] = field(default_factory=list)


def load(system: System) -> None:
    """Read cli_aliases.conf."""
    system.services[_SERVICE] = _Aliases()
    reload(system)


def reload(system: System) -> None:
    """Read it again; the old aliases go."""
    found = _read(system)
    _forget(system)
    aliases = system.services[_SERVICE] = _Aliases()
    registry = system.registry("cli command")
    for name, command in found.items():
        if registry.get(name) is not None:
            logger.warning(f"cli_aliases.conf: '{name}' is a command already; the alias is left out")
            continue
        spec = _alias(name, command)
        registry.register(spec)
        aliases.specs.append(spec)
        aliases.commands[name] = command


def unload(system: System) -> None:
    """No aliases any more."""
    _forget(system)
    del system.services[_SERVICE]


def _forget(system: System) -> None:
    registry = system.registry("cli command")
    for spec in system.services[_SERVICE].specs:
        registry.unregister(spec)


def _read(system: System) -> dict[str, str]:
    """The aliases of the sections that ``[general] template`` names, a later one winning."""
    config = system.configuration.read("cli_aliases.conf")
    found: dict[str, str] = {}
    general = config.category("general") if config is not None else None
    if config is None or general is None:
        return found
    for variable in general:
        if variable.name.lower() != "template":
            logger.warning(f"{variable.file}:{variable.line}: unknown option '{variable.name}'; did you mean 'template'?")
            continue
        category = config.category(variable.value.strip())
        if category is None:
            logger.warning(f"{variable.file}:{variable.line}: there is no section [{variable.value.strip()}]")
            continue
        for entry in category:
            name, command = " ".join(entry.name.lower().split()), entry.value.strip()
            if not command or name == command.lower():
                logger.warning(f"{entry.file}:{entry.line}: '{entry.name}' stands for nothing else than itself; it is left out")
            else:
                found[name] = command
    return found


def _alias(name: str, command: str) -> CliCommandSpec:
    depth = 0

    async def run(system: System, args: list[str]) -> str:
        nonlocal depth
        if depth >= 8:
            logger.warning(f"the alias '{name}' leads back to itself")
            return f"The alias '{name}' leads back to itself"
        depth += 1
        try:
            return await run_command(system, " ".join([command, *(_quoted(word) for word in args)]))
        finally:
            depth -= 1

    def complete(system: System, args: list[str]) -> list[str]:
        return complete_line(system, " ".join([command, *args]))

    return CliCommandSpec(
        name=name, handler=run, usage=f"Usage: {name}\n       Alias for '{command}'\n", synopsis=f"Alias for '{command}'",
        complete=complete, is_open=True, module="res_clialiases",
    )  # fmt: skip


def _quoted(word: str) -> str:
    if word and not any(character.isspace() or character in '"\\' for character in word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@cli_command("cli show aliases")
def show_aliases(system: System, args: list[str]) -> str:
    """List the aliases and the commands for which they stand."""
    if args:
        raise CliUsage
    commands: dict[str, str] = system.services[_SERVICE].commands
    lines = [f"{'Alias Command':<30.30} {'Real Command':<50.50}"]
    lines += [f"{name:<30.30} {command:<50.50}" for name, command in commands.items()]
    return CliText("\n".join(lines), [{"alias": name, "command": command} for name, command in commands.items()])
