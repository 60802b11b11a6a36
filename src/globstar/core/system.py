"""The root object: one switch with all its registries, channels and services. Two may live in one process."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from globstar.base.log import Logger, call_id
from globstar.base.tasks import TaskOwner
from globstar.core import events
from globstar.core.bus import EventBus
from globstar.core.frame import Control
from globstar.core.functions import FunctionTable
from globstar.core.heard import Heard
from globstar.core.loader import ModuleLoader
from globstar.core.registry import ApplicationSpec, FunctionSpec, Registry, Spec
from globstar.core.settings import Directories, Options
from globstar.core.soundstore import SoundStore
from globstar.core.switches import ask_switch
from globstar.core.testevents import tell_state
from globstar.core.tones import Tones
from globstar.core.translate import TranslationRegistry
from globstar.core.variables import GlobalVariables
from globstar.core.watchdog import LoopWatchdog
from globstar.core.workers import LooseWorkers, Workers
from globstar.dialplan.plan import Dialplan
from globstar.dialplan.reader import GeneralOptions
from globstar.media.ticker import Ticker

if TYPE_CHECKING:
    from globstar.core.astdb import AstDb
    from globstar.core.boot import Configuration
    from globstar.core.bridge import Bridge
    from globstar.core.bridgetech import BridgeTechnologySpec
    from globstar.core.channel import Channel
    from globstar.core.devicestate import DeviceStates
    from globstar.core.mailboxes import Mailboxes
    from globstar.core.realtime import Realtime
    from globstar.core.tech import ChannelTech, TechSpec

logger = Logger("system")
T = TypeVar("T")

#: How long a stop waits for channels to say goodbye, seconds.
STOP_WAIT = 5.0
#: Programs that calls run at a time (System(), SHELL(), the commands of recordings); more wait for the end of one.
COMMAND_THREADS = 64
#: Names of registries whose entries are found whatever the case of the name.
_FOLDED = {"application", "tech", "manager action"}


class System:
    """One running switch. Made on the event loop that it uses; ``start`` and ``stop`` frame its life.

    ``wall_clock`` gives UTC seconds, the loop's clock the monotonic ones, so that tests can run on virtual time.
    """

    def __init__(
        self,
        *,
        directories: Directories | None = None,
        options: Options | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.directories: Directories = directories or Directories()
        self.options: Options = options or Options()
        self.wall_time: Callable[[], float] = wall_clock
        self.now = self.loop.time
        self.started_at = self.now()
        self.started_wall = wall_clock()
        self.last_reload_wall = self.started_wall
        #: whether test events are told (``testevents`` of asterisk.conf)
        self.test_events: bool = self.options.testevents
        self.entity_id: str = self.options.entityid or _default_entity_id()
        #: names this installation; the AstDB keeps it
        self.pbx_uuid = str(uuid.uuid4())
        self.bus = EventBus()
        self.heard = Heard(self.bus)
        self._registries: dict[str, Registry[Any]] = {}
        self.applications: Registry[ApplicationSpec] = self.registry("application")
        self.function_registry: Registry[FunctionSpec] = self.registry("function")
        self.techs: Registry[TechSpec] = self.registry("tech")
        self.bridge_technologies: Registry[BridgeTechnologySpec] = self.registry("bridge technology")
        self.functions = FunctionTable(self.function_registry)
        self.translation = TranslationRegistry(self.registry("translator"))
        self.globals = GlobalVariables(self.bus)
        self.plan = self.new_plan()
        self.dialplan_options = GeneralOptions()
        self.channels: dict[str, Channel] = {}
        self.channels_by_id: dict[str, Channel] = {}
        self.bridges: dict[str, Bridge] = {}
        self.services: dict[str, Any] = {}
        self.tasks = TaskOwner("system")
        self.ticker = Ticker(self.loop)
        self.executor = Workers(4, "globstar-slow")
        #: for programs that calls run, which may take as long as they like
        self.commands = LooseWorkers(COMMAND_THREADS, "globstar-command")
        self.loader = ModuleLoader(self, Path(self.directories.astmoddir))
        self.watchdog = LoopWatchdog(self.loop)
        self.tones = Tones(self)
        self.sounds = SoundStore(
            self.registry("fileformat"),
            self.translation,
            Path(self.directories.astdatadir) / "sounds",
            language_prefix=self.options.languageprefix,
            search_custom=self.options.sounds_search_custom_dir,
        )
        if self.options.cache_record_files:
            self.sounds.record_cache = Path(self.options.record_cache_dir)
        #: set by ``core.boot``: the configuration folder, the AstDB, device states and hints, realtime
        self.configuration: Configuration
        self.database: AstDb
        self.device_states: DeviceStates
        self.mailboxes: Mailboxes
        self.realtime: Realtime
        self.calls_processed = 0
        #: mean level below which audio is silence (dsp.conf)
        self.silence_threshold = 256
        #: the configuration folder, the AstDB and device states are there
        self.is_configured = False
        self.booted = asyncio.Event()
        #: set to end the server (``core stop now``, SIGTERM)
        self.stop_requested = asyncio.Event()
        self.accepts_calls = True
        self._unique_number = 0
        self._channel_numbers: dict[str, int] = {}
        self._call_number = 0

    # -- registries ------------------------------------------------------------------------------------------------

    def registry(self, kind: str) -> Registry[Any]:
        """The registry of ``kind`` (``application``, ``cli command`` ...), made on first use."""
        registry = self._registries.get(kind)
        if registry is None:
            registry = self._registries[kind] = Registry[Spec](kind, fold=kind in _FOLDED)
        return registry

    def find_tech(self, name: str) -> TechSpec | None:
        """The technology called ``name`` or known by it as an alias."""
        spec = self.techs.get(name)
        if spec is not None:
            return spec
        wanted = name.lower()
        return next((s for s in self.techs if wanted in (alias.lower() for alias in s.tech.aliases)), None)

    def service(self, name: str, type_: type[T]) -> T | None:
        """The service ``name`` that a module offers to others (music on hold, voicemail ...), None if not loaded."""
        found: T | None = self.services.get(name)
        return found

    # -- identities ------------------------------------------------------------------------------------------------

    @property
    def default_language(self) -> str:
        """The language of new channels."""
        return self.options.defaultlanguage

    def next_unique_id(self) -> str:
        """``seconds.number``, with the system's name in front if it has one; never given twice."""
        number = self._unique_number
        self._unique_number += 1
        prefix = f"{self.options.systemname}-" if self.options.systemname else ""
        return f"{prefix}{int(self.wall_time())}.{number}"

    def next_channel_name(self, base: str) -> str:
        """``PJSIP/bob`` becomes ``PJSIP/bob-00000000``, counting per technology as Asterisk does."""
        tech = base.partition("/")[0]
        number = self._channel_numbers.get(tech, 0)
        self._channel_numbers[tech] = number + 1
        return f"{base}-{number & 0xFFFFFFFF:08x}"

    def next_call_id(self) -> str:
        """The id that all log lines of one call carry: ``C-00000001``."""
        self._call_number += 1
        return f"C-{self._call_number:08x}"

    def local_time(self, wall: float | None = None) -> datetime:
        """``wall`` (now by default) as an aware time in the machine's zone."""
        return datetime.fromtimestamp(self.wall_time() if wall is None else wall, UTC).astimezone()

    # -- channels --------------------------------------------------------------------------------------------------

    def add_channel(self, channel: Channel) -> None:
        """A channel came into being. Called by the channel itself."""
        self.channels[channel.name] = channel
        self.channels_by_id[channel.unique_id] = channel
        self._note_use(channel.tech, 1)

    def announce_channel(self, channel: Channel) -> None:
        """The driver has filled in the new channel: tell the listeners."""
        self.bus.publish(events.ChannelCreated(channel))

    def remove_channel(self, channel: Channel) -> None:
        """A channel is gone. Called by the channel itself."""
        if self.channels.get(channel.name) is channel:
            del self.channels[channel.name]
        if self.channels_by_id.get(channel.unique_id) is channel:
            del self.channels_by_id[channel.unique_id]
        self._note_use(channel.tech, -1)

    def technology_changed(self, channel: Channel, old: ChannelTech, new: ChannelTech) -> None:
        """A channel is carried by another technology from now on. Called by the channel itself."""
        self._note_use(old, -1)
        self._note_use(new, 1)

    def _note_use(self, tech: ChannelTech, change: int) -> None:
        """A channel begins (1) or ends (-1) to use the module of its technology."""
        spec = self.techs.get(tech.name)
        module = self.loader.modules.get(spec.module) if spec is not None else None
        if module is not None:
            module.use_count += change

    def find_channel(self, text: str) -> Channel | None:
        """The channel of that name or unique id, or the first whose name begins with it; case is ignored."""
        channel = self.channels.get(text) or self.channels_by_id.get(text)
        if channel is not None or not text:
            return channel
        wanted = text.lower()
        for name, candidate in self.channels.items():
            if name.lower() == wanted:
                return candidate
        return next((c for name, c in self.channels.items() if name.lower().startswith(wanted)), None)

    def start_pbx(self, channel: Channel) -> asyncio.Task[Any]:
        """Start the task that runs the dialplan on ``channel`` from its context, extension and priority, and owns it."""
        from globstar.core.pbx import run_pbx

        self.calls_processed += 1
        if not channel.call_id:
            channel.call_id = self.next_call_id()
            tell_state(self, "CallIDChange", channel, CallID=channel.call_id, PriorCallID="")
        return channel.tasks.start(run_pbx(channel), name="pbx")

    def start_call_task(self, channel: Channel, coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start a task that owns ``channel`` without a dialplan (a callee after its call, an originated application)."""
        return channel.tasks.start(_with_call_id(channel, coroutine), name=name)

    def redirect(self, channel: Channel, context: str, extension: str, priority: int) -> None:
        """Send ``channel`` elsewhere in the dialplan, whatever it does now; see :meth:`Channel.redirect`."""
        from globstar.core.pbx import redirect_channel

        redirect_channel(channel, context, extension, priority)

    def hint_of(self, channel: Channel | None, context: str, extension: str) -> tuple[str, str] | None:
        """The hint of an extension: device list and display name."""
        step = self.plan.hint(context, extension)
        if step is None:
            return None
        devices, _, name = step.app_name.partition(",")
        return devices, name

    def new_plan(self) -> Dialplan:
        """An empty dialplan that asks this system's switches."""
        return Dialplan(self.local_time, lambda switch, query: ask_switch(self, switch, query))

    # -- tones -----------------------------------------------------------------------------------------------------

    def indicate_in_band(self, channel: Channel, condition: Control, data: Any) -> None:
        """The technology cannot tell the endpoint of ``condition``: let it hear it."""
        if self.test_events and condition is Control.RINGING:
            tell_state(self, "RINGING_INBAND", channel)
        self.tones.indicate(channel, condition, data)

    def start_digit_tone(self, channel: Channel, digit: str) -> None:
        """Play the tone of ``digit`` until stopped."""
        self.tones.start_digit(channel, digit)

    def stop_digit_tone(self, channel: Channel) -> None:
        """Stop the tone of a digit."""
        self.tones.stop_digit(channel)

    # -- life ------------------------------------------------------------------------------------------------------

    async def run_blocking(self, function: Callable[..., T], *args: Any) -> T:
        """Run something slow (files, libraries) off the loop."""
        return await self.loop.run_in_executor(self.executor, function, *args)

    async def run_command(self, function: Callable[..., T], *args: Any) -> T:
        """Run something that waits for a program of the user's: apart from what is slow only, which must not wait for it.

        At most :data:`COMMAND_THREADS` run at a time; the end of the server waits for none.
        """
        return await self.loop.run_in_executor(self.commands, function, *args)

    @property
    def is_booted(self) -> bool:
        """Whether everything is loaded."""
        return self.booted.is_set()

    def mark_booted(self) -> None:
        """Everything is loaded; calls are welcome."""
        self.booted.set()
        self.bus.publish(events.FullyBooted(self.now() - self.started_at))

    async def wait_until_idle(self) -> None:
        """Wait until there is no channel."""
        gone = asyncio.Event()
        unsubscribe = self.bus.subscribe(events.ChannelHungUp, lambda event: gone.set())
        try:
            while self.channels:
                gone.clear()
                await gone.wait()
        finally:
            unsubscribe()

    async def stop(self) -> None:
        """Hang up all channels, unload all modules, end all tasks."""
        from globstar.core.channel import SoftHangup

        self.accepts_calls = False
        self.bus.publish(events.ShuttingDown(bool(self.services.get("restart"))))
        for channel in list(self.channels.values()):
            channel.request_hangup(SoftHangup.SHUTDOWN)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.wait_until_idle(), STOP_WAIT)
        for channel in list(self.channels.values()):
            logger.warning(f"{channel.name} did not hang up in time")
            channel.hangup()
        for bridge in list(self.bridges.values()):
            bridge.dissolve()
        await self.loader.unload_all()
        await self.tasks.close()
        self.watchdog.stop()
        self.executor.shutdown(wait=False, cancel_futures=True)
        self.commands.shutdown(cancel_futures=True)


async def _with_call_id(channel: Channel, coroutine: Coroutine[Any, Any, Any]) -> Any:
    call_id.set(channel.call_id)
    return await coroutine


def _default_entity_id() -> str:
    """Six octets of the machine's first network interface, as Asterisk's EID."""
    node = uuid.getnode()
    return ":".join(f"{node >> shift & 0xFF:02x}" for shift in range(40, -8, -8))
