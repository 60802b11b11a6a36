"""Matching of messages to transactions (RFC 3261 17.1.3, 17.2.3, 8.2.2.2, 9.2)."""

from __future__ import annotations

from globstar.proto.sip.layer import server_key
from globstar.proto.sip.message import Request
from globstar.proto.sip.parser import parse
from tests.unit.proto.sip.ladder import Ladder, request

OLD = "SIP/2.0/UDP old.example.com"


def a_request(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def test_rfc3261_17_2_3_branch_sent_by_and_method() -> None:
    invite = server_key(a_request(request()))
    assert server_key(a_request(request("ACK"))) == invite
    assert server_key(a_request(request("CANCEL"))) == invite
    assert server_key(a_request(request("OPTIONS"))) != invite
    assert server_key(a_request(request(branch="z9hG4bKother"))) != invite
    assert server_key(a_request(request(via="SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKalice1"))) != invite
    assert server_key(a_request(request(cseq=9, call_id="other"))) == invite


def test_rfc3261_17_2_3_without_the_cookie() -> None:
    invite = server_key(a_request(request(via=OLD)))
    assert server_key(a_request(request("ACK", via=OLD, to_tag="x"))) == invite
    assert server_key(a_request(request("CANCEL", via=OLD))) == invite
    assert server_key(a_request(request(via=OLD, cseq=2))) != invite
    assert server_key(a_request(request(via=OLD, call_id="other"))) != invite
    assert server_key(a_request(request(via=OLD, uri="sip:200@127.0.0.1"))) != invite


def test_asterisk_a_request_that_comes_over_two_paths_is_two_requests() -> None:
    """RFC 3261 8.2.2.2 asks for 482; a proxy that forks to two extensions of one server relies on two calls."""
    ladder = Ladder()
    first = ladder.receive(request())
    second = ladder.receive(request(branch="z9hG4bKsecond"))
    assert first is not None
    assert second is not None
    assert first.local_tag != second.local_tag


def test_a_refused_request_may_come_again_on_another_branch() -> None:
    ladder = Ladder()
    first = ladder.receive(request("REGISTER"))
    assert first is not None
    first.respond(401)
    assert ladder.receive(request("REGISTER", branch="z9hG4bKsecond")) is not None


def test_rfc3261_9_2_cancel_without_a_transaction() -> None:
    ladder = Ladder()
    ladder.receive(request("CANCEL"))
    ladder.expect("SIP/2.0 481")


def test_rfc3261_9_2_cancel_before_a_session_exists() -> None:
    ladder = Ladder()
    invite = ladder.receive(request())
    assert invite is not None
    ladder.receive(request("CANCEL"))
    ok, terminated = ladder.expect("SIP/2.0 200", "SIP/2.0 487")
    assert ok.to.tag == terminated.to.tag, "RFC 3261 9.2: the same tag"
    ladder.receive(request("CANCEL"))
    ladder.expect("SIP/2.0 200")


def test_rfc3261_9_2_cancel_after_the_answer_changes_nothing() -> None:
    ladder = Ladder()
    invite = ladder.receive(request())
    assert invite is not None
    invite.respond(200)
    ladder.receive(request("CANCEL"))
    answer, late = ladder.expect("SIP/2.0 200", "SIP/2.0 200")
    assert answer.to.tag == late.to.tag, "the same tag, though only a remnant of the INVITE is left"


def test_a_retransmitted_request_is_not_seen_twice() -> None:
    ladder = Ladder()
    assert ladder.receive(request("OPTIONS")) is not None
    assert ladder.receive(request("OPTIONS")) is None
    assert ladder.core.layer.retransmissions == 0
    ladder.requests[0].respond(200)
    ladder.receive(request("OPTIONS"))
    assert ladder.core.layer.retransmissions == 1


def test_output_is_announced_once_until_it_is_taken() -> None:
    ladder = Ladder()
    ladder.receive(request("OPTIONS"))
    ladder.receive(request("OPTIONS", branch="z9hG4bK2", call_id="2"))
    assert ladder.wakes == 0
    for transaction in ladder.requests:
        transaction.respond(200)
    assert ladder.wakes == 1
    ladder.drain()
    ladder.receive(request("OPTIONS", branch="z9hG4bK3", call_id="3"))
    ladder.requests[-1].respond(200)
    assert ladder.wakes == 2
