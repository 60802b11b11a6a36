"""Peers that come from another place after a pause: behind address translation the same description stands for another port."""

from __future__ import annotations

import asyncio

import pytest

from globstar.media.session import RtpSession
from globstar.media.settings import SessionOptions
from globstar.media.sockets import Address, MediaSocket
from globstar.media.source import SourceState
from globstar.proto.rtp import RtpPacket, parse_packet
from tests.unit.media.rig import Ear, Rig

pytestmark = pytest.mark.virtual_time

#: what the peer says, how its translator shows it, and after a pause
STATED, SHOWN, LATER = ("10.0.0.1", 9999), ("203.0.113.9", 4000), ("203.0.113.9", 5000)
STRANGER = ("198.51.100.66", 6666)


async def speak(rig: Rig, socket: MediaSocket, session: RtpSession, count: int, first: int) -> None:
    for number in range(first, first + count):
        socket.sendto(bytes(RtpPacket(0, number, number * 160, 3, b"v%03d" % number)), session.local_address)
        await asyncio.sleep(0.02)


async def heard_at(rig: Rig, session: RtpSession, place: Address, socket: MediaSocket) -> bytes:
    """What the session sends goes there."""
    session.send_media(b"back", 160)
    await asyncio.sleep(0)
    assert session.remote_address == place
    return parse_packet(socket.recv(99)).payload


async def test_the_same_description_again_leaves_the_learnt_address_until_packets_come_from_elsewhere() -> None:
    """Music on hold goes on to a phone that is silent meanwhile."""
    rig = Rig()
    session = rig.open(SessionOptions(symmetric=True))
    session.set_remote(STATED)
    ear = Ear(session)
    phone, moved = rig.network.open(*SHOWN), rig.network.open(*LATER)
    await speak(rig, phone, session, 6, 0)
    assert session.remote_rtcp_address == (SHOWN[0], SHOWN[1] + 1)
    await asyncio.sleep(2)
    session.set_remote(STATED)
    assert await heard_at(rig, session, SHOWN, phone) == b"back"
    assert session.remote_rtcp_address == (SHOWN[0], SHOWN[1] + 1)
    await speak(rig, moved, session, 6, 6)
    assert len(ear.media) == 12
    assert await heard_at(rig, session, LATER, moved) == b"back"
    session.set_remote(("10.0.0.2", 9999))
    assert session.remote_address == ("10.0.0.2", 9999), "another description counts at once"
    rig.engine.close()


@pytest.mark.parametrize(("resumes", "heard"), [(True, 12), (False, 6)])
async def test_after_a_hold_a_peer_may_send_from_elsewhere(resumes: bool, heard: int) -> None:
    """Without rtp_symmetric as well: where it sends from says nothing of where it listens."""
    rig = Rig()
    session = rig.open()
    session.set_remote(STATED)
    ear = Ear(session)
    phone, moved = rig.network.open(*SHOWN), rig.network.open(*LATER)
    await speak(rig, phone, session, 6, 0)
    await asyncio.sleep(3)
    session.set_remote(STATED, resumes=resumes)
    await speak(rig, moved, session, 6, 6)
    assert len(ear.media) == heard
    assert (session.source.state, session.source.source) == (SourceState.LOCKED, LATER if resumes else SHOWN)
    assert session.remote_address == STATED
    rig.engine.close()


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("is_quiet", [True, False])
async def test_who_comes_from_where_it_was_learnt_is_known_by_its_first_packet(symmetric: bool, is_quiet: bool) -> None:
    """A stranger who waits for a repeated description gets nothing but what he says before that."""
    rig = Rig()
    session = rig.open(SessionOptions(symmetric=symmetric))
    session.set_remote(STATED)
    ear = Ear(session)
    phone, stranger = rig.network.open(*SHOWN), rig.network.open(*STRANGER)
    await speak(rig, phone, session, 6, 0)
    await asyncio.sleep(3 if is_quiet else 0)
    session.set_remote(STATED, resumes=True)
    assert session.source.state is (SourceState.LEARNING if is_quiet else SourceState.LOCKED)
    await speak(rig, phone, session, 1, 6)
    assert session.source.source == SHOWN
    await speak(rig, stranger, session, 6, 500)
    assert len(ear.media) == 7
    rig.engine.close()
