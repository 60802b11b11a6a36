"""Calls whose media are encrypted with keys from DTLS (RFC 5763, RFC 5764), by option of the endpoint."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import OpenSSL.crypto
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from globstar.base.log import Level
from globstar.media.dtls import fingerprint, make_identity
from globstar.media.network import MediaNetwork
from globstar.media.sockets import Address
from tests.support.dtls_phone import DtlsCall, DtlsPort
from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone, Wire, phone_section, sip_office
from tests.support.switch import LogCapture

EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Answer()
 same => n,Wait(1)
 same => n,Set(GLOBAL(SECURE)=${CHANNEL(rtp,secure)})
 same => n,Wait(20)
"""
DTLS = {"media_encryption": "dtls", "dtls_verify": "fingerprint", "rtcp_mux": "yes"}


def new_call(phone: SipPhone, number: str) -> PhoneCall:
    """A call whose INVITE is yet to be sent."""
    return PhoneCall(phone, f"sip:{number}@127.0.0.1:15060")


async def connect(office: SipOffice, number: str, setup: str, **options: str) -> tuple[PhoneCall, DtlsCall, Wire]:
    """A call of alice that is answered; the handshake is done if it can be."""
    alice = office.phone("alice")
    call = new_call(alice, number)
    keys = DtlsCall(call)
    call.invite(body=keys.sdp(setup, **options))
    await alice.get(100)
    final = await call.answered()
    keys.begin(final)
    await asyncio.sleep(0.1)
    return call, keys, final


async def hears(speaker: PhoneCall, listener: PhoneCall, octet: int = 0x42) -> bool:
    """Whether what one says reaches the other."""
    listener.heard.clear()
    await speaker.speak(8, octet)
    await asyncio.sleep(0.1)
    return listener.sounds().get(octet, 0) >= 6


@pytest.mark.parametrize(
    ("options", "offered", "answered"),
    [
        ({}, "actpass", "active"),
        ({}, "active", "passive"),
        ({}, "passive", "active"),
        ({"dtls_setup": "passive"}, "actpass", "passive"),
        ({"dtls_setup": "passive"}, "passive", "active"),
        ({"dtls_setup": "actpass", "dtls_fingerprint": "SHA-1"}, "actpass", "active"),
    ],
)
async def test_rfc5763_5_roles_of_an_answer(tmp_path: Path, options: dict[str, str], offered: str, answered: str) -> None:
    """Whoever begins, the echo comes back encrypted, and the certificates are those of the descriptions."""
    async with sip_office(tmp_path, phone_section("alice", **DTLS, **options), EXTENSIONS) as office:
        call, keys, final = await connect(office, "600", offered)
        assert f"a=setup:{answered}\r\n" in final.body
        assert "m=audio" in final.body
        assert "UDP/TLS/RTP/SAVP " in final.body
        assert keys.port.is_done
        assert keys.is_vouched_for(final)
        assert await hears(call, call)
        assert keys.port.refused == 0
        assert all(b"\x42" * 100 not in data for data in keys.port.raw)
        await call.hang_up()


@pytest.mark.parametrize(
    ("options", "profile", "status"),
    [
        ({}, "RTP/SAVP", 200),
        ({}, "RTP/AVP", 488),
        ({}, "UDP/TLS/RTP/SAVPF", 488),
        ({"use_avpf": "yes"}, "UDP/TLS/RTP/SAVPF", 200),
        ({"media_use_received_transport": "yes"}, "UDP/TLS/RTP/SAVPF", 200),
        ({"media_encryption_optimistic": "yes"}, "RTP/AVP", 200),
    ],
)
async def test_profiles_of_dtls(tmp_path: Path, options: dict[str, str], profile: str, status: int) -> None:
    async with sip_office(tmp_path, phone_section("alice", **DTLS, **options), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = new_call(alice, "600")
        keys = DtlsCall(call)
        call.invite(body=keys.sdp("actpass", profile=profile))
        await alice.get(100)
        final = await alice._answer()
        assert final.status == status
        if status != 200:
            call.refused(final)
            return
        call.take_answer(final)
        assert f" {profile} " in final.body
        keys.begin(final)
        await asyncio.sleep(0.1)
        assert await hears(call, call)
        await call.hang_up()


async def test_rfc5763_an_offer_without_fingerprint_is_refused(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", **DTLS), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = new_call(alice, "600")
        call.invite(body=call.sdp().replace("RTP/AVP", "UDP/TLS/RTP/SAVP"))
        await alice.get(100)
        call.refused(await alice.get(488))


async def test_rfc8122_5_a_certificate_that_the_sdp_names_by_an_unknown_hash(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", **DTLS), EXTENSIONS) as office:
        with LogCapture(Level.WARNING) as log:
            call, _, _ = await connect(office, "600", "actpass", fingerprint="md5 " + ":".join(["AB"] * 16))
        assert any("names its certificate by md5, which is not known here" in text for text in log.texts(Level.WARNING))
        assert not await hears(call, call)
        await call.hang_up()


@pytest.mark.parametrize(("verify", "is_heard"), [("fingerprint", False), ("no", True)])
async def test_rfc5763_5_a_certificate_that_the_sdp_does_not_vouch_for(tmp_path: Path, verify: str, is_heard: bool) -> None:
    """With dtls_verify=fingerprint nothing is taken from such a peer and nothing is said to it."""
    wrong = "sha-256 " + ":".join(["AB"] * 32)
    pjsip = phone_section("alice", **{**DTLS, "dtls_verify": verify})
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        with LogCapture(Level.WARNING) as log:
            call, keys, _ = await connect(office, "600", "actpass", fingerprint=wrong)
        assert keys.port.is_done
        assert any("certificate of the DTLS peer" in text for text in log.texts(Level.WARNING)) is not is_heard
        assert await hears(call, call) is is_heard
        assert [data for data in keys.port.raw if 128 <= data[0] < 192] == [] or is_heard
        await call.hang_up()


async def test_rfc8842_hold_keeps_the_association_and_a_new_fingerprint_makes_a_new_one(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", **DTLS), EXTENSIONS) as office:
        call, keys, final = await connect(office, "600", "actpass")
        assert "a=connection:new\r\n" in final.body
        assert await hears(call, call)
        before = keys.port.datagrams
        for direction in ("sendonly", "sendrecv"):
            call.invite(body=keys.sdp("actpass", direction=direction))
            final = await call.answered()
            assert "a=connection:existing\r\n" in final.body
            assert "a=setup:active\r\n" in final.body
        assert await hears(call, call)
        assert keys.port.datagrams == before
        keys.port.renew()
        call.invite(body=keys.sdp("active"))
        final = await call.answered()
        assert "a=connection:new\r\n" in final.body
        assert keys.begin(final) == "passive"
        await asyncio.sleep(0.1)
        assert keys.port.is_done
        assert await hears(call, call)
        await call.hang_up()


@pytest.mark.parametrize(
    ("setup", "answer"), [("actpass", "active"), ("actpass", "passive"), ("active", "passive"), ("passive", "active")]
)
@pytest.mark.parametrize("is_early", [False, True])
async def test_our_offer_and_a_call_between_plain_and_dtls(tmp_path: Path, setup: str, answer: str, is_early: bool) -> None:
    """alice has plain RTP; bob's handshake may begin before his answer arrives (RFC 5763 6.2)."""
    config = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **DTLS, dtls_setup=setup)
    async with sip_office(tmp_path, config, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        request = called.request
        assert request is not None
        keys = DtlsCall(called)
        assert f"a=setup:{setup}\r\n" in request.body
        if is_early and answer == "active":
            keys.port.begin(is_client=True, remote=request.media)
            await asyncio.sleep(0.1)
            assert keys.port.is_done
        elif answer == "passive":
            keys.port.begin(is_client=False, remote=request.media)
        called.reply(200, "OK", body=keys.sdp(answer))
        await bob.get("ACK")
        await call.answered()
        if not keys.port.is_done and answer == "active":
            keys.port.begin(is_client=True, remote=request.media)
        await asyncio.sleep(0.1)
        assert keys.is_vouched_for(request)
        assert await hears(call, called, 0x21)
        assert await hears(called, call, 0x22)
        await call.hang_up()
        await called.ended()


async def test_force_avp_offers_the_profile_without_its_prefix(tmp_path: Path) -> None:
    config = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **DTLS, force_avp="yes")
    async with sip_office(tmp_path, config, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        assert re.search(r"m=audio \d+ RTP/SAVP ", called.request.body)
        called.reply(486)
        await bob.get("ACK")
        call.refused(await alice.get(486))


async def test_certificate_of_a_file(tmp_path: Path) -> None:
    """dtls_cert_file with the key in it; the fingerprint of SDP is that of the file."""
    identity = make_identity(1_790_000_000)
    path = tmp_path / "dtls.pem"
    path.write_bytes(identity.certificate + identity.key)
    wanted = fingerprint(x509.load_pem_x509_certificate(identity.certificate), "sha-256")
    async with sip_office(tmp_path, phone_section("alice", **DTLS, dtls_cert_file=str(path)), EXTENSIONS) as office:
        call, keys, final = await connect(office, "601", "actpass")
        assert f"a=fingerprint:SHA-256 {wanted}\r\n" in final.body
        assert keys.is_vouched_for(final)
        await asyncio.sleep(1.5)
        assert office.system.globals.get("SECURE") == "1"
        await call.hang_up()


@pytest.mark.parametrize("setup", ["active", "passive"])
async def test_dtls_rekey_gives_new_keys_while_the_call_goes_on(tmp_path: Path, setup: str) -> None:
    """The phone hears nothing under the old keys, and all under the new ones, which it finds in its association."""
    async with sip_office(tmp_path, phone_section("alice", **DTLS, dtls_rekey=30), EXTENSIONS) as office:
        call, keys, _ = await connect(office, "600", setup)
        assert await hears(call, call)
        was = keys.port.send_session
        for _ in range(2):
            datagrams = keys.port.datagrams
            await asyncio.sleep(31)
            assert keys.port.datagrams > datagrams
            connection = keys.port.connection
            assert connection is not None
            keys.port._take_keys(connection)
            assert await hears(call, call)
        keys.port.send_session = was
        assert not await hears(call, call)
        await call.hang_up()


@pytest.mark.parametrize("mtu", [300, 1200])
async def test_dtls_mtu_bounds_what_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mtu: int) -> None:
    """The handshake comes in as many datagrams as it takes."""
    sizes: list[int] = []
    carry = MediaNetwork.carry

    def carried(network: MediaNetwork, source: Address, target: Address, data: bytes) -> None:
        if data[0] == 22 and source[1] in range(10000, 20999):  # a message of a handshake, from one of our ports
            sizes.append(len(data))
        carry(network, source, target, data)

    monkeypatch.setattr(MediaNetwork, "carry", carried)
    files = {"rtp.conf": f"[general]\nrtpstart=10000\nrtpend=20998\ndtls_mtu={mtu}\n"}
    async with sip_office(tmp_path, phone_section("alice", **DTLS), EXTENSIONS, files) as office:
        call, keys, _ = await connect(office, "600", "active")
        assert keys.port.is_done
        assert max(sizes) <= mtu
        assert (max(sizes) > 300) == (mtu > 300), "there is more to send than one small datagram holds"
        assert await hears(call, call)
        await call.hang_up()


@pytest.mark.parametrize("where", ["dtls_ca_file", "dtls_ca_path"])
@pytest.mark.parametrize(
    ("verify", "has_authority", "has_fingerprint", "is_heard"),
    [
        ("certificate", True, False, True),
        ("certificate", False, True, False),
        ("yes", True, True, True),
        ("yes", True, False, False),
        ("yes", False, True, False),
        ("fingerprint", False, True, True),
        ("no", False, False, True),
    ],
)
async def test_dtls_verify(
    tmp_path: Path, where: str, verify: str, has_authority: bool, has_fingerprint: bool, is_heard: bool
) -> None:
    """Of authority and fingerprint what the option asks for must be right, and the other one does not matter."""
    folder = tmp_path / "authorities"
    folder.mkdir()
    options = {**DTLS, "dtls_verify": verify, where: str(folder / "ca.pem" if where == "dtls_ca_file" else folder)}
    own = DtlsPort(None)  # type: ignore[arg-type]
    trusted = own.certificate if has_authority else x509.load_pem_x509_certificate(make_identity(time.time()).certificate)
    text = trusted.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(text)
    (folder / f"{OpenSSL.crypto.X509.from_cryptography(trusted).subject_name_hash():08x}.0").write_bytes(text)
    async with sip_office(tmp_path, phone_section("alice", **options), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = new_call(alice, "600")
        keys = DtlsCall(call)
        keys.port.certificate, keys.port.context = own.certificate, own.context
        wrong = "sha-256 " + ":".join(["AB"] * 32)
        call.invite(body=keys.sdp("actpass", fingerprint="" if has_fingerprint else wrong))
        await alice.get(100)
        keys.begin(await call.answered())
        await asyncio.sleep(0.1)
        (session,) = office.driver.rtp.sessions
        assert session.security is not None
        assert session.security.is_ready is is_heard
        assert keys.port.has_failed is not (has_authority or verify in ("fingerprint", "no"))
        if is_heard:
            assert await hears(call, call)
        await call.hang_up()


def split(hello: bytes) -> list[bytes]:
    """A ClientHello in two datagrams, as one is that does not fit into the first."""
    message = hello[25:]
    half = len(message) // 2

    def piece(number: int, start: int, end: int) -> bytes:
        head = hello[13:19] + start.to_bytes(3, "big") + (end - start).to_bytes(3, "big")
        body = head + message[start:end]
        return hello[:5] + number.to_bytes(6, "big") + len(body).to_bytes(2, "big") + body

    first = int.from_bytes(hello[5:11], "big")
    return [piece(first, 0, half), piece(first + 40, half, len(message))]


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "out of order"])
async def test_rfc6347_4_2_3_a_phone_that_begins_in_pieces(tmp_path: Path, order: int) -> None:
    """Browsers do so since their keys have become long. Pieces out of order come once more."""
    async with sip_office(tmp_path, phone_section("alice", **DTLS), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = new_call(alice, "600")
        keys = DtlsCall(call)
        hellos: list[bytes] = []
        send = keys.port.inner.sendto

        def sendto(data: bytes, to: Address) -> int:
            if data[0] == 22 and data[13] == 1:
                hellos.append(data)
                return sum(send(piece, to) for piece in split(data)[::order])
            return send(data, to)

        keys.port.inner.sendto = sendto  # type: ignore[method-assign]
        call.invite(body=keys.sdp("active"))
        await alice.get(100)
        final = await call.answered()
        keys.begin(final)
        await asyncio.sleep(0.1)
        if order < 0:
            again = hellos[0][:5] + (20).to_bytes(6, "big") + hellos[0][11:]
            sendto(again, final.media)
            await asyncio.sleep(0.1)
        assert keys.port.is_done
        assert await hears(call, call)
        await call.hang_up()


async def test_rfc6347_4_2_3_a_phone_whose_messages_come_in_pieces(tmp_path: Path) -> None:
    """Its certificate does not fit into the smallest datagrams that OpenSSL knows."""
    async with sip_office(tmp_path, phone_section("alice", **DTLS), EXTENSIONS) as office:
        alice = office.phone("alice")
        for setup in ("active", "passive"):
            call = new_call(alice, "600")
            keys = DtlsCall(call)
            keys.port.mtu = 256
            call.invite(body=keys.sdp(setup))
            await alice.get(100)
            keys.begin(await call.answered())
            await asyncio.sleep(0.1)
            assert keys.port.is_done
            assert await hears(call, call)
            await call.hang_up()
