"""Sorcery: where the objects of modules are kept."""

from __future__ import annotations

from globstar.core.cli import cli_command
from globstar.core.sorcery import SERVICE, Sorcery
from globstar.core.system import System


def load(system: System) -> None:
    """Read sorcery.conf."""
    sorcery = Sorcery(system)
    sorcery.configure()
    system.services[SERVICE] = sorcery


async def reload(system: System) -> None:
    """Read sorcery.conf, and the files that it names, again."""
    sorcery: Sorcery = system.services[SERVICE]
    sorcery.configure()
    await sorcery.reload()


def unload(system: System) -> None:
    """Nothing is kept any more."""
    system.services.pop(SERVICE, None)


@cli_command("sorcery show settings", usage="sorcery show settings")
def show_settings(system: System, args: list[str]) -> str:
    """List where the objects of each module's types are kept."""
    sorcery: Sorcery = system.services[SERVICE]
    tables: dict[str, list[str]] = {}
    for module, types in sorcery.mappings.modules.items():
        lines = tables.setdefault(module, [])
        for type, mapping in types.items():
            if mapping.cache is not None:
                lines.append(f"    {type:<32} memory_cache (cache '{mapping.cache.name}')")
            lines += [f"    {type:<32} {name:<14} {','.join(data)}".rstrip() for name, data in mapping.wizards]
    for (module, type), (name, data) in sorcery.defaults.items():
        mapped = sorcery.mappings.modules.get(module, {}).get(type)
        if mapped is None or not mapped.wizards:
            tables.setdefault(module, []).append(f"    {type:<32} {name:<14} {data}".rstrip())
    lines = [
        "",
        "Sorcery global settings",
        f"  Update->Create fallback in backends: {_on(sorcery.mappings.creates_on_update)}",
        "",
    ]
    for module in sorted(tables):
        lines += [f"Module: {module}", f"    {'Type':<32} {'Wizard':<14} Data", *tables[module], ""]
    return "\n".join(lines)


def _on(value: bool) -> str:
    return "Enabled" if value else "Disabled"
