"""config ...: which files were read by whom, and what their options mean."""

from __future__ import annotations

from pathlib import Path

from globstar.config.options import OptionInfo, Options
from globstar.core.boot import module_of
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.loader import ModuleError
from globstar.core.system import System
from globstar.interfaces.reloading import reload_core


def _files(system: System) -> list[str]:
    return sorted({name for name, _ in system.configuration.readers})


@cli_command("config list")
def config_list(system: System, args: list[str]) -> str:
    """List the configuration files that are in use, and which module read each."""
    if args:
        raise CliUsage
    root = Path(system.directories.astetcdir)
    rows = [(module, str(root / name)) for name, module in sorted(system.configuration.readers)]
    data = [{"module": module, "file": file} for module, file in rows]
    return CliText("\n".join(f"{module:<20.20} {file:<50}" for module, file in rows), data)


@cli_command(
    "config reload", usage="config reload <filename.conf>", complete=lambda system, args: _files(system) if len(args) <= 1 else []
)
async def config_reload(system: System, args: list[str]) -> str:
    """Let the modules that use a configuration file read it again."""
    if len(args) != 1:
        raise CliUsage
    wanted = Path(args[0]).name if Path(args[0]).parent == Path(system.directories.astetcdir) else args[0]
    modules = sorted(module for name, module in system.configuration.readers if name == wanted)
    if not modules:
        raise CliFailure(f"No module uses '{args[0]}'")
    lines = []
    for name in modules:
        try:
            await _reload(system, name)
        except ModuleError as error:
            lines.append(f"Unable to reload {name}: {error}")
        else:
            lines.append(f"Reloaded '{args[0]}' of {name}")
    return "\n".join(lines)


async def _reload(system: System, module: str) -> None:
    if module == "core":
        raise ModuleError("it is read at the start only")
    if not await reload_core(system, module):
        await system.loader.reload(module)


# -- help -----------------------------------------------------------------------------------------------------------------


def _all_options(base: type[Options] = Options) -> list[type[Options]]:
    found = []
    for kind in base.__subclasses__():
        found += [kind, *_all_options(kind)]
    return found


def _documented() -> dict[str, dict[str, type[Options]]]:
    """Modules, the types of objects that each has, and what their options are."""
    found: dict[str, dict[str, type[Options]]] = {}
    for kind in _all_options():
        if any(kind.describe()):
            found.setdefault(module_of(kind.__module__), {})[kind.__name__.removesuffix("Options").lower() or "options"] = kind
    return found


def _complete(system: System, args: list[str]) -> list[str]:
    documented = _documented()
    if len(args) <= 1:
        return list(documented)
    types = documented.get(args[0], {})
    if len(args) == 2:
        return list(types)
    return [info.name for info in types[args[1]].describe()] if len(args) == 3 and args[1] in types else []


@cli_command("config show help", usage="config show help [<module> [<type> [<option>]]]", complete=_complete)
def config_help(system: System, args: list[str]) -> str:
    """Explain the options of configuration files.

    Without arguments the modules that have some, then the types of objects of a module, the options of a type, one option.
    """
    documented = _documented()
    if not args:
        names = sorted(documented)
        return CliText(
            "\n".join(["The following modules have configuration information:", *(f"\t{name}" for name in names)]), names
        )
    types = documented.get(args[0].removesuffix(".so"))
    if types is None:
        raise CliFailure(f"Module {args[0]} not found.")
    if len(args) == 1:
        lines = [f"{args[0]}:", "", "Configuration option types:"]
        lines += [f"\t{name}: {_first_line(kind)}" for name, kind in sorted(types.items())]
        return "\n".join(lines)
    kind = types.get(args[1].lower())
    if kind is None:
        raise CliFailure(f"Unknown configuration type {args[1]}")
    if len(args) == 2:
        infos = [(info.name, info.help) for info in kind.describe()]
        lines = [f"{args[1]}: {_first_line(kind)}", "", *(f"    {name:<32} -- {text}" for name, text in infos)]
        return CliText("\n".join(lines), [{"option": name, "help": text} for name, text in infos])
    found = next((info for info in kind.describe() if info.name == args[2].lower()), None)
    if found is None or len(args) > 3:
        raise CliFailure(f"Unknown configuration option {args[2]}")
    return _option(args[0], args[1], found)


def _first_line(kind: type[Options]) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0].replace("`", "")


def _option(module: str, kind: str, info: OptionInfo) -> str:
    fields = {
        "Module": module,
        "Type": kind,
        "Option": info.name,
        "Default": "" if info.secret or info.default is None else str(info.default),
        "Unit": info.unit,
        "Also called": ", ".join(info.aliases),
        "Changed by a reload": "yes" if info.reload else "no",
        "Description": info.help,
    }
    return CliText("\n".join(f"{name}: {value}" for name, value in fields.items() if value), fields)
