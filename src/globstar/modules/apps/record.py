"""Trivial Record Application."""

from __future__ import annotations

import os
from functools import partial

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone, ChannelState
from globstar.core.functions import FunctionError
from globstar.core.playback import SoundMissing, play
from globstar.core.recording import RecordEnd, record
from globstar.core.registry import application, function
from globstar.core.soundfile import SoundFault
from globstar.core.soundstore import SoundStore
from globstar.core.system import System
from globstar.core.testevents import tell_state
from globstar.dialplan.arguments import argument, parse_options, split_arguments

logger = Logger("app_record")

#: In the channel's data: how long its last recording is, ms.
_DURATION = "recording duration"
#: In the system's services: names that were made of %d and are being recorded.
_NUMBERED = "numbered recordings"
_OPTIONS = dict.fromkeys("anoqstuxky", False)


def load(system: System) -> None:
    """Nothing is recorded yet."""
    system.services.setdefault(_NUMBERED, set())


@application("Record", syntax="Record(filename.format[,silence[,maxduration[,options]]])")
async def record_application(channel: Channel, data: str) -> int | None:
    """Record the caller into a file.

    silence ends it after so many seconds of silence, maxduration after so many seconds in all; %d in the name becomes
    the first number for which there is no file. Keys: # ends it. Options: a appends, n does not answer the call, o lets
    0 end it with RECORD_STATUS OPERATOR, q plays no beep, s skips an unanswered call, t uses * instead of #, u keeps the
    silence at the end, x ignores all keys, k keeps the file when the caller hangs up (without it the file is removed then,
    unless it was appended to), y lets any key end it. RECORDED_FILE is the name without format. RECORD_STATUS is DTMF,
    SILENCE, SKIP, TIMEOUT, HANGUP, OPERATOR or ERROR.
    """
    arguments = split_arguments(data)
    name = argument(arguments, 0)
    name, dot, extension = name.rpartition("." if "." in name else ":")
    if not name or not dot or not extension:
        logger.warning("Record requires an argument (filename.format)")
        channel.set_variable("RECORD_STATUS", "ERROR")
        return -1
    sounds = channel.system.sounds
    if "%d" not in name:
        if "%" in name:
            logger.warning(f"Record: '{name}' has a % that is not %d; it is taken as it is")
        return await _record(channel, name, extension, arguments)
    taken: set[str] = channel.system.services[_NUMBERED]
    number = await channel.system.run_blocking(_next_number, sounds, name, channel.language, 0)
    while name.replace("%d", str(number)) in taken:  # a recording that has not begun to write yet
        number = await channel.system.run_blocking(_next_number, sounds, name, channel.language, number + 1)
    name = name.replace("%d", str(number))
    taken.add(name)
    try:
        return await _record(channel, name, extension, arguments)
    finally:
        taken.discard(name)


async def _record(channel: Channel, name: str, extension: str, arguments: list[str]) -> int | None:
    """What Record does with a name that is settled."""
    options = parse_options(argument(arguments, 3), _OPTIONS, logger.warning)
    silence, maximum = _seconds(argument(arguments, 1)), _seconds(argument(arguments, 2))
    sounds = channel.system.sounds
    channel.set_variable("RECORDED_FILE", name)
    is_up = channel.state is ChannelState.UP
    if not is_up and "s" in options:
        channel.set_variable("RECORD_STATUS", "SKIP")
        return None
    try:
        if not is_up and "n" not in options:
            await channel.answer()
        if "q" not in options:
            await play(channel, "beep", stop_on="")
        if channel.soft_hangup:
            raise ChannelGone(channel.name)
    except SoundMissing as missing:
        logger.warning(f"Record on {channel.name}: {missing}")
    except ChannelGone:
        channel.set_variable("RECORD_STATUS", "HANGUP")
        raise
    try:
        writer = await channel.system.run_blocking(partial(sounds.create, name, extension, append="a" in options))
    except SoundFault as fault:
        logger.warning(f"Record on {channel.name}: {fault}")
        channel.set_variable("RECORD_STATUS", "ERROR")
        return None
    if "x" in options:
        stop_on = ""
    elif "y" in options:
        stop_on = "0123456789*#ABCD"
    else:
        stop_on = ("*" if "t" in options else "#") + ("0" if "o" in options else "")
    result = await record(
        channel, [writer], maximum_seconds=maximum, silence_seconds=silence, stop_on=stop_on, cut_silence="u" not in options
    )
    status = {
        RecordEnd.DIGIT: "OPERATOR" if result.digit == "0" and "o" in options else "DTMF",
        RecordEnd.SILENCE: "SILENCE",
        RecordEnd.TIMEOUT: "TIMEOUT",
        RecordEnd.HANGUP: "HANGUP",
        RecordEnd.FAILED: "ERROR",
    }[result.end]
    channel.set_variable("RECORD_STATUS", status)
    if result.end is RecordEnd.TIMEOUT:
        tell_state(channel.system, "TIMEOUT", channel, Message="Timeout on recording")
    channel.data[_DURATION] = result.duration_ms
    if result.end is not RecordEnd.HANGUP:
        return None
    if not options.letters & {"k", "a"}:
        await channel.system.run_blocking(sounds.delete, name, extension)
    return -1


@function("RECORDING_INFO", syntax="RECORDING_INFO(property)")
def recording_info(channel: Channel | None, args: str) -> str:
    """About the last file that Record() made on this channel.

    ``duration`` is its length in ms; empty where nothing was recorded.
    """
    if channel is None or args.strip().lower() != "duration":
        raise FunctionError(f"RECORDING_INFO knows duration, not '{args}'")
    return str(channel.data.get(_DURATION, ""))


def _next_number(sounds: SoundStore, name: str, language: str, first: int) -> int:
    """The first number from ``first`` on for which there is no file. Asks the disk, once where it can."""
    folder, _, last = name.rpartition("/")
    number = first
    if not name.startswith("/") or "%d" in folder:
        while sounds.exists(name.replace("%d", str(number)), language):
            number += 1
        return number
    known = sounds.extensions()
    try:
        parts = [entry.rpartition(".") for entry in os.listdir(folder)]
    except OSError:  # it is told when the file is made
        return number
    taken = {stem for stem, _, extension in parts if extension in known}
    while last.replace("%d", str(number)) in taken:
        number += 1
    return number


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text)) if text else 0.0
    except ValueError:
        logger.warning(f"'{text}' is no number of seconds")
        return 0.0
