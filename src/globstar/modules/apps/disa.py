"""DISA (Direct Inward System Access) Application."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelState
from globstar.core.numbers import leading_integer
from globstar.core.party import parse_caller_id
from globstar.core.pbx import caller_number, leads, may_go_on, plan_of
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, parse_options, split_arguments

logger = Logger("app_disa")

NO_PASSWORD = "no-password"
_OPTIONS = {"n": False, "p": False}


@dataclass(slots=True)
class _Access:
    """What a passcode opens."""

    context: str
    caller_id: str = ""
    mailbox: str = ""
    needs_passcode: bool = True


@application("DISA", syntax="DISA(passcode|filename[,context[,cid[,mailbox[@context][,options]]]])")
async def disa(channel: Channel, data: str) -> int:
    """Give a caller from outside a dial tone, to dial as from inside.

    The caller hears dial tone, enters the passcode and #, and dials an extension of ``context`` (disa by default).
    ``no-password`` asks for none. A ``filename`` (it begins with /) holds one passcode a line, with the arguments
    that belong to it: passcode,context,cid,mailbox; lines that begin with # or ; are comments. ``cid`` becomes the
    caller id; where ``mailbox`` holds new messages, the dial tone stutters. A wrong passcode gives congestion. An
    extension that does not exist leads to ``i`` of the context. Options:

    n: do not answer the call.

    p: # ends the extension too.
    """
    arguments = split_arguments(data)
    if not argument(arguments, 0):
        logger.warning("DISA needs a passcode")
        return -1
    options = parse_options(argument(arguments, 4), _OPTIONS, logger.warning)
    if channel.state is not ChannelState.UP and "n" not in options:
        await channel.answer(0)
    access = await _enter(channel, arguments)
    if access is None:
        return await _refuse(channel)
    extension = await _dial(channel, access, "p" in options)
    if extension is None:
        return await _refuse(channel)
    if access.caller_id:
        name, number = parse_caller_id(access.caller_id)
        channel.set_caller_id(number, name, number)
    if not await leads(channel, access.context, extension):
        channel.set_variable("INVALID_EXTEN", extension)
        extension = "i"
    channel.goto(access.context, extension, 1)
    return 0


async def _enter(channel: Channel, arguments: list[str]) -> _Access | None:
    """Ask for the passcode; None if it is wrong or does not come."""
    wanted = argument(arguments, 0)
    access = _Access(argument(arguments, 1) or "disa", argument(arguments, 2), argument(arguments, 3), wanted != NO_PASSWORD)
    lines = await channel.system.run_blocking(_read_file, wanted) if wanted.startswith("/") else None
    if lines is not None and any(line.partition(",")[0] == NO_PASSWORD for line in lines):
        return _from_line(next(line for line in lines if line.startswith(NO_PASSWORD)), access)
    if not access.needs_passcode:
        return access
    _play_dial_tone(channel, access)
    given = ""
    wait = channel.response_timeout
    try:
        while (digit := await channel.wait_for_digit(wait)) not in (None, "#"):
            channel.stop_generator()
            given += digit or ""
            wait = channel.digit_timeout
    finally:
        channel.stop_generator()
    if digit is None:
        logger.warning(f"{channel.name}: no passcode for DISA in time")
        return None
    if lines is None:
        if leading_integer(given, -1) == leading_integer(wanted, -2) or given == wanted:
            return access
    else:
        for line in lines:
            if line.partition(",")[0] == given:
                return _from_line(line, access)
    logger.warning(f"{channel.name}: wrong passcode for DISA")
    return None


def _read_file(name: str) -> list[str]:
    try:
        text = Path(name).read_text("utf-8", "replace")
    except OSError as error:
        logger.warning(f"{name}: {error.strerror}")
        return []
    return [line.strip() for line in text.splitlines() if line.strip() and line.strip()[0] not in "#;"]


def _from_line(line: str, default: _Access) -> _Access:
    fields = split_arguments(line)
    return _Access(
        argument(fields, 1) or default.context,
        argument(fields, 2) or default.caller_id,
        argument(fields, 3) or default.mailbox,
    )


def _play_dial_tone(channel: Channel, access: _Access) -> None:
    has_messages = bool(access.mailbox) and channel.system.mailboxes.state(access.mailbox).new > 0
    channel.system.tones.play(channel, "dialrecall" if has_messages else "dial")


async def _dial(channel: Channel, access: _Access, is_terminated: bool) -> str | None:
    """Read an extension; None if none comes in time."""
    _play_dial_tone(channel, access)
    number = caller_number(channel)
    plan = plan_of(channel)
    extension = ""
    wait = channel.response_timeout
    try:
        while True:
            digit = await channel.wait_for_digit(wait)
            if digit is None:
                return extension if extension and await leads(channel, access.context, extension) else None
            if digit == "#" and is_terminated:
                return extension or None
            extension += digit
            if not plan.ignore_pattern(access.context, extension):
                channel.stop_generator()
            if not await may_go_on(plan, access.context, extension, number):
                return extension
            wait = channel.digit_timeout
    finally:
        channel.stop_generator()


async def _refuse(channel: Channel) -> int:
    channel.system.tones.play(channel, "congestion")
    await channel.wait(None, 10)
    return -1
