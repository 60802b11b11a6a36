"""External configuration: which families and files are in which database."""

from __future__ import annotations

from globstar.core.cli import cli_command
from globstar.core.system import System


async def reload(system: System) -> None:
    """Read extconfig.conf again, and the files that it says tables have."""
    system.realtime.configure()
    await system.realtime.refresh_files()


@cli_command("core show config mappings", usage="core show config mappings")
def show_mappings(system: System, args: list[str]) -> str:
    """List what extconfig.conf maps to which engine, database and table."""
    lines = ["", ""]
    realtime = system.realtime
    if not realtime.mappings:
        return "No config mappings found.\n"
    for driver in sorted(realtime.engines):
        lines.append(f"Config Engine: {driver}")
        lines += [f"===> {m.family} (db={m.database}, table={m.table})" for m in realtime.mappings if m.driver == driver]
    absent = sorted({mapping.driver for mapping in realtime.mappings} - set(realtime.engines))
    for driver in absent:
        lines.append(f"Config Engine: {driver} (not loaded)")
        lines += [f"===> {m.family} (db={m.database}, table={m.table})" for m in realtime.mappings if m.driver == driver]
    return "\n".join([*lines, ""])
