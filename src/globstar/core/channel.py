"""The channel: one connection between Globstar and one telephone endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.core import events
from globstar.core.callsown import CallsOwn
from globstar.core.cause import Cause
from globstar.core.channelmedia import ChannelMedia
from globstar.core.channelstate import STATE_TEXT, ChannelGone, ChannelState, NoTranslation, SoftHangup
from globstar.core.format import FormatCapabilities
from globstar.core.frame import Control, Frame, FrameType, control
from globstar.core.party import Caller, Connected, Dialed, PartyId, Redirecting
from globstar.core.tech import ChannelTech
from globstar.core.testevents import tell_state
from globstar.core.variables import ChannelVariables

if TYPE_CHECKING:
    from globstar.core.stack import StackFrame
    from globstar.core.system import System
    from globstar.dialplan.plan import Dialplan

logger = Logger("channel")

#: How long Answer() waits for the first media of the caller, seconds.
ANSWER_MEDIA_WAIT = 0.5

__all__ = ["STATE_TEXT", "Channel", "ChannelGone", "ChannelState", "NoTranslation", "SoftHangup"]


#: an empty frozenset is a new one each time
_NONE: frozenset[Any] = frozenset()


class Channel(ChannelMedia):
    """One call leg. One task owns it; others ask it through the methods that say so.

    Frames from the endpoint come in by :meth:`deliver` and go to the sink that the owner attached (a bridge, an
    application); without one, digits and control frames wait in a bounded queue and voice is dropped and counted.
    Frames to the endpoint go out by :meth:`write`.
    """

    __slots__ = (
        "__weakref__",
        "_absolute_timer",
        "_connected",
        "_dialed",
        "_redirecting",
        "account_code",
        "ama_flags",
        "answered_at",
        "application",
        "application_data",
        "call_group",
        "call_id",
        "caller",
        "cdr",
        "context",
        "created_at",
        "created_wall",
        "data",
        "digit_timeout",
        "extension",
        "goto_target",
        "hangup_cause",
        "hangup_handlers",
        "hangup_source",
        "hangup_tech_cause",
        "idle_application",
        "is_outgoing",
        "is_renamed",
        "language",
        "last_context",
        "last_extension",
        "linked_id",
        "macro_extension",
        "music_class",
        "named_call_groups",
        "named_pickup_groups",
        "parking_lot",
        "peer_account",
        "pickup_group",
        "plan",
        "priority",
        "private",
        "response_timeout",
        "run_context",
        "run_extension",
        "stack",
        "state",
        "step_cause",
        "tasks",
        "tech_cause",
        "tone_zone",
        "unique_id",
        "user_field",
        "variables",
        "when_to_hangup",
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
        super().__init__(system, tech, name, native_formats)
        self.state = state
        self.unique_id: str = unique_id or system.next_unique_id()
        self.linked_id = linked_id or self.unique_id
        self.context: str = context
        self.extension: str = extension
        self.priority: int = 1
        #: where the dialplan ran last, and the last other context and extension before
        self.run_context = self.run_extension = self.last_context = self.last_extension = ""
        self.macro_extension = ""
        self.plan: Dialplan | None = None
        self.goto_target: tuple[str, str, int] | None = None
        self.application = ""
        self.application_data = ""
        #: what is shown while no priority runs (``AppDial`` of a called channel)
        self.idle_application = ("", "")
        self.caller: Caller = Caller() if caller is None else Caller(caller, caller.copy())
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
        self.call_group: frozenset[int] = _NONE
        self.pickup_group: frozenset[int] = _NONE
        self.named_call_groups: frozenset[str] = _NONE
        self.named_pickup_groups: frozenset[str] = _NONE
        self.is_outgoing = is_outgoing
        #: the caller id changed, which is told behind the next state
        self.is_renamed = False
        self.hangup_cause: int = 0
        #: the hangup cause when the application that runs began
        self.step_cause: int = 0
        self.hangup_source = ""
        #: the technology's own number for the end of the call (a SIP status), 0 where it has none
        self.tech_cause: int = 0
        self.hangup_tech_cause: dict[str, tuple[int, str]] = {}
        self.hangup_handlers: list[str] = []
        self.created_at = system.now()
        self.created_wall = system.wall_time()
        self.answered_at: float | None = None
        self.variables = ChannelVariables(self)
        self.stack: list[StackFrame] = []
        self.data: dict[str, Any] = {}
        self.private: Any = None
        self.cdr: Any = None
        self.call_id = ""
        self.tasks = TaskOwner(name, self._task_failed)
        self.when_to_hangup: float | None = None
        self.digit_timeout = 5.0
        self.response_timeout = 10.0
        self._absolute_timer: asyncio.TimerHandle | None = None
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
    def dialed_number(self) -> str:
        """The number that the caller dialled, "" where none is known."""
        return self._dialed.number if self._dialed is not None else ""

    @property
    def redirecting(self) -> Redirecting:
        """How the call came to be redirected."""
        if self._redirecting is None:
            self._redirecting = Redirecting()
        return self._redirecting

    @redirecting.setter
    def redirecting(self, value: Redirecting) -> None:
        self._redirecting = value

    @property
    def is_redirected(self) -> bool:
        """Whether the call was redirected by somebody whom ``redirecting`` names."""
        redirecting = self._redirecting
        return redirecting is not None and (redirecting.count > 0 or redirecting.from_.number.valid)

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
        if self.is_renamed:
            self.is_renamed = False
            if self.system.heard.caller_id_changed:
                self.system.bus.publish(events.CallerIdChanged(self))

    def set_caller_id(self, number: str | None = None, name: str | None = None, ani: str | None = None) -> None:
        """Change the caller id; None leaves a part alone."""
        if number is not None:
            self.caller.id.set_number(number)
        if name is not None:
            self.caller.id.set_name(name)
        if ani is not None:
            self.caller.ani.set_number(ani)
        self.system.bus.publish(events.CallerIdChanged(self))

    def set_connected_line(self, party: PartyId, source: int = 0, *, tell_endpoint: bool = True) -> None:
        """Note who is at the other end and, where the technology can, tell the endpoint."""
        connected = self._connected
        if connected is None:
            connected = self._connected = Connected(party.copy())
        else:
            connected.id = party.copy()
        connected.source = source
        if self.system.heard.connected_line_changed:
            self.system.bus.publish(events.ConnectedLineChanged(self))
        if tell_endpoint:
            self.tech.indicate(self, Control.CONNECTED_LINE, connected)

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

    # -- answer and end ------------------------------------------------------------------------------------------------

    def answer_at_once(self) -> None:
        """Accept an incoming call without waiting for media; nothing happens on a channel that is up or outgoing."""
        if self.state is ChannelState.UP or self.is_hung_up:
            return
        if self.signal_hooks and self.is_swallowed(control(Control.ANSWER)):
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
        if self.system.heard.channel_answered:
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
                self._put_back([frame for frame in held if frame.type is not FrameType.NULL])

    def change_technology(self, tech: ChannelTech, private: Any, formats: FormatCapabilities) -> None:
        """Be carried by another technology from now on, whatever the owner is doing; the present one says goodbye.

        Raises NoTranslation, and changes nothing, if no translators lead from ``formats`` to what is read and written now.
        """
        best = formats.formats[0]
        for source, destination in ((best, self.read_format), (self.write_format, best)):
            if source.codec is not destination.codec:
                self._path(source, destination, is_reading=False)
        try:
            self.tech.hangup(self)
        except Exception as error:  # a driver's bug must not end the call that goes on elsewhere
            logger.error(f"{self.tech.name} failed to let go of {self.name}", exception=error)
        if self.tech.is_polled:
            self.system.ticker.remove(self._poll)
        self.system.technology_changed(self, self.tech, tech)
        self.tech, self.private = tech, private
        if tech.is_polled:
            self.system.ticker.add(self._poll)
        self.set_native_formats(formats, read=best, write=best)

    def queue_hangup(
        self, cause: int = 0, *, source: str | None = None, tech_cause: int = 0, is_noticed_later: bool = False
    ) -> None:
        """The endpoint hung up. Called by the driver; the owner finds out at once, or at the loop's next turn.

        ``source`` is who began it: the channel itself unless said, nobody when "". ``tech_cause`` is the cause in the words of
        the technology.
        """
        if self.is_hung_up:
            return
        if cause:
            self.hangup_cause = cause
        if tech_cause:
            self.tech_cause = tech_cause
        if not self.hangup_source:
            self.hangup_source = self.name if source is None else source
        if self.system.heard.hangup_requested:
            self.system.bus.publish(events.HangupRequested(self, self.hangup_cause, False))
        if is_noticed_later:
            self.system.loop.call_soon(self._notice_hangup)
        else:
            self._raise_soft_hangup(SoftHangup.DEVICE)

    def _notice_hangup(self) -> None:
        if not self.is_hung_up:
            self._raise_soft_hangup(SoftHangup.DEVICE)

    def request_hangup(self, reason: SoftHangup = SoftHangup.EXPLICIT, cause: int = 0, *, is_told: bool = True) -> None:
        """Ask the owner to hang up; anyone may call this. Listeners are told of ``reason`` unless it is not ``is_told``."""
        if self.is_hung_up:
            return
        if cause:
            self.hangup_cause = cause
        if is_told and self.system.heard.hangup_requested:
            self.system.bus.publish(events.HangupRequested(self, int(reason), True))
        self._raise_soft_hangup(reason)

    def _raise_soft_hangup(self, reason: SoftHangup) -> None:
        self.soft_hangup = self.soft_hangup | reason if self.soft_hangup else reason
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
            tell_state(self.system, "HANGUP_TIME", self, Seconds=seconds)
            loop = asyncio.get_running_loop()
            self.when_to_hangup = loop.time() + seconds
            self._absolute_timer = loop.call_later(seconds, self._absolute_timeout)

    def _absolute_timeout(self) -> None:
        self._absolute_timer = None
        self._raise_soft_hangup(SoftHangup.TIMEOUT)

    def clear_soft_hangup(self, reasons: SoftHangup) -> None:
        """The owner dealt with ``reasons``."""
        self.soft_hangup &= ~reasons

    def hangup(self, cause: int = 0) -> None:
        """End the channel for good: protocol goodbye, events, out of the list. Called once, by the owner."""
        if self.is_hung_up:
            return
        if not self.soft_hangup & SoftHangup.DEVICE:
            self.complete_writing()
        self.is_hung_up = True
        if cause:
            self.hangup_cause = cause
        self.stop_generator()
        if self.tech.is_polled:
            self.system.ticker.remove(self._poll)
        if self.when_to_hangup is not None:
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
        self.tasks.on_failure = None  # it would keep the channel until the next garbage collection
        self._drop_own()

    def _drop_own(self) -> None:
        """Let go of what refers to this channel, for the same reason."""
        for hooks in (self.read_hooks, self.write_hooks, self.signal_hooks):
            hooks.clear()
        self._last_hooks = 0
        for key in [key for key, kept in self.data.items() if isinstance(kept, CallsOwn)]:
            self.data.pop(key).ended()

    def _task_failed(self, task: asyncio.Task[Any], error: BaseException) -> None:
        """A bug in this call ends this call, and only this."""
        self.hangup(Cause.FAILURE)
