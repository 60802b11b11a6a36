"""TLS contexts and names of certificates (RFC 5922), and handshakes over real connections."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from globstar.net.flow import Flow
from globstar.net.tcp import TcpLimits, TcpTransport
from globstar.net.tls import PeerRefused, TlsContexts, TlsError, TlsOptions, is_for_host, make_contexts, names_of
from tests.support.certificates import Authority
from tests.unit.net.waiting import until


def certificate(*names: tuple[str, str], common_name: str = "") -> dict[str, Any]:
    subject = ((("commonName", common_name),),) if common_name else ()
    return {"subject": subject, "subjectAltName": names}


@pytest.mark.parametrize(
    ("names", "common_name", "host", "wildcards", "fits"),
    [
        ([("DNS", "sip.example.org")], "", "sip.example.org", False, True),
        ([("DNS", "SIP.Example.ORG")], "", "sip.example.org.", False, True),
        ([("DNS", "sip.example.org")], "", "example.org", False, False),
        ([("URI", "sip:example.org")], "", "example.org", False, True),
        ([("URI", "sip:alice@example.org")], "example.org", "example.org", False, True),
        ([("URI", "sip:example.org"), ("DNS", "a.example.org")], "", "b.example.org", False, False),
        ([("DNS", "other.org")], "example.org", "example.org", False, False),
        ([], "example.org", "example.org", False, True),
        ([], "", "example.org", False, False),
        ([("DNS", "*.example.org")], "", "sip.example.org", False, False),
        ([("DNS", "*.example.org")], "", "sip.example.org", True, True),
        ([("DNS", "*.example.org")], "", "a.sip.example.org", True, False),
        ([("DNS", "*.example.org")], "", "example.org", True, False),
        ([("DNS", "*.org")], "", "example.org", True, False),
        ([("IP Address", "127.0.0.1")], "", "127.0.0.1", False, True),
        ([("IP Address", "0:0:0:0:0:0:0:1")], "", "[::1]", False, True),
        ([("IP Address", "127.0.0.1")], "", "127.0.0.2", False, False),
        ([("DNS", "*.0.0.1")], "", "127.0.0.1", True, False),
    ],
)
def test_rfc5922_7_names(names: list[tuple[str, str]], common_name: str, host: str, wildcards: bool, fits: bool) -> None:
    assert is_for_host(certificate(*names, common_name=common_name), host, allow_wildcards=wildcards) is fits


def test_rfc5922_7_1_names_of() -> None:
    shown = certificate(("DNS", "B.org"), ("URI", "sip:a.org"), ("URI", "https://c.org"), ("email", "x@d.org"), common_name="e")
    assert names_of(shown) == ["b.org", "a.org"]


def test_options_that_cannot_be_used(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue("one", "localhost", password="secret")
    other, _ = authority.issue("other", "localhost")
    good = TlsOptions(certificate=str(cert), private_key=str(key), password="secret")
    assert make_contexts(good).server is not None
    assert make_contexts(TlsOptions()).server is None
    for bad in (
        TlsOptions(certificate=str(cert), private_key=str(key), password="wrong"),
        TlsOptions(certificate=str(cert), private_key=str(key)),
        TlsOptions(certificate=str(other), private_key=str(key), password="secret"),
        TlsOptions(certificate=str(tmp_path / "none.pem")),
        TlsOptions(method="sslv3"),
        TlsOptions(ciphers=("NO-SUCH-CIPHER",)),
        TlsOptions(ciphers=("0xffff",)),
        TlsOptions(verify_server=True, authorities=str(key)),
    ):
        with pytest.raises(TlsError):
            make_contexts(bad)


class Side:
    """One end."""

    def __init__(self, tls: TlsContexts | None, limits: TcpLimits | None = None) -> None:
        self.received = b""
        self.transport = TcpTransport(asyncio.get_running_loop(), self._on_data, tls=tls, limits=limits)

    def _on_data(self, flow: Flow, data: bytes) -> None:
        self.received += data


async def handshake(server: TlsOptions, client: TlsOptions, name: str = "localhost") -> tuple[str, str]:
    """Send a byte each way; gives version and cipher."""
    listening, connecting = Side(make_contexts(server)), Side(make_contexts(client))
    await listening.transport.listen(("127.0.0.1", 0))
    try:
        flow = await connecting.transport.connect(listening.transport.local_address, server_name=name)
        assert (flow.transport_name, flow.is_secure) == ("tls", True)
        flow.send(b"there")
        await until(lambda: listening.received == b"there" or not flow.is_open)
        if not listening.received:
            raise ConnectionError(str(listening.transport.describe()["last_handshake_error"]))
        listening.transport.flows[0].send(b"back")
        await until(lambda: connecting.received == b"back")
        shown = flow.ssl_object
        assert shown is not None
        cipher = shown.cipher()
        assert cipher is not None
        return shown.version() or "", cipher[0]
    finally:
        await connecting.transport.close()
        await listening.transport.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def server_options(authority: Authority, *names: str, **options: Any) -> TlsOptions:
    cert, key = authority.issue("server", *(names or ("localhost",)))
    return TlsOptions(certificate=str(cert), private_key=str(key), **options)


async def test_versions_and_ciphers(authority: Authority) -> None:
    server = server_options(authority)
    assert (await handshake(server, TlsOptions()))[0] == "TLSv1.3"
    assert (await handshake(server, TlsOptions(method="tlsv1_2")))[0] == "TLSv1.2"
    only = server_options(authority, method="tlsv1_3")
    with pytest.raises(OSError):
        await handshake(only, TlsOptions(method="tlsv1_2"))
    narrow = server_options(authority, method="tlsv1_2", ciphers=("0xC02B", "TLS_AES_256_GCM_SHA384"))
    assert (await handshake(narrow, TlsOptions()))[1] == "ECDHE-ECDSA-AES128-GCM-SHA256"
    old = server_options(authority, method="tlsv1_1")
    with pytest.raises(OSError):
        await handshake(old, TlsOptions())
    assert (await handshake(old, TlsOptions(method="tlsv1_1")))[0] == "TLSv1.1"


async def test_server_is_verified(authority: Authority, tmp_path: Path) -> None:
    trusting = TlsOptions(verify_server=True, authorities=str(authority.path))
    await handshake(server_options(authority), trusting)
    with pytest.raises(PeerRefused):
        await handshake(server_options(authority, "example.org"), trusting)
    with pytest.raises(PeerRefused):
        await handshake(server_options(authority, "*.example.org"), trusting, "sip.example.org")
    wild = TlsOptions(verify_server=True, authorities=str(authority.path), allow_wildcards=True)
    await handshake(server_options(authority, "*.example.org"), wild, "sip.example.org")
    stranger = Authority(tmp_path, "somebody else")
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(server_options(stranger), trusting)
    await handshake(server_options(stranger), TlsOptions())


async def test_client_is_verified(authority: Authority, tmp_path: Path) -> None:
    cert, key = authority.issue("client")
    with_cert = TlsOptions(certificate=str(cert), private_key=str(key))
    required = server_options(authority, require_client_certificate=True, authorities=str(authority.path))
    await handshake(required, with_cert)
    with pytest.raises(OSError):
        await handshake(required, TlsOptions(method="tlsv1_2"))
    with pytest.raises(OSError):  # TLS 1.3 tells the client after its handshake is done
        await handshake(required, TlsOptions())
    offered = server_options(authority, verify_client=True, authorities=str(authority.path))
    await handshake(offered, TlsOptions())
    bad_cert, bad_key = Authority(tmp_path, "somebody else").issue("stranger")
    with pytest.raises(OSError):
        await handshake(offered, TlsOptions(certificate=str(bad_cert), private_key=str(bad_key), method="tlsv1_2"))


async def test_half_open_peers_are_bounded_and_cut_off(authority: Authority) -> None:
    """Peers that connect and do not shake hands: only so many at a time, only so long, and others get in after."""
    limits = TcpLimits(handshake=1.5, handshakes=3)
    server = Side(make_contexts(server_options(authority)), limits)
    await server.transport.listen(("127.0.0.1", 0))
    address = server.transport.local_address
    silent = [await asyncio.open_connection(*address) for _ in range(5)]
    await until(lambda: server.transport.describe()["refused"] == 2)
    assert server.transport.describe()["half_open"] == 3
    await until(lambda: server.transport.describe()["failed_handshakes"] == 3)
    assert server.transport.describe()["half_open"] == 0
    client = Side(make_contexts(TlsOptions()))
    flow = await client.transport.connect(address)
    flow.send(b"x")
    await until(lambda: server.received == b"x")
    for _, writer in silent:
        writer.close()
    await client.transport.close()
    await server.transport.close()


async def test_noise_instead_of_a_handshake(authority: Authority) -> None:
    server = Side(make_contexts(server_options(authority)))
    await server.transport.listen(("127.0.0.1", 0))
    reader, writer = await asyncio.open_connection(*server.transport.local_address)
    writer.write(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
    await asyncio.wait_for(reader.read(), 45)
    await until(lambda: server.transport.describe()["failed_handshakes"] == 1)
    assert "127.0.0.1" in str(server.transport.describe()["last_handshake_error"])
    assert server.transport._listener is not None
    assert server.transport._listener.open == 0
    writer.close()
    await server.transport.close()
