"""AGI() and EAGI()."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.channel import Channel, NoTranslation
from globstar.core.format import find_format, slin
from globstar.core.frame import Frame, FrameType
from globstar.core.registry import application
from globstar.dialplan.arguments import split_arguments
from globstar.modules.res.agi.asynchronous import QueueScript
from globstar.modules.res.agi.dialogue import AgiStatus, Dialogue
from globstar.modules.res.agi.environment import dialogue_environment
from globstar.modules.res.agi.fast import start_fast
from globstar.modules.res.agi.local import LocalScript, start_local
from globstar.modules.res.agi.script import Script, ScriptMissing, ScriptRefused
from globstar.modules.res.agi.service import service_of
from globstar.proto.agi import AgiFault, is_place, parse_place

if TYPE_CHECKING:
    from globstar.core.format import Format
    from globstar.core.translate import TranslationPath

logger = Logger("res_agi")

ASYNC = "agi:async"


@application("AGI", syntax="AGI(command[,arg1[,arg2[,...]]])")
async def agi(channel: Channel, data: str) -> int:
    """Let a script command the call.

    command is a program (below the AGI directory unless its path is absolute), agi://host[:port][/script] for a FastAGI
    server, hagi://domain[/script] for one found by its SRV records (_agi._tcp), or agi:async for commands that come through
    the manager interface. A program reads answers from its standard input and writes commands to its standard output.

    When the caller hangs up a program gets the signal SIGHUP and a FastAGI server the line HANGUP, unless AGISIGHUP is no;
    either may go on with what can be done without a call. AGIEXITONHANGUP set to yes ends the script's commands then.

    AGISTATUS is SUCCESS, FAILURE, NOTFOUND or HANGUP.
    """
    return await _run(channel, data)


@application("EAGI", syntax="EAGI(command[,arg1[,arg2[,...]]])")
async def eagi(channel: Channel, data: str) -> int:
    """Let a program command the call and hear the caller.

    Works like AGI(). What the caller says comes on the program's descriptor 3 as signed 16 bit samples at 8 kHz, or
    in the format that EAGI_AUDIO_FORMAT names (slin16 for 16 kHz). What it does not read in time is lost.
    """
    if is_place(data) or data.partition(",")[0].strip().lower() == ASYNC:
        logger.warning("EAGI: audio is there for programs on this machine only")
        channel.set_variable("AGISTATUS", AgiStatus.FAILURE.value)
        return 0
    return await _run(channel, data, with_audio=True)


async def _run(channel: Channel, data: str, *, with_audio: bool = False) -> int:
    command, *arguments = split_arguments(data) or [""]
    if not command:
        logger.warning("AGI requires an argument (script)")
        return -1
    if command.lower() == ASYNC:
        return await _run_queue(channel, command, arguments)
    network_script = None
    status = AgiStatus.FAILURE
    script: Script
    try:
        if is_place(command):
            place = parse_place(command)
            network_script = place.script
            script = await start_fast(channel.system, place)
        else:
            script = await start_local(channel.system, command, arguments, with_audio=with_audio)
    except ScriptMissing as missing:
        logger.warning(f"AGI on {channel.name}: {missing}")
        status = AgiStatus.NOTFOUND
    except (ScriptRefused, AgiFault) as refused:
        logger.warning(f"AGI on {channel.name}: {refused}")
    else:
        logger.verbose(3, f"Launched AGI script {script.name}")
        environment = dialogue_environment(channel, command, arguments, is_enhanced=with_audio, network_script=network_script)
        status = await _converse(channel, script, environment, with_audio)
    channel.set_variable("AGISTATUS", status.value)
    return -1 if status is AgiStatus.HANGUP else 0


async def _converse(channel: Channel, script: Script, environment: list[str], with_audio: bool) -> AgiStatus:
    on_frame = _audio_taker(channel, script) if with_audio and isinstance(script, LocalScript) else None
    dialogue = Dialogue(channel, script, service_of(channel.system), on_frame)
    try:
        return await dialogue.run(environment)
    finally:
        script.close()
        if on_frame is not None and not channel.is_hung_up:
            channel.set_read_format(channel.raw_read_format)


def _audio_taker(channel: Channel, script: LocalScript) -> Callable[[Frame], None]:
    """Gives the caller's voice to the script, in the format that it wants."""
    name = channel.get_variable("EAGI_AUDIO_FORMAT")
    wanted = find_format(name) if name else slin
    if wanted is None:
        logger.warning(f"EAGI on {channel.name}: there is no format '{name}'; slin is used")
        wanted = slin
    try:
        channel.set_read_format(wanted)
    except NoTranslation as error:
        logger.warning(f"EAGI: {error}; the script hears nothing")
        return lambda frame: None

    source: Format | None = None
    path: TranslationPath | None = None

    def take(frame: Frame) -> None:
        nonlocal source, path
        if frame.type is not FrameType.VOICE or frame.format is None:
            return
        if frame.format.codec is wanted.codec:
            script.write_audio(bytes(frame.data))
            return
        if frame.format is not source:  # what ran for the script, Record() for one, has left another format
            source, path = frame.format, channel.system.translation.build_path(frame.format, wanted)
        translated = path.translate(frame) if path is not None else None
        if translated is not None:
            script.write_audio(bytes(translated.data))

    return take


async def _run_queue(channel: Channel, command: str, arguments: list[str]) -> int:
    service = service_of(channel.system)
    bus = channel.system.bus
    script = QueueScript(channel)
    environment = dialogue_environment(channel, "async", arguments)
    service.queues[channel] = script
    bus.publish(events.AsyncAgiStarted(channel, "".join(f"{line}\n" for line in [*environment, ""])))
    try:
        status = await Dialogue(channel, script, service).run(environment)
    finally:
        script.close()
        del service.queues[channel]
        bus.publish(events.AsyncAgiEnded(channel))
    channel.set_variable("AGISTATUS", status.value)
    return -1 if status is AgiStatus.HANGUP else 0
