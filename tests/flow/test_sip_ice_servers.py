"""Calls that ask STUN and TURN servers for their addresses: rtp.conf stunaddr and turnaddr."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.flow.test_sip_ice import EXTENSIONS, ICE, IceCall, heard, new_call, plain
from tests.support.sip_phone import SipOffice, Wire, phone_section, sip_office
from tests.support.turn_server import PASSWORD, USER, TurnServer

HOST, SHOWN = "127.0.0.9", "203.0.113.9"
STUN = f"stunaddr={HOST}\n"
TURN = f"turnaddr={HOST}\nturnusername={USER}\nturnpassword={PASSWORD}\n"


@asynccontextmanager
async def office_with_servers(root: Path, lines: str, config: str = "") -> AsyncIterator[tuple[SipOffice, TurnServer]]:
    files = {"rtp.conf": f"[general]\nrtpstart=10000\nrtpend=20998\n{lines}"}
    async with sip_office(root, config or phone_section("alice", **ICE), EXTENSIONS, files) as office:
        server = TurnServer(office.media, (HOST, 3478), mapped=SHOWN)
        office.driver.rtp.ice_servers.open_link = server.open_link
        yield office, server


def candidates(message: Wire, kind: str) -> list[str]:
    """The addresses of one kind."""
    return re.findall(rf"a=candidate:\S+ \d UDP \d+ (\S+ \d+) typ {kind}", message.body)


async def test_an_answer_shows_the_address_behind_nat(tmp_path: Path) -> None:
    async with office_with_servers(tmp_path, STUN) as (office, server):
        alice = office.phone("alice")
        call = new_call(alice, "600")
        ice = IceCall(call)
        call.invite(body=ice.sdp())
        await alice.get(100)
        final = await call.answered()
        assert candidates(final, "srflx") == [f"{SHOWN} {final.media[1]}"]
        ice.learn(final, is_controlling=True)
        plain(ice)
        await asyncio.sleep(1)
        assert await heard(call, call) >= 6
        asked = len(server.seen)
        call.invite(body=ice.sdp(direction="sendonly"))
        assert candidates(await call.answered(), "srflx")
        assert len(server.seen) == asked
        await call.hang_up()
        ice.agent.close()


async def test_an_offer_shows_it_for_both_ports_and_for_a_picture(tmp_path: Path) -> None:
    bob = phone_section("bob", contact="sip:bob@127.0.0.1:15072", ice_support="yes", allow="ulaw,h264")
    async with office_with_servers(tmp_path, STUN, phone_section("alice") + bob) as (office, _):
        alice, called = office.phone("alice"), office.phone("bob")
        call = alice.call("101")
        await alice.get(100)
        ringing = await called.ring()
        assert ringing.request is not None
        port = ringing.request.media[1]
        assert candidates(ringing.request, "srflx") == [f"{SHOWN} {port}", f"{SHOWN} {port + 1}"]
        ringing.reply(486, "Busy")
        await called.get("ACK")
        call.refused(await alice.get(486))


async def test_a_silent_server_holds_one_call_up_and_no_more(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with office_with_servers(tmp_path, STUN) as (office, server):
        server.is_silent = True
        alice = office.phone("alice")
        for least, most in ((1.5, 3.5), (0.0, 1.0)):
            call = new_call(alice, "600")
            ice = IceCall(call)
            begun = loop.time()
            call.invite(body=ice.sdp())
            await alice.get(100)
            final = await call.answered()
            assert candidates(final, "srflx") == []
            assert candidates(final, "host")
            assert least <= loop.time() - begun <= most
            await call.hang_up()
            ice.agent.close()


async def test_who_gives_up_meanwhile_leaves_nothing(tmp_path: Path) -> None:
    async with office_with_servers(tmp_path, STUN) as (office, server):
        server.is_silent = True
        alice = office.phone("alice")
        call = new_call(alice, "600")
        ice = IceCall(call)
        call.invite(body=ice.sdp())
        await alice.get(100)
        call.cancel()
        await alice.get(200)
        call.refused(await alice.get(487))
        await asyncio.sleep(5)
        assert not office.system.channels
        assert len(office.driver.rtp) == 0
        ice.agent.close()


async def test_a_call_of_ours_that_is_given_up_meanwhile(tmp_path: Path) -> None:
    bob = phone_section("bob", contact="sip:bob@127.0.0.1:15072", ice_support="yes")
    async with office_with_servers(tmp_path, STUN, phone_section("alice") + bob) as (office, server):
        server.is_silent = True
        alice = office.phone("alice")
        office.phone("bob")
        call = alice.call("101")
        await alice.get(100)
        await asyncio.sleep(0.5)
        call.cancel()
        await alice.get(200)
        call.refused(await alice.get(487))
        await office.quiet(5)
        assert len(office.driver.rtp) == 0


def build_wall(office: SipOffice, ice: IceCall) -> Callable[[], None]:
    """Between the phone and us is a wall; only the server stands on both sides. Gives what takes the wall down."""
    carry = office.media.carry

    def wall(source: tuple[str, int], target: tuple[str, int], data: bytes) -> None:
        if HOST in (source[0], target[0]) or ice.local not in (source, target):
            carry(source, target, data)

    office.media.carry = wall  # type: ignore[method-assign]

    def take_down() -> None:
        office.media.carry = carry  # type: ignore[method-assign]

    return take_down


@pytest.mark.parametrize("way", ["UDP", "TCP"])
@pytest.mark.parametrize("muxed", [True, False], ids=["one port", "two ports"])
async def test_packets_go_through_the_turn_server_where_nothing_else_does(tmp_path: Path, muxed: bool, way: str) -> None:
    config = phone_section("alice", **{**ICE, "rtcp_mux": "yes" if muxed else "no"})
    lines = TURN if way == "UDP" else TURN.replace(HOST, f"turn:{HOST}?transport=tcp")
    async with office_with_servers(tmp_path, lines, config) as (office, server):
        alice = office.phone("alice")
        call = new_call(alice, "600")
        ice = IceCall(call)
        build_wall(office, ice)
        call.invite(body=ice.sdp())
        await alice.get(100)
        final = await call.answered()
        relays = candidates(final, "relay")
        assert len(relays) == (1 if muxed else 2)
        ice.learn(final, is_controlling=True)
        plain(ice)
        await asyncio.sleep(8)
        target = ice.agent.target(1)
        assert target is not None
        assert f"{target[0]} {target[1]}" == relays[0]
        call.remote = target
        server.relayed = 0
        assert await heard(call, call) >= 6
        assert server.relayed >= 6
        await asyncio.sleep(900)  # allocation and channel are kept alive
        assert await heard(call, call) >= 6
        came: list[bytes] = []
        carry = office.media.carry

        def watch(source: tuple[str, int], to: tuple[str, int], data: bytes) -> None:
            if to == ice.local:
                came.append(data)
            carry(source, to, data)

        office.media.carry = watch  # type: ignore[method-assign]
        await call.hang_up()
        await asyncio.sleep(0.1)
        if muxed:  # RFC 3550 section 6.6: the goodbye takes the way of the packets
            assert [(data[1], data[-8:-4]) for data in came if data[1] in (200, 201)] == [(200, b"\x81\xcb\x00\x01")]
        assert not server.relays, "the address was not given back"
        ice.agent.close()
        assert len(server.connections) == (0 if way == "UDP" else 2)
        assert not server.links


@pytest.mark.parametrize("way", ["udp", "tcp"])
async def test_a_call_goes_on_another_way_when_the_turn_server_goes_away(tmp_path: Path, way: str) -> None:
    lines = TURN.replace(HOST, f"turn:{HOST}?transport={way}")
    async with office_with_servers(tmp_path, lines) as (office, server):
        alice = office.phone("alice")
        call = new_call(alice, "600")
        ice = IceCall(call)
        take_down = build_wall(office, ice)
        call.invite(body=ice.sdp())
        await alice.get(100)
        final = await call.answered()
        (relay,) = candidates(final, "relay")
        ice.learn(final, is_controlling=True)
        plain(ice)
        await asyncio.sleep(8)
        call.remote = ice.agent.target(1)
        assert call.remote is not None
        assert f"{call.remote[0]} {call.remote[1]}" == relay
        assert await heard(call, call) >= 6
        take_down()
        await asyncio.sleep(5)
        server.go_away()
        await asyncio.sleep(45)  # the phone misses our consent, and looks again, as we do
        assert ice.agent.target(1) == final.media
        call.remote = final.media
        assert await heard(call, call) >= 6
        await call.hang_up()
        ice.agent.close()


async def test_a_phone_without_ice_needs_no_servers(tmp_path: Path) -> None:
    async with office_with_servers(tmp_path, STUN + TURN) as (office, server):
        call = await office.phone("alice").dial("600")
        assert call.answer_seen is not None
        assert "a=candidate" not in call.answer_seen.body
        await asyncio.sleep(1)
        assert await heard(call, call) >= 6
        assert not server.relays
        await call.hang_up()
