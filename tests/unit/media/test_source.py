"""strictrtp: learning, locking, strangers."""

from __future__ import annotations

import pytest

from globstar.media.settings import StrictRtp
from globstar.media.source import MAX_CANDIDATES, SourceFilter, SourceState

PHONE, STRANGER = ("192.0.2.1", 4000), ("203.0.113.9", 666)


def test_asterisk_strictrtp_yes_locks_after_probation() -> None:
    source = SourceFilter(StrictRtp.YES, 4)
    assert [source.accept(PHONE, number) for number in (7, 8, 9)] == [True] * 3
    assert source.state is SourceState.LEARNING
    assert source.accept(PHONE, 10)
    assert (source.state, source.source) == (SourceState.LOCKED, PHONE)
    assert not source.accept(STRANGER, 11)
    assert source.dropped == 1
    assert source.accept(PHONE, 11)


def test_while_learning_all_are_heard_and_the_first_proven_wins() -> None:
    source = SourceFilter(StrictRtp.YES, 3)
    for number in (1, 2):
        assert source.accept(PHONE, number)
        assert source.accept(STRANGER, number + 100)
    assert source.accept(PHONE, 3)
    assert source.source == PHONE


def test_a_gap_begins_probation_anew() -> None:
    source = SourceFilter(StrictRtp.YES, 3)
    for number in (1, 2, 4, 5):
        source.accept(PHONE, number)
    assert source.source is None
    source.accept(PHONE, 6)
    assert source.source == PHONE


def test_sequence_wraps_in_probation() -> None:
    source = SourceFilter(StrictRtp.YES, 2)
    source.accept(PHONE, 65535)
    source.accept(PHONE, 0)
    assert source.state is SourceState.LOCKED


def test_asterisk_strictrtp_no_hears_everybody() -> None:
    source = SourceFilter(StrictRtp.NO, 4)
    for number in range(9):
        assert source.accept(PHONE, number)
        assert source.accept(STRANGER, number)
    source.relearn()
    assert source.state is SourceState.OPEN


def test_asterisk_strictrtp_seqno_lets_a_proven_source_take_over() -> None:
    source = SourceFilter(StrictRtp.SEQNO, 2)
    source.accept(PHONE, 1)
    source.accept(PHONE, 2)
    assert [source.accept(STRANGER, number) for number in (50, 60, 61)] == [False, False, True]
    assert (source.source, source.dropped) == (STRANGER, 2)
    assert not source.accept(PHONE, 3)


def test_relearning() -> None:
    source = SourceFilter(StrictRtp.YES, 1)
    source.accept(PHONE, 1)
    source.relearn()
    assert (source.state, source.source) == (SourceState.LEARNING, None)
    source.accept(STRANGER, 9)
    assert source.source == STRANGER


def test_candidates_are_bounded() -> None:
    source = SourceFilter(StrictRtp.YES, 2)
    for number in range(100):
        assert source.accept(("203.0.113.1", number), 1)
    assert len(source._candidates) == MAX_CANDIDATES
    source.accept(("203.0.113.1", 0), 2)
    assert source.source == ("203.0.113.1", 0)


@pytest.mark.parametrize("mode", [StrictRtp.YES, StrictRtp.SEQNO])
def test_rfc8445_12_2_addresses_that_ice_has_checked_are_heard_at_once_and_no_others(mode: StrictRtp) -> None:
    """Whichever of them sends, and however often the peer goes from one to the other."""
    second = ("192.0.2.1", 4010)
    told: list[str] = []
    source = SourceFilter(mode, 4, lambda state, **fields: told.append(f"{state} {fields['Source']}"))
    source.permits = lambda component, address: component == 1 and address in (PHONE, second)
    assert [source.accept(STRANGER, number) for number in range(9)] == [False] * 9
    assert source.is_stranger(STRANGER)
    assert not source.is_stranger(PHONE)
    for number in range(6):
        assert source.accept(PHONE if number % 2 else second, number)
        assert not source.accept(STRANGER, number)
        assert (source.is_stranger(PHONE), source.is_stranger(second), source.is_stranger(STRANGER)) == (False, False, True)
    assert source.dropped == 15
    assert told == ["STRICT_RTP_CLOSED 192.0.2.1:4010"]
    source.permits = None
    assert not source.accept(second, 99), "the last one is the learnt one from now on"


def test_asterisk_strictrtp_no_hears_everybody_whatever_ice_says() -> None:
    source = SourceFilter(StrictRtp.NO, 4)
    source.permits = lambda component, address: False
    assert source.accept(STRANGER, 1)
    assert not source.is_stranger(STRANGER)
