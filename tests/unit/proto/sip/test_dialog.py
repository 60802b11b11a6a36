"""Dialogs: route sets, targets, sequence numbers (RFC 3261 12)."""

from __future__ import annotations

import pytest

from globstar.base.errors import LocalFault
from globstar.proto.sip.dialog import Dialog, DialogState, route_request
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.headers import NameAddr
from globstar.proto.sip.headers.cseq import MAX_CSEQ
from globstar.proto.sip.message import Request, Response
from globstar.proto.sip.parser import parse
from globstar.proto.sip.uri import SipUri
from globstar.proto.sip.user import DialogUser
from tests.unit.proto.sip.ladder import UDP, request, response

FLOW = Flow(UDP, "192.0.2.9", 4000)
ROUTES = "Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>\n"


def a_request(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def uas(extra: str = "", **options: bool) -> Dialog:
    invite = a_request(request(extra=extra))
    return Dialog.as_uas(invite, "ours", FLOW, "<sip:me@h>", DialogUser(), 100, **options)


def uac(extra: str = "", contact: str = "<sip:bob@192.0.2.7>") -> Dialog:
    invite = a_request(request())
    answer = parse(response(invite, 200, extra=extra, contact=contact))
    assert isinstance(answer, Response)
    return Dialog.as_uac(invite, answer, "<sip:me@h>", FLOW, DialogUser())


def test_rfc3261_12_1_1_uas() -> None:
    dialog = uas(ROUTES)
    assert dialog.key == ("call-1", "ours", "alicetag")
    assert str(dialog.remote_target) == "sip:alice@127.0.0.1:15071"
    assert [str(route.uri) for route in dialog.route_set] == ["sip:p1.example.com;lr", "sip:p2.example.com;lr"]
    assert (dialog.remote_cseq, dialog.state) == (1, DialogState.EARLY)


def test_rfc3261_12_1_2_uac_reverses_the_route_set() -> None:
    dialog = uac(ROUTES)
    assert dialog.key == ("call-1", "alicetag", "bobtag")
    assert [str(route.uri) for route in dialog.route_set] == ["sip:p2.example.com;lr", "sip:p1.example.com;lr"]
    assert str(dialog.next_hop) == "sip:p2.example.com;lr"
    assert (dialog.local_cseq, dialog.remote_cseq) == (1, None)


def test_rfc3261_12_2_1_1_loose_routing() -> None:
    bye = uac(ROUTES).make_request("BYE", [("Reason", "x")], [("Max-Forwards", "70")])
    assert bye.start_line == "BYE sip:bob@192.0.2.7 SIP/2.0"
    assert bye.headers == [
        ("From", "<sip:alice@127.0.0.1>;tag=alicetag"),
        ("To", "<sip:100@127.0.0.1>;tag=bobtag"),
        ("Call-ID", "call-1"),
        ("CSeq", "2 BYE"),
        ("Route", "<sip:p2.example.com;lr>"),
        ("Route", "<sip:p1.example.com;lr>"),
        ("Reason", "x"),
        ("Max-Forwards", "70"),
    ]


def test_rfc3261_12_2_1_1_strict_routing() -> None:
    routes = NameAddr.parse_list(["<sip:strict@p1;method=INVITE>, <sip:p2;lr>"])
    uri, values = route_request(SipUri.parse("sip:bob@h;x=1"), routes)
    assert str(uri) == "sip:strict@p1"
    assert values == ["<sip:p2;lr>", "<sip:bob@h;x=1>"]


def test_contact_in_target_refresh_requests_only() -> None:
    dialog = uac()
    for method in ("INVITE", "UPDATE", "NOTIFY", "REFER", "SUBSCRIBE"):
        assert dialog.make_request(method, (), ()).get("Contact") == "<sip:me@h>"
    for method in ("BYE", "INFO", "MESSAGE", "PRACK", "OPTIONS"):
        assert dialog.make_request(method, (), ()).get("Contact") is None
    assert dialog.local_cseq == 11


def test_ack_does_not_count_up() -> None:
    dialog = uac()
    assert dialog.make_request("ACK", (), (), cseq=1).get("CSeq") == "1 ACK"
    assert dialog.local_cseq == 1


def test_rfc3261_12_2_2_order() -> None:
    dialog = uas()
    dialog.receive_request(a_request(request("INFO", cseq=5, to_tag="ours")), FLOW)
    dialog.receive_request(a_request(request("INFO", cseq=5, to_tag="ours")), FLOW)
    with pytest.raises(SipParseError) as caught:
        dialog.receive_request(a_request(request("INFO", cseq=4, to_tag="ours")), FLOW)
    assert (caught.value.status, caught.value.reason) == (500, "Invalid CSeq")
    assert dialog.remote_cseq == 5


def test_rfc3261_12_2_2_target_refresh() -> None:
    dialog = uas()
    moved = "Contact: <sip:alice@203.0.113.5:5062>\n"
    dialog.receive_request(a_request(request("INFO", cseq=2, to_tag="ours", contact=moved)), FLOW)
    assert str(dialog.remote_target) == "sip:alice@127.0.0.1:15071", "INFO refreshes nothing"
    other = Flow(UDP, "203.0.113.5", 5062)
    dialog.receive_request(a_request(request("UPDATE", cseq=3, to_tag="ours", contact=moved)), other)
    assert str(dialog.remote_target) == "sip:alice@203.0.113.5:5062"
    assert dialog.flow == other


def test_rfc3261_13_2_2_4_confirm_takes_the_final_route_set() -> None:
    dialog = uac(ROUTES)
    answer = parse(response(a_request(request()), 200, contact="<sip:new@h>"))
    assert isinstance(answer, Response)
    dialog.confirm(answer)
    assert dialog.route_set == ()
    assert str(dialog.remote_target) == "sip:new@h"
    assert dialog.state is DialogState.CONFIRMED


def test_response_without_contact_leaves_the_request_uri() -> None:
    assert str(uac(contact="").remote_target) == "sip:100@127.0.0.1:15060"


def test_response_with_a_bad_contact_leaves_the_request_uri() -> None:
    """A 2xx must be acknowledged whatever its Contact looks like."""
    assert str(uac(contact="<<>>").remote_target) == "sip:100@127.0.0.1:15060"
    assert uac("Record-Route: <oops\n").route_set == ()


def test_rewrite_contact() -> None:
    dialog = uas(rewrite_contact=True)
    assert str(dialog.remote_target) == "sip:alice@192.0.2.9:4000"
    moved = Flow(UDP, "2001:db8::1", 4001)
    dialog.receive_request(a_request(request("UPDATE", cseq=3, to_tag="ours")), moved)
    assert str(dialog.remote_target) == "sip:alice@[2001:db8::1]:4001"


def test_asterisk_missing_contact() -> None:
    with pytest.raises(SipParseError) as caught:
        Dialog.as_uas(a_request(request(contact="")), "t", FLOW, "<sip:me@h>", DialogUser(), 1)
    assert caught.value.reason == "Missing Contact header"


def test_from_and_to_are_written_without_port() -> None:
    assert uas().local == "<sip:100@127.0.0.1>;tag=ours"


def test_sequence_numbers_run_out() -> None:
    dialog = uac()
    dialog.local_cseq = MAX_CSEQ
    with pytest.raises(LocalFault):
        dialog.next_cseq()
