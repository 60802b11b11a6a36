"""``sip show mapping`` and ``pjsip export ...``: objects that other files than pjsip.conf stand for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from globstar.core.cli import CliFailure, CliUsage, by_place, cli_command
from globstar.modules.channels.pjsip.cli_show import driver_of
from globstar.modules.channels.pjsip.sipconf import Mapping, mapping_report
from globstar.modules.channels.pjsip.wizard import primitives

if TYPE_CHECKING:
    from globstar.core.system import System


async def _show_or_write(system: System, args: list[str], text: str) -> str:
    """Print ``text``, or write it with ``to <file>``; a relative name is relative to the configuration folder."""
    if not args:
        return text
    if len(args) != 2 or args[0].lower() != "to":
        raise CliUsage
    file = Path(system.directories.astetcdir) / args[1]
    try:
        await system.run_blocking(file.write_text, text)
    except OSError as error:
        raise CliFailure(f"{file} cannot be written: {error.strerror or error}") from None
    return f"Wrote {file}\n"


@cli_command(
    "pjsip export config_wizard primitives",
    usage="pjsip export config_wizard primitives [to <filename>]",
    complete=by_place(("to",)),
)
async def export_wizard(system: System, args: list[str]) -> str:
    """Show the objects that pjsip_wizard.conf stands for, or write them to a file, as text for pjsip.conf."""
    sources = driver_of(system).settings.sources
    return await _show_or_write(system, args, primitives(sources.wizard) if sources is not None else "")


def _mapping(system: System) -> Mapping:
    sources = driver_of(system).settings.sources
    if sources is None or sources.mapping is None:
        raise CliFailure("sip.conf is not in use")
    return sources.mapping


@cli_command(
    "sip show mapping", usage="sip show mapping [changed|dropped|mapped]", complete=by_place(("changed", "dropped", "mapped"))
)
def show_mapping(system: System, args: list[str]) -> str:
    """Show what became of each option of sip.conf and users.conf, by file and line."""
    actions = ("changed", "dropped", "mapped")
    if len(args) > 1 or (args and args[0].lower() not in actions):
        raise CliUsage
    return mapping_report(_mapping(system), [args[0].lower()] if args else actions)


@cli_command("sip export pjsip", usage="sip export pjsip [to <filename>]", complete=by_place(("to",)))
async def export_mapping(system: System, args: list[str]) -> str:
    """Show sip.conf and users.conf as a pjsip.conf, or write it to a file.

    What has no counterpart stands as comments at its top.
    """
    return await _show_or_write(system, args, f"{_mapping(system)}\n")
