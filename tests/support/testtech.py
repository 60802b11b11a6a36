"""Scripted phones: a channel technology whose endpoints do what a test tells them, and remember what they were told.

    world = await World.start("[default]\nexten => 201,1,Dial(Test/bob)\n")
    alice, bob = world.phone("alice", "100", "Alice"), world.phone("bob", "101", "Bob")
    call = alice.dials("201")
    leg = await bob.is_called()
    leg.rings()
    await call.is_told("ringing")
    leg.answers()
    await call.is_told("answer")
    leg.hangs_up()
    await call.is_told("hangup 16")
    await world.stop()

Everything happens on the loop of the test, which is the virtual-time loop in tests/flow: waiting costs nothing, and waiting for
what never comes fails with the list of what came instead.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from globstar.base.log import Level, Record, hub
from globstar.config import MemorySource
from globstar.core import events
from globstar.core.boot import boot, shut_down
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelState
from globstar.core.format import Format, FormatCapabilities, ulaw
from globstar.core.frame import Control, Frame, FrameType, control, digit_begin, digit_end, voice
from globstar.core.party import Connected, PartyId
from globstar.core.settings import Directories
from globstar.core.system import System
from globstar.core.tech import ChannelTech, DialRequest, NativeMedia, RequestFailed, TechSpec

#: Virtual seconds after which a test gives up waiting for something.
PATIENCE = 120.0
#: UTC seconds at the start of a world.
WALL_START = 1_700_000_000.0
SILENCE = b"\xff" * 160

CONFIGURATION = {
    "modules.conf": "[modules]\nautoload=yes\nnoload=chan_pjsip\n",
    "cdr.conf": "[general]\nenable=yes\nunanswered=yes\ncongestion=yes\n[csv]\nusegmtime=yes\nloguniqueid=yes\nloguserfield=yes\n"
    "accountlogs=no\nnewcdrcolumns=yes\n",
}

#: Files for a world without call detail records.
NO_RECORDS = {"cdr.conf": "[general]\nenable=no\n"}


class Leg:
    """One call of a phone, seen from the phone. ``told`` is what it was told, in order; ``heard`` the voice frames."""

    def __init__(self, phone: Phone, channel: Channel) -> None:
        self.phone = phone
        self.channel = channel
        self.told: list[str] = []
        self.heard: list[Frame] = []
        self.times: list[float] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._seen = 0
        channel.private = self

    def __repr__(self) -> str:
        return f"<Leg {self.channel.name} told {self.told}>"

    # -- what the phone does -------------------------------------------------------------------------------------------

    def rings(self) -> None:
        """Ringing."""
        self.channel.set_state(ChannelState.RINGING)
        self.channel.deliver(control(Control.RINGING))

    def progresses(self) -> None:
        """Early media may come."""
        self.channel.deliver(control(Control.PROGRESS))

    def proceeds(self) -> None:
        """The call is on its way."""
        self.channel.deliver(control(Control.PROCEEDING))

    def answers(self) -> None:
        """Picks up."""
        self.channel.deliver(control(Control.ANSWER))

    def refuses(self, cause: Cause = Cause.USER_BUSY) -> None:
        """Does not take the call."""
        self.hangs_up(cause)

    def hangs_up(self, cause: int = Cause.NORMAL_CLEARING) -> None:
        """Puts down."""
        self.channel.queue_hangup(cause)

    def forwards(self, target: str) -> None:
        """Sends the call elsewhere."""
        self.channel.data["call_forward"] = target
        self.hangs_up(Cause.REDIRECTED_TO_NEW_DESTINATION)

    def presses(self, digits: str) -> None:
        """Presses keys one after the other: 100 ms each, 100 ms between them."""
        loop = self.channel.system.loop
        for index, digit in enumerate(digits):
            loop.call_later(index * 0.2, self._deliver, digit_begin(digit))
            loop.call_later(index * 0.2 + 0.1, self._deliver, digit_end(digit, 100))

    def _deliver(self, frame: Frame) -> None:
        if not self.channel.is_hung_up:
            self.channel.deliver(frame)

    def speaks(self, data: bytes = SILENCE, format: Format = ulaw) -> None:
        """Sends one frame."""
        self.channel.deliver(voice(format, data, len(data)))

    def holds(self) -> None:
        """Puts the other side on hold."""
        self.channel.deliver(control(Control.HOLD, ""))

    def unholds(self) -> None:
        """Takes the other side back."""
        self.channel.deliver(control(Control.UNHOLD))

    def is_reached_as(self, name: str, number: str) -> None:
        """Tells who really is here."""
        self.channel.deliver(control(Control.CONNECTED_LINE, Connected(PartyId.of(name, number))))

    def speaks_on(self, data: bytes = SILENCE, format: Format = ulaw) -> None:
        """Sends a frame every 20 ms until the end of the call."""
        if not self.channel.is_hung_up:
            self.speaks(data, format)
            self.channel.system.loop.call_later(0.02, self.speaks_on, data, format)

    # -- what the phone is told ----------------------------------------------------------------------------------------

    @property
    def hears(self) -> list[str]:
        """What it heard, in words: names of sounds of :meth:`World.sound`, and the first byte of anything else."""
        sounds = self.phone.tech.sounds
        words: list[str] = []
        for frame in self.heard:
            word = sounds.get(frame.data[0], f"{frame.data[0]:02x}")
            if not words or words[-1] != word:
                words.append(word)
        return words

    def tell(self, what: str) -> None:
        """Note what the phone was told. Called by the technology."""
        self.told.append(what)
        self.times.append(self.channel.system.now())
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def is_told(self, what: str) -> float:
        """Wait until the phone is told ``what``, after what was waited for before; the time when it was."""
        while what not in self.told[self._seen :]:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await asyncio.wait_for(waiter, PATIENCE)
            except TimeoutError:
                raise AssertionError(f"{self.channel.name} was not told '{what}' but {self.told}") from None
            finally:
                self._waiters.remove(waiter)
        index = self.told.index(what, self._seen)
        self._seen = index + 1
        return self.times[index]


class Phone:
    """A telephone. ``on_call`` is called with every leg that reaches it, if set."""

    def __init__(self, tech: TestTech, name: str, number: str, display: str) -> None:
        self.tech = tech
        self.name = name
        self.number = number
        self.display = display
        self.legs: list[Leg] = []
        self.on_call: Callable[[Leg], Any] | None = None
        self.formats = [ulaw]
        self.account_code = ""
        #: a cause with which a channel cannot even be made, or the call not be begun
        self.request_fails: Cause | None = None
        self.call_fails: Cause | None = None
        self.pickup_group: frozenset[int] = frozenset()
        self.call_group: frozenset[int] = frozenset()
        self._called: asyncio.Queue[Leg] = asyncio.Queue()

    def channel(self, **options: Any) -> Channel:
        """A new channel of this phone."""
        system = self.tech.system
        channel = Channel(
            system, self.tech, system.next_channel_name(f"{self.tech.name}/{self.name}"),
            native_formats=FormatCapabilities(self.formats), account_code=self.account_code,
            caller=PartyId.of(self.display or None, self.number or None), **options,
        )  # fmt: skip
        channel.pickup_group, channel.call_group = self.pickup_group, self.call_group
        self.legs.append(Leg(self, channel))
        return channel

    def dials(self, extension: str, context: str = "default") -> Leg:
        """Calls ``extension``; the dialplan starts."""
        channel = self.channel(state=ChannelState.RING, context=context, extension=extension)
        channel.dialed.number = extension
        self.tech.system.announce_channel(channel)
        self.tech.system.start_pbx(channel)
        return self.legs[-1]

    async def is_called(self, patience: float = PATIENCE) -> Leg:
        """Wait for the next call to this phone."""
        try:
            return await asyncio.wait_for(self._called.get(), patience)
        except TimeoutError:
            raise AssertionError(f"nobody calls {self.name}") from None

    def reached(self, leg: Leg) -> None:
        """A call begins to ring here. Called by the technology."""
        if self.on_call is not None:
            self.tech.system.loop.call_soon(self.on_call, leg)
        else:
            self._called.put_nowait(leg)


class TestTech(ChannelTech):
    """``Test/<phone>``."""

    __test__ = False

    def __init__(self, system: System, name: str = "Test", context: str = "default") -> None:
        self.system = system
        self.name = name
        self.context = context
        self.description = "Scripted phones"
        self.phones: dict[str, Phone] = {}
        #: sounds, by the byte that they consist of
        self.sounds: dict[int, str] = {}
        #: like SIP: a caller who is told busy or congestion before the answer is gone with it
        self.ends_on_refusal = False

    def request(self, request: DialRequest) -> Channel:
        phone = self.phones.get(request.destination.partition("/")[0])
        if phone is None:
            raise RequestFailed(Cause.NO_ROUTE_DESTINATION, f"there is no phone {request.destination}")
        if phone.request_fails is not None:
            raise RequestFailed(phone.request_fails)
        channel = phone.channel(context=self.context, unique_id=request.unique_id, linked_id=request.linked_id, is_outgoing=True)
        self.system.announce_channel(channel)
        return channel

    def call(self, channel: Channel, destination: str, timeout: float) -> None:
        leg: Leg = channel.private
        if leg.phone.call_fails is not None:
            raise RequestFailed(leg.phone.call_fails)
        leg.phone.reached(leg)

    def answer(self, channel: Channel) -> None:
        channel.private.tell("answer")

    def hangup(self, channel: Channel) -> None:
        channel.private.tell(f"hangup {int(channel.hangup_cause)}")

    def indicate(self, channel: Channel, condition: Control, data: Any = b"") -> bool:
        leg: Leg = channel.private
        if condition is Control.CONNECTED_LINE and isinstance(data, Connected):
            leg.tell(f"connected {data.id.name.text} <{data.id.number.text}>")
        else:
            leg.tell(condition.name.lower())
        if condition in (Control.BUSY, Control.CONGESTION) and self.ends_on_refusal and channel.state is not ChannelState.UP:
            self.system.loop.call_soon(self._end, channel)
        return condition not in (Control.HOLD, Control.UNHOLD)

    def _end(self, channel: Channel) -> None:
        channel.queue_hangup(channel.hangup_cause)

    def send_digit_begin(self, channel: Channel, digit: str) -> bool:
        return True

    def send_digit_end(self, channel: Channel, digit: str, duration_ms: int) -> bool:
        channel.private.tell(f"digit {digit}")
        return True

    def send_text(
        self, channel: Channel, text: str, content_type: str = "text/plain", *, from_name: str = "", to_name: str = ""
    ) -> bool:
        channel.private.tell(f"text {text}")
        return True

    def write(self, channel: Channel, frame: Frame) -> None:
        if frame.type is FrameType.TEXT:
            channel.private.tell(f"text {frame.data}")
        else:
            channel.private.heard.append(frame)

    def native_media(self, channel: Channel) -> NativeMedia | None:
        return None


class World:
    """A system with scripted phones."""

    def __init__(self, system: System, tech: TestTech, files: dict[str, str]) -> None:
        self.system = system
        self.tech = tech
        #: the configuration files; a changed one is read when its module is reloaded
        self.files = files
        self.events: list[Any] = []
        #: what happened to channels, in words that stay true when the channels change: kind, channel's name, details
        self.notes: list[tuple[str, str, tuple[str, ...]]] = []
        self.warnings: list[str] = []
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        system.bus.watch(self._happened)

    @classmethod
    async def start(
        cls, dialplan: str, *, files: dict[str, str] | None = None, tech_name: str = "Test", context: str = "default",
        root: Path | None = None,
    ) -> World:  # fmt: skip
        """Boot a system with every module, the given extensions.conf and ``files``."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        temporary = None if root is not None else tempfile.TemporaryDirectory(prefix="globstar-test-")
        folder = root or Path(temporary.name if temporary is not None else "")
        system = System(directories=Directories.below(folder), wall_clock=lambda: WALL_START + loop.time() - started)
        source = {**CONFIGURATION, "extensions.conf": dialplan, **(files or {})}
        world = cls(system, TestTech(system, tech_name, context), source)
        world._temporary = temporary
        hub.add(Level.WARNING | Level.ERROR, world._logged)
        await boot(system, MemorySource(source), keep_database=False)
        system.techs.register(TechSpec(name=tech_name, module="tests", tech=world.tech))
        return world

    def _happened(self, event: Any) -> None:
        self.events.append(event)
        note = _NOTES.get(type(event))
        if note is not None:
            channel, details = note(event)
            if channel is not None:
                kind = _KINDS[type(event)]
                self.notes.append((kind, channel.name, details))

    def _logged(self, record: Record) -> None:
        self.warnings.append(record.message)

    def phone(self, name: str, number: str = "", display: str = "") -> Phone:
        """A new phone."""
        phone = self.tech.phones[name] = Phone(self.tech, name, number, display)
        return phone

    def sound(self, name: str, seconds: float = 0.2) -> None:
        """Make a sound file that a :class:`Leg` knows again when it hears it."""
        byte = 0x10 + len(self.tech.sounds)
        path = Path(self.system.directories.astdatadir) / "sounds" / "en" / f"{name}.ulaw"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([byte]) * round(8000 * seconds))
        self.tech.sounds[byte] = name

    async def settle(self, seconds: float = 0.0) -> None:
        """Let what is due happen, and ``seconds`` pass."""
        await asyncio.sleep(seconds)
        for _ in range(5):
            await asyncio.sleep(0)

    async def all_gone(self) -> None:
        """Wait until no channel is left."""
        deadline = self.system.now() + PATIENCE
        while self.system.channels:
            assert self.system.now() < deadline, f"channels stay: {list(self.system.channels)}"
            await asyncio.sleep(0.01)

    async def end_calls(self) -> None:
        """Hang up every channel: those with an owner by request, others at once."""
        for channel in list(self.system.channels.values()):
            channel.request_hangup()
        await self.settle(0.1)
        for channel in list(self.system.channels.values()):
            channel.hangup()
        await self.all_gone()

    def seen(self, *kinds: type[Any]) -> list[Any]:
        """The events of some kinds, in order."""
        return [event for event in self.events if isinstance(event, kinds)]

    def varset(self, channel: Channel) -> list[tuple[str, str]]:
        """What was set on a channel, in order."""
        return [(event.name, event.value) for event in self.seen(events.VariableSet) if event.channel is channel]

    async def stop(self) -> None:
        """Stop the system; nothing may be left."""
        await shut_down(self.system)
        hub.remove(self._logged)
        if self._temporary is not None:
            self._temporary.cleanup()
        assert not self.system.bridges, f"bridges stay: {self.system.bridges}"

    async def __aenter__(self) -> World:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.stop()


def _party(party: PartyId) -> str:
    """``Name <number>``."""
    name, number = party.name, party.number
    return f"{name.text if name.valid else ''} <{number.text if number.valid else ''}>"


#: How the manager interface calls the events of channels.
_KINDS: dict[type, str] = {
    events.VariableSet: "VarSet", events.ChannelStateChanged: "Newstate", events.CallerIdChanged: "NewCallerid",
    events.ConnectedLineChanged: "NewConnectedLine", events.DialBegan: "DialBegin", events.DialStateChanged: "DialState",
    events.DialEnded: "DialEnd", events.BridgeEntered: "BridgeEnter", events.BridgeLeft: "BridgeLeave",
    events.ChannelHungUp: "Hangup", events.UserEventRaised: "UserEvent", events.ChannelHeld: "Hold",
    events.ChannelUnheld: "Unhold",
}  # fmt: skip
_NOTES: dict[type, Callable[[Any], tuple[Channel | None, tuple[str, ...]]]] = {
    events.VariableSet: lambda e: (e.channel, (e.name, e.value)),
    events.ChannelStateChanged: lambda e: (e.channel, (e.channel.state_text,)),
    events.CallerIdChanged: lambda e: (e.channel, (_party(e.channel.caller.id),)),
    events.ConnectedLineChanged: lambda e: (e.channel, (_party(e.channel.connected.id),)),
    events.DialBegan: lambda e: (e.caller, (e.peer.name, e.dial_string)),
    events.DialStateChanged: lambda e: (e.caller, (e.peer.name, e.status)),
    events.DialEnded: lambda e: (e.caller, (e.peer.name, e.status)),
    events.BridgeEntered: lambda e: (e.channel, ()),
    events.BridgeLeft: lambda e: (e.channel, ()),
    events.ChannelHungUp: lambda e: (e.channel, (str(int(e.channel.hangup_cause)),)),
    events.UserEventRaised: lambda e: (e.channel, (f"UserEvent={e.name}", *(f"{name}={value}" for name, value in e.headers))),
    events.ChannelHeld: lambda e: (e.channel, ()),
    events.ChannelUnheld: lambda e: (e.channel, ()),
}
