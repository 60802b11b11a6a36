"""Keys of SRTP by DTLS on the stream's own ports (RFC 5763, RFC 5764): media_encryption=dtls."""

from __future__ import annotations

import asyncio
import time
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
from globstar.media.srtp import SrtpContext
from globstar.proto.sdp import Attribute, Fingerprint, Media, NegotiatedStream, SessionDescription

if TYPE_CHECKING:
    from globstar.media.engine import RtpEngine
    from globstar.media.session import RtpSession
    from globstar.media.sockets import Address
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.wires import Wires

logger = Logger("chan_pjsip")

_HANDSHAKE = 22


class _Lane:
    """The association of one port."""

    __slots__ = ("association", "context", "keys", "rekey", "source")

    def __init__(self) -> None:
        self.context = SrtpContext()
        self.association: DtlsAssociation | None = None
        #: what the handshake gave and nobody has vouched for yet
        self.keys: DtlsKeys | None = None
        self.source: Address | None = None
        #: until the keys are exchanged (dtls_rekey)
        self.rekey: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """End the association; the keys stay good."""
        if self.rekey is not None:
            self.rekey.cancel()
            self.rekey = None
        if self.association is not None:
            self.association.close()


class DtlsKeying:
    """The keys of one stream, agreed on by a handshake on the port of RTP, and on that of RTCP where it has one.

    The handshake is done once: hold and other changes keep it, as long as the peer's fingerprint and role stay.
    """

    __slots__ = (
        "_endpoint", "_engine", "_fingerprints", "_identity", "_is_active", "_is_optimistic", "_lanes", "_peer_setup", "_pending",
        "_wires", "failures",
    )  # fmt: skip

    def __init__(self, engine: RtpEngine, endpoint: EndpointObject) -> None:
        self._engine = engine
        self._endpoint = endpoint
        self._is_optimistic = endpoint.media_encryption_optimistic
        self._identity = _identity(engine, endpoint)
        self._lanes = {1: _Lane(), 2: _Lane()}
        self._wires: Wires | None = None
        #: whether we begin the handshake; None while that is open
        self._is_active: bool | None = None
        #: what vouches for the peer's certificate; empty while no description of it is in force
        self._fingerprints: tuple[Fingerprint, ...] = ()
        self._peer_setup = ""
        #: fingerprints and setup of the description that is being negotiated; None: it has none
        self._pending: tuple[tuple[Fingerprint, ...], str] | None = None
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
        return (
            Attribute("connection", "new" if is_new else "existing"),
            Attribute("setup", setup),
            Attribute("fingerprint", f"{algorithm} {self._identity.fingerprint(algorithm)}"),
        )

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
        self._pending = (prints, setup) if prints and setup != "holdconn" else None
        return self._pending is not None

    def _may_be_plain(self, theirs: Media) -> bool:
        return self._is_optimistic and "SAVP" not in theirs.protocol

    def _is_change(self) -> bool:
        """Whether the description that is being negotiated asks for another handshake (RFC 8842 section 4)."""
        prints, setup = self._pending or ((), "")
        if self._is_active is None or set(prints) != set(self._fingerprints):
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
            begun = was_active is None and not self._is_active  # the peer may have begun before its answer came
            for lane in self._lanes.values():
                if lane.association is not None and not begun:
                    lane.close()
                    lane.association = lane.keys = None
        self._fingerprints = self._pending[0]
        self._secure(session)

    # -- handshakes ----------------------------------------------------------------------------------------------------

    def proceed(self) -> None:
        """Begin what can be begun, and take keys into use that can be vouched for now."""
        wires = self._wires
        if wires is None or not self._fingerprints:
            return
        is_muxed = wires.session is None or wires.session.rtcp_mux
        for component, lane in self._lanes.items():
            if component == 2 and is_muxed:
                continue
            if lane.association is None and self._is_active and wires.target(component) is not None:
                association = self._open(component, lane, is_client=True)
                if association is not None:
                    association.start()
            if lane.keys is not None:
                self._take_keys(component, lane, lane.keys)

    def receive(self, component: int, data: bytes, source: Address) -> None:
        """A datagram of the peer."""
        lane = self._lanes[component]
        lane.source = source
        association = lane.association
        if association is None:
            if self._is_active or data[0] != _HANDSHAKE:
                return
            association = self._open(component, lane, is_client=False)
        if association is not None:
            association.receive(data)

    def _open(self, component: int, lane: _Lane, *, is_client: bool) -> DtlsAssociation | None:
        endpoint = self._endpoint
        verify = endpoint.dtls_verify
        settings = DtlsSettings(
            self._identity, endpoint.dtls_cipher, endpoint.dtls_ca_file, endpoint.dtls_ca_path, verify in ("Certificate", "Yes"),
            self._engine.settings.dtls_mtu, may_rekey=rekey_interval(endpoint) > 0,
        )  # fmt: skip

        def transmit(data: bytes) -> None:
            wires = self._wires
            if wires is not None:
                target = lane.source or wires.target(component)
                if target is not None:
                    wires.send(component, data, target)

        try:
            association = DtlsAssociation(self._engine.loop, settings, is_client=is_client, transmit=transmit)
        except DtlsFault as error:
            self._failed(str(error))
            return None
        lane.association = association
        association.on_keys = lambda keys: self._finished(component, lane, keys)
        association.on_failure = self._failed
        return association

    def _finished(self, component: int, lane: _Lane, keys: DtlsKeys) -> None:
        if self._fingerprints:
            self._take_keys(component, lane, keys)
        else:  # the answer with the fingerprint is still on its way
            lane.keys = keys

    def _take_keys(self, component: int, lane: _Lane, keys: DtlsKeys) -> None:
        lane.keys = None
        if self._endpoint.dtls_verify in ("Fingerprint", "Yes") and not self._is_vouched_for(keys):
            lane.close()
            self._failed("the certificate of the DTLS peer is not that of its SDP")
            return
        lane.context.set_send_key(keys.ours.suite, keys.ours.key)
        lane.context.set_receive_key(keys.theirs)
        self._plan_rekey(lane)
        logger.debug(2, f"{self._endpoint.name}: component {component} is encrypted with {keys.ours.suite.name}")

    def _plan_rekey(self, lane: _Lane) -> None:
        """New keys after dtls_rekey seconds, and so on."""
        if lane.rekey is not None:
            lane.rekey.cancel()
            lane.rekey = None
        seconds = rekey_interval(self._endpoint)
        if seconds:
            lane.rekey = self._engine.loop.call_later(seconds, self._rekey, lane)

    def _rekey(self, lane: _Lane) -> None:
        self._plan_rekey(lane)
        if lane.association is not None:
            lane.association.rekey()

    def _is_vouched_for(self, keys: DtlsKeys) -> bool:
        return any(fingerprint(keys.certificate, said.hash_name) == said.value for said in self._fingerprints)

    def _failed(self, reason: str) -> None:
        self.failures += 1
        logger.warning(f"{self._endpoint.name}: {reason}; its media stay silent")

    def close(self) -> None:
        """The stream has ended."""
        for lane in self._lanes.values():
            lane.close()
        self._wires = None


def rekey_interval(endpoint: EndpointObject) -> int:
    """Seconds between two exchanges of the keys, 0 for none: browsers end the association when they are asked for one."""
    return 0 if endpoint.webrtc else endpoint.dtls_rekey


def check_dtls(endpoint: EndpointObject) -> list[tuple[str, str]]:
    """What is wrong with the files and ciphers of an endpoint, by option."""
    wrong: list[tuple[str, str]] = []
    identity = None
    if endpoint.media_encryption == "dtls":
        load_libraries()
    if endpoint.webrtc and endpoint.dtls_rekey:
        wrong.append(("dtls_rekey", "dtls_rekey has no effect with webrtc=yes: browsers end the connection when they are asked"))
    if endpoint.dtls_cert_file and endpoint.dtls_auto_generate_cert == "No":
        try:
            identity = load_identity(endpoint.dtls_cert_file, endpoint.dtls_private_key)
        except DtlsFault as error:
            wrong.append(("dtls_cert_file", f"dtls_cert_file: {error}; a certificate that is made here is used"))
    if endpoint.dtls_cipher or endpoint.dtls_ca_file or endpoint.dtls_ca_path or identity is not None:
        settings = DtlsSettings(
            identity or make_identity(time.time()), endpoint.dtls_cipher, endpoint.dtls_ca_file, endpoint.dtls_ca_path
        )
        try:
            make_context(settings)
        except DtlsFault as error:
            wrong.append(("dtls_cipher", f"{error}; calls with DTLS will fail"))
    return wrong


def _identity(engine: RtpEngine, endpoint: EndpointObject) -> Identity:
    """The endpoint's certificate: that of dtls_cert_file, else one that is made here."""
    if endpoint.dtls_cert_file and endpoint.dtls_auto_generate_cert == "No":
        try:
            return engine.identities.of_file(endpoint.dtls_cert_file, endpoint.dtls_private_key)
        except DtlsFault as error:
            logger.error(f"{endpoint.name}: {error}; a certificate that was made here is used")
    return engine.identities.own(engine.wall_clock())
