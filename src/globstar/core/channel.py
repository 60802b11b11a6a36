"""The channel: one connection between Globstar and one telephone endpoint."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.core import events
from globstar.core.cause import Cause
from globstar.core.format import Format, FormatCapabilities, slin
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.party import Caller, Connected, Dialed, PartyId, Redirecting
from globstar.core.tech import ChannelTech
from globstar.core.variables import ChannelVariables

if TYPE_CHECKING:
    from globstar.core.bridge import BridgeMember
    from globstar.core.generator import Generator
    from globstar.core.stack import StackFrame
    from globstar.core.system import System
    from globstar.core.translate import TranslationPath
    from globstar.dialplan.plan import Dialplan

logger = Logger("channel")

#: How many control and digit frames wait for a reader at the most; the oldest digit goes first, control never.
QUEUE_LIMIT = 128
#: How long Answer() waits for the first media of the caller, seconds.
ANSWER_MEDIA_WAIT = 0.5
#: Shortest digit that is sent, and pause after it (AST_MIN_DTMF_DURATION and gap), ms.
MINIMUM_DIGIT_MS = 80

FrameSink = Callable[[Frame], None]
FrameHook = Callable[[Frame], "Frame | None"]


class ChannelState(IntEnum):
    """State of a channel; numbers and texts are Asterisk's."""

    DOWN = 0
    RESERVED = 1
    OFFHOOK = 2
    DIALING = 3
    RING = 4
    RINGING = 5
    UP = 6
    BUSY = 7
    DIALING_OFFHOOK = 8
    PRERING = 9


STATE_TEXT = {
    ChannelState.DOWN: "Down",
    ChannelState.RESERVED: "Rsrvd",
    ChannelState.OFFHOOK: "OffHook",
    ChannelState.DIALING: "Dialing",
    ChannelState.RING: "Ring",
    ChannelState.RINGING: "Ringing",
    ChannelState.UP: "Up",
    ChannelState.BUSY: "Busy",
    ChannelState.DIALING_OFFHOOK: "Dialing Offhook",
    ChannelState.PRERING: "Pre-ring",
}


class SoftHangup(IntFlag):
    """Why the owner of a channel must leave what it does."""

    NONE = 0
    #: the other side hung up
    DEVICE = 1
    #: someone sent the channel to another extension
    ASYNC_GOTO = 2
    SHUTDOWN = 4
    #: the absolute timeout passed
    TIMEOUT = 8
    #: the dialplan is over
    APP_UNLOAD = 16
    #: someone asked to hang up
    EXPLICIT = 32
    #: a hangup handler or the h extension runs
    HANGUP_EXEC = 64


class ChannelGone(GlobstarError):
    """Raised in the owner's task when it must give up the channel: hung up, timed out or sent elsewhere."""


class NoTranslation(GlobstarError):
    """No chain of translators leads from one format to another."""


class Channel:
    """One call leg. One task owns it; others ask it through the methods that say so.

    Frames from the endpoint come in by :meth:`deliver` and go to the sink that the owner attached (a bridge, an
    application); without one, digits and control frames wait in a bounded queue and voice is dropped and counted.
    Frames to the endpoint go out by :meth:`write`.
    """

    __slots__ = (
        "__weakref__",
        "_absolute_timer",
        "_autofallthrough",
        "_connected",
        "_dialed",
        "_hangup_listeners",
        "_read_path",
        "_redirecting",
        "_refused_format",
        "_sending_digit",
        "_sink",
        "_wanted_write_format",
        "_write_from",
        "_write_path",
        "account_code",
        "ama_flags",
        "answered_at",
        "application",
        "application_data",
        "bridge_member",
        "call_group",
        "call_id",
        "caller",
        "cdr",
        "context",
        "created_at",
        "created_wall",
        "data",
        "digit_timeout",
        "dropped_voice",
        "extension",
        "generator",
        "goto_target",
        "hangup_cause",
        "hangup_handlers",
        "hangup_source",
        "hangup_tech_cause",
        "hold_state",
        "is_held",
        "is_hung_up",
        "is_outgoing",
        "language",
        "linked_id",
        "macro_extension",
        "music_class",
        "name",
        "named_call_groups",
        "named_pickup_groups",
        "native_formats",
        "parking_lot",
        "peer_account",
        "pickup_group",
        "plan",
        "priority",
        "private",
        "queue",
        "raw_read_format",
        "raw_write_format",
        "read_format",
        "read_hooks",
        "response_timeout",
        "soft_hangup",
        "stack",
        "state",
        "step_cause",
        "system",
        "tasks",
        "tech",
        "tone_zone",
        "unique_id",
        "user_field",
        "variables",
        "when_to_hangup",
        "write_hooks",
    )  # fmt: skip

    def __init__(
        self,
        system: System,
        tech: ChannelTech,
        name: str,
        *,
        state: ChannelState = ChannelState.DOWN,
        context: str = "default",
        extension: str = "s",
        unique_id: str = "",
        linked_id: str = "",
        native_formats: FormatCapabilities | None = None,
        caller: PartyId | None = None,
        language: str = "",
        account_code: str = "",
        is_outgoing: bool = False,
    ) -> None:
        self.system = system
        self.tech = tech
        self.name: str = name
        self.state = state
        self.unique_id: str = unique_id or system.next_unique_id()
        self.linked_id = linked_id or self.unique_id
        self.context: str = context
        self.extension: str = extension
        self.priority: int = 1
        self.macro_extension = ""
        self.plan: Dialplan | None = None
        self.goto_target: tuple[str, str, int] | None = None
        self.application = ""
        self.application_data = ""
        self.caller: Caller = Caller()
        if caller is not None:
            self.caller.id = caller
            self.caller.ani = caller.copy()
        self._connected: Connected | None = None
        self._dialed: Dialed | None = None
        self._redirecting: Redirecting | None = None
        self.language = language or system.default_language
        self.music_class = ""
        self.tone_zone = ""
        self.parking_lot = ""
        self.account_code = account_code
        self.peer_account = ""
        self.ama_flags = 3
        self.user_field = ""
        self.call_group: frozenset[int] = frozenset()
        self.pickup_group: frozenset[int] = frozenset()
        self.named_call_groups: frozenset[str] = frozenset()
        self.named_pickup_groups: frozenset[str] = frozenset()
        self.is_outgoing = is_outgoing
        self.is_hung_up = False
        self.hangup_cause: int = 0
        #: the hangup cause when the application that runs began
        self.step_cause: int = 0
        self.hangup_source = ""
        self.hangup_tech_cause: dict[str, tuple[int, str]] = {}
        self.hangup_handlers: list[str] = []
        self.soft_hangup = SoftHangup.NONE
        self.hold_state = False  # whether this endpoint holds the others
        self.is_held = False  # whether this endpoint is held by another
        self.created_at = system.now()
        self.created_wall = system.wall_time()
        self.answered_at: float | None = None
        self.variables = ChannelVariables(self)
        self.stack: list[StackFrame] = []
        self.data: dict[str, Any] = {}
        self.private: Any = None
        self.cdr: Any = None
        self.call_id = ""
        self.bridge_member: BridgeMember | None = None
        self.generator: Generator | None = None
        self.tasks = TaskOwner(name, self._task_failed)
        self.native_formats = native_formats if native_formats is not None else FormatCapabilities([slin])
        best = self.native_formats.formats[0] if self.native_formats else slin
        self.raw_read_format: Format = best
        self.raw_write_format: Format = best
        self.read_format: Format = best
        self._read_path: TranslationPath | None = None
        self._refused_format: Format | None = None
        self._write_path: TranslationPath | None = None
        self._write_from: Format = best
        self._wanted_write_format: Format = best
        self.read_hooks: list[FrameHook] = []
        self.write_hooks: list[FrameHook] = []
        self.queue: deque[Frame] = deque()
        self.dropped_voice = 0
        self.when_to_hangup: float | None = None
        self.digit_timeout = 5.0
        self.response_timeout = 10.0
        self._autofallthrough: bool | None = None
        self._absolute_timer: asyncio.TimerHandle | None = None
        self._sending_digit: tuple[str, float] | None = None
        self._sink: FrameSink | None = None
        self._hangup_listeners: list[Callable[[Channel], None]] = []
        if tech.is_polled:
            system.ticker.add(self._poll)
        system.add_channel(self)

    def __repr__(self) -> str:
        return f"<Channel {self.name} {self.state.name}>"

    # -- the parties: made when they are first asked for, as most calls never need them all ---------------------------

    @property
    def connected(self) -> Connected:
        """Who is at the other end."""
        if self._connected is None:
            self._connected = Connected()
        return self._connected

    @connected.setter
    def connected(self, value: Connected) -> None:
        self._connected = value

    @property
    def dialed(self) -> Dialed:
        """What the caller dialled."""
        if self._dialed is None:
            self._dialed = Dialed()
        return self._dialed

    @dialed.setter
    def dialed(self, value: Dialed) -> None:
        self._dialed = value

    @property
    def redirecting(self) -> Redirecting:
        """How the call came to be redirected."""
        if self._redirecting is None:
            self._redirecting = Redirecting()
        return self._redirecting

    @redirecting.setter
    def redirecting(self, value: Redirecting) -> None:
        self._redirecting = value

    # -- who it is -------------------------------------------------------------------------------------------------

    @property
    def state_text(self) -> str:
        """The state's name as Asterisk prints it (``Up``, ``Ring`` ...)."""
        return STATE_TEXT[self.state]

    def set_state(self, state: ChannelState) -> None:
        """Enter ``state`` and tell those who listen."""
        if state is self.state:
            return
        self.state = state
        self.system.bus.publish(events.ChannelStateChanged(self))

    def set_caller_id(self, number: str | None = None, name: str | None = None, ani: str | None = None) -> None:
        """Change the caller id; None leaves a part alone."""
        if number is not None:
            self.caller.id.number.text, self.caller.id.number.valid = number, True
        if name is not None:
            self.caller.id.name.text, self.caller.id.name.valid = name, True
        if ani is not None:
            self.caller.ani.number.text, self.caller.ani.number.valid = ani, True
        self.system.bus.publish(events.CallerIdChanged(self))

    def set_connected_line(self, party: PartyId, source: int = 0, *, tell_endpoint: bool = True) -> None:
        """Note who is at the other end and, where the technology can, tell the endpoint."""
        self.connected.id = party.copy()
        self.connected.source = source
        self.system.bus.publish(events.ConnectedLineChanged(self))
        if tell_endpoint:
            self.tech.indicate(self, Control.CONNECTED_LINE, self.connected)

    def set_account_code(self, account_code: str) -> None:
        """Change the account code."""
        old, self.account_code = self.account_code, account_code
        if old != account_code:
            self.system.bus.publish(events.AccountCodeChanged(self, old))

    def set_linked_id(self, linked_id: str) -> None:
        """Make this channel part of another call."""
        old, self.linked_id = self.linked_id, linked_id
        if old != linked_id:
            self.system.bus.publish(events.LinkedIdChanged(self, old))

    # -- variables and functions: the scope of substitution ---------------------------------------------------------

    def get_variable(self, name: str) -> str | None:
        """The value of a channel variable, a built-in one or a global one; None if there is none."""
        return self.variables.get(name)

    def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable; ``_NAME`` and ``__NAME`` are inherited by the channels that this one dials."""
        self.variables.set(name, value)

    def call_function(self, name: str, args: str) -> str:
        """Read a dialplan function; a failure is logged and gives ""."""
        return self.system.functions.read(self, name, args)

    def warn(self, level: str, message: str) -> None:
        """Log what substitution or an expression complains about."""
        logger.log(level, message)

    # -- frames in ---------------------------------------------------------------------------------------------------

    def deliver(self, frame: Frame) -> None:
        """A frame from the endpoint. Called by the driver, on the loop."""
        kind = frame.type
        if kind is FrameType.VOICE:
            if self.read_hooks:
                hooked = self._run_hooks(self.read_hooks, frame)
                if hooked is None:
                    return
                frame = hooked
            if frame.format is not self.raw_read_format and frame.format is not None:
                if not self._source_format_changed(frame.format):
                    self.dropped_voice += 1
                    return
            if self._read_path is not None:
                translated = self._read_path.translate(frame)
                if translated is None:
                    return
                frame = translated
            if self._sink is not None:
                self._sink(frame)
            else:
                self.dropped_voice += 1
            return
        if self.is_hung_up:
            return
        if kind is FrameType.CONTROL:
            if frame.subtype == Control.HOLD:
                self.hold_state = True
                music_class = frame.data if isinstance(frame.data, str) else ""
                self.system.bus.publish(events.ChannelHeld(self, music_class))
            elif frame.subtype == Control.UNHOLD:
                self.hold_state = False
                self.system.bus.publish(events.ChannelUnheld(self))
        elif kind is FrameType.DTMF_BEGIN:
            self.system.bus.publish(events.DigitBegan(self, frame.digit, "Received"))
        elif kind is FrameType.DTMF_END:
            logger.dtmf(f"DTMF end '{frame.digit}' received on {self.name}, duration {frame.duration_ms} ms")
            self.system.bus.publish(events.DigitEnded(self, frame.digit, frame.duration_ms, "Received"))
        if self._sink is not None:
            self._sink(frame)
        else:
            self._enqueue(frame)

    def _poll(self) -> None:
        """A polled technology is asked for a frame on every tick."""
        frame = self.tech.read(self)
        if frame is not None:
            self.deliver(frame)

    def _enqueue(self, frame: Frame) -> None:
        if frame.type not in (FrameType.CONTROL, FrameType.DTMF_BEGIN, FrameType.DTMF_END, FrameType.TEXT):
            return
        self.queue.append(frame)
        if len(self.queue) > QUEUE_LIMIT:
            for index, waiting in enumerate(self.queue):
                if waiting.type is not FrameType.CONTROL:
                    del self.queue[index]
                    return

    def add_read_hook(self, hook: FrameHook) -> None:
        """Let ``hook`` see, change or swallow (None) every voice frame from the endpoint, before translation."""
        self.read_hooks.append(hook)
        self._hooks_changed("a hook on its audio was added")

    def add_write_hook(self, hook: FrameHook) -> None:
        """Let ``hook`` see, change or swallow every voice frame to the endpoint, before translation."""
        self.write_hooks.append(hook)
        self._hooks_changed("a hook on its audio was added")

    def remove_hook(self, hook: FrameHook) -> None:
        """Take a hook away; unknown ones are no error."""
        for hooks in (self.read_hooks, self.write_hooks):
            if hook in hooks:
                hooks.remove(hook)
        self._hooks_changed("a hook on its audio was removed")

    def _hooks_changed(self, reason: str) -> None:
        if self.bridge_member is not None:
            self.bridge_member.bridge.reconsider(f"{self.name}: {reason}")

    def _run_hooks(self, hooks: list[FrameHook], frame: Frame) -> Frame | None:
        for hook in tuple(hooks):
            result = hook(frame)
            if result is None:
                return None
            frame = result
        return frame

    def _source_format_changed(self, format: Format) -> bool:
        """The endpoint sends another format than before: build the path to what the reader wants anew.

        False, and nothing changes, when no translators lead there; that is told once.
        """
        if format is self._refused_format:
            return False
        previous, self.raw_read_format = self.raw_read_format, format
        try:
            self._build_read_path()
        except NoTranslation as error:
            self.raw_read_format = previous
            self._refused_format = format
            logger.warning(f"{error}; its audio is dropped")
            return False
        return True

    def attach(self, sink: FrameSink) -> FrameSink | None:
        """Let ``sink`` get the frames from now on, those that wait first; returns the previous sink."""
        previous, self._sink = self._sink, sink
        while self.queue and self._sink is sink:
            sink(self.queue.popleft())
        return previous

    def detach(self, sink: FrameSink, previous: FrameSink | None = None) -> None:
        """Stop giving frames to ``sink``; ``previous`` takes its place."""
        if self._sink is sink:
            self._sink = previous

    async def wait(self, handler: Callable[[Frame], Any] | None = None, timeout: float | None = None) -> Any:
        """Give frames to ``handler`` until it returns something other than None, and return that.

        None at the ``timeout`` (seconds). Raises :class:`ChannelGone` when the owner must give up the channel.
        Without a handler voice and digits are dropped, control frames too: this is how to pause.
        Only the owner's task may call this.
        """
        if self.soft_hangup:
            raise ChannelGone(self.name)
        if timeout is not None and timeout <= 0 and not self.queue:
            return None
        loop = asyncio.get_running_loop()
        signal: asyncio.Future[Any] = loop.create_future()
        timer = loop.call_later(timeout, _settle, signal, None) if timeout is not None else None
        try:
            return await self._listen(signal, handler)
        finally:
            if timer is not None:
                timer.cancel()

    async def wait_for(self, future: asyncio.Future[Any], handler: Callable[[Frame], Any] | None = None) -> Any:
        """Wait for ``future`` while frames go to ``handler`` (or are dropped); :class:`ChannelGone` as in :meth:`wait`.

        If ``handler`` returns something other than None, that is the result and the future goes on alone.
        """
        if self.soft_hangup:
            raise ChannelGone(self.name)
        signal: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def done(_: asyncio.Future[Any]) -> None:
            _settle(signal, future)

        future.add_done_callback(done)
        try:
            result = await self._listen(signal, handler)
        finally:
            future.remove_done_callback(done)
        return future.result() if result is future else result

    async def _listen(self, signal: asyncio.Future[Any], handler: Callable[[Frame], Any] | None) -> Any:
        """Give frames to ``handler``, whose first answer settles ``signal``, until that is settled.

        What comes after that, and before the owner's task goes on, waits in the queue for the next listener.
        """

        def sink(frame: Frame) -> None:
            if signal.done():
                self._enqueue(frame)
                return
            if handler is None:
                return
            try:
                result = handler(frame)
            except Exception as error:
                signal.set_exception(error)
                return
            if result is not None and not signal.done():
                signal.set_result(result)
                self.detach(sink)

        def gone(_: Channel) -> None:
            if not signal.done():
                signal.set_exception(ChannelGone(self.name))

        self._hangup_listeners.append(gone)
        previous = self.attach(sink)
        try:
            return await signal
        finally:
            if self._sink is sink or self._sink is None:
                self._sink = previous
            self._hangup_listeners.remove(gone)

    async def pause(self, seconds: float) -> None:
        """Let ``seconds`` pass; frames that come meanwhile are dropped."""
        await self.wait(None, seconds)

    async def wait_for_digit(self, timeout: float | None) -> str | None:
        """The next digit pressed, None at the timeout."""
        result: str | None = await self.wait(_digit_of, timeout)
        return result

    # -- frames out --------------------------------------------------------------------------------------------------

    def write(self, frame: Frame) -> None:
        """Send ``frame`` to the endpoint, translated to what the endpoint takes."""
        kind = frame.type
        if kind is FrameType.VOICE:
            if frame.format is not self._write_from and frame.format is not None:
                self._build_write_path(frame.format)
            if self.write_hooks:
                hooked = self._run_hooks(self.write_hooks, frame)
                if hooked is None:
                    return
                frame = hooked
            if self._write_path is not None:
                translated = self._write_path.translate(frame)
                if translated is None:
                    return
                frame = translated
            self.tech.write(self, frame)
        elif kind is FrameType.DTMF_BEGIN:
            self.send_digit_begin(frame.digit)
        elif kind is FrameType.DTMF_END:
            self.send_digit_end(frame.digit, frame.duration_ms)
        elif kind is FrameType.CONTROL:
            self.indicate(Control(frame.subtype), frame.data)
        else:
            self.tech.write(self, frame)

    def set_native_formats(self, formats: FormatCapabilities, *, read: Format | None = None, write: Format | None = None) -> None:
        """The driver agreed on formats with the endpoint: translators are bound anew, once."""
        self.native_formats = formats
        if read is not None:
            self.raw_read_format = read
        if write is not None:
            self.raw_write_format = write
        self._build_read_path()
        self._build_write_path(self._wanted_write_format)

    def set_read_format(self, format: Format) -> None:
        """The reader wants ``format``; raises :class:`NoTranslation` if no translators lead to it."""
        self.read_format = format
        self._build_read_path()

    def set_write_format(self, format: Format) -> None:
        """The writer will send ``format``."""
        self._wanted_write_format = format
        self._build_write_path(format)

    def reset_formats(self) -> None:
        """Read and write what the endpoint speaks, untranslated."""
        self.set_read_format(self.raw_read_format)
        self.set_write_format(self.raw_write_format)

    @property
    def write_format(self) -> Format:
        """What the writer sends now."""
        return self._write_from

    @property
    def read_path(self) -> TranslationPath | None:
        """The translators between endpoint and reader."""
        return self._read_path

    @property
    def write_path(self) -> TranslationPath | None:
        """The translators between writer and endpoint."""
        return self._write_path

    def _build_read_path(self) -> None:
        self._refused_format = None
        if self.raw_read_format.codec is self.read_format.codec:
            self._read_path = None
        else:
            self._read_path = self._path(self.raw_read_format, self.read_format)

    def _build_write_path(self, source: Format) -> None:
        self._write_from = source
        if source.codec is self.raw_write_format.codec:
            self._write_path = None
        else:
            self._write_path = self._path(source, self.raw_write_format)

    def _path(self, source: Format, destination: Format) -> TranslationPath:
        path = self.system.translation.build_path(source, destination)
        if path is None:
            raise NoTranslation(f"{self.name}: no translators lead from {source} to {destination}")
        return path

    def send_digit_begin(self, digit: str) -> None:
        """Begin to send ``digit``, as the technology does it or as a tone."""
        self._sending_digit = (digit, self.system.now())
        self.system.bus.publish(events.DigitBegan(self, digit, "Sent"))
        if not self.tech.send_digit_begin(self, digit):
            self.system.start_digit_tone(self, digit)

    def send_digit_end(self, digit: str, duration_ms: int = 0) -> None:
        """End ``digit``; one that was never begun is sent whole, at least as long as the shortest digit."""
        sending, self._sending_digit = self._sending_digit, None
        if sending is None or sending[0] != digit:
            self.send_digit_begin(digit)
            asyncio.get_running_loop().call_later(
                max(duration_ms, MINIMUM_DIGIT_MS) / 1000, self._finish_digit, digit, max(duration_ms, MINIMUM_DIGIT_MS)
            )
            return
        length_ms = round((self.system.now() - sending[1]) * 1000)
        if length_ms < MINIMUM_DIGIT_MS:
            remaining = (MINIMUM_DIGIT_MS - length_ms) / 1000
            asyncio.get_running_loop().call_later(remaining, self._finish_digit, digit, MINIMUM_DIGIT_MS)
        else:
            self._finish_digit(digit, duration_ms or length_ms)

    def _finish_digit(self, digit: str, duration_ms: int) -> None:
        if self.is_hung_up:
            return
        self.system.bus.publish(events.DigitEnded(self, digit, duration_ms, "Sent"))
        if not self.tech.send_digit_end(self, digit, duration_ms):
            self.system.stop_digit_tone(self)

    async def send_digit(self, digit: str, duration_ms: int = 100) -> None:
        """Send one whole digit and wait until it is out."""
        self.send_digit_begin(digit)
        try:
            await self.wait(None, duration_ms / 1000)
        finally:
            if not self.is_hung_up:
                self.send_digit_end(digit, duration_ms)

    def indicate(self, condition: Control, data: Any = b"") -> None:
        """Tell the endpoint of ``condition``; where the technology cannot, its tone is played."""
        if condition is Control.HOLD or condition is Control.UNHOLD:
            self.is_held = condition is Control.HOLD
            self.system.device_states.channel_changed(self)
        if not self.tech.indicate(self, condition, data):
            self.system.indicate_in_band(self, condition, data)

    # -- answer and end ------------------------------------------------------------------------------------------------

    def answer_at_once(self) -> None:
        """Accept an incoming call without waiting for media; nothing happens on a channel that is up or outgoing."""
        if self.state is ChannelState.UP or self.is_hung_up:
            return
        self.stop_generator()
        if not self.is_outgoing:
            self.tech.answer(self)
        self.mark_answered()

    def mark_answered(self) -> None:
        """The call is up: from our answer or the endpoint's. Told once."""
        if self.answered_at is not None and self.state is ChannelState.UP:
            return
        if self.answered_at is None:
            self.answered_at = self.system.now()
        self.set_state(ChannelState.UP)
        self.system.bus.publish(events.ChannelAnswered(self))

    async def answer(self, wait_for_media: float = ANSWER_MEDIA_WAIT) -> None:
        """Accept the call and wait for the first media of the caller, for ``wait_for_media`` seconds at the most."""
        if self.state is ChannelState.UP:
            return
        self.answer_at_once()
        if wait_for_media > 0:
            held: list[Frame] = []

            def first_media(frame: Frame) -> bool | None:
                if frame.type is FrameType.VOICE:
                    return True
                held.append(frame)
                return None

            try:
                await self.wait(first_media, wait_for_media)
            finally:
                self.queue.extendleft(frame for frame in reversed(held) if frame.type is not FrameType.NULL)

    def queue_hangup(self, cause: int = 0, *, source: str | None = None) -> None:
        """The endpoint hung up. Called by the driver; the owner finds out at once.

        ``source`` is who began it: the channel itself unless said, nobody when "".
        """
        if self.is_hung_up:
            return
        if cause:
            self.hangup_cause = cause
        if not self.hangup_source:
            self.hangup_source = self.name if source is None else source
        self.system.bus.publish(events.HangupRequested(self, self.hangup_cause, False))
        self._raise_soft_hangup(SoftHangup.DEVICE)

    def request_hangup(self, reason: SoftHangup = SoftHangup.EXPLICIT, cause: int = 0) -> None:
        """Ask the owner to hang up; anyone may call this."""
        if self.is_hung_up:
            return
        if cause:
            self.hangup_cause = cause
        self.system.bus.publish(events.HangupRequested(self, self.hangup_cause, True))
        self._raise_soft_hangup(reason)

    def _raise_soft_hangup(self, reason: SoftHangup) -> None:
        self.soft_hangup |= reason
        for listener in tuple(self._hangup_listeners):
            listener(self)

    def on_hangup(self, listener: Callable[[Channel], None]) -> Callable[[], None]:
        """Call ``listener`` when the owner must give up the channel, at once if that is so now; the result undoes it."""
        self._hangup_listeners.append(listener)
        if self.soft_hangup:
            listener(self)

        def remove() -> None:
            if listener in self._hangup_listeners:
                self._hangup_listeners.remove(listener)

        return remove

    def redirect(self, context: str, extension: str, priority: int) -> None:
        """Send the channel to another place in the dialplan; anyone may call this (an asynchronous goto).

        A channel that runs no dialplan starts to.
        """
        self.system.redirect(self, context, extension, priority)

    def goto(self, context: str, extension: str, priority: int) -> None:
        """Go on there after the running application. Called by the owner (Goto and its family)."""
        self.goto_target = (context, extension, priority)

    def set_absolute_timeout(self, seconds: float | None) -> None:
        """Hang up (or go to T) in ``seconds``; None or 0 forbids it."""
        if self._absolute_timer is not None:
            self._absolute_timer.cancel()
            self._absolute_timer = None
        self.when_to_hangup = None
        if seconds:
            loop = asyncio.get_running_loop()
            self.when_to_hangup = loop.time() + seconds
            self._absolute_timer = loop.call_later(seconds, self._absolute_timeout)

    def _absolute_timeout(self) -> None:
        self._absolute_timer = None
        self._raise_soft_hangup(SoftHangup.TIMEOUT)

    def clear_soft_hangup(self, reasons: SoftHangup) -> None:
        """The owner dealt with ``reasons``."""
        self.soft_hangup &= ~reasons

    def stop_generator(self) -> None:
        """Stop the tone, music or file that is being written."""
        generator, self.generator = self.generator, None
        if generator is not None:
            generator.stop()

    def start_generator(self, generator: Generator) -> None:
        """Write what ``generator`` makes, instead of what was generated before; nothing once the channel is gone."""
        self.stop_generator()
        if self.is_hung_up:
            return
        self.generator = generator
        generator.start(self)

    def hangup(self, cause: int = 0) -> None:
        """End the channel for good: protocol goodbye, events, out of the list. Called once, by the owner."""
        if self.is_hung_up:
            return
        self.is_hung_up = True
        if cause:
            self.hangup_cause = cause
        self.stop_generator()
        if self.tech.is_polled:
            self.system.ticker.remove(self._poll)
        self.set_absolute_timeout(None)
        if not self.soft_hangup:
            self._raise_soft_hangup(SoftHangup.EXPLICIT)
        try:
            self.tech.hangup(self)
        except Exception as error:  # a driver's bug must not keep the channel alive
            logger.error(f"{self.tech.name} failed to hang up {self.name}", exception=error)
        self._sink = None
        self.queue.clear()
        self.system.remove_channel(self)
        self.system.bus.publish(events.ChannelHungUp(self))
        self.tasks.cancel()

    def _task_failed(self, task: asyncio.Task[Any], error: BaseException) -> None:
        """A bug in this call ends this call, and only this."""
        self.hangup(Cause.FAILURE)


def _settle(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)


def _digit_of(frame: Frame) -> str | None:
    return chr(frame.subtype) if frame.type is FrameType.DTMF_END else None
