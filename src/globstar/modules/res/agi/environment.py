"""What a script is told when it starts: the agi_ variables of the dialogue, the AST_ variables of a process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from globstar import ASTERISK_VERSION
from globstar.base.programs import environment

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.party import PartyName, PartyNumber
    from globstar.core.system import System


def _known(part: PartyName | PartyNumber) -> str:
    return part.text if part.valid and part.text else "unknown"


def dialogue_environment(
    channel: Channel, request: str, arguments: list[str], *, is_enhanced: bool = False, network_script: str | None = None
) -> list[str]:
    """The lines ``agi_name: value``, without the empty one that ends them.

    ``network_script`` is the script that a FastAGI server is asked for, None for local ones.
    """
    caller = channel.caller
    lines = [] if network_script is None else ["agi_network: yes"]
    if network_script:
        lines.append(f"agi_network_script: {network_script}")
    lines += [
        f"agi_request: {request}",
        f"agi_channel: {channel.name}",
        f"agi_language: {channel.language}",
        f"agi_type: {channel.tech.name}",
        f"agi_uniqueid: {channel.unique_id}",
        f"agi_version: {ASTERISK_VERSION}",
        f"agi_callerid: {_known(caller.id.number)}",
        f"agi_calleridname: {_known(caller.id.name)}",
        f"agi_callingpres: {caller.id.presentation}",
        f"agi_callingani2: {caller.ani2}",
        f"agi_callington: {caller.id.number.plan}",
        f"agi_callingtns: {channel.dialed.transit_network_select}",
        f"agi_dnid: {channel.dialed.number or 'unknown'}",
        f"agi_rdnis: {_known(channel.redirecting.from_.number)}",
        f"agi_context: {channel.context}",
        f"agi_extension: {channel.extension}",
        f"agi_priority: {channel.priority}",
        f"agi_enhanced: {'1.0' if is_enhanced else '0.0'}",
        f"agi_accountcode: {channel.account_code}",
        f"agi_threadid: {threading.get_native_id()}",
    ]
    lines += [f"agi_arg_{number}: {argument}" for number, argument in enumerate(arguments, 1)]
    # A line's end in a value, such as a caller's name, would begin another variable.
    return [line.translate(_ONE_LINE) for line in lines]


_ONE_LINE = {ord("\n"): " ", ord("\r"): " "}


def process_environment(system: System) -> dict[str, str]:
    """The environment of a local script: the server's own, and where its directories are."""
    folders = system.directories
    return {
        **environment(),
        "AST_CONFIG_DIR": folders.astetcdir,
        "AST_CONFIG_FILE": f"{folders.astetcdir}/asterisk.conf",
        "AST_MODULE_DIR": folders.astmoddir,
        "AST_SPOOL_DIR": folders.astspooldir,
        "AST_MONITOR_DIR": f"{folders.astspooldir}/monitor",
        "AST_VAR_DIR": folders.astvarlibdir,
        "AST_DATA_DIR": folders.astdatadir,
        "AST_LOG_DIR": folders.astlogdir,
        "AST_AGI_DIR": folders.astagidir,
        "AST_KEY_DIR": folders.astkeydir,
        "AST_RUN_DIR": folders.astrundir,
    }
