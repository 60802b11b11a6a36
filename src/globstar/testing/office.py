"""An office: the server with a real configuration directory, in virtual time, and the phones that a test plugs in."""

from __future__ import annotations

import asyncio
import gc
import tempfile
import wave
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from globstar.base.log import Level, Record, hub
from globstar.config.source import FileSource
from globstar.core import events
from globstar.core.boot import boot, shut_down
from globstar.core.cdr.posting import CdrBackendSpec
from globstar.core.cdr.record import FinishedRecord
from globstar.core.channel import Channel
from globstar.core.cli import run_command
from globstar.core.settings import Directories, read_settings
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from globstar.media.network import MediaNetwork
from globstar.testing.chance import seeded_chance
from globstar.testing.phone import PATIENCE, CallState, Phone
from globstar.testing.sip_network import MemorySipNetwork
from globstar.testing.story import Story
from globstar.testing.virtual_loop import VirtualTimeLoop

#: UTC seconds at the start of an office: Tuesday, 2023-11-14 22:13:20.
WALL_START = 1_700_000_000.0
#: Where recorded prompts usually are.
_SOUNDS = ("/usr/share/asterisk/sounds", "/var/lib/asterisk/sounds")
#: Folders that are taken from asterisk.conf; all others are temporary.
_READ_ONLY = ("astmoddir", "astdatadir", "astagidir", "astkeydir")
_WILDCARDS = ("0.0.0.0", "::", "")
_FIRST_MEDIA_PORT = 4000


class _OverlaySource(FileSource):
    """A configuration directory with some files replaced."""

    def __init__(self, root: Path, files: Mapping[str, str]) -> None:
        super().__init__(root)
        self.files = files

    def read(self, name: str) -> str:
        """The replacement, or what the directory has."""
        return self.files[name] if name in self.files else super().read(name)

    def glob(self, pattern: str) -> Sequence[str]:
        """Names of the directory, and the replaced one itself."""
        found = super().glob(pattern)
        return [*found, pattern] if pattern in self.files and pattern not in found else found


class _QuietPrompts:
    """Service ``prompts``: every sound that is missing is made, of silence."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        self.seconds = seconds

    def ensure_prompt(self, name: str, language: str = "en") -> Path | None:
        """See Prompts."""
        path = self.folder / language / f"{name}.wav"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(bytes(2 * round(8000 * self.seconds)))
        return path


class Office:
    """``async with Office("etc") as office:`` runs that configuration directory. It must run on a :class:`VirtualTimeLoop`.

    ``files`` replaces or adds configuration files by name. ``seed`` decides everything random. A sound that no file has
    is ``sound_seconds`` of silence. At the end every call is hung up and nothing of it may be left.
    """

    def __init__(
        self,
        configuration: str | Path,
        *,
        files: Mapping[str, str] | None = None,
        seed: int = 1,
        sound_seconds: float = 1.0,
        keeps_story: bool = True,
    ) -> None:
        self.configuration = Path(configuration)
        self.files = dict(files or {})
        self.seed = seed
        self.sound_seconds = sound_seconds
        self.keeps_story = keeps_story
        self.phones: dict[str, Phone] = {}
        #: warnings and errors that were logged
        self.warnings: list[str] = []
        #: call detail records, in the order of their ends
        self.records: list[FinishedRecord] = []
        #: headers of UserEvent, in order: the event's name and its headers
        self.user_events: list[tuple[str, dict[str, str]]] = []
        self.system: System
        self.network: MemorySipNetwork
        self.media: MediaNetwork
        self.story: Story
        #: host and port that phones send to
        self.server: tuple[str, int] = ("127.0.0.1", 5060)
        self._stack = ExitStack()
        self._media_port = _FIRST_MEDIA_PORT
        self._played: dict[str, list[str]] = {}
        self._variables: dict[str, dict[str, str]] = {}
        self._call_ids: dict[str, str] = {}

    # -- beginning and end ---------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Office:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualTimeLoop):
            raise TypeError("an office needs the loop of virtual time: globstar.testing.run_virtual, or the pytest plugin")
        if not self.configuration.is_dir():
            raise FileNotFoundError(f"there is no configuration directory {self.configuration}")
        loop.peers_inside = True
        self._stack.enter_context(seeded_chance(self.seed))
        root = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="globstar-office-")))
        source = _OverlaySource(self.configuration, self.files)
        given, options, _ = read_settings(source)
        directories = Directories.below(root)
        directories.astetcdir = str(self.configuration)
        for name in _existing(given):
            setattr(directories, name, getattr(given, name))
        self.network, self.media = MemorySipNetwork(loop), MediaNetwork(loop, seed=self.seed)
        start = loop.time()
        self.system = system = System(
            directories=directories, options=options, wall_clock=lambda: WALL_START + loop.time() - start
        )
        system.services["sip network"], system.services["rtp sockets"] = self.network, self.media
        if "prompts" not in system.services:
            system.services["prompts"] = _QuietPrompts(root / "prompts", self.sound_seconds)
        hub.add(Level.WARNING | Level.ERROR, self._logged)
        self._stack.callback(hub.remove, self._logged)
        try:
            register_commands(system)
            await boot(system, source, keep_database=False)
            self._listen(str(root))
            self._find_server()
        except BaseException:
            await shut_down(system)
            self._stack.close()
            raise
        loop.jobs_inline = True
        self._spare_the_collector()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        loop = asyncio.get_running_loop()
        try:
            for phone in self.phones.values():
                for call in phone.calls:
                    if call.state != CallState.ENDED and error is None:
                        call.hang_up()
            await asyncio.sleep(1)
            for channel in list(self.system.channels.values()):
                channel.request_hangup()
            await asyncio.sleep(1)
            left = list(self.system.channels)
            for phone in self.phones.values():
                phone.unplug()
        finally:
            assert isinstance(loop, VirtualTimeLoop)
            loop.jobs_inline = False
            await shut_down(self.system)
            self._stack.close()
        if error is None:
            assert not left, f"channels stay after the end of all calls: {', '.join(left)}"

    def _spare_the_collector(self) -> None:
        """As in a server that is up: what the boot made is not visited again, and the old generation seldom."""
        self._stack.callback(gc.set_threshold, *gc.get_threshold())
        self._stack.callback(gc.unfreeze)
        gc.freeze()
        gc.set_threshold(10_000, 5, 2_000)

    def _listen(self, folder: str) -> None:
        bus = self.system.bus
        self.story = Story(self.now, folder)
        if self.keeps_story:
            bus.watch(self.story.take)
        bus.subscribe(events.FilePlayed, self._file_played)
        bus.subscribe(events.VariableSet, self._variable_set)
        bus.subscribe(events.UserEventRaised, lambda event: self.user_events.append((event.name, dict(event.headers))))
        self.system.registry("cdr backend").register(
            CdrBackendSpec(name="office", module="tests", post=lambda _system, records: self.records.extend(records))
        )

    def _find_server(self) -> None:
        for protocol, address in self.network.carriers:
            if protocol == "UDP":
                self.network.aliases[("127.0.0.1", address[1])] = address
                self.server = ("127.0.0.1" if address[0] in _WILDCARDS else address[0], address[1])
                return

    def _logged(self, record: Record) -> None:
        self.warnings.append(record.message)

    # -- what happened -------------------------------------------------------------------------------------------------------

    def _call_id(self, channel: Channel) -> str:
        """The Call-ID of a channel's call, also after its end; "" if it has none."""
        found = self._call_ids.get(channel.unique_id)
        if found is None:
            found = channel.tech.private_unique_id(channel)
            if found:
                self._call_ids[channel.unique_id] = found
        return found

    def _file_played(self, event: events.FilePlayed) -> None:
        self._played.setdefault(self._call_id(event.channel), []).append(event.file.rpartition(".")[0])

    def _variable_set(self, event: events.VariableSet) -> None:
        if event.channel is not None:
            self._variables.setdefault(self._call_id(event.channel), {})[event.name.lstrip("_")] = event.value

    def played_to(self, call_id: str) -> list[str]:
        """See :attr:`PhoneCall.played`."""
        return self._played.get(call_id, [])

    def variables_of(self, call_id: str) -> dict[str, str]:
        """See :attr:`PhoneCall.variables`."""
        return self._variables.get(call_id, {})

    def channel_of(self, call_id: str) -> Channel | None:
        """The channel of a SIP call."""
        return next((channel for channel in self.system.channels.values() if self._call_id(channel) == call_id), None)

    def events_hash(self) -> str:
        """A hash of every event so far with its time: two runs with one seed give the same."""
        return self.story.digest()

    # -- time ----------------------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Seconds of the loop."""
        return self.system.now()

    async def passes(self, seconds: float) -> None:
        """Let time pass; it takes none."""
        await asyncio.sleep(seconds)

    async def until(self, is_so: Callable[[], object], what: str = "it", patience: float = PATIENCE) -> None:
        """Wait, looking each tenth of a second, for something to be so. Raises AssertionError after ``patience`` seconds."""
        deadline = self.now() + patience
        while not is_so():
            assert self.now() < deadline, f"{what} never came about"
            await asyncio.sleep(0.1)

    # -- phones --------------------------------------------------------------------------------------------------------------

    async def phone(self, endpoint: str, *, host: str = "", registers: bool = True) -> Phone:
        """Plug in the phone of an endpoint of pjsip.conf: with its user name and password, registered where it may register.

        Where the endpoint has a fixed contact, the phone is at that address. ``host`` is an address otherwise.
        """
        known = self.phones.get(endpoint)
        if known is not None:
            return known
        driver: Any = self.system.services.get("pjsip")
        if driver is None or not any(protocol == "UDP" for protocol, _ in self.network.carriers):
            raise LookupError("phones need chan_pjsip with a UDP transport in pjsip.conf")
        settings = driver.settings
        found = settings.endpoints.get(endpoint)
        if found is None:
            raise LookupError(
                f"pjsip.conf has no endpoint '{endpoint}'; it has {', '.join(sorted(settings.endpoints)) or 'none'}"
            )
        user, password = endpoint, ""
        for name in found.auth:
            auth = settings.auths.get(name)
            if auth is not None:
                user, password = auth.username, auth.password
        aors = [settings.aors[name] for name in found.aors if name in settings.aors]
        fixed = next((contact for aor in aors for contact in aor.contact), "")
        address = _address_of(fixed) if fixed else (host or self._next_host(), 5060)
        phone = self.phones[endpoint] = Phone(self, endpoint, user, password, address)
        if registers and not fixed and any(aor.max_contacts for aor in aors):
            phone.user = aors[0].name
            try:
                await phone.register()
            finally:
                phone.user = user
        return phone

    def _next_host(self) -> str:
        number = len(self.phones)
        return f"192.168.{1 + number // 250}.{1 + number % 250}"

    def new_media_port(self) -> int:
        """A port for the sound of one call; they go round."""
        port = self._media_port
        self._media_port = port + 2 if port < 65000 else _FIRST_MEDIA_PORT
        return port

    def uri_of(self, number: str) -> str:
        """What a phone calls for a number."""
        return number if number.startswith("sip:") else f"sip:{number}@{self.server[0]}:{self.server[1]}"

    # -- the server ----------------------------------------------------------------------------------------------------------

    async def cli(self, command: str) -> str:
        """Run a command of the CLI; gives what it prints."""
        return await run_command(self.system, command)


def _existing(directories: Directories) -> list[str]:
    """The folders of asterisk.conf that are read only and there."""
    return [name for name in _READ_ONLY if name in directories.given() and Path(getattr(directories, name)).is_dir()]


def _address_of(uri: str) -> tuple[str, int]:
    """Host and port of a SIP URI."""
    rest = uri.partition(":")[2].partition(";")[0].rpartition("@")[2]
    host, _, port = rest.partition(":")
    return host, int(port) if port.isdecimal() else 5060
