"""Fax by T.38 on one leg: its negotiation by re-INVITE, and its packets, which pass untouched."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.frame import Control, Frame, FrameType, Modem, T38Control, control
from globstar.core.t38 import T38Parameters
from globstar.media.udptl import UdptlSession, UdptlSettings, open_udptl
from globstar.modules.channels.pjsip import media_options, refresh, timers
from globstar.modules.channels.pjsip.peer_hosts import locate
from globstar.modules.channels.pjsip.readers import tos_value
from globstar.proto.sdp import Attribute, LocalMedia, Media, NegotiatedStream, NotAcceptable, SessionDescription
from globstar.proto.t38 import Correction, FaxDescription

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_t38")

#: Seconds that the other side of the call has to answer a request for T.38.
PATIENCE = 5.0

_CORRECTIONS = {"none": Correction.NONE, "fec": Correction.FEC, "redundancy": Correction.REDUNDANCY}


class FaxState(Enum):
    """Where the negotiation stands; the values are what CHANNEL(pjsip,t38state) gives."""

    DISABLED = "DISABLED"
    LOCAL_REINVITE = "LOCAL_REINVITE"
    PEER_REINVITE = "PEER_REINVITE"
    ENABLED = "ENABLED"
    REJECTED = "REJECTED"


class Fax:
    """The fax stream of a leg; made when one side asks for T.38, and kept."""

    __slots__ = ("_leg", "_timer", "_wanted", "described", "ours", "session", "state", "theirs", "waiting")

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self.state = FaxState.DISABLED
        self.session: UdptlSession | None = None
        self.described: LocalMedia | None = None
        #: what we describe as ours, and what the endpoint said
        self.ours = FaxDescription()
        self.theirs = FaxDescription()
        #: the endpoint's re-INVITE that waits for the other side of the call, and its offer
        self.waiting: tuple[InviteSession, ServerTransaction, SessionDescription] | None = None
        self._timer: asyncio.TimerHandle | None = None
        #: host and port of the endpoint's description in force
        self._wanted: tuple[str, int] | None = None

    # -- SDP ---------------------------------------------------------------------------------------------------------

    @property
    def is_wanted(self) -> bool:
        """Whether our descriptions have the fax instead of the audio."""
        return self.state in (FaxState.LOCAL_REINVITE, FaxState.ENABLED)

    def describe(self, address: str, bind: str) -> LocalMedia | None:
        """Our side of the stream; None when no port is free."""
        endpoint, driver = self._leg.endpoint, self._leg.driver
        if endpoint.t38_bind_udptl_to_media_address and endpoint.media_address:
            bind = endpoint.media_address
        if endpoint.t38_udptl_ipv6 and ":" not in address and not endpoint.media_address:
            other = driver.transports.address_of_family(self._leg.remote_host, is_ipv6=True)
            if other:
                address, bind = other, "::"
        if self.session is None:
            settings = driver.system.services.get("udptl")
            self.session = open_udptl(
                driver.rtp,
                bind,
                settings if isinstance(settings, UdptlSettings) else UdptlSettings(),
                is_symmetric=endpoint.t38_udptl_nat,
                tos=tos_value(endpoint.tos_audio),
                cos=endpoint.cos_audio,
                trace=driver.system.services.get("udptl trace"),
            )
        if self.session is None:
            return None
        self.session.on_packet = self._received
        attributes = tuple(Attribute(name, value) for name, value in self.ours.attributes())
        self.described = LocalMedia(
            address, self.session.port, (), kind="image", protocols=("udptl",), formats=("t38",), attributes=attributes
        )
        return self.described

    def apply(self, stream: NegotiatedStream | None) -> None:
        """What was agreed on the fax stream; None when there is none (any more)."""
        if stream is None or not stream.is_active or stream.remote is None:
            self.close()
            return
        self.theirs = describe_theirs(stream.remote)
        if self.session is not None and stream.remote_address:
            self._aim(self.session, stream.remote_address, stream.remote_port)

    def _aim(self, session: UdptlSession, host: str, port: int) -> None:
        """Send to where SDP says, once the address of a host name is known."""
        wanted = self._wanted = (host, port)

        def found(address: str) -> None:
            if self._wanted is wanted:
                session.remote = (address, port)

        if not locate(self._leg.driver.rtp, host, found, is_ipv6=":" in self._leg.media.address):
            session.remote = None

    def limits(self, wanted: T38Parameters) -> None:
        """Describe as ours what the other side of the call can do."""
        endpoint = self._leg.endpoint
        self.ours = FaxDescription(
            version=wanted.version,
            max_bit_rate=wanted.max_bit_rate,
            fill_bit_removal=wanted.fill_bit_removal,
            transcoding_mmr=wanted.transcoding_mmr,
            transcoding_jbig=wanted.transcoding_jbig,
            local_training=wanted.local_training,
            max_datagram=endpoint.t38_udptl_maxdatagram or wanted.max_datagram,
            correction=_CORRECTIONS[endpoint.t38_udptl_ec],
        )

    def parameters(self, request: T38Control) -> T38Parameters:
        """What the endpoint can do, for the other side of the call."""
        theirs = self.theirs
        return T38Parameters(
            request,
            theirs.version,
            theirs.max_bit_rate,
            theirs.max_datagram,
            theirs.local_training,
            theirs.fill_bit_removal,
            theirs.transcoding_mmr,
            theirs.transcoding_jbig,
        )

    # -- packets -----------------------------------------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        channel = self._leg.channel
        if channel is not None and self.state is FaxState.ENABLED:
            channel.deliver(Frame(FrameType.MODEM, Modem.T38, data))

    def write(self, frame: Frame) -> None:
        """Send a packet of the other side on."""
        if self.session is not None and self.state is FaxState.ENABLED:
            self.session.send(frame.data)

    # -- negotiation -------------------------------------------------------------------------------------------------

    def tell(self, request: T38Control) -> None:
        """A word to whoever reads the channel: the other side of the call, or an application."""
        channel = self._leg.channel
        if channel is not None:
            channel.deliver(control(Control.T38_PARAMETERS, self.parameters(request)))

    def wait(self, session: InviteSession, transaction: ServerTransaction, offer: SessionDescription) -> None:
        """The endpoint asks for T.38: ask the other side of the call, which has some seconds."""
        self.state = FaxState.PEER_REINVITE
        self.waiting = session, transaction, offer
        self._timer = self._leg.driver.system.loop.call_later(PATIENCE, self._expired)
        self.tell(T38Control.REQUEST_NEGOTIATE)

    def _expired(self) -> None:
        logger.verbose(3, f"{self._leg}: nobody answered its request for T.38")
        self.refuse()

    def _take_waiting(self) -> tuple[InviteSession, ServerTransaction, SessionDescription] | None:
        waiting, self.waiting = self.waiting, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return waiting

    def accept(self) -> None:
        """The other side agrees: answer the endpoint's re-INVITE."""
        from globstar.modules.channels.pjsip.leg import ALLOW

        waiting = self._take_waiting()
        if waiting is None:
            return
        session, transaction, offer = waiting
        self.state = FaxState.ENABLED
        try:
            body = self._leg.media.answer_offer(offer)
        except NotAcceptable as error:
            logger.notice(f"{self._leg}: {error}")
            self.state = FaxState.REJECTED
            session.respond(transaction, 488, headers=self._leg.reason())
            self.tell(T38Control.TERMINATED)
            return
        leg = self._leg
        leg.sip_timer = timers.agree(leg.endpoint, transaction.request)
        timers.start(leg)
        session.respond(transaction, 200, headers=[ALLOW, leg.supported(), *timers.answer_headers(leg)], body=body)
        self._quiet(True)

    def refuse(self) -> None:
        """The other side does not fax: the endpoint goes on with audio."""
        waiting = self._take_waiting()
        if waiting is None:
            return
        self.state = FaxState.REJECTED
        session, transaction, _ = waiting
        session.respond(transaction, 488, headers=self._leg.reason())

    def request(self, wanted: T38Parameters) -> None:
        """The other side wants to fax: ask the endpoint by re-INVITE."""
        leg = self._leg
        if self.state is FaxState.ENABLED:
            self.tell(T38Control.NEGOTIATED)
        elif not leg.endpoint.t38_udptl:
            self.tell(T38Control.REFUSED)
        elif self.state in (FaxState.DISABLED, FaxState.REJECTED):
            self.limits(wanted)
            self.state = FaxState.LOCAL_REINVITE
            if not refresh.ask(leg, refresh.Refresh()):
                self.answered(is_accepted=False)

    def answered(self, *, is_accepted: bool) -> None:
        """Our re-INVITE for T.38 has its answer."""
        if self.state is not FaxState.LOCAL_REINVITE:
            return
        session = self.session
        if is_accepted and session is not None and session.remote is not None:
            self.state = FaxState.ENABLED
            self._quiet(True)
            self.tell(T38Control.NEGOTIATED)
        else:
            self.state = FaxState.REJECTED
            self.close()
            self.tell(T38Control.REFUSED)

    def declined(self) -> None:
        """Our re-INVITE for T.38 was answered with 200 and without a stream: no fax, and the audio must be asked for again."""
        if self.state is FaxState.LOCAL_REINVITE:
            self.answered(is_accepted=False)
            refresh.ask(self._leg, refresh.Refresh())

    def end(self, *, by_endpoint: bool) -> None:
        """Back to audio: the endpoint's re-INVITE says so, or we say so by ours."""
        if self.state is not FaxState.ENABLED:
            return
        self.state = FaxState.DISABLED
        self._quiet(False)
        if by_endpoint:
            self.tell(T38Control.REQUEST_TERMINATE)
        else:
            refresh.ask(self._leg, refresh.Refresh())

    def _quiet(self, is_fax: bool) -> None:
        """While there is a fax no RTP comes, and its absence says nothing."""
        session = self._leg.media.session
        if session is None or session.is_closed:
            return
        options = media_options.session_options(self._leg.endpoint)
        session.set_options(replace(options, timeout=0, timeout_hold=0) if is_fax else options)

    def close(self) -> None:
        """Give the port back."""
        session, self.session = self.session, None
        if session is not None:
            session.close()

    def stop(self) -> None:
        """The leg is over."""
        self._take_waiting()
        self.close()


def describe_theirs(line: Media) -> FaxDescription:
    """What an image line of the endpoint says."""
    return FaxDescription.parse((attribute.name, attribute.value) for attribute in line.attributes)


def fax_of(leg: Leg) -> Fax:
    """The fax of a leg."""
    if leg.media.fax is None:
        leg.media.fax = Fax(leg)
    return leg.media.fax


def indicate(leg: Leg, data: object) -> bool:
    """A T38_PARAMETERS frame of the other side of the call."""
    if not isinstance(data, T38Parameters):
        return True
    fax, request = fax_of(leg), data.request
    if request is T38Control.REQUEST_NEGOTIATE:
        fax.request(data)
    elif request is T38Control.NEGOTIATED:
        fax.limits(data)
        fax.accept()
    elif request in (T38Control.REFUSED, T38Control.TERMINATED, T38Control.REQUEST_TERMINATE):
        if fax.state is FaxState.PEER_REINVITE:
            fax.refuse()
        else:
            fax.end(by_endpoint=False)
    elif fax.state is FaxState.PEER_REINVITE:
        fax.tell(T38Control.REQUEST_NEGOTIATE)
    return True
