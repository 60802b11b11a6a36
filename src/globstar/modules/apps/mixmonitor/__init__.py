"""Mixed Audio Monitoring Application."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.cli import CliFailure, CliUsage, by_place, cli_command
from globstar.core.functions import FunctionError
from globstar.core.manager import ActionFault, ActionRequest, Answer, Permission, failure, manager_action, success
from globstar.core.party import format_caller_id
from globstar.core.periodicsound import play_over
from globstar.core.playback import SoundMissing, play
from globstar.core.registry import application, function
from globstar.core.services import CallRecorder
from globstar.core.soundfile import SoundFault
from globstar.dialplan.arguments import ParsedOptions, argument, parse_options, split_arguments
from globstar.dialplan.substitute import substitute
from globstar.modules.apps.mixmonitor.recorder import Recorder, RecorderOptions

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("app_mixmonitor")

SERVICE = "call recorder"
#: Period of option B where none is given, seconds.
_BEEP_SECONDS = 15
#: Longest beginning that option s leaves out.
_MOST_SKIPPED_SECONDS = 120
#: How long the module waits for what ends when it is unloaded, seconds.
_END_SECONDS = 5.0
#: In a channel's data: its recordings.
_KEY = "mixmonitors"
_LETTERS = {**dict.fromkeys("abcdDnpP", False), **dict.fromkeys("BimrstvVW", True)}


class MixMonitors(CallRecorder):
    """Service ``call recorder``: the MixMonitors of all channels."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._number = 0
        self._undo = system.bus.subscribe(events.ChannelHungUp, self._hung_up)
        #: recordings that run, and tasks that make files whole or run commands
        self._running: set[Recorder] = set()
        self._ending: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Hear of no channel any more; what runs ends, and its files are whole, unless the disk takes too long."""
        self._undo()
        for recorder in tuple(self._running):
            self._end(recorder)
        deadline = self._system.now() + _END_SECONDS
        while self._ending and (left := deadline - self._system.now()) > 0:
            await asyncio.wait(self._ending, timeout=left)

    def recorders(self, channel: Channel) -> list[Recorder]:
        """Those that run on a channel, the oldest first."""
        kept: list[Recorder] | None = channel.data.get(_KEY)
        return kept if kept is not None else []

    def start(self, channel: Channel, file: str, options: str = "", command: str = "") -> str:
        """See CallRecorder."""
        return self.begin(channel, file, parse_options(options, _LETTERS, logger.warning), command).identity

    def begin(self, channel: Channel, file: str, options: ParsedOptions, command: str) -> Recorder:
        """Start a recording with options that are read already. Raises SoundFault."""
        both = _volume(options, "W")
        wanted = RecorderOptions(
            append="a" in options,
            only_bridged="b" in options,
            interleaved="D" in options,
            synchronised="n" not in options,
            delete="d" in options,
            said_volume=both or _volume(options, "V"),
            heard_volume=both or _volume(options, "v"),
            said_file=options.get("r", ""),
            heard_file=options.get("t", ""),
            mailboxes=tuple(box for box in options.get("m").split(",") if box.strip()),
            beep_seconds=_beep_seconds(options),
            beeps_at_end="P" in options,
            skipped_seconds=_skipped_seconds(options),
            caller_id=_caller_id(channel, is_own="c" in options) if "m" in options else "",
        )
        if not _names_file(file, options):
            raise SoundFault("MixMonitor needs a file")
        for letter in "irtm":
            if letter in options and not options.get(letter).strip():
                logger.warning(f"MixMonitor: option {letter} needs a value in parentheses")
        if wanted.interleaved and file and not file.endswith(".raw"):
            logger.warning(f"MixMonitor: option D makes two channels, which only a .raw file can hold, not '{file}'")
        self._number += 1
        recorder = Recorder(channel, f"0x{self._number:012x}", wanted)
        recorder.start(file)
        if command:  # MIXMONITOR_FILENAME is the file of this recording already
            recorder.command = substitute(command.replace("^{", "${"), channel.variables)
        channel.data.setdefault(_KEY, []).append(recorder)
        self._running.add(recorder)
        self._note_use(1)
        if options.get("i"):
            channel.set_variable(options.get("i", ""), recorder.identity)
        return recorder

    async def stop(self, channel: Channel, identity: str = "") -> bool:
        """See CallRecorder."""
        return await self.finish(channel, identity) is not None

    async def finish(self, channel: Channel, identity: str = "") -> Recorder | None:
        """End a recording, the oldest without an id, and give it; its files are whole then. None if there is none."""
        kept = self.recorders(channel)
        chosen = next((recorder for recorder in kept if not identity or recorder.identity == identity), None)
        if chosen is None:
            return None
        await asyncio.shield(self._end(chosen))  # whoever waits for it may go, the files must be made whole
        return chosen

    def mute(self, channel: Channel, direction: str, is_muted: bool) -> int:
        """See CallRecorder."""
        directions = {"read", "write"} if direction == "both" else {direction}
        recorders = self.recorders(channel)
        for recorder in recorders:
            recorder.muted = recorder.muted | directions if is_muted else recorder.muted - directions
        if recorders:
            self._system.bus.publish(events.MixMonitorMuted(channel, direction, is_muted))
        return len(recorders)

    def _hung_up(self, event: events.ChannelHungUp) -> None:
        if _KEY in event.channel.data:
            for recorder in tuple(self.recorders(event.channel)):
                self._end(recorder)

    def _end(self, recorder: Recorder) -> asyncio.Task[None]:
        """What ends a recording; its command runs on by itself."""
        self.recorders(recorder.channel).remove(recorder)
        self._running.remove(recorder)
        self._note_use(-1)
        return self._start(self._make_whole(recorder), f"end of MixMonitor of {recorder.channel.name}")

    async def _make_whole(self, recorder: Recorder) -> None:
        await recorder.stop()
        if recorder.command:
            self._start(recorder.follow(), f"command of MixMonitor of {recorder.channel.name}")
        else:
            await recorder.follow()

    def _start(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = self._system.tasks.start(coroutine, name=name)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    def _note_use(self, change: int) -> None:
        """A recording begins (1) or ends (-1): the module is in use."""
        module = self._system.loader.modules.get("app_mixmonitor")
        if module is not None:
            module.use_count += change


def _names_file(file: str, options: ParsedOptions) -> bool:
    """Whether there is something to record to: one file of both directions, or one of its own for each that counts."""
    return bool(file or options.get("r", "") or options.get("t", ""))


def _beep_seconds(options: ParsedOptions) -> int:
    """The period of option B, 0 without it."""
    if "B" not in options:
        return 0
    text = options.get("B").strip()
    if text and (not text.isdecimal() or not int(text)):
        logger.warning(f"MixMonitor: option B takes seconds, not '{text}'")
        text = ""
    return int(text or _BEEP_SECONDS)


def _skipped_seconds(options: ParsedOptions) -> int:
    """The seconds of option s, 0 without it."""
    text = options.get("s").strip() if "s" in options else ""
    if "s" in options and not (text.isdecimal() and 1 <= int(text) <= _MOST_SKIPPED_SECONDS):
        logger.warning(f"MixMonitor: option s takes 1 to {_MOST_SKIPPED_SECONDS} seconds, not '{text}'")
        return 0
    return int(text or 0)


def _caller_id(channel: Channel, *, is_own: bool) -> str:
    """Who a message in a mailbox is from: the party that the channel is connected to, or its own caller id."""
    party = channel.caller.id if is_own else channel.connected.id
    return format_caller_id(party.name.text, party.number.text, "Unknown")


def _volume(options: ParsedOptions, letter: str) -> int:
    text = options.get(letter, "")
    if not text:
        return 0
    try:
        steps = int(text)
    except ValueError:
        steps = 5
    if not -4 <= steps <= 4:
        logger.warning(f"MixMonitor: option {letter} takes -4 to 4, not '{text}'")
        return 0
    return 2 * steps


def _service(system: System) -> MixMonitors:
    service = system.services[SERVICE]
    assert isinstance(service, MixMonitors)
    return service


@application("MixMonitor", syntax="MixMonitor(filename.extension[,options[,command]])")
async def mix_monitor(channel: Channel, data: str) -> int | None:
    """Record what a channel says and hears, mixed into one file, until StopMixMonitor or the end of the channel.

    Without a slash at its start the file goes into the folder monitor of the spool. Options: a appends, b records only while
    the channel is bridged, r(file) and t(file) record what it says and hears into files of their own (n: without filling them up
    with silence), D puts both side by side into one file of raw audio, v(x) V(x) W(x) change the volume of what is heard,
    said, or both (-4 to 4), i(variable) keeps the id, d deletes the files at the end, p and P play a beep at the start and
    the end, B(seconds) beeps into the call every so often (15), s(seconds) leaves out the beginning (1 to 120).
    m(mailbox@context/folder,...) puts a copy into mailboxes, from whom the channel is connected to, or with c from the
    channel's own caller id. command runs in a shell at the end; ``^{X}`` in it is the variable X of the time of the start.
    MIXMONITOR_FILENAME is the file.
    """
    file, options, command = read_arguments(data)
    if not _names_file(file, options):
        logger.warning("MixMonitor requires an argument (filename, or option r or t with a file)")
        return -1
    try:
        _service(channel.system).begin(channel, file, options, command)
    except SoundFault as fault:  # a full disk or a wrong name costs the recording, not the call
        logger.error(f"MixMonitor on {channel.name}: {fault}")
        return None
    if "p" in options:
        await _beep(channel)
    return None


def read_arguments(data: str) -> tuple[str, ParsedOptions, str]:
    """File, options and command; the command may hold commas."""
    arguments = split_arguments(data, 3)
    return argument(arguments, 0), parse_options(argument(arguments, 1), _LETTERS, logger.warning), argument(arguments, 2)


@application("StopMixMonitor", syntax="StopMixMonitor([MixMonitorID])")
async def stop_mix_monitor(channel: Channel, data: str) -> None:
    """End a recording by MixMonitor, the oldest without an id; its files are whole afterwards."""
    identity = data.strip()
    ended = await _service(channel.system).finish(channel, identity)
    if ended is None and identity:
        logger.warning(f"{channel.name} has no MixMonitor '{identity}'")
    if ended is not None and ended.options.beeps_at_end:
        await _beep(channel)


async def _beep(channel: Channel) -> None:
    try:
        await play(channel, "beep", stop_on="")
    except SoundMissing as missing:
        logger.warning(f"MixMonitor on {channel.name}: {missing}")


def _beep_over(channel: Channel) -> None:
    """The beep of who starts or stops a recording from outside: the channel hears it over what goes on."""
    if not channel.is_hung_up:
        channel.tasks.start(play_over(channel, "beep"), name="beep of a recording")


@function("MIXMONITOR", syntax="MIXMONITOR(id,key)")
def mixmonitor_function(channel: Channel | None, args: str) -> str:
    """What a MixMonitor of the channel does; the key filename gives its file."""
    if channel is None:
        raise FunctionError("MIXMONITOR needs a channel")
    identity, _, key = (part.strip() for part in args.partition(","))
    if key.lower() != "filename":
        raise FunctionError(f"MIXMONITOR knows the key filename, not '{key}'")
    for recorder in _service(channel.system).recorders(channel):
        if recorder.identity == identity:
            return recorder.names[0]
    raise FunctionError(f"{channel.name} has no MixMonitor '{identity}'")


@cli_command(
    "mixmonitor",
    usage="mixmonitor <start|stop|list> <chan_name> [args]",
    complete=by_place(("start", "stop", "list"), lambda system: system.channels),
)
async def mixmonitor_command(system: System, args: list[str]) -> str:
    """Start, stop or list the recordings of a channel."""
    if len(args) < 2 or args[0] not in ("start", "stop", "list"):
        raise CliUsage
    channel = system.channels.get(args[1])
    if channel is None:
        raise CliFailure(f"No channel matching '{args[1]}' found.")
    service = _service(system)
    if args[0] == "start":
        if len(args) < 3:
            raise CliUsage
        file, options, command = read_arguments(args[2])
        try:
            service.begin(channel, file, options, command)
        except SoundFault as fault:
            raise CliFailure(str(fault)) from fault
        if "p" in options:
            _beep_over(channel)
        return ""
    if args[0] == "stop":
        ended = await service.finish(channel, args[2] if len(args) > 2 else "")
        if ended is not None and ended.options.beeps_at_end:
            _beep_over(channel)
        return ""
    lines = ["MixMonitor ID\tFile\tReceive File\tTransmit File", "=" * 73]
    lines += ["\t".join((recorder.identity, *recorder.names)) for recorder in service.recorders(channel)]
    return "\n".join(lines)


def load(system: System) -> None:
    """Offer the service ``call recorder``."""
    system.services[SERVICE] = MixMonitors(system)


async def unload(system: System) -> None:
    """Recordings that run end: by hand the module is unloaded only when there is none, or by force."""
    service = system.services.pop(SERVICE, None)
    if service is not None:
        await service.close()


# -- the manager's actions ----------------------------------------------------------------------------------------------------


def _asked(request: ActionRequest) -> tuple[MixMonitors, Channel]:
    """The service and the channel that an action is about. Raises ActionFault."""
    name = request.get("Channel")
    if not name:
        raise ActionFault("No channel specified")
    channel = request.system.channels.get(name) or request.system.channels_by_id.get(name)
    if channel is None:
        raise ActionFault("No such channel")
    service = request.system.service(SERVICE, MixMonitors)
    if service is None:
        raise ActionFault("MixMonitor is not loaded")
    return service, channel


@manager_action(
    "MixMonitor", Permission.SYSTEM,
    synopsis="Record a call and mix the audio during the recording.  Use of StopMixMonitor is required to guarantee"
    " the audio file is available for processing during dialplan execution.",
)  # fmt: skip
def manager_mixmonitor(request: ActionRequest) -> Answer:
    """Begin to record a channel."""
    service, channel = _asked(request)
    options = parse_options(request.get("Options"), _LETTERS, logger.warning)
    if not _names_file(request.get("File"), options):
        return failure("No file specified")
    try:
        recorder = service.begin(channel, request.get("File"), options, request.get("Command"))
    except SoundFault as fault:
        logger.error(f"MixMonitor on {channel.name}: {fault}")
        return failure("Could not start monitoring channel")
    if "p" in options:
        _beep_over(channel)
    return success(None, ("MixMonitorID", recorder.identity)) if options.get("i", "") else success()


@manager_action(
    "StopMixMonitor", Permission.SYSTEM | Permission.CALL,
    synopsis="Stop recording a call through MixMonitor, and free the recording's file handle.",
)  # fmt: skip
async def manager_stop_mixmonitor(request: ActionRequest) -> Answer:
    """End a recording of a channel, the oldest unless an id is given."""
    service, channel = _asked(request)
    ended = await service.finish(channel, request.get("MixMonitorID"))
    if ended is None:
        return failure("Could not stop monitoring channel")
    if ended.options.beeps_at_end:
        _beep_over(channel)
    return success()


@manager_action("MixMonitorMute", Permission.SYSTEM | Permission.CALL, synopsis="Mute / unMute a Mixmonitor recording.")
def manager_mute_mixmonitor(request: ActionRequest) -> Answer:
    """Record silence of a direction, or its sound again."""
    service, channel = _asked(request)
    direction, state = request.get("Direction").lower(), request.get("State")
    if not direction:
        return failure("No direction specified. Must be read, write or both")
    if direction not in ("read", "write", "both"):
        return failure("Invalid direction specified. Must be read, write or both")
    if not state:
        return failure("No state specified. Must be 0 or 1")
    is_muted = state.lower() in ("1", "yes", "true", "on")
    return success() if service.mute(channel, direction, is_muted) else failure("Cannot set mute flag")
