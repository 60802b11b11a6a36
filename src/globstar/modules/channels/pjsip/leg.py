"""One leg of a call: the SIP session, its media and its channel, tied together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelState
from globstar.core.frame import Control, Frame, FrameType, control
from globstar.core.party import PartyId
from globstar.core.testevents import tell_state
from globstar.modules.channels.pjsip import answers, connected, direct, hold, quality, redirects, refer, refresh, texts, timers
from globstar.modules.channels.pjsip.bodies import sdp_body
from globstar.modules.channels.pjsip.causes import (
    cause_of_reasons,
    cause_of_status,
    reason_header,
    status_of_cause,
    tech_cause_of,
)
from globstar.modules.channels.pjsip.diversion import take_forwarding
from globstar.modules.channels.pjsip.identity import leg_identity
from globstar.modules.channels.pjsip.inband import ToneWatcher
from globstar.modules.channels.pjsip.media import LegMedia
from globstar.modules.channels.pjsip.option_tags import supported
from globstar.modules.channels.pjsip.requests import OPTIONS_HEADERS, not_understood
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.reason import Reason
from globstar.proto.sip.message import Header, Message, Request, Response
from globstar.proto.sip.session import SessionState
from globstar.proto.sip.settings import ALL_METHODS
from globstar.proto.sip.uri import SipUri
from globstar.proto.sip.user import EndReason, SessionUser

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.proto.sip.flow import Flow
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ClientTransaction, ServerTransaction

logger = Logger("chan_pjsip")

ALLOW: Header = ("Allow", ", ".join(ALL_METHODS))
ANSWERED_ELSEWHERE: Header = ("Reason", 'SIP;cause=200;text="Call completed elsewhere"')

_ENDING = (SessionState.TERMINATED,)


class Leg(SessionUser):
    """What ``channel.private`` is for PJSIP channels, and who hears of the SIP session's events."""

    __slots__ = (
        "answer_tag", "aor", "channel", "contact_uri", "direct_refused", "direct_waits",
        "driver", "dtmf_mode", "early_sent", "endpoint", "extra_headers", "from_params", "hooks", "is_caller", "is_confirmed",
        "is_secure",
        "last_response", "media", "moh_passthrough",
        "on_behalf", "our_host", "refer", "refer_result", "remote_host", "request", "request_uri", "resume",
        "session", "sip_timer", "told_party", "tone_watcher", "waiting_bye", "waiting_refresh", "was_answered",
    )  # fmt: skip

    def __init__(
        self, driver: PjsipDriver, endpoint: EndpointObject, media: LegMedia, *, is_caller: bool, our_host: str, remote_host: str
    ) -> None:
        self.driver = driver
        self.endpoint = endpoint
        #: of the features that have to do with the call; of all until it has a channel
        self.hooks = driver.hooks
        self.media = media
        #: True when we sent the INVITE
        self.is_caller = is_caller
        self.our_host = our_host
        self.remote_host = remote_host
        self.channel: Channel | None = None
        self.session: InviteSession | None = None
        self.request: Request | None = None
        self.last_response: Response | None = None
        self.request_uri = ""
        #: whose call it is, as long as that one's answer depends on what our endpoint chooses
        self.on_behalf: Leg | None = None
        #: lets a call go on that a supplement holds before it has a channel
        self.resume: Callable[[], None] | None = None
        self.aor = ""
        self.contact_uri = ""
        #: headers that the dialplan wants in our INVITE
        self.extra_headers: list[Header] = []
        #: parameters that it wants in its From: whether of the URI, name, value
        self.from_params: tuple[tuple[bool, str, str], ...] = ()
        #: whether the first hop is reached by an encrypted transport
        self.is_secure = False
        #: whether the call was answered and acknowledged
        self.is_confirmed = False
        self.early_sent = False
        self.was_answered = False
        self.told_party: PartyId | None = None
        self.sip_timer: timers.Agreement | None = None
        self.refer: refer.Subscription | None = None
        self.refer_result = ""
        #: PJSIP_MOH_PASSTHROUGH() of the dialplan, over what the endpoint has
        self.moh_passthrough: bool | None = None
        self.dtmf_mode = endpoint.dtmf_mode
        self.tone_watcher: ToneWatcher | None = None
        #: CHANNEL(digitdetect) of the dialplan, over what dtmf_mode says, and CHANNEL(relaxdtmf)
        self.finds_tones: bool | None = None
        self.takes_relaxed_tones = False
        #: what is to be told when no other request is pending
        self.waiting_refresh: refresh.Refresh | None = None
        #: a BYE waits for the end of our re-INVITE
        self.waiting_bye = False
        #: see ``direct``
        self.direct_refused = self.direct_waits = False
        #: the To tag of whose answer to our offer is in force
        self.answer_tag = ""

    def supported(self) -> Header:
        """What we understand, for responses and requests inside the dialog; norefersub only if the configuration says so."""
        return supported(self.endpoint, norefersub=self.driver.settings.globals.norefersub, is_invite=False)

    def supported_out(self) -> Header:
        """The same for an INVITE."""
        return supported(self.endpoint, norefersub=self.driver.settings.globals.norefersub, is_invite=True)

    # -- what the channel asks for: incoming calls -------------------------------------------------------------------

    @property
    def is_waiting(self) -> bool:
        """Whether an INVITE of the other side waits for our final response."""
        session = self.session
        return session is not None and not self.is_caller and session.state in (SessionState.INCOMING, SessionState.EARLY)

    def provisional(self, status: int, *, with_sdp: bool = False, headers: list[Header] | None = None) -> None:
        """Send 180, 181, 183; reliably where both sides want it (RFC 3262)."""
        session = self.session
        if session is None or not self.is_waiting:
            return
        body = self.media.description() if with_sdp else b""
        mode = self.endpoint.rel100
        can = session.supports_100rel
        required = "100rel" in session.request.tokens("Require")
        is_reliable = can and (mode == "required" or required or (mode == "peer_supported"))
        out = [ALLOW, *(headers or ()), *leg_identity(self, "called")]
        for hook in self.hooks.response_headers:
            hook(self, status, out)
        session.provisional(status, headers=out, body=body, reliable=is_reliable)
        if with_sdp:
            self.early_sent = True

    def answer(self) -> None:
        """Accept the incoming call."""
        session = self.session
        if session is None or not self.is_waiting:
            return
        body = self.media.description()
        identity = leg_identity(self, "called")
        if identity and self.channel is not None:
            self.told_party = self.channel.connected.id.copy()
        out = [ALLOW, self.supported(), *timers.answer_headers(self), *identity]
        for hook in self.hooks.response_headers:
            hook(self, 200, out)
        self.was_answered = True
        session.accept(headers=out, body=body)
        timers.start(self)

    def refuse(self, status: int, cause: int, headers: list[Header] | None = None) -> None:
        """Refuse the incoming call, if it still waits."""
        session = self.session
        if session is not None and self.is_waiting:
            out = list(headers or ())
            if not self.endpoint.suppress_q850_reason_headers:
                out.append(reason_header(cause))
            for hook in self.hooks.response_headers:
                hook(self, status, out)
            session.reject(status, headers=out)
            self.media.close()

    # -- what the channel asks for: both directions ------------------------------------------------------------------

    def hang_up(self, cause: int) -> None:
        """End the session in whatever state it is, with ``cause``; then the media."""
        session = self.session
        is_tested = self.driver.system.test_events
        if is_tested:
            tell_state(self.driver.system, "SESSION_DESTROYING", self.channel, Endpoint=self.endpoint.name)
        quality.set_variables(self)
        if self.channel is not None:
            for hook in self.hooks.channel_ended:
                hook(self, self.channel)
        if self.tone_watcher is not None and self.channel is not None:
            self.channel.remove_hook(self.tone_watcher)
            self.tone_watcher = None
        if session is not None and session.state not in _ENDING:  # else nobody is there to hear it
            self.media.send_rest()
        self.media.close()
        self.driver.leg_ended(self)
        refer.channel_ended(self)
        self.channel = self.media.channel = None
        if is_tested:
            tell_state(self.driver.system, "SESSION_DESTROYED", Endpoint=self.endpoint.name)
        if session is None or session.state in _ENDING:
            return
        headers: list[Header] = []
        if not self.endpoint.suppress_q850_reason_headers:
            headers.append(reason_header(cause))
        if session.state in (SessionState.CONNECTING, SessionState.CONFIRMED):
            for keep in self.hooks.session_kept:
                if keep(self, session, headers):
                    return
            if session.has_open_invite:
                self.waiting_bye = True  # it will have no Reason, as Asterisk's has none then
            else:
                session.bye(headers)
        elif self.is_caller:
            if cause == Cause.ANSWERED_ELSEWHERE:
                headers.insert(0, ANSWERED_ELSEWHERE)
            session.cancel(headers)
        else:
            session.reject(status_of_cause(cause), headers=headers)

    def write(self, frame: Frame) -> None:
        """A frame to the endpoint."""
        if frame.type is FrameType.VOICE:
            self.media.write(frame)
        elif frame.format is not None:
            self.media.write_side(frame)
        elif frame.type is FrameType.MODEM:
            if self.media.fax is not None:
                self.media.fax.write(frame)
        elif frame.type is FrameType.CNG:
            self.media.write_noise(frame.subtype)
        elif frame.type is FrameType.RTCP:
            self.media.tell_bit_rate(frame)
        elif frame.type is FrameType.TEXT:
            texts.pass_on(self, str(frame.data))

    def send_reinvite(self, headers: list[Header]) -> None:
        """A re-INVITE with our present media, now or when nothing else is pending."""
        refresh.ask(self, refresh.Refresh(headers=tuple(headers)))

    def watch_tones(self) -> None:
        """Look for digits in the audio if that is how they come, and only then."""
        channel, stream = self.channel, self.media.stream
        if channel is None:
            return
        wanted = self.dtmf_mode == "inband" or (self.dtmf_mode == "auto" and stream is not None and stream.send_dtmf is None)
        if self.finds_tones is not None:
            wanted = self.finds_tones
        watcher = self.tone_watcher
        if watcher is not None and not (wanted and watcher.is_relaxed == self.takes_relaxed_tones):
            channel.remove_hook(watcher)
            watcher = self.tone_watcher = None
        if wanted and watcher is None:
            self.tone_watcher = ToneWatcher(channel, is_relaxed=self.takes_relaxed_tones)
            channel.add_read_hook(self.tone_watcher)

    # -- SessionUser: calls we make ----------------------------------------------------------------------------------

    def provisional_received(self, session: InviteSession, response: Response) -> None:
        """Ringing, progress, forwarding; early media where there is SDP."""
        channel = self.channel
        if channel is None:
            return
        self.last_response = response
        for hook in self.hooks.response_received:
            hook(self, response)
        connected.take_party(self, response)
        has_media = bool(response.body) and bool(sdp_body(response)) and answers.take_provisional(self, response)
        status = response.status
        if status == 180:
            channel.set_state(ChannelState.RINGING)
            channel.deliver(control(Control.RINGING))
        elif status == 181:
            channel.deliver(control(Control.REDIRECTING, take_forwarding(response, channel.redirecting)))
        elif status == 183 and not has_media and not self.endpoint.ignore_183_without_sdp:
            channel.deliver(control(Control.PROGRESS))
        if has_media:
            channel.deliver(control(Control.PROGRESS))

    def accepted(self, session: InviteSession, response: Response) -> None:
        """2xx for our INVITE or re-INVITE."""
        channel = self.channel
        is_first = not self.was_answered
        self.was_answered = True
        if channel is None:
            return
        self.last_response = response
        for hook in self.hooks.response_received:
            hook(self, response)
        if is_first:
            connected.take_party(self, response)
        self._tell_cause(Cause.NORMAL_CLEARING, response)
        timers.start_as_caller(self, response)
        is_taken = answers.take_final(self, session, response, is_first=is_first)
        if is_first:
            self.media.give_up_declined()
        if not is_taken:
            return
        if is_first:
            channel.deliver(control(Control.ANSWER))

    def retry_headers(self, session: InviteSession, response: Response) -> list[Header]:
        """More headers for the INVITE that follows a challenge or a 494."""
        return [header for hook in self.hooks.retry_headers for header in hook(self, response)]

    def redirect_received(self, session: InviteSession, response: Response) -> Sequence[tuple[SipUri, Flow]]:
        """Where the call goes on by itself after a 3xx."""
        return redirects.targets(self, session, response)

    def rejected(self, session: InviteSession, response: Response) -> None:
        """3xx to 6xx, or nothing at all, for our INVITE."""
        self.session = None
        self.media.close()
        channel = self.channel
        if channel is None:
            return
        self.last_response = response
        for hook in self.hooks.response_received:
            hook(self, response)
        status = response.status
        cause = cause_of_status(status)
        self._tell_cause(cause, response)
        if 300 <= status < 400 and redirects.forward(self, response):
            return
        channel.queue_hangup(cause, tech_cause=status)

    def reinvite_rejected(self, session: InviteSession, response: Response) -> None:
        """Our re-INVITE failed: what was agreed before stays. After 491 another offer is made when the time comes."""
        self.media.negotiation.cancel_offer()
        if response.status != 491:
            direct.refused(self)
            if self.media.fax is not None:
                self.media.fax.answered(is_accepted=False)

    def offer_again(self, session: InviteSession, body: bytes) -> bytes:
        """The wait after a 491 is over: our media may have changed meanwhile."""
        return self.media.make_offer()

    def settled(self, session: InviteSession) -> None:
        """Nothing is pending: what waited may go."""
        if self.waiting_bye:
            self.waiting_bye = False
            session.bye()
            return
        if not self.is_confirmed:
            self.is_confirmed = True
            for hook in self.hooks.session_confirmed:
                hook(self, session)
            for message in (session.request, self.last_response):  # kept for questions about the call, of which few come
                if message is not None:
                    message.rest()
        if self.waiting_refresh is not None:
            refresh.resume(self)
        if self.direct_waits:
            direct.sync(self)

    # -- SessionUser: calls we receive -------------------------------------------------------------------------------

    def cancelled(self, session: InviteSession, request: Request) -> None:
        """The caller gave up: 487, and the channel ends with what 487 maps to, as Asterisk does."""
        channel = self.channel
        headers = [] if self.endpoint.suppress_q850_reason_headers else [reason_header(0)]
        if channel is not None and channel.hangup_cause and headers:
            headers = [reason_header(channel.hangup_cause)]
        session.reject(487, headers=headers)
        self.media.close()
        tell_state(self.driver.system, "PJSIP_SESSION_CANCELED", channel, Endpoint=self.endpoint.name)
        if channel is not None:
            cause = cause_of_reasons(_reasons(request)) or Cause.INTERWORKING
            channel.queue_hangup(cause, tech_cause=487)

    def prack_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        """PRACK: it carries the answer to an offer in our provisional response, or a new offer (RFC 3262 5)."""
        answers.in_prack(self, session, transaction)

    def acknowledged(self, session: InviteSession, request: Request) -> None:
        """ACK: it carries the answer where the offer was ours (a delayed offer)."""
        answers.in_ack(self, session, request)

    # -- SessionUser: both -------------------------------------------------------------------------------------------

    def reinvite_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        """The other side changes the session: hold, another codec or address, or just a refresh."""
        if not self._refuses_extension(session, transaction):
            hold.reinvite_received(self, session, transaction)

    def update_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        """UPDATE (RFC 3311)."""
        if not self._refuses_extension(session, transaction):
            hold.update_received(self, session, transaction)

    def request_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        """INFO, MESSAGE, OPTIONS, REFER, NOTIFY ... inside the dialog."""
        method = transaction.request.method
        if self._refuses_extension(session, transaction):
            return
        for hook in self.hooks.session_request:
            if hook(self, session, transaction):
                return
        if method == "OPTIONS":
            session.respond(transaction, 200, headers=OPTIONS_HEADERS)
        elif method == "NOTIFY":
            refer.notify_received(self, session, transaction)
        elif method == "PRACK":
            session.respond(transaction, 400, "Unexpected PRACK", headers=self.reason())
        elif method == "SUBSCRIBE":
            session.respond(transaction, 489)
        else:
            session.respond(transaction, 501)

    def _refuses_extension(self, session: InviteSession, transaction: ServerTransaction) -> bool:
        refusal = not_understood(transaction.request)
        if refusal:
            session.respond(transaction, 420, headers=refusal)
        return bool(refusal)

    def reason(self) -> list[Header]:
        """The Reason header that Asterisk puts into its refusals inside a dialog."""
        if self.endpoint.suppress_q850_reason_headers:
            return []
        return [reason_header(self.channel.hangup_cause if self.channel is not None else 0)]

    def bye_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        """The other side hangs up."""
        for hook in self.hooks.bye_received:
            hook(self, transaction.request)
        quality.set_variables(self)

    def response_received(self, session: InviteSession, transaction: ClientTransaction, response: Response) -> None:
        """The end of a request of ours inside the dialog."""
        method = transaction.request.method
        if method == "REFER":
            refer.response_received(self, response)
        elif method == "UPDATE":
            refresh.update_answered(self, response)

    def refresh_due(self, session: InviteSession) -> None:
        """RFC 4028: our turn to show that the call lives."""
        timers.refresh(self)

    def ended(self, session: InviteSession, reason: EndReason, message: Request | Response | None) -> None:
        """The session is over."""
        self.session = None
        for hook in self.hooks.session_ended:
            hook(self, session)
        channel = self.channel
        if channel is None or reason is EndReason.BYE_SENT:
            return
        if reason is EndReason.BYE_RECEIVED and message is not None:
            cause = cause_of_reasons(_reasons(message)) or 0
            channel.queue_hangup(cause, tech_cause=tech_cause_of(cause))
        else:
            logger.notice(f"{self}: the call ended: {reason.value}")
            channel.queue_hangup(
                Cause.RECOVERY_ON_TIMER_EXPIRE if reason is EndReason.SESSION_EXPIRED else Cause.NO_USER_RESPONSE
            )

    # -- helpers -----------------------------------------------------------------------------------------------------

    def _tell_cause(self, cause: int, response: Response) -> None:
        """HANGUPCAUSE() of the caller knows this channel's end in the words of SIP."""
        channel = self.channel
        if channel is None:
            return
        text = f"SIP {response.status} {response.reason}"
        channel.hangup_tech_cause[channel.name] = (cause, text)
        member = channel.bridge_member
        if member is not None:  # the answer to a re-INVITE
            for peer in member.peers:
                peer.channel.hangup_tech_cause[channel.name] = (cause, text)
            return
        channel.deliver(control(Control.PVT_CAUSE_CODE, (channel.name, cause, text)))

    def __str__(self) -> str:
        return self.channel.name if self.channel is not None else f"PJSIP/{self.endpoint.name} (no channel)"


def _reasons(message: Message) -> tuple[Reason, ...]:
    try:
        return message.values("Reason", Reason.parse_list)
    except SipParseError:
        return ()  # an unreadable reason is none
