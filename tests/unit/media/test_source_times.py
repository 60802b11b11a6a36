"""What is made of the numbers and times of a source; the calls are in tests/flow/test_times_of_streams.py."""

from __future__ import annotations

import asyncio

import pytest

from globstar.media.source_times import SourceTimes
from globstar.proto.rtp.sender import RESYNC_AFTER, RESYNC_FOLLOWING_AFTER
from tests.unit.media.rig import Rig

pytestmark = pytest.mark.virtual_time


async def test_frames_made_here_are_sent_by_our_clock_and_those_with_times_by_theirs() -> None:
    rig = Rig()
    session, _ = rig.pair()
    times = SourceTimes()
    assert times.meet(session, 1000, 5, 160)
    assert session.sender.patience == RESYNC_FOLLOWING_AFTER
    times.due, times.number = 1160, 5
    assert times.meet(session, None, None, 160)
    assert (times.due, session.sender.patience) == (None, RESYNC_AFTER)
    rig.engine.close()


async def test_what_was_mixed_meanwhile_is_no_loss_of_the_source() -> None:
    """The numbers and times of packets that were built elsewhere are taken; without any nothing has changed."""
    rig = Rig()
    session, _ = rig.pair()
    session.send_media(b"v" * 160, 160)
    times = SourceTimes()
    assert times.meet(session, 1000, 5, 160)
    times.due, times.number = 1160, 5
    sender = session.sender
    for packets in (0, 10):
        found = sender.progress
        elsewhere = found._replace(
            sequence=found.sequence + packets & 0xFFFF, rtp_time=found.rtp_time + 160 * packets & 0xFFFFFFFF,
            last_rtp_time=found.last_rtp_time + 160 * packets & 0xFFFFFFFF, packets=found.packets + packets,
        )  # fmt: skip
        sender.advance(elsewhere)
        before = sender.sequence
        assert times.meet(session, 1160 + 1600, 16, 160)
        assert sender.sequence - before & 0xFFFF == (0 if packets else 10)
        times.due, times.number = 1160, 5
    rig.engine.close()


async def test_places_are_left_for_what_is_missing_and_given_once() -> None:
    rig = Rig()
    session, _ = rig.pair()
    times = SourceTimes()
    times.due, times.number = 0xFFFFFFFF - 159, 0xFFFE  # over both wraps
    sequence, rtp_time = session.sender.sequence, session.sender.rtp_time
    assert times.meet(session, 320, 2, 160)
    assert (session.sender.sequence - sequence & 0xFFFF, session.sender.rtp_time - rtp_time & 0xFFFFFFFF) == (3, 480)
    times.due, times.number = 480, 2
    assert not times.meet(session, 0, 0, 160)
    assert times.place_of(0) == (sequence + 1 & 0xFFFF, rtp_time + 160 & 0xFFFFFFFF)
    assert times.place_of(0) is None
    assert times.place_of(None) is None
    assert times.place_of(0xFFFF) == (sequence, rtp_time)
    rig.engine.close()


async def test_places_are_bounded_and_none_is_left_of_another_source() -> None:
    rig = Rig()
    session, _ = rig.pair()
    times = SourceTimes()
    times.due, times.number = 0, 0
    for number in range(3, 300, 3):
        assert times.meet(session, 160 * number, number, 160)
        times.due, times.number = 160 * (number + 1), number
    assert times.place_of(1) is None  # the oldest
    assert times.place_of(295) is not None
    assert times.meet(session, 0x70000000, 7, 160)
    assert times.place_of(296) is None
    rig.engine.close()


async def test_numbers_that_do_not_fit_the_time_were_no_voice() -> None:
    """They were digits, or comfort noise before a pause."""
    rig = Rig()
    session, _ = rig.pair()
    times = SourceTimes()
    times.due, times.number = 160, 1
    sequence = session.sender.sequence
    assert times.meet(session, 160 + 321, 4, 160)
    assert session.sender.sequence == sequence
    assert times.place_of(2) is None
    rig.engine.close()


async def test_another_source_is_never_late_and_what_passed_before_it_is_made_up_for() -> None:
    rig = Rig()
    session, _ = rig.pair()
    times = SourceTimes()
    session.send_media(bytes(160), 160)
    times.due, times.number = 8000, 50
    await asyncio.sleep(0.32)
    times.forget()
    sequence, rtp_time = session.sender.sequence, session.sender.rtp_time
    assert times.meet(session, 7840, 49, 160)
    assert (session.sender.sequence, session.sender.rtp_time - rtp_time & 0xFFFFFFFF) == (sequence, 2400)
    rig.engine.close()


async def test_what_was_sent_past_the_sender_is_not_missing() -> None:
    """A relay has served meanwhile."""
    rig = Rig()
    session, _ = rig.pair()
    times = SourceTimes()
    times.due, times.number = 160, 1
    session.sender.resume(500, 80000, 160, rig.loop.time())
    assert times.meet(session, 160 * 6, 6, 160)
    assert (session.sender.sequence, session.sender.rtp_time) == (501, 80160)
    times.due, times.number = 160 * 7, 6
    assert times.meet(session, 160 * 8, 8, 160)
    assert session.sender.sequence == 502
    rig.engine.close()


async def test_what_the_first_packet_of_a_stream_has_overtaken_has_places_as_far_as_numbers_go() -> None:
    rig = Rig()
    session, _ = rig.pair()
    sender = session.sender
    sender.sequence = 3
    rtp_time = sender.rtp_time
    times = SourceTimes()
    assert times.meet(session, 1000, 1, 160)
    times.due, times.number = 1160, 1
    assert not times.meet(session, 1000 - 160, 0, 160)
    assert times.place_of(0) == (2, rtp_time - 160 & 0xFFFFFFFF)
    assert times.place_of(0xFFFF) == (1, rtp_time - 320 & 0xFFFFFFFF)
    assert times.place_of(0xFFFE) == (0, rtp_time - 480 & 0xFFFFFFFF)
    assert times.place_of(0xFFFD) is None
    session.send_media(b"v" * 160, 160)
    times.forget()
    assert times.meet(session, 1000, 1, 160)
    assert times.place_of(0) is None, "numbers before belong to another source"
    rig.engine.close()
