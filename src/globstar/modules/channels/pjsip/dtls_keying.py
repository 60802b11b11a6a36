"""Keys of SRTP by DTLS on the stream's own ports (RFC 5763, RFC 5764): media_encryption=dtls."""

from __future__ import annotations

import secrets
import time
from functools import partial
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.media.dtls import (
    DtlsAssociation,
    DtlsFault,
    DtlsKeys,
    DtlsSettings,
    Identity,
    fingerprint,
    load_identity,
    load_libraries,
    make_context,
    make_identity,
)
from globstar.modules.channels.pjsip.dtls_lane import Attempt, Lane, client_random
from globstar.proto.sdp import Attribute, Fingerprint, Media, NegotiatedStream, SessionDescription

if TYPE_CHECKING:
    from globstar.media.engine import RtpEngine
    from globstar.media.session import RtpSession
    from globstar.media.sockets import Address
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.wires import Wires

logger = Logger("chan_pjsip")


class DtlsKeying:
    """The keys of one stream, agreed on by a handshake on the port of RTP, and on that of RTCP where it has one.

    The handshake is done once: hold and other changes keep it, as long as the peer's fingerprint and role stay.
    """

    __slots__ = (
        "_endpoint", "_engine", "_fingerprints", "_identity", "_is_active", "_is_optimistic", "_lanes", "_peer_tls_id",
        "_pending", "_tls_id", "_wires", "failures",
    )  # fmt: skip

    def __init__(self, engine: RtpEngine, endpoint: EndpointObject) -> None:
        self._engine = engine
        self._endpoint = endpoint
        self._is_optimistic = endpoint.media_encryption_optimistic
        self._identity = _identity(engine, endpoint)
        self._lanes = {1: Lane(1), 2: Lane(2)}
        self._wires: Wires | None = None
        #: whether we begin the handshake; None while that is open
        self._is_active: bool | None = None
        #: what vouches for the peer's certificate; empty while no description of it is in force
        self._fingerprints: tuple[Fingerprint, ...] = ()
        #: which association the peer means, and which we mean, where it says so (RFC 8842 section 5.1)
        self._peer_tls_id = self._tls_id = ""
        #: fingerprints, setup and tls-id of the description that is being negotiated; None: it has none
        self._pending: tuple[tuple[Fingerprint, ...], str, str] | None = None
        self.failures = 0

    def begin(self, wires: Wires, session: RtpSession) -> None:
        """The sockets are there. Nothing is sent in the clear before it is known that it may be."""
        self._wires = wires
        if not self._is_optimistic:
            self._secure(session)

    def _secure(self, session: RtpSession) -> None:
        rtp = self._lanes[1].context
        session.secure(rtp, rtp if session.rtcp_mux else self._lanes[2].context)

    # -- offers and answers --------------------------------------------------------------------------------------------

    def offer(self) -> tuple[Attribute, ...]:
        """Our fingerprint, and who is to begin: as configured at first, then as it was (RFC 5763 section 5)."""
        if self._is_active is None or self._endpoint.dtls_setup == "actpass":
            setup = self._endpoint.dtls_setup
        else:
            setup = "active" if self._is_active else "passive"
        return self._lines(setup, is_new=self._is_active is None)

    def _lines(self, setup: str, *, is_new: bool) -> tuple[Attribute, ...]:
        algorithm = self._endpoint.dtls_fingerprint
        lines = (
            Attribute("connection", "new" if is_new else "existing"),
            Attribute("setup", setup),
            Attribute("fingerprint", f"{algorithm} {self._identity.fingerprint(algorithm)}"),
        )
        if not (self._pending[2] if self._pending is not None else self._peer_tls_id):
            return lines
        if is_new or not self._tls_id:
            self._tls_id = secrets.token_hex(16)
        return (*lines, Attribute("tls-id", self._tls_id))

    def answer(self, theirs: Media, description: SessionDescription) -> tuple[Attribute, ...] | None:
        """Our fingerprint and role; None if the offer has no fingerprint and the stream must not be plain."""
        if not self._read(theirs, description):
            return () if self._may_be_plain(theirs) else None
        is_new = self._is_change()
        active = self._role() if is_new else self._is_active
        return self._lines("active" if active else "passive", is_new=is_new)

    def accepts(self, theirs: Media, description: SessionDescription) -> bool:
        """Whether the answer has a fingerprint, or none where that is allowed."""
        return self._read(theirs, description) or self._may_be_plain(theirs)

    def _read(self, theirs: Media, description: SessionDescription) -> bool:
        prints = tuple(theirs.fingerprints or description.fingerprints)
        setup = (theirs.first("setup") or description.first("setup") or "actpass").lower()
        self._pending = (prints, setup, theirs.first("tls-id") or "") if prints and setup != "holdconn" else None
        return self._pending is not None

    def _may_be_plain(self, theirs: Media) -> bool:
        return self._is_optimistic and "SAVP" not in theirs.protocol

    def _is_change(self) -> bool:
        """Whether the description that is being negotiated asks for another handshake (RFC 8842 section 4)."""
        prints, setup, tls_id = self._pending or ((), "", "")
        if self._is_active is None or set(prints) != set(self._fingerprints) or tls_id != self._peer_tls_id:
            return True
        return setup == ("active" if self._is_active else "passive")

    def _role(self) -> bool:
        """Whether we begin the handshake under the description that is being negotiated."""
        setup = self._pending[1] if self._pending is not None else ""
        if setup in ("active", "passive"):
            return setup == "passive"
        return self._endpoint.dtls_setup != "passive"

    def apply(self, session: RtpSession, stream: NegotiatedStream) -> None:
        """Put what was agreed in force; :meth:`proceed` follows."""
        if self._pending is None:
            session.secure(None)
            return
        if self._is_change():
            was_active, self._is_active = self._is_active, self._role()
            for lane in self._lanes.values():
                lane.begin_anew()
                if self._is_active or was_active:  # else the peer begins, and may have done so before its answer came
                    lane.clear()
        self._fingerprints, _, self._peer_tls_id = self._pending
        self._secure(session)

    # -- handshakes ----------------------------------------------------------------------------------------------------

    def proceed(self) -> None:
        """Begin what can be begun, and take keys into use that can be vouched for now."""
        wires = self._wires
        if wires is None or not self._fingerprints:
            return
        is_muxed = wires.session is None or wires.session.rtcp_mux
        for lane in self._lanes.values():
            if lane.component == 2 and is_muxed:
                continue
            target = wires.target(lane.component)
            if self._is_active and not lane.attempts and target is not None:
                attempt = self._open(lane, target, b"")
                if attempt is not None:
                    attempt.association.start()
            for attempt in list(lane.attempts):
                if attempt.keys is not None:
                    self._take_keys(lane, attempt, attempt.keys)

    def receive(self, component: int, data: bytes, source: Address) -> None:
        """A datagram of the peer."""
        lane, wires = self._lanes[component], self._wires
        if wires is None:
            return
        told = wires.target(component)
        attempt = lane.attempt_of(data, source, told, is_steered=wires.uses_ice)
        if attempt is None:
            random = client_random(data)
            if random is None or self._is_active or not self._may_begin(lane, source) or not lane.has_room(source, told):
                return
            attempt = self._open(lane, source, random)
        elif wires.uses_ice:
            attempt.source = source
        if attempt is not None:
            attempt.association.receive(data)

    def _may_begin(self, lane: Lane, source: Address) -> bool:
        """Whether another handshake may take the place of the one in use: only its certificate can speak for another address."""
        return self._checks_fingerprint or lane.current is None or lane.current.source == source

    @property
    def _checks_fingerprint(self) -> bool:
        return self._endpoint.dtls_verify in ("Fingerprint", "Yes")

    def _open(self, lane: Lane, peer: Address, random: bytes) -> Attempt | None:
        """A handshake with this address, as its client where there is no ``random`` of another one."""
        endpoint = self._endpoint
        verify = endpoint.dtls_verify
        settings = DtlsSettings(
            self._identity, endpoint.dtls_cipher, endpoint.dtls_ca_file, endpoint.dtls_ca_path, verify in ("Certificate", "Yes"),
            self._engine.settings.dtls_mtu, may_rekey=rekey_interval(endpoint) > 0,
        )  # fmt: skip

        def transmit(data: bytes) -> None:
            wires = self._wires
            if wires is not None:
                steered = wires.target(lane.component) if wires.uses_ice or not random else None
                wires.send(lane.component, data, steered or attempt.source)

        try:
            association = DtlsAssociation(self._engine.loop, settings, is_client=not random, transmit=transmit)
        except DtlsFault as error:
            self._failed(str(error))
            return None
        attempt = Attempt(association, peer, random)
        lane.attempts.append(attempt)
        association.on_keys = lambda keys: self._finished(lane, attempt, keys)
        association.on_failure = lambda reason: self._attempt_failed(lane, attempt, reason)
        return attempt

    def _finished(self, lane: Lane, attempt: Attempt, keys: DtlsKeys) -> None:
        if self._fingerprints:
            self._take_keys(lane, attempt, keys)
        else:  # the answer with the fingerprint is still on its way
            attempt.keys = keys

    def _take_keys(self, lane: Lane, attempt: Attempt, keys: DtlsKeys) -> None:
        if self._checks_fingerprint and not self._is_vouched_for(keys):
            if attempt.keys is None:  # it is kept, as another answer may be on its way (forking)
                attempt.keys = keys
                self._not_done(lane, self._why_not(keys))
            return
        lane.settle(attempt)
        lane.context.set_send_key(keys.ours.suite, keys.ours.key)
        lane.context.set_receive_key(keys.theirs)
        self._plan_rekey(lane)
        logger.debug(2, f"{self._endpoint.name}: component {lane.component} is encrypted with {keys.ours.suite.name}")

    def _plan_rekey(self, lane: Lane) -> None:
        """New keys after dtls_rekey seconds, and so on."""
        lane.stop_rekey()
        seconds = rekey_interval(self._endpoint)
        if seconds:
            lane.rekey = self._engine.loop.call_later(seconds, self._rekey, lane)

    def _rekey(self, lane: Lane) -> None:
        self._plan_rekey(lane)
        attempt, wires = lane.current, self._wires
        if attempt is not None and wires is not None:
            if wires.learns:  # its packets, which are authentic, may come from elsewhere now
                attempt.source = wires.target(lane.component) or attempt.source
            attempt.association.rekey()

    def _is_vouched_for(self, keys: DtlsKeys) -> bool:
        return any(fingerprint(keys.certificate, said.hash_name) == said.value for said in self._fingerprints)

    def _why_not(self, keys: DtlsKeys) -> str:
        """Why the peer's certificate is not the one that its SDP names."""
        hashes = [said.hash_name for said in self._fingerprints if not fingerprint(keys.certificate, said.hash_name)]
        if len(hashes) < len(self._fingerprints):
            return "the certificate of the DTLS peer is not that of its SDP"
        return f"the SDP of the DTLS peer names its certificate by {', '.join(hashes[:4])}, which is not known here"

    def _attempt_failed(self, lane: Lane, attempt: Attempt, reason: str) -> None:
        lane.drop(attempt)
        self._not_done(lane, reason)
        if attempt.association.has_timed_out and attempt.association.is_client:
            self.proceed()  # it may have to answer the call first

    def _not_done(self, lane: Lane, reason: str) -> None:
        """A handshake has come to nothing, which harms nobody where another one has given the keys."""
        if lane.current is None:
            self._failed(reason)
        else:
            logger.debug(1, f"{self._endpoint.name}: another handshake: {reason}")

    def _failed(self, reason: str) -> None:
        self.failures += 1
        tell = logger.warning if self.failures == 1 else partial(logger.debug, 1)
        tell(f"{self._endpoint.name}: {reason}; its media stay silent")

    def close(self) -> None:
        """The stream has ended."""
        for lane in self._lanes.values():
            lane.clear()
        self._wires = None


def rekey_interval(endpoint: EndpointObject) -> int:
    """Seconds between two exchanges of the keys, 0 for none: browsers end the association when they are asked for one."""
    return 0 if endpoint.webrtc else endpoint.dtls_rekey


def check_dtls(endpoint: EndpointObject) -> list[tuple[str, str]]:
    """What is wrong with the files and ciphers of an endpoint, by option."""
    wrong: list[tuple[str, str]] = []
    identity: Identity | None = None
    if endpoint.media_encryption == "dtls":
        load_libraries()
    if endpoint.webrtc and endpoint.dtls_rekey:
        wrong.append(("dtls_rekey", "dtls_rekey has no effect with webrtc=yes: browsers end the connection when they are asked"))
    if endpoint.dtls_cert_file and endpoint.dtls_auto_generate_cert == "No":
        try:
            identity = load_identity(endpoint.dtls_cert_file, endpoint.dtls_private_key)
        except DtlsFault as error:
            wrong.append(("dtls_cert_file", f"dtls_cert_file: {error}; a certificate that is made here is used"))
    if not (identity or endpoint.dtls_cipher or endpoint.dtls_ca_file or endpoint.dtls_ca_path):
        return wrong
    made = identity or make_identity(time.time())
    tried = [("dtls_cert_file", DtlsSettings(identity))] if identity is not None else []
    if endpoint.dtls_cipher:
        tried.append(("dtls_cipher", DtlsSettings(made, ciphers=endpoint.dtls_cipher)))
    if endpoint.dtls_ca_file:
        tried.append(("dtls_ca_file", DtlsSettings(made, ca_file=endpoint.dtls_ca_file)))
    if endpoint.dtls_ca_path:
        tried.append(("dtls_ca_path", DtlsSettings(made, ca_path=endpoint.dtls_ca_path)))
    for option, settings in tried:
        try:
            make_context(settings)
        except DtlsFault as error:
            wrong.append((option, f"{option}: {error}; calls with DTLS will fail"))
    return wrong


def _identity(engine: RtpEngine, endpoint: EndpointObject) -> Identity:
    """The endpoint's certificate: that of dtls_cert_file, else one that is made here."""
    if endpoint.dtls_cert_file and endpoint.dtls_auto_generate_cert == "No":
        try:
            return engine.identities.of_file(endpoint.dtls_cert_file, endpoint.dtls_private_key)
        except DtlsFault as error:
            logger.error(f"{endpoint.name}: {error}; a certificate that was made here is used")
    return engine.identities.own(engine.wall_clock())
