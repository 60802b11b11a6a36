"""Fax by T.38 between two gateways: re-INVITEs are passed on, packets go through untouched."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone, Wire, phone_section, sip_office

EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
exten => 600,1,Answer()
 same => n,Wait(60)
"""
T38 = {"t38_udptl": "yes", "t38_udptl_ec": "redundancy"}
#: one packet, alone, as a gateway sends it
PACKET = bytes.fromhex("0000 01 06 00 00")
MORE = bytes.fromhex("0001 01 c0 00 01 01 06")


class Gateway:
    """The T.38 side of a phone."""

    def __init__(self, phone: SipPhone, port: int) -> None:
        self.port = port
        self.socket = phone.office.media.open(phone.address[0], port)
        self.heard: list[bytes] = []
        self.socket.set_reader(self._read)

    def _read(self, _now: float) -> None:
        self.heard.append(self.socket.recvfrom(2048)[0])

    def sdp(self, call: PhoneCall, *, port: int = -1, audio_first: bool = True) -> str:
        """Audio off, fax on."""
        call.sdp_version += 1
        host = call.phone.address[0]
        audio = "m=audio 0 RTP/AVP 0\r\n" if audio_first else ""
        return (
            f"v=0\r\no={call.phone.name} 7 {call.sdp_version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n{audio}"
            f"m=image {self.port if port < 0 else port} udptl t38\r\na=T38FaxVersion:3\r\na=T38MaxBitRate:9600\r\n"
            "a=T38FaxRateManagement:transferredTCF\r\na=T38FaxMaxDatagram:200\r\na=T38FaxUdpEC:t38UDPFEC\r\n"
        )


def image(message: Wire) -> tuple[str, int]:
    """Where a description wants the fax."""
    host, port = re.search(r"c=IN IP[46] (\S+)", message.body), re.search(r"m=image (\d+) udptl t38", message.body)
    assert host is not None, message.text
    assert port is not None, message.text
    return host[1], int(port[1])


async def talk(office: SipOffice) -> tuple[PhoneCall, PhoneCall]:
    alice, bob = office.phone("alice"), office.phone("bob")
    await bob.register()
    calling = alice.call("101")
    await alice.get(100)
    called = await bob.ring()
    await called.answer()
    await calling.answered()
    return calling, called


def states(office: SipOffice) -> dict[str, str]:
    """CHANNEL(pjsip,t38state) of both legs."""
    return {
        leg.endpoint.name: leg.channel.tech.channel_read(leg.channel, "pjsip,t38state")
        for leg in office.driver.legs
        if leg.channel
    }


def two(alice: dict[str, str] | None = None, bob: dict[str, str] | None = None) -> str:
    return phone_section("alice", **(T38 if alice is None else alice)) + phone_section("bob", **(T38 if bob is None else bob))


async def test_t38_passes(tmp_path: Path) -> None:
    """The called gateway asks, the calling one agrees; packets of both ways arrive as they were; then audio again."""
    async with sip_office(tmp_path, two(), EXTENSIONS) as office:
        calling, called = await talk(office)
        theirs, mine = Gateway(called.phone, 6000), Gateway(calling.phone, 6002)
        called.invite(body=theirs.sdp(called))
        request = await calling.phone.get("INVITE")
        assert states(office) == {"alice": "LOCAL_REINVITE", "bob": "PEER_REINVITE"}
        assert "m=audio 0 RTP/AVP 0" in request.body
        assert [line for line in request.body.split("\r\n") if line.startswith("a=T38")] == [
            "a=T38FaxVersion:3", "a=T38MaxBitRate:9600", "a=T38FaxRateManagement:transferredTCF", "a=T38FaxMaxDatagram:200",
            "a=T38FaxUdpEC:t38UDPRedundancy",
        ]  # fmt: skip
        calling.reply(200, request=request, body=mine.sdp(calling))
        await calling.phone.get("ACK")
        answer = await called.phone.get(200)
        called._send("ACK", cseq=called.cseq)
        assert "m=audio 0 " in answer.body
        assert states(office) == {"alice": "ENABLED", "bob": "ENABLED"}
        theirs.socket.sendto(PACKET, image(answer))
        mine.socket.sendto(MORE, image(request))
        mine.socket.sendto(b"no udptl at all", image(request))
        await asyncio.sleep(0.1)
        assert mine.heard == [PACKET]
        assert theirs.heard == [MORE]

        called.invite(body=called.sdp())
        answer = await called.phone.get(200)
        called._send("ACK", cseq=called.cseq)
        assert re.search(r"m=audio [1-9]\d* RTP/AVP 0", answer.body)
        request = await calling.phone.get("INVITE")
        assert re.search(r"m=audio [1-9]\d* RTP/AVP 0", request.body)
        assert "m=image 0 udptl t38" in request.body
        calling.learn_media(request)
        calling.reply(200, request=request, body=calling.sdp() + "m=image 0 udptl t38\r\n")
        await calling.phone.get("ACK")
        assert states(office) == {"alice": "DISABLED", "bob": "DISABLED"}
        await calling.speak(5)
        await asyncio.sleep(0.1)
        assert called.sounds() == {0x55: 5}
        theirs.socket.close()
        mine.socket.close()
        await calling.hang_up()
        await called.ended()
        assert not [port for _, port in office.media.marks if 4000 <= port <= 4999], "the ports of the fax are given back"


@pytest.mark.parametrize("how", ["488", "port 0", "not allowed"])
async def test_one_side_does_not_fax(tmp_path: Path, how: str) -> None:
    """The other side refuses, declines the stream, or may not: 488, and the call goes on with audio."""
    async with sip_office(tmp_path, two(alice={} if how == "not allowed" else None), EXTENSIONS) as office:
        calling, called = await talk(office)
        theirs = Gateway(called.phone, 6000)
        called.invite(body=theirs.sdp(called))
        if how != "not allowed":
            request = await calling.phone.get("INVITE")
            if how == "488":
                calling.reply(488, request=request)
            else:
                calling.reply(200, request=request, body=theirs.sdp(calling, port=0))
            await calling.phone.get("ACK")
        refusal = await called.phone.get(488)
        called.refused(refusal)
        if how != "not allowed":
            assert states(office)["alice"] == "REJECTED"
        if how == "port 0":  # it has agreed to a call without any stream: audio is asked for anew
            request = await calling.phone.get("INVITE")
            assert re.search(r"m=audio [1-9]", request.body)
            calling.reply(200, request=request, body=calling.sdp() + "m=image 0 udptl t38\r\n" * request.body.count("m=image"))
            await calling.phone.get("ACK")
        await calling.speak(5)
        await asyncio.sleep(0.1)
        assert called.sounds() == {0x55: 5}
        theirs.socket.close()
        await calling.hang_up()
        await called.ended()


async def test_nobody_answers_for_t38(tmp_path: Path) -> None:
    """An application that knows no fax: 488 after five seconds."""
    async with sip_office(tmp_path, two(), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = await alice.dial("600")
        gateway = Gateway(alice, 6000)
        start = asyncio.get_running_loop().time()
        call.invite(body=gateway.sdp(call))
        call.refused(await alice.get(488))
        assert asyncio.get_running_loop().time() - start == pytest.approx(5, abs=0.1)
        gateway.socket.close()
        await call.hang_up()


async def test_t38_without_the_option(tmp_path: Path) -> None:
    """t38_udptl=no: an offer of nothing but a fax is not acceptable, at once."""
    async with sip_office(tmp_path, two({}, {}), EXTENSIONS) as office:
        calling, called = await talk(office)
        gateway = Gateway(called.phone, 6000)
        called.invite(body=gateway.sdp(called))
        called.refused(await called.phone.get(488))
        await calling.phone.office.quiet()
        gateway.socket.close()
        await calling.hang_up()
        await called.ended()


@pytest.mark.parametrize(("nat", "heard"), [("no", []), ("yes", [PACKET])])
async def test_a_gateway_behind_nat(tmp_path: Path, nat: str, heard: list[bytes]) -> None:
    """t38_udptl_nat: packets are taken from, and sent to, where they come from whatever SDP says."""
    async with sip_office(tmp_path, two({**T38, "t38_udptl_nat": nat, "t38_udptl_maxdatagram": "72"}), EXTENSIONS) as office:
        calling, called = await talk(office)
        theirs, mine = Gateway(called.phone, 6000), Gateway(calling.phone, 6002)
        called.invite(body=theirs.sdp(called))
        request = await calling.phone.get("INVITE")
        assert "a=T38FaxMaxDatagram:72" in request.body
        calling.reply(200, request=request, body=mine.sdp(calling, port=9999))
        await calling.phone.get("ACK")
        answer = await called.phone.get(200)
        called._send("ACK", cseq=called.cseq)
        mine.socket.sendto(PACKET, image(request))
        await asyncio.sleep(0.1)
        theirs.socket.sendto(PACKET, image(answer))
        await asyncio.sleep(0.1)
        assert theirs.heard == heard
        assert mine.heard == heard
        theirs.socket.close()
        mine.socket.close()
        await calling.hang_up()
        await called.ended()


@pytest.mark.parametrize(
    ("options", "address", "bound"),
    [
        ({}, "127.0.0.1", "127.0.0.1"),
        ({"media_address": "192.0.2.7"}, "192.0.2.7", "127.0.0.1"),
        ({"media_address": "192.0.2.7", "t38_bind_udptl_to_media_address": "yes"}, "192.0.2.7", "192.0.2.7"),
        ({"t38_bind_udptl_to_media_address": "yes"}, "127.0.0.1", "127.0.0.1"),
        ({"t38_udptl_ipv6": "yes"}, "2001:db8::77", "::"),
    ],
)
async def test_addresses_of_faxes(tmp_path: Path, options: dict[str, str], address: str, bound: str) -> None:
    """t38_udptl_ipv6, and t38_bind_udptl_to_media_address, which needs a media_address."""
    async with sip_office(tmp_path, two(alice={**T38, **options}), EXTENSIONS) as office:
        office.network.local_address_for = lambda remote: "2001:db8::77" if ":" in remote[0] else "127.0.0.1"  # type: ignore[method-assign]
        calling, called = await talk(office)
        theirs = Gateway(called.phone, 6000)
        called.invite(body=theirs.sdp(called))
        request = await calling.phone.get("INVITE")
        host, port = image(request)
        assert host == address
        assert (bound, port) in office.media.marks
        calling.reply(488, request=request)
        await calling.phone.get("ACK")
        assert called.last is not None
        called.refused(await called.phone.get(488))
        theirs.socket.close()
        await calling.hang_up()
        await called.ended()
