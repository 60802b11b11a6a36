"""ICE on two ports, of RTP and of RTCP, each of which has a way and a consent of its own; restarts; many addresses."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.media.ice import IceAgent
from globstar.media.network import MediaNetwork
from globstar.media.sockets import Address
from globstar.proto.stun import host_candidate, is_stun, parse_candidate
from tests.flow.test_sip_ice import EXTENSIONS, ICE, NOWHERE, IceCall, heard, new_call, plain
from tests.support.sip_phone import PhoneCall, phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

STRANGER = "192.0.2.66"


class TwoPorts(IceCall):
    """A phone whose RTCP has a port of its own. ``deaf`` are the components that answer nothing any more."""

    def __init__(self, call: PhoneCall, media: MediaNetwork) -> None:
        super().__init__(call)
        self.rtcp = media.open(self.local[0], self.local[1] + 1)
        self.rtcp.set_reader(self._read_rtcp)
        self.reports = 0
        self.deaf: set[int] = set()
        self.agent._send = self._send_from
        self.agent.add(host_candidate(2, self.rtcp.address))

    def _send_from(self, component: int, data: bytes, to: Address) -> None:
        if component not in self.deaf:
            (self.keys.port.inner if component == 1 else self.rtcp).sendto(data, to)

    def _read_rtcp(self, now: float) -> None:
        try:
            data, source = self.rtcp.recvfrom(2048)
        except BlockingIOError:
            return
        if is_stun(data):
            self.agent.receive(2, data, source)
        elif 192 <= data[1] <= 223:
            self.reports += 1

    def lines(self, *, has_candidates: bool = True) -> str:
        return super().lines(has_candidates=has_candidates) + f"a=candidate:{host_candidate(2, self.rtcp.address)}\r\n"

    def sdp(self, *, has_candidates: bool = True, setup: str = "", direction: str = "sendrecv") -> str:
        return super().sdp(has_candidates=has_candidates, setup=setup, direction=direction).replace("a=rtcp-mux\r\n", "")

    async def count_reports(self) -> int:
        """Reports that come in the time of three."""
        before = self.reports
        await self.call.speak(5, 0x42)
        await asyncio.sleep(15)
        return self.reports - before


def sent_to(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many datagrams go to each host from now on."""
    found: Counter[str] = Counter()
    carry = MediaNetwork.carry

    def carried(network: MediaNetwork, source: Address, target: Address, data: bytes) -> None:
        found[target[0]] += 1
        carry(network, source, target, data)

    monkeypatch.setattr(MediaNetwork, "carry", carried)
    return found


async def test_rfc7675_5_1_each_port_has_a_consent_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RTCP goes where its own checks lead, not to the next port, and to nobody once the phone agrees no more."""
    went = sent_to(monkeypatch)
    async with sip_office(tmp_path, phone_section("alice", ice_support="yes"), EXTENSIONS) as office:
        call = new_call(office.phone("alice"), "600")
        ice = TwoPorts(call, office.media)
        ice.deaf = {2}
        call.invite(body=ice.sdp())
        await call.phone.get(100)
        final = await call.answered()
        ice.learn(final, is_controlling=True)
        plain(ice)
        await asyncio.sleep(1)
        assert (ice.agent.target(1), ice.agent.target(2)) == (final.media, None)
        assert await heard(call, call) >= 6
        assert await ice.count_reports() == 0, "there is no way for RTCP as yet"
        ice.deaf.clear()
        ice.agent.renew()
        call.invite(body=ice.sdp())
        ice.learn(await call.answered(), is_controlling=True)
        await asyncio.sleep(1)
        assert await ice.count_reports() >= 2
        ice.deaf = {2}
        await asyncio.sleep(45)
        assert await ice.count_reports() == 0
        assert await heard(call, call) >= 6, "RTP has its own way"
        ice.deaf.clear()
        ice.agent.renew()
        call.invite(body=ice.sdp())
        ice.learn(await call.answered(), is_controlling=True)
        await asyncio.sleep(1)
        assert await ice.count_reports() >= 2
        ice.deaf = {1}
        await asyncio.sleep(45)
        assert await heard(call, call) == 0
        assert await ice.count_reports() >= 2
        assert NOWHERE not in went
        await call.hang_up()
        ice.agent.close()


async def test_rfc8445_9_a_restart_in_a_call_leaves_no_gap(tmp_path: Path) -> None:
    """The phone has moved to another port: it is heard and hears on its old one until the new one has been found."""
    async with sip_office(tmp_path, phone_section("alice", **ICE), EXTENSIONS) as office:
        call = new_call(office.phone("alice"), "600")
        ice = IceCall(call)
        call.invite(body=ice.sdp())
        await call.phone.get(100)
        ice.learn(await call.answered(), is_controlling=True)
        plain(ice)
        await asyncio.sleep(1)
        old, inner = ice.local, ice.keys.port.inner
        ice.local = (old[0], old[1] + 10)
        new = office.media.open(*ice.local)
        got: list[bytes] = []

        def read(now: float) -> None:
            try:
                data, source = new.recvfrom(2048)
            except BlockingIOError:
                return
            if is_stun(data):
                ice.agent.receive(1, data, source)
            elif not 192 <= data[1] <= 223:
                got.append(data)

        new.set_reader(read)
        old_ufrag, old_password = ice.agent.ufrag, ice.agent.password
        ice.agent.renew()
        ice.agent._send = lambda component, data, to: new.sendto(data, to)
        call.invite(body=ice.sdp())
        answer = await call.answered()
        assert (old_ufrag, old_password) != (ice.agent.ufrag, ice.agent.password)
        assert await heard(call, call) == 8, "the new way has not been checked"
        ice.learn(answer, is_controlling=True)
        for _ in range(50):  # both ways while the phone goes over
            await call.speak(1, 0x55)
            if got:
                break
        assert inner is call.socket
        call.socket = new
        call.heard.clear()
        got.clear()
        await call.speak(10, 0x56)
        await asyncio.sleep(0.1)
        assert len(got) == 10, "what comes from a checked address is heard at once"
        inner.sendto(b"\x80\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x09" + b"\x57" * 160, answer.media)
        await asyncio.sleep(0.1)
        assert not any(b"\x57" * 20 in data for data in got), "the old address counts no more"
        await call.hang_up()
        ice.agent.close()


@pytest.mark.parametrize("symmetric", ["yes", "no"])
async def test_rfc8445_12_2_only_addresses_that_ice_has_checked_are_heard(tmp_path: Path, symmetric: str) -> None:
    """Not even while nobody has been heard yet; and nobody draws packets to himself, whatever rtp_symmetric says."""
    async with sip_office(tmp_path, phone_section("alice", rtp_symmetric=symmetric, **ICE), EXTENSIONS) as office:
        call = new_call(office.phone("alice"), "600")
        ice = IceCall(call)
        call.invite(body=ice.sdp())
        await call.phone.get(100)
        final = await call.answered()
        ice.learn(final, is_controlling=True)
        plain(ice)
        await asyncio.sleep(1)
        stranger = office.media.open(STRANGER, 4444)
        for number in range(20):
            header = b"\x80\x00" + number.to_bytes(2, "big") + (160 * number).to_bytes(4, "big") + b"\x00\x00\x00\x05"
            stranger.sendto(header + b"\x66" * 160, final.media)
            await asyncio.sleep(0.02)
        assert 0x66 not in call.sounds()
        assert not stranger._queue
        assert await heard(call, call) == 8
        await call.hang_up()
        ice.agent.close()


async def test_of_a_phone_with_many_addresses_the_one_that_works_is_found(tmp_path: Path) -> None:
    """Names of mDNS (RFC 8828), TCP, another family and rubbish are passed over; where nobody is, checks fail."""
    useless = (
        "1 1 UDP 2130706431 4e2fa1b0-1c5d-4c1e-9d7c-0123456789ab.local 50000 typ host",
        "2 1 TCP 2130706430 192.0.2.9 9 typ host tcptype active",
        "3 1 UDP 2130706429 2001:db8::9 50000 typ host",
        "4 1 UDP 2130706428 fe80::1%eth0 50000 typ host",
        "5 1 UDP 2130706427 192.0.2.251 50000 typ host",
        "6 1 UDP 2130706426 198.51.100.7 50000 typ srflx raddr 192.0.2.9 rport 50000",
        "rubbish",
    )
    async with sip_office(tmp_path, phone_section("alice", **ICE), EXTENSIONS) as office:
        call = new_call(office.phone("alice"), "600")
        ice = IceCall(call)
        worst = str(host_candidate(1, ice.local, 60000))
        lines = "".join(f"a=candidate:{line}\r\n" for line in (*useless, worst))
        call.invite(body=ice.sdp(has_candidates=False) + lines)
        await call.phone.get(100)
        final = await call.answered()
        plain(ice)
        found = dict(re.findall(r"a=(ice-\w+):(\S+)", final.body))
        ice.agent.set_remote(found["ice-ufrag"], found["ice-pwd"], [], is_controlling=True)  # it waits to be checked
        await asyncio.sleep(3)
        assert ice.agent.target(1) == final.media
        assert await heard(call, call) >= 6
        await call.hang_up()
        ice.agent.close()


async def test_all_interfaces_are_candidates_the_address_of_sdp_before_all(tmp_path: Path) -> None:
    """Of a transport that is bound to none of them; ``ice_deny`` and ``[ice_host_candidates]`` decide what is shown."""
    rtp = "[general]\nrtpstart=10000\nrtpend=20998\nice_deny=10.9.0.0/16\n[ice_host_candidates]\n10.0.0.5 => 203.0.113.9\n"
    async with sip_office(tmp_path, phone_section("alice", **ICE), EXTENSIONS, {"rtp.conf": rtp}) as office:
        office.driver.transports.bind_address = lambda transport: "0.0.0.0"  # type: ignore[method-assign]
        office.driver.rtp.hosts._interfaces = lambda: ("10.9.0.1", "10.0.0.5", "2001:db8::5", "192.0.2.44")
        call = new_call(office.phone("alice"), "600")
        ice = IceCall(call)
        call.invite(body=ice.sdp())
        await call.phone.get(100)
        final = await call.answered()
        found = [one for line in re.findall(r"a=candidate:(.*)\r", final.body) if (one := parse_candidate(line)) is not None]
        assert [one.address[0] for one in found] == ["127.0.0.1", "203.0.113.9", "192.0.2.44"]
        assert len({one.foundation for one in found}) == 3
        assert [one.priority for one in found] == sorted((one.priority for one in found), reverse=True)
        await call.hang_up()
        ice.agent.close()


async def test_candidates_of_ipv6_and_no_others_where_that_is_what_we_use(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", media_address="2001:db8::1", **ICE), EXTENSIONS) as office:
        call = new_call(office.phone("alice"), "600")
        ice = IceCall(call)
        phone = office.media.open("2001:db8::7", 4000)
        ice.agent = IceAgent(asyncio.get_running_loop(), lambda _, data, to: (phone.sendto(data, to), None)[1])
        ice.agent.use_ipv6()
        ice.agent.add(host_candidate(1, phone.address))
        phone.set_reader(lambda now: ice.agent.receive(1, *phone.recvfrom(2048)))
        call.learn_media = lambda message: None  # type: ignore[method-assign]  # its own socket is of IPv4
        other = str(host_candidate(1, ("192.0.2.251", 4000)))
        six = re.sub(r"c=IN IP4 \S+", "c=IN IP6 2001:db8::99", ice.sdp(has_candidates=False))
        call.invite(body=f"{six}a=candidate:{other}\r\na=candidate:{host_candidate(1, phone.address)}\r\n")
        await call.phone.get(100)
        final = await call.answered()
        assert "c=IN IP6 2001:db8::1" in final.body
        hosts = [line.split()[4] for line in re.findall(r"a=candidate:(.*)\r", final.body)]
        assert hosts[0] == "2001:db8::1"
        assert all(":" in host for host in hosts)
        found = dict(re.findall(r"a=(ice-\w+):(\S+)", final.body))
        (port,) = re.findall(r"m=audio (\d+)", final.body)
        ours = [host_candidate(1, ("2001:db8::1", int(port)))]
        await asyncio.sleep(0.2)
        ice.agent.set_remote(found["ice-ufrag"], found["ice-pwd"], ours, is_controlling=True)
        await asyncio.sleep(2)
        (session,) = office.driver.rtp.sessions
        assert session.remote_address == phone.address
        await call.hang_up()
        ice.agent.close()


async def test_a_call_that_goes_on_without_ice_needs_no_consent(tmp_path: Path) -> None:
    """The phone has given the call to one without ICE, which gives it back later."""
    async with sip_office(tmp_path, phone_section("alice", **ICE), EXTENSIONS) as office:
        call = new_call(office.phone("alice"), "600")
        ice = IceCall(call)
        call.invite(body=ice.sdp())
        await call.phone.get(100)
        ice.learn(await call.answered(), is_controlling=True)
        plain(ice)
        await asyncio.sleep(1)
        assert await heard(call, call) == 8
        inner = call.socket
        for _ in range(2):
            ice.agent.close()
            call.invite(body=call.sdp())
            assert "a=ice" not in (await call.answered()).body
            inner.set_reader(call._read)
            assert await heard(call, call) == 8
            await asyncio.sleep(60)
            assert await heard(call, call) == 8, "it never agreed to be asked"
            ice.agent = IceAgent(asyncio.get_running_loop(), lambda _, data, to: ice._send(data, to))
            ice.agent.add(host_candidate(1, ice.local))
            inner.set_reader(ice._read)
            call.invite(body=ice.sdp())
            ice.learn(await call.answered(), is_controlling=True)
            await asyncio.sleep(1)
            assert ice.agent.target(1) is not None
            assert await heard(call, call) == 8
        await call.hang_up()
        ice.agent.close()


async def test_a_list_of_acl_conf_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    """A list that is missing refuses every address of ours, which nobody would guess from a call without candidates."""
    files = {"rtp.conf": "[general]\nice_acl=nowhere\n"}
    async with sip_office(tmp_path, phone_section("alice", **ICE), EXTENSIONS, files) as office:
        with LogCapture() as log:
            for _ in range(2):
                call = new_call(office.phone("alice"), "600")
                ice = IceCall(call)
                call.invite(body=ice.sdp())
                await call.phone.get(100)
                await call.answered()
                await call.hang_up()
                ice.agent.close()
        assert len([text for text in log.texts(Level.WARNING) if "acl.conf has no list 'nowhere'" in text]) == 1
