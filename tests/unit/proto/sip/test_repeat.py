"""Repetition of responses by the core (RFC 3261 13.3.1.4, RFC 3262 3)."""

from __future__ import annotations

from globstar.proto.sip.headers import RAck
from globstar.proto.sip.repeat import ReliableProvisionals, RepeatedResponse
from globstar.proto.sip.transaction import ServerTransaction
from tests.unit.proto.sip.ladder import Ladder, request


def transaction(ladder: Ladder) -> ServerTransaction:
    found = ladder.receive(request())
    assert found is not None
    return found


def test_intervals_double_up_to_the_limit_and_end_after_64_t1() -> None:
    ladder = Ladder()
    invite = transaction(ladder)
    gave_up: list[float] = []
    RepeatedResponse(ladder.core.layer, invite, b"SIP/2.0 200 again", gave_up.append, 4.0)
    ladder.after(100)
    assert ladder.times("SIP/2.0 200") == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert [round(now - 1000, 3) for now in gave_up] == [32.0]


def test_without_a_limit_the_interval_keeps_doubling() -> None:
    ladder = Ladder()
    RepeatedResponse(ladder.core.layer, transaction(ladder), b"SIP/2.0 183 again", lambda now: None, 32.0)
    ladder.after(100)
    assert ladder.times("SIP/2.0 183") == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]


def test_stop() -> None:
    ladder = Ladder()
    gave_up: list[float] = []
    repeated = RepeatedResponse(ladder.core.layer, transaction(ladder), b"SIP/2.0 200", gave_up.append, 4.0)
    ladder.after(0.6)
    repeated.stop()
    ladder.after(100)
    assert (len(ladder.sent), gave_up) == (1, [])


def test_reliable_provisionals_match_rseq_cseq_and_method() -> None:
    ladder = Ladder()
    reliable = ReliableProvisionals(ladder.core.layer, lambda now: None)
    rseq = reliable.next_rseq()
    assert rseq >= 1
    assert not reliable.acknowledges(RAck(rseq, 1, "INVITE"), 1)
    reliable.sent(transaction(ladder), b"x", rseq, True)
    assert reliable.is_busy
    assert reliable.holds_final
    assert reliable.acknowledges(RAck(rseq, 1, "INVITE"), 1)
    for wrong in (RAck(rseq + 1, 1, "INVITE"), RAck(rseq, 2, "INVITE"), RAck(rseq, 1, "BYE")):
        assert not reliable.acknowledges(wrong, 1)
    order: list[int] = []
    reliable.wait(lambda: order.append(1))
    reliable.wait(lambda: order.append(2))
    reliable.run_waiting()
    assert order == []
    reliable.acknowledge()
    reliable.run_waiting()
    assert order == [1, 2]
    assert not reliable.is_busy
