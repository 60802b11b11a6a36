"""Handshakes of DTLS from several addresses: strangers, phones that move, and several phones that one offer has reached."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.media.sockets import Address
from globstar.modules.channels.pjsip.dtls_lane import MAX_ATTEMPTS, client_random
from tests.flow.test_sip_dtls import DTLS, EXTENSIONS, connect, hears, new_call
from tests.support.dtls_phone import DtlsCall, DtlsPort
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

#: whoever sends is heard, so that strangers have the best chances
OPEN = {**DTLS, "rtp_symmetric": "yes"}


class Party:
    """Somebody with a DTLS port of his own; ``heard`` are the packets of RTP that have come, as they came."""

    def __init__(self, office: SipOffice, host: str, port: int = 4444) -> None:
        self.port = DtlsPort(office.media.open(host, port))
        self.port.set_reader(self._read)
        self.heard: list[bytes] = []

    def _read(self, now: float) -> None:
        try:
            self.port.recvfrom(2048)
        except BlockingIOError:
            pass
        self.heard = [data for data in self.port.raw if 128 <= data[0] < 192 and not 192 <= data[1] <= 223]


def lane(office: SipOffice, number: int = 1):
    """The handshakes of the only call."""
    (leg,) = office.driver.legs
    assert leg.media.wires is not None
    assert leg.media.wires._dtls is not None
    return leg.media.wires._dtls._lanes[number]


async def unfinished(office: SipOffice, number: str) -> tuple[PhoneCall, DtlsCall, Address]:
    """A call of alice that is answered; her handshake, in which she is the client, is yet to begin."""
    alice = office.phone("alice")
    call = new_call(alice, number)
    keys = DtlsCall(call)
    call.invite(body=keys.sdp("active"))
    await alice.get(100)
    final = await call.answered()
    call.learn_media(final)
    return call, keys, final.media


async def test_a_stranger_diverts_no_handshake(tmp_path: Path) -> None:
    """He sends between the flights of the phone's, with his own handshake and with rubbish; every answer goes to the phone."""
    async with sip_office(tmp_path, phone_section("alice", **OPEN), EXTENSIONS) as office:
        call, keys, media = await unfinished(office, "600")
        stranger = Party(office, "192.0.2.66")
        rubbish = office.media.open("192.0.2.67", 4444)
        send = keys.port.inner.sendto

        def slowly(data: bytes, to: Address) -> int:
            """Each flight of the phone is followed by what the others send."""
            sent = send(data, to)
            for _ in range(3):
                rubbish.sendto(bytes([22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 40]) + bytes([2]) * 40, media)
                rubbish.sendto(bytes([23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 20]) + bytes(20), media)
            return sent

        keys.port.inner.sendto = slowly  # type: ignore[method-assign]
        stranger.port.begin(is_client=True, remote=media)
        keys.port.begin(is_client=True, remote=media)
        await asyncio.sleep(0.5)
        assert keys.port.is_done
        assert not rubbish._queue
        assert await hears(call, call)
        assert stranger.port.is_done, "he may, but"
        assert stranger.heard == []
        current = lane(office).current
        assert current is not None
        assert current.source == call.socket.inner.address
        await call.hang_up()


async def test_a_stranger_takes_no_part_in_an_exchange_of_keys(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", **OPEN, dtls_rekey=30), EXTENSIONS) as office:
        call, keys, media = await unfinished(office, "600")
        keys.port.begin(is_client=True, remote=media)
        await asyncio.sleep(0.1)
        assert keys.port.is_done
        stranger = Party(office, "192.0.2.66")
        stranger.port.begin(is_client=True, remote=media)
        await asyncio.sleep(0.1)
        before, theirs = keys.port.datagrams, stranger.port.datagrams
        await asyncio.sleep(31)
        assert keys.port.datagrams > before
        assert stranger.port.datagrams == theirs
        connection = keys.port.connection
        assert connection is not None
        keys.port._take_keys(connection)
        assert await hears(call, call)
        await call.hang_up()


@pytest.mark.parametrize("verify", ["fingerprint", "no"])
async def test_only_a_handshake_with_the_right_certificate_moves_the_association(tmp_path: Path, verify: str) -> None:
    """The phone has got another address: with the certificate of its SDP it is known again. Without a check nobody is."""
    async with sip_office(tmp_path, phone_section("alice", **{**OPEN, "dtls_verify": verify}), EXTENSIONS) as office:
        call, keys, media = await unfinished(office, "600")
        keys.port.begin(is_client=True, remote=media)
        await asyncio.sleep(0.1)
        first = lane(office).current
        moved = Party(office, "192.0.2.30")
        moved.port.certificate, moved.port.context = keys.port.certificate, keys.port.context
        moved.port.begin(is_client=True, remote=media)
        await asyncio.sleep(0.1)
        assert moved.port.is_done is (verify == "fingerprint")
        assert (lane(office).current is first) is (verify == "no")
        if verify == "fingerprint":
            assert lane(office).current.source == ("192.0.2.30", 4444)
            assert len(lane(office).attempts) == 1
            call.socket = moved.port  # type: ignore[assignment]
            moved.port.set_reader(call._read)
        assert await hears(call, call)
        await call.hang_up()


async def test_a_phone_that_has_forgotten_the_association_gets_another_one(tmp_path: Path) -> None:
    """RFC 6347 4.2.8: from the same address; the keys of the old one are used until the new handshake is done."""
    async with sip_office(tmp_path, phone_section("alice", **DTLS), EXTENSIONS) as office:
        call, keys, media = await unfinished(office, "600")
        for _ in range(3):
            keys.port.begin(is_client=True, remote=media)
            await asyncio.sleep(0.1)
            assert keys.port.is_done
            assert await hears(call, call)
        assert len(lane(office).attempts) == 1
        await call.hang_up()


@pytest.mark.parametrize("is_first", [True, False], ids=["phone first", "crowd first"])
async def test_beginners_are_few_and_push_nobody_out(tmp_path: Path, is_first: bool) -> None:
    async with sip_office(tmp_path, phone_section("alice", **OPEN), EXTENSIONS) as office:
        call, keys, media = await unfinished(office, "600")
        if is_first:
            keys.port.begin(is_client=True, remote=media)
            await asyncio.sleep(0.1)
        current = lane(office).current
        crowd = [Party(office, f"192.0.2.{100 + number}") for number in range(40)]
        for one in crowd:
            one.port.begin(is_client=True, remote=media)
        await asyncio.sleep(0.1)
        assert len(lane(office).attempts) == MAX_ATTEMPTS
        assert sum(one.port.datagrams > 0 for one in crowd) < 40
        if is_first:
            assert lane(office).current is current
        else:
            keys.port.begin(is_client=True, remote=media)
            await asyncio.sleep(0.1)
        assert lane(office).current.source == call.socket.inner.address
        assert await hears(call, call)
        await call.hang_up()
        await asyncio.sleep(1)


@pytest.mark.parametrize("order", ["early", "late"])
async def test_of_the_phones_that_an_offer_has_reached_the_one_of_the_answer_is_served(tmp_path: Path, order: str) -> None:
    """A proxy has forked our INVITE. Early media of the first come with a 183; then the second one answers."""
    config = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **OPEN, dtls_setup="actpass")
    async with sip_office(tmp_path, config, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        request = called.request
        assert request is not None
        first, second = DtlsCall(called), Party(office, "127.0.0.1", 17000)
        if order == "early":
            second.port.begin(is_client=True, remote=request.media)
        first.port.begin(is_client=True, remote=request.media)
        await asyncio.sleep(0.1)
        called.reply(183, "Session Progress", body=first.sdp("active"))
        await alice.get(183)
        await asyncio.sleep(0.1)
        assert first.is_vouched_for(request)
        await hears(called, call, 0x31)
        called.tag = "another"
        text = re.sub(r"a=fingerprint:.*", "a=fingerprint:" + second.port.fingerprint(), first.sdp("active"))
        text = re.sub(r"m=audio \d+", "m=audio 17000", text)
        called.reply(200, "OK", body=text)
        await bob.get("ACK")
        await call.answered()
        if order == "late":
            second.port.begin(is_client=True, remote=request.media)
        await asyncio.sleep(0.1)
        assert second.port.is_done
        called.socket = second.port  # type: ignore[assignment]
        second.port.set_reader(called._read)
        assert await hears(call, called, 0x21)
        assert await hears(called, call, 0x22)
        await call.hang_up()
        await called.ended()


async def test_a_phone_that_begins_only_after_half_a_minute_is_waited_for(tmp_path: Path) -> None:
    """Its description came with a 183, it listens once it is picked up; a warning is given once."""
    config = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **DTLS, dtls_setup="active")
    dial = EXTENSIONS.replace("PJSIP/bob,20", "PJSIP/bob,120")
    async with sip_office(tmp_path, config, dial) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        request = called.request
        assert request is not None
        keys = DtlsCall(called)
        with LogCapture(Level.WARNING) as log:
            called.reply(183, "Session Progress", body=keys.sdp("passive"))
            await alice.get(183)
            await asyncio.sleep(80)
        assert len([text for text in log.texts(Level.WARNING) if "taken too long" in text]) == 1
        keys.port.waiting.clear()
        called.reply(200, "OK", body=keys.sdp("passive"))
        await bob.get("ACK")
        await call.answered()
        keys.port.begin(is_client=False, remote=request.media)
        await asyncio.sleep(35)
        assert keys.port.is_done
        assert await hears(call, called, 0x21)
        await call.hang_up()
        await called.ended()


async def test_rfc8842_5_1_a_new_tls_id_asks_for_a_new_association(tmp_path: Path) -> None:
    """Though certificate and roles stay; the answer names ours, which is new exactly where the association is."""
    async with sip_office(tmp_path, phone_section("alice", **DTLS), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = new_call(alice, "600")
        keys = DtlsCall(call)
        seen = []
        for number, theirs in enumerate(("a" * 20, "a" * 20, "b" * 20)):
            call.invite(body=keys.sdp("active") + f"a=tls-id:{theirs}\r\n")
            if not number:
                await alice.get(100)
            final = await call.answered()
            seen += re.findall(r"a=tls-id:(\w{20,})\r", final.body)
            if theirs[0] == "b" or not number:
                keys.begin(final)
            await asyncio.sleep(0.1)
            assert keys.port.is_done
            assert await hears(call, call)
        assert seen[0] == seen[1] != seen[2]
        await call.hang_up()


async def test_without_a_tls_id_none_is_answered(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", **DTLS), EXTENSIONS) as office:
        call, _, final = await connect(office, "600", "actpass")
        assert "tls-id" not in final.body
        await call.hang_up()


def test_what_begins_a_handshake() -> None:
    hello = bytes([22, 254, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 90, 1, 0, 0, 80, 0, 0, 0, 0, 0, 0, 0, 80, 254, 253])
    hello += bytes(range(32)) + bytes(40)
    assert client_random(hello) == bytes(range(32))
    for place, value in ((0, 23), (3, 1), (13, 2), (21, 7)):  # no handshake, an epoch with keys, another message, a later piece
        assert client_random(hello[:place] + bytes([value]) + hello[place + 1 :]) is None
    for size in (0, 1, 13, 58):
        assert client_random(hello[:size]) is None
