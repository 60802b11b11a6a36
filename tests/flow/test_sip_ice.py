"""Calls whose way is found by ICE (RFC 8445, RFC 8839), by option of the endpoint."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from globstar.media.ice import IceAgent
from globstar.proto.stun import host_candidate, parse_candidate
from tests.support.dtls_phone import DtlsCall
from tests.support.sip_phone import PhoneCall, SipPhone, Wire, phone_section, sip_office

EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
exten => 600,1,Answer()
 same => n,Echo()
"""
ICE = {"ice_support": "yes", "rtcp_mux": "yes"}
#: where no media are: only ICE finds the phone
NOWHERE = "192.0.2.250"


class IceCall:
    """Gives a scripted call ICE, and DTLS where wanted: its SDP names an address where nobody is."""

    def __init__(self, call: PhoneCall) -> None:
        self.call = call
        self.keys = DtlsCall(call)
        self.agent = IceAgent(asyncio.get_running_loop(), lambda _, data, to: self._send(data, to))
        self.local = (call.phone.address[0], call.rtp_port)
        self.agent.add(host_candidate(1, self.local))
        self.silent = False
        call.socket = self.keys.port  # type: ignore[assignment]
        self.keys.port.set_reader(self._read)

    def _send(self, data: bytes, to: tuple[str, int]) -> None:
        if not self.silent:
            self.keys.port.inner.sendto(data, to)

    def _read(self, now: float) -> None:
        if self.keys.port.receive_session is None and self.keys.port.connection is None:
            try:
                data, source = self.keys.port.inner.recvfrom(2048)
            except BlockingIOError:
                return
            if data[0] < 4:
                self.agent.receive(1, data, source)
            elif not 192 <= data[1] <= 223:
                self.call.heard.append((data[1] & 0x7F, data[12:]))
            return
        self.call._read(now)
        for data, source in self.keys.port.other:
            self.agent.receive(1, data, source)
        self.keys.port.other.clear()

    def lines(self, *, has_candidates: bool = True) -> str:
        """The lines of SDP."""
        candidate = f"a=candidate:{host_candidate(1, self.local)}\r\n" if has_candidates else ""
        return f"a=ice-ufrag:{self.agent.ufrag}\r\na=ice-pwd:{self.agent.password}\r\n{candidate}"

    def sdp(self, *, has_candidates: bool = True, setup: str = "", direction: str = "sendrecv") -> str:
        """The whole description."""
        if setup:
            text = self.keys.sdp(setup, profile="UDP/TLS/RTP/SAVPF", direction=direction)
        else:
            text = self.call.sdp(direction=direction) + "a=rtcp-mux\r\n"
        return re.sub(r"c=IN IP4 \S+", f"c=IN IP4 {NOWHERE}", text) + self.lines(has_candidates=has_candidates)

    def learn(self, message: Wire, *, is_controlling: bool) -> None:
        """Take the other side's description."""
        found = dict(re.findall(r"a=(ice-\w+):(\S+)", message.body))
        candidates = [parse_candidate(line) for line in re.findall(r"a=candidate:(.*)\r", message.body)]
        usable = [one for one in candidates if one is not None]
        assert usable
        self.agent.set_remote(found["ice-ufrag"], found["ice-pwd"], usable, is_controlling=is_controlling)


def new_call(phone: SipPhone, number: str) -> PhoneCall:
    """A call whose INVITE is yet to be sent."""
    return PhoneCall(phone, f"sip:{number}@127.0.0.1:15060")


def plain(ice: IceCall) -> None:
    """Plain RTP on the same port."""
    ice.call.socket = ice.keys.port.inner


async def heard(speaker: PhoneCall, listener: PhoneCall, octet: int = 0x42) -> int:
    """How many of eight packets arrive."""
    listener.heard.clear()
    await speaker.speak(8, octet)
    await asyncio.sleep(0.1)
    return listener.sounds().get(octet, 0)


@pytest.mark.parametrize("has_candidates", [True, False], ids=["candidates", "trickle"])
async def test_the_way_is_found_although_sdp_names_another(tmp_path: Path, has_candidates: bool) -> None:
    """Hold keeps it; new credentials restart ICE, and get new ones (RFC 8839 4.4.1.1.1)."""
    async with sip_office(tmp_path, phone_section("alice", **ICE), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = new_call(alice, "600")
        ice = IceCall(call)
        call.invite(body=ice.sdp(has_candidates=has_candidates))
        await alice.get(100)
        final = await call.answered()
        ice.learn(final, is_controlling=True)
        plain(ice)
        await asyncio.sleep(1)
        assert ice.agent.target(1) == final.media
        assert "trickle" not in final.text
        assert await heard(call, call) >= 6
        first = re.findall(r"a=ice-ufrag:(\S+)", final.body)
        for direction in ("sendonly", "sendrecv"):
            call.invite(body=ice.sdp(direction=direction))
            again = await call.answered()
            assert re.findall(r"a=ice-ufrag:(\S+)", again.body) == first
        assert await heard(call, call) >= 6
        ice.agent.renew()
        call.invite(body=ice.sdp())
        again = await call.answered()
        assert re.findall(r"a=ice-ufrag:(\S+)", again.body) != first
        ice.learn(again, is_controlling=True)
        await asyncio.sleep(1)
        assert await heard(call, call) >= 6
        await call.hang_up()
        ice.agent.close()


async def test_rfc7675_5_1_without_consent_we_fall_silent(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", **ICE), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = new_call(alice, "600")
        ice = IceCall(call)
        call.invite(body=ice.sdp())
        await alice.get(100)
        ice.learn(await call.answered(), is_controlling=True)
        plain(ice)
        await asyncio.sleep(1)
        assert await heard(call, call) >= 6
        ice.silent = True
        await asyncio.sleep(45)
        assert await heard(call, call) == 0
        await call.hang_up()
        ice.agent.close()


async def test_a_phone_without_ice_and_rtp_conf_without_it(tmp_path: Path) -> None:
    async with sip_office(tmp_path / "a", phone_section("alice", **ICE), EXTENSIONS) as office:
        call = await office.phone("alice").dial("600")
        assert call.answer_seen is not None
        assert "a=ice" not in call.answer_seen.body
        assert await heard(call, call) >= 6
        await call.hang_up()
    files = {"rtp.conf": "[general]\nicesupport=no\n"}
    async with sip_office(tmp_path / "b", phone_section("alice", **ICE), EXTENSIONS, files) as office:
        call = new_call(office.phone("alice"), "600")
        call.invite(body=call.sdp() + "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n")
        await call.phone.get(100)
        assert "a=ice" not in (await call.answered()).body
        await call.hang_up()


async def test_webrtc_calls_a_browser_with_everything(tmp_path: Path) -> None:
    """Our offer has ICE, DTLS, rtcp-mux and RTP/SAVPF; alice's plain media reach bob encrypted, and back."""
    config = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072", webrtc="yes")
    async with sip_office(tmp_path, config, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        request = called.request
        assert request is not None
        wanted = "a=setup:actpass", "a=rtcp-mux", "a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:SHA-256 ", "UDP/TLS/RTP/SAVPF"
        assert not [line for line in wanted if line not in request.body]
        ice = IceCall(called)
        ice.keys.port.begin(is_client=False, remote=request.media)
        ice.silent = True
        called.reply(200, "OK", body=ice.sdp(setup="passive"))
        await bob.get("ACK")
        await call.answered()
        await asyncio.sleep(0.2)
        assert not ice.keys.port.is_done, "a handshake before ICE has found the way"
        ice.silent = False
        ice.learn(request, is_controlling=False)
        await asyncio.sleep(1)
        assert ice.agent.target(1) == request.media
        assert ice.keys.port.is_done
        assert ice.keys.is_vouched_for(request)
        assert await heard(call, called, 0x21) >= 6
        assert await heard(called, call, 0x22) >= 6
        await call.hang_up()
        await called.ended()
        ice.agent.close()


def candidate_of(ice: IceCall) -> str:
    return f"a=candidate:{host_candidate(1, ice.local)}\r\n"


async def trickle(call: PhoneCall, body: str) -> int:
    """Send candidates by INFO; gives the status."""
    headers = "Info-Package: trickle-ice\r\nContent-Type: application/trickle-ice-sdpfrag\r\n"
    return (await call.request_inside("INFO", headers, body)).status


async def test_rfc8840_candidates_that_come_later_are_checked(tmp_path: Path) -> None:
    """A phone that checks nobody is found once it has told where it is; under old credentials it is not."""
    async with sip_office(tmp_path, phone_section("alice", **ICE), EXTENSIONS) as office:
        call = new_call(office.phone("alice"), "600")
        ice = IceCall(call)
        call.invite(body=ice.sdp(has_candidates=False) + "a=mid:0\r\na=ice-options:trickle\r\n")
        await call.phone.get(100)
        final = await call.answered()
        assert "a=ice-options:trickle" in final.body
        assert "a=end-of-candidates\r\n" in final.body
        assert final["Recv-Info"] == "trickle-ice"
        plain(ice)
        await asyncio.sleep(2)
        assert await heard(call, call) == 0
        for piece in (
            f"a=ice-ufrag:other\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n{candidate_of(ice)}",
            f"a=ice-ufrag:{ice.agent.ufrag}\r\nm=audio 9 RTP/AVP 0\r\na=mid:1\r\n{candidate_of(ice)}",
            "a=end-of-candidates\r\n",
            "",
        ):
            assert await trickle(call, piece) == 200
        await asyncio.sleep(2)
        assert await heard(call, call) == 0
        assert (
            await trickle(call, f"a=ice-ufrag:{ice.agent.ufrag}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n{candidate_of(ice)}") == 200
        )
        await asyncio.sleep(2)
        assert await heard(call, call) >= 6
        await call.hang_up()
        ice.agent.close()


async def test_rfc6086_without_ice_nobody_wants_candidates(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice"), EXTENSIONS) as office:
        call = await office.phone("alice").dial("600")
        assert await trickle(call, "a=candidate:x\r\n") == 469
        await call.hang_up()


async def test_rfc8445_6_1_1_a_lite_peer_leaves_the_choice_to_us(tmp_path: Path) -> None:
    """It offers, and answers checks only: we control, and say which way is used."""
    async with sip_office(tmp_path, phone_section("alice", **ICE), EXTENSIONS) as office:
        call = new_call(office.phone("alice"), "600")
        ice = IceCall(call)
        call.invite(body=ice.sdp().replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n"))
        await call.phone.get(100)
        await call.answered()
        plain(ice)
        await asyncio.sleep(2)
        (_, nominated) = next(iter(ice.agent._components[1].early.values()))
        assert nominated
        assert await heard(call, call) >= 6
        await call.hang_up()
        ice.agent.close()
