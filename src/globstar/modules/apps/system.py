"""Generic System() application."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.base.programs import run_shell
from globstar.core.channel import Channel
from globstar.core.registry import application

logger = Logger("app_system")

#: What a shell exits with when there is no such command.
_NO_COMMAND = 127


@application("System", syntax="System(command)")
async def system(channel: Channel, data: str) -> int:
    """Run a command of the operating system.

    SYSTEMSTATUS tells what came of it: SUCCESS, APPERROR (it ran and its exit status was not zero), FAILURE (it could
    not be run). Data that comes from outside, such as a caller's name, does not belong into a command.
    """
    return await _run(channel, data)


@application("TrySystem", syntax="TrySystem(command)")
async def try_system(channel: Channel, data: str) -> int:
    """Run a command of the operating system, and go on whatever comes of it.

    SYSTEMSTATUS tells: SUCCESS, APPERROR (it ran and its exit status was not zero), FAILURE (it could not be run).
    """
    return await _run(channel, data)


async def _run(channel: Channel, command: str) -> int:
    if not command:
        logger.warning("System needs a command")
        channel.set_variable("SYSTEMSTATUS", "FAILURE")
        return 0
    text = command[1:-1] if len(command) > 1 and command[0] == '"' == command[-1] else command
    status = await channel.system.run_command(_execute, text)
    if status == _NO_COMMAND or status < 0:
        logger.warning(f"Command '{text}' could not be run")
        result = "FAILURE"
    else:
        result = "SUCCESS" if status == 0 else "APPERROR"
    channel.set_variable("SYSTEMSTATUS", result)
    return 0


def _execute(command: str) -> int:
    try:
        return run_shell(command).returncode
    except OSError as error:
        logger.warning(f"There is no shell for '{command}': {error}")
        return -1
