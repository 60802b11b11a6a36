"""One agent: waits in a holding bridge, hears that a call comes, accepts it, talks, and waits again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.bridge import Bridge, BridgeMember, LeaveReason
from globstar.core.channel import Channel, ChannelGone
from globstar.core.frame import Frame, FrameType
from globstar.core.idle import Entertainment, IdleMode
from globstar.core.playback import SoundMissing, play
from globstar.core.touchrecord import start_recording
from globstar.core.twoparty import PartyRights, give_rights, join_with_rights
from globstar.modules.apps.agent_pool.events import AgentLoggedIn, AgentLoggedOff
from globstar.modules.apps.agent_pool.settings import AgentOptions, AgentTerms, terms_of

if TYPE_CHECKING:
    from globstar.core.party import PartyId
    from globstar.modules.apps.agent_pool.pool import AgentPool

logger = Logger("app_agent_pool")

#: Variables of the agent's channel that count more than agents.conf.
VARIABLES = ("AGENTACKCALL", "AGENTACCEPTDTMF", "AGENTAUTOLOGOFF", "AGENTWRAPUPTIME")


class Stage(Enum):
    """What an agent does."""

    LOGGED_OFF = "logged off"
    READY = "ready"
    ALERTED = "alerted"
    ON_CALL = "on call"
    WRAPPING_UP = "wrapping up"


class Verdict(Enum):
    """What became of a call that was offered to an agent; the values are those of AGENT_STATUS."""

    ACCEPTED = ""
    NOT_CONNECTED = "NOT_CONNECTED"
    ERROR = "ERROR"


@dataclass(slots=True, eq=False)
class Offer:
    """A call that an agent is asked to take. ``verdict`` is set when that is decided."""

    caller: Channel
    verdict: asyncio.Future[Verdict]
    pressed: str = ""

    def decide(self, verdict: Verdict) -> None:
        """Say what becomes of it; only the first word counts."""
        if not self.verdict.done():
            self.verdict.set_result(verdict)


@dataclass(slots=True, eq=False)
class Session:
    """One login: the channel, what it brought along, and where it is."""

    channel: Channel
    #: the AGENT variables of the channel at the login
    given: dict[str, str]
    terms: AgentTerms
    idle_party: PartyId
    #: UTC seconds
    logged_in_at: float
    call_started_at: float = 0.0
    member: BridgeMember | None = None
    offer: Offer | None = None
    is_leaving: bool = False
    timers: list[asyncio.TimerHandle] = field(default_factory=list)

    def stop_timers(self) -> None:
        """Nothing is due any more."""
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()


class Agent:
    """An agent of agents.conf, logged in or not."""

    __slots__ = ("is_configured", "name", "options", "pool", "session", "stage")

    def __init__(self, pool: AgentPool, name: str, options: AgentOptions) -> None:
        self.pool = pool
        self.name = name
        self.options = options
        self.is_configured = True
        self.stage = Stage.LOGGED_OFF
        self.session: Session | None = None

    def __repr__(self) -> str:
        return f"<Agent {self.name} {self.stage.name}>"

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        self.pool.changed(self.name)

    # -- being logged in: run by the task of the agent's channel -----------------------------------------------------------

    async def attend(self, channel: Channel) -> None:
        """Be logged in on ``channel`` until the logoff or the end of the channel. The agent must be logged off."""
        system = channel.system
        given = {name: channel.get_variable(name) or "" for name in VARIABLES}
        self.session = session = Session(
            channel, given, terms_of(self.options, given), channel.connected.id.copy(), system.wall_time()
        )
        self._enter(Stage.READY)
        system.bus.publish(AgentLoggedIn(channel, self.name))
        logger.verbose(2, f"Agent '{self.name}' logged in on {channel.name}")
        try:
            while not session.is_leaving and not channel.soft_hangup:
                await self._wait_for_calls(session)
        finally:
            self._logged_off(session)

    async def _wait_for_calls(self, session: Session) -> None:
        """One stay in the holding bridge, with the call that comes after it."""
        idle = IdleMode(Entertainment.MUSIC, self.options.musiconhold)
        member = session.member = self.pool.holding.join(session.channel, idle=idle, digit_filter=self._digit)
        try:
            await member.left
        except asyncio.CancelledError:
            member.leave(LeaveReason.HANGUP)
            raise
        finally:
            session.member = None
            session.stop_timers()
            if session.offer is not None:
                session.offer.decide(Verdict.NOT_CONNECTED)
                session.offer = None
        if session.is_leaving or session.channel.soft_hangup:
            return
        if self.stage is Stage.ON_CALL:
            self._call_ended(session)
        else:  # somebody took the channel out of the bridge
            self._enter(Stage.READY)

    def _call_ended(self, session: Session) -> None:
        session.channel.set_connected_line(session.idle_party)
        session.call_started_at = 0.0
        wrap_up = session.terms.wrap_up
        session.terms = terms_of(self.options, session.given)
        if wrap_up > 0:
            self._enter(Stage.WRAPPING_UP)
            session.timers.append(self.pool.system.loop.call_later(wrap_up, self._is_wrapped_up, session))
        else:
            self._enter(Stage.READY)

    def _is_wrapped_up(self, session: Session) -> None:
        if self.session is session and self.stage is Stage.WRAPPING_UP:
            self._enter(Stage.READY)

    def _logged_off(self, session: Session) -> None:
        session.stop_timers()
        self.session = None
        self._enter(Stage.LOGGED_OFF)
        system = self.pool.system
        seconds = int(system.wall_time() - session.logged_in_at)
        system.bus.publish(AgentLoggedOff(session.channel, self.name, seconds))
        logger.verbose(2, f"Agent '{self.name}' logged off after {seconds} s")
        self.pool.forget(self)

    def log_off(self, *, is_soft: bool = False) -> bool:
        """End the login, a soft one when the present call is over; False if the agent is not logged in."""
        session = self.session
        if session is None:
            return False
        session.is_leaving = True
        if session.member is not None and not (is_soft and self.stage in (Stage.ON_CALL, Stage.ALERTED)):
            session.member.leave(LeaveReason.DISSOLVED)  # the caller's end, too
        return True

    # -- taking calls ------------------------------------------------------------------------------------------------------

    def offer(self, caller: Channel) -> Offer | None:
        """Tell the agent of a call; None if that cannot be done now. The agent must be READY."""
        session = self.session
        if session is None or session.member is None or session.member.is_apart or session.is_leaving:
            return None
        offer = session.offer = Offer(caller, self.pool.system.loop.create_future())
        self._enter(Stage.ALERTED)
        session.channel.set_connected_line(caller.caller.id)
        task = self.pool.system.start_call_task(session.channel, self._alert(session, session.member, offer), "agent alert")

        def ended(_: object) -> None:
            if task is not asyncio.current_task() and not task.done():
                task.cancel()

        offer.verdict.add_done_callback(ended)
        return offer

    async def _alert(self, session: Session, member: BridgeMember, offer: Offer) -> None:
        """Play the beep; then the call is taken, or the agent must press the code."""
        terms = session.terms
        member.set_apart()
        try:
            stop_on = terms.accept_code[-1] if terms.must_accept else ""
            await play(session.channel, self.options.custom_beep, stop_on=stop_on, on_frame=self._digit)
        except SoundMissing as missing:
            logger.warning(f"agent {self.name}: {missing}")
        except ChannelGone:
            return  # the agent hung up, and the call in _wait_for_calls hears of it
        finally:
            if not member.left.done():
                member.bring_back()
        if not terms.must_accept:
            offer.decide(Verdict.ACCEPTED)
        elif terms.auto_logoff > 0 and not offer.verdict.done():
            session.timers.append(self.pool.system.loop.call_later(terms.auto_logoff, self._does_not_accept, offer))

    def _digit(self, frame: Frame) -> bool:
        """A key of the agent who waits: those of the code that takes a call count, the others do nothing."""
        session = self.session
        if frame.type is FrameType.DTMF_END and session is not None and session.offer is not None:
            offer, terms = session.offer, session.terms
            offer.pressed = (offer.pressed + frame.digit)[-len(terms.accept_code) :]
            if terms.must_accept and offer.pressed == terms.accept_code:
                offer.decide(Verdict.ACCEPTED)
        return True

    def _does_not_accept(self, offer: Offer) -> None:
        session = self.session
        if session is not None and session.offer is offer:
            logger.verbose(2, f"Agent '{self.name}' did not take the call and is logged off")
            offer.decide(Verdict.NOT_CONNECTED)
            self.log_off()

    def withdraw(self, offer: Offer) -> None:
        """The caller does not wait any longer."""
        offer.decide(Verdict.NOT_CONNECTED)
        session = self.session
        if session is None or session.offer is not offer:
            return
        session.offer = None
        session.stop_timers()
        if session.is_leaving:
            if session.member is not None:
                session.member.leave(LeaveReason.KICKED)
            return
        session.channel.set_connected_line(session.idle_party)
        self._enter(Stage.READY)

    async def talk(self, offer: Offer) -> None:
        """Bring caller and agent together until the caller is out. Called by the caller's task for an accepted offer.

        Raises ``ChannelGone`` if the agent went away meanwhile.
        """
        caller, session = offer.caller, self.session
        if session is None or session.offer is not offer or session.member is None:
            raise ChannelGone(self.name)
        session.offer = None
        session.stop_timers()
        member = session.member
        caller.answer_at_once()
        caller.set_connected_line(session.channel.caller.id)
        session.call_started_at = self.pool.system.wall_time()
        self._enter(Stage.ON_CALL)
        bridge = Bridge(caller.system)
        caller_member = join_with_rights(bridge, caller, PartyRights(is_caller=True))
        if bridge.is_dissolved:  # the caller went away in this very moment
            member.leave(LeaveReason.KICKED)
            return
        bridge.move(member)
        give_rights(member, PartyRights())
        if self.options.recordagentcalls and not caller_member.left.done():
            start_recording(member)
        try:
            await caller_member.left
        except asyncio.CancelledError:
            caller_member.leave(LeaveReason.HANGUP)
            raise
