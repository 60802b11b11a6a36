"""Transports: addresses behind NAT, host names, and real UDP and TCP sockets."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.modules.channels.pjsip.contacts import ContactStatus
from tests.support.loopback import free_port
from tests.support.sip_phone import phone_section, sip_office
from tests.support.switch import LogCapture, running_system

PLAN = "[default]\nexten => 1,1,Answer()\n same => n,Echo()\nexten => 2,1,Dial(PJSIP/bob)\n same => n,Hangup()\n"
NAT = (
    "[nat]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:15080\nlocal_net=127.0.0.1/32\n"
    "external_signaling_address=198.51.100.7\nexternal_signaling_port=5999\nexternal_media_address=198.51.100.8\n"
)


@pytest.mark.virtual_time
@pytest.mark.parametrize(("host", "signalling", "media"), [("127.0.0.1", "127.0.0.1:15080", "127.0.0.1"),
                                                           ("127.0.0.9", "198.51.100.7:5999", "198.51.100.8")])  # fmt: skip
async def test_addresses_that_peers_are_told(tmp_path: Path, host: str, signalling: str, media: str) -> None:
    """Peers of local_net see our own addresses, others the external ones, in Via, Contact and SDP."""
    text = NAT + phone_section("alice") + phone_section("bob", contact=f"sip:bob@{host}:15072", transport="nat")
    async with sip_office(tmp_path, text, PLAN) as office:
        alice, bob = office.phone("alice"), office.phone("bob", host=host)
        call = alice.call("2")
        await alice.get(100)
        invite = await bob.get("INVITE")
        assert invite["Via"].startswith(f"SIP/2.0/UDP {signalling};")
        assert invite["Contact"].endswith(f"@{signalling}>")
        assert invite.media[0] == media
        assert f"o=- {invite.body.split()[2]}" in invite.body
        office.network.send(bob.reply_to(invite, 486, tag="b").encode(), bob.address, ("127.0.0.1", 15080))
        call.refused(await alice.get(486))
        await bob.get("ACK")


@pytest.mark.virtual_time
async def test_media_address(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", media_address="198.51.100.9"), PLAN) as office:
        alice = office.phone("alice")
        call = await alice.dial("1")
        assert call.answer_seen is not None
        assert call.answer_seen.media[0] == "198.51.100.9"
        await call.hang_up()


@pytest.mark.virtual_time
async def test_rtp_symmetric(tmp_path: Path) -> None:
    """RTP goes to where it comes from, whatever SDP says."""
    async with sip_office(tmp_path, phone_section("alice", rtp_symmetric="yes"), PLAN) as office:
        alice = office.phone("alice")
        call = alice.call("1")
        sdp = call.sdp().replace("IN IP4 127.0.0.1", "IN IP4 192.168.77.7")
        alice.inbox.clear()
        await asyncio.sleep(0.1)
        alice.inbox.clear()
        second = alice.call("1", sdp=sdp.replace(str(call.rtp_port), "40002"))
        await alice.get(100)
        await second.answered()
        await second.speak(30)
        await asyncio.sleep(0.1)
        assert second.sounds()[0x55] >= 20
        await second.hang_up()


@pytest.mark.virtual_time
async def test_host_names(tmp_path: Path) -> None:
    """A contact with a host name: looked up once, beside the loop; an unknown name refuses the call."""
    text = phone_section("alice") + phone_section("bob", contact="sip:bob@phone.example:15072")
    async with sip_office(tmp_path, text, PLAN) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("2")
        await alice.get(100)
        answer = await alice._answer()
        call.refused(answer)
        assert answer.status >= 400
        office.network.names["phone.example"] = "127.0.0.1"
        call = alice.call("2")
        await alice.get(100)
        invite = await bob.get("INVITE")
        assert invite.uri == "sip:bob@phone.example:15072"
        bob.send(bob.reply_to(invite, 486, tag="b"))
        await bob.get("ACK")
        call.refused(await alice.get(486))


@pytest.mark.virtual_time
async def test_a_transport_that_cannot_be_bound(tmp_path: Path) -> None:
    """The others go on."""
    with LogCapture(Level.ERROR) as log:
        async with sip_office(
            tmp_path, "[again]\ntype=transport\nbind=127.0.0.1:15060\n" + phone_section("alice"), PLAN
        ) as office:
            assert (await office.phone("alice").register()).status == 200
    assert any("'again' cannot listen on 127.0.0.1:15060" in text for text in log.texts(Level.ERROR))


class Peer(asyncio.DatagramProtocol):
    """A phone on a real socket."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[str] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.inbox.put_nowait(data.decode())


def message(method: str, port: int, protocol: str, *, cseq: int = 1, to: str = "", body: str = "", call: str = "c1") -> bytes:
    uri = "sip:127.0.0.1" if method in ("REGISTER", "OPTIONS") else "sip:1@127.0.0.1"
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{protocol} 127.0.0.1:{port};branch=z9hG4bK{call}{method}{cseq};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:alice@127.0.0.1>;tag=a\r\nTo: {to or '<sip:alice@127.0.0.1>'}\r\nCall-ID: {call}\r\n"
        f"CSeq: {cseq} {method}\r\nContact: <sip:alice@127.0.0.1:{port}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def real_files(port: int) -> dict[str, str]:
    transports = "".join(
        f"[{protocol}]\ntype=transport\nprotocol={protocol}\nbind=127.0.0.1:{port}\n" for protocol in ("udp", "tcp")
    )
    return {"pjsip.conf": f"[global]\ntype=global\n{transports}" + phone_section("alice"), "extensions.conf": PLAN}


async def test_udp_and_tcp_sockets(tmp_path: Path) -> None:
    """Register, call and hang up over the kernel's sockets; at the end every port is free again."""
    port, own = free_port(), free_port()
    loop = asyncio.get_running_loop()
    async with running_system(tmp_path, real_files(port)) as system:
        driver = system.services["pjsip"]
        transport, peer = await loop.create_datagram_endpoint(
            Peer, local_addr=("127.0.0.1", own), remote_addr=("127.0.0.1", port)
        )

        async def udp(data: bytes) -> str:
            transport.sendto(data)
            return await asyncio.wait_for(peer.inbox.get(), 45)

        assert (await udp(message("REGISTER", own, "UDP"))).startswith("SIP/2.0 200 ")
        sdp = f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {own + 2} RTP/AVP 0\r\n"
        assert (await udp(message("INVITE", own, "UDP", body=sdp, call="c2"))).startswith("SIP/2.0 100 ")
        answer = await asyncio.wait_for(peer.inbox.get(), 45)
        assert answer.startswith("SIP/2.0 200 ")
        found = re.search(r"^To: (.*)\r$", answer, re.MULTILINE)
        assert found is not None
        transport.sendto(message("ACK", own, "UDP", to=found[1], call="c2"))
        assert (await udp(message("BYE", own, "UDP", cseq=2, to=found[1], call="c2"))).startswith("SIP/2.0 200 ")
        transport.close()

        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        both = message("OPTIONS", own, "TCP", call="t1") + message("OPTIONS", own, "TCP", call="t2")
        writer.write(both[:100])
        await asyncio.sleep(0.01)
        writer.write(both[100:])
        read = b""
        with contextlib.suppress(TimeoutError):
            while read.count(b"SIP/2.0 200 OK") < 2:
                read += await asyncio.wait_for(reader.read(65536), 45)
        assert read.count(b"SIP/2.0 200 OK") == 2
        assert b"Call-ID: t1" in read
        assert b"Call-ID: t2" in read
        writer.close()
        await writer.wait_closed()
        assert not system.channels
        assert driver.sip.counters.requests == 6
    again = await loop.create_datagram_endpoint(Peer, local_addr=("127.0.0.1", port))
    again[0].close()
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    server.close()


async def test_calls_out_over_tcp(tmp_path: Path) -> None:
    """A connection is opened for a contact with transport=tcp, and used again for what follows."""
    port, own = free_port(), free_port()
    connections: list[bytes] = []
    got = asyncio.Event()

    async def phone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(b"")
        while data := await reader.read(65536):
            connections[-1] += data
            if b"OPTIONS" in data:
                head = data.decode().split("\r\n\r\n")[0].split("\r\n")
                kept = [line for line in head if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
                writer.write(("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""])).encode())
                got.set()
        writer.close()

    server = await asyncio.start_server(phone, "127.0.0.1", own)
    files = real_files(port)
    files["pjsip.conf"] += phone_section("bob", contact=f"sip:bob@127.0.0.1:{own}\\;transport=tcp")
    async with running_system(tmp_path, files) as system:
        driver = system.services["pjsip"]
        for _ in range(2):
            got.clear()
            await run_command(system, "pjsip qualify bob")
            await asyncio.wait_for(got.wait(), 45)
            (contact,) = driver.contacts.contacts("bob")
            for _ in range(500):
                if contact.status is ContactStatus.AVAILABLE:
                    break
                await asyncio.sleep(0.01)
            assert contact.status is ContactStatus.AVAILABLE
        assert len(connections) == 1
        assert connections[0].count(b"OPTIONS sip:bob@") == 2
        assert b"Via: SIP/2.0/TCP 127.0.0.1:" in connections[0]
    server.close()
    await server.wait_closed()
