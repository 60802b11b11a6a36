"""DTLS-SRTP for the scripted phones: the phone's side on OpenSSL and pylibsrtp."""

from __future__ import annotations

import re
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from pylibsrtp import Policy, Session

from globstar.media.dtls import make_identity
from globstar.media.network import MemorySocket
from globstar.media.sockets import Address
from tests.support.sip_phone import PhoneCall, Wire
from tests.support.srtp_phone import SrtpPort


class DtlsPort(SrtpPort):
    """A port with a DTLS association; a new one with each call of ``begin``."""

    def __init__(self, inner: MemorySocket) -> None:
        super().__init__(inner)
        self.connection: SSL.Connection | None = None
        #: the longest datagram of a handshake
        self.mtu = 1200
        self.is_done = False
        self.has_failed = False
        self.remote: Address = ("", 0)
        self.datagrams = 0
        self.other: list[tuple[bytes, Address]] = []
        #: what came before the phone was ready for it
        self.waiting: list[bytes] = []
        self.renew()

    def renew(self) -> None:
        """Another certificate."""
        identity = make_identity(time.time())
        self.certificate = x509.load_pem_x509_certificate(identity.certificate)
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.set_options(SSL.OP_NO_QUERY_MTU | 1 << 8)  # SSL_OP_ALLOW_CLIENT_RENEGOTIATION: we may ask it for new keys
        self.context.use_certificate(self.certificate)
        self.context.use_privatekey(load_pem_private_key(identity.key, None))  # type: ignore[arg-type]
        self.context.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80")
        self.context.set_verify(SSL.VERIFY_PEER, lambda *_: True)

    def fingerprint(self, algorithm: str = "sha-256") -> str:
        """a=fingerprint's value."""
        kind = {"sha-256": hashes.SHA256, "sha-1": hashes.SHA1}[algorithm]()
        return f"{algorithm} {self.certificate.fingerprint(kind).hex(':').upper()}"

    def begin(self, *, is_client: bool, remote: Address) -> None:
        """Start a handshake, or wait for one."""
        self.connection = SSL.Connection(self.context, None)
        self.connection.set_ciphertext_mtu(self.mtu)
        self.is_client, self.remote, self.is_done = is_client, remote, False
        if is_client:
            self.connection.set_connect_state()
            self._step()
        else:
            self.connection.set_accept_state()
            self._take()

    def _take(self) -> None:
        while self.connection is not None and self.waiting:
            self.connection.bio_write(self.waiting.pop(0))
            self._step()

    def recvfrom(self, size: int) -> tuple[bytes, Address]:
        """The next packet that can be decrypted; DTLS is dealt with here."""
        while True:
            data, source = self.inner.recvfrom(size)
            if 20 <= data[0] < 64:
                self.datagrams += 1
                self.waiting.append(data)
                self._take()
            elif data[0] < 4:
                self.other.append((data, source))
            else:
                self.inner._queue.appendleft((data, source))
                return super().recvfrom(size)

    def _step(self) -> None:
        connection = self.connection
        assert connection is not None
        try:
            if not self.is_done:
                connection.do_handshake()
                self.is_done = True
                self._take_keys(connection)
            else:
                connection.recv(100)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            pass
        except SSL.Error:  # the other side has refused
            self.has_failed = True
        try:
            written = connection.bio_read(65536)
        except SSL.WantReadError:
            return
        for record in records(written):
            self.inner.sendto(record, self.remote)

    def _take_keys(self, connection: SSL.Connection) -> None:
        shown = connection.get_peer_certificate(as_cryptography=True)
        assert shown is not None
        self.shown = shown
        keys = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 60)
        client, server = keys[:16] + keys[32:46], keys[16:32] + keys[46:]
        mine, theirs = (client, server) if self.is_client else (server, client)
        self.send_session = Session(Policy(key=mine, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
        self.receive_session = Session(Policy(key=theirs, ssrc_type=Policy.SSRC_ANY_INBOUND))


def records(data: bytes) -> list[bytes]:
    """Each record of DTLS by itself (RFC 6347 section 4.1)."""
    found = []
    while data:
        size = 13 + int.from_bytes(data[11:13], "big")
        found.append(data[:size])
        data = data[size:]
    return found


class DtlsCall:
    """Gives a scripted call DTLS."""

    def __init__(self, call: PhoneCall, *, algorithm: str = "sha-256") -> None:
        self.call = call
        self.algorithm = algorithm
        self.port = DtlsPort(call.socket)
        call.socket = self.port  # type: ignore[assignment]
        self.port.set_reader(call._read)

    def sdp(self, setup: str, *, profile: str = "UDP/TLS/RTP/SAVP", direction: str = "sendrecv", fingerprint: str = "") -> str:
        """The call's description, with RTCP on the port of RTP."""
        lines = f"a=setup:{setup}\r\na=fingerprint:{fingerprint or self.port.fingerprint(self.algorithm)}\r\na=rtcp-mux\r\n"
        return self.call.sdp(direction=direction).replace("RTP/AVP", profile) + lines

    def begin(self, message: Wire) -> str:
        """Start the handshake in the role that the other side's a=setup leaves; gives that."""
        found = re.search(r"a=setup:(\w+)", message.body)
        assert found is not None
        self.call.learn_media(message)
        self.port.begin(is_client=found[1] == "passive", remote=message.media)
        return found[1]

    def is_vouched_for(self, message: Wire) -> bool:
        """Whether the certificate that was shown is that of the other side's description."""
        found = re.search(r"a=fingerprint:(\S+) (\S+)", message.body)
        assert found is not None
        kind = {"SHA-256": hashes.SHA256, "SHA-1": hashes.SHA1}[found[1]]()
        return bool(self.port.shown.fingerprint(kind).hex(":").upper() == found[2])
