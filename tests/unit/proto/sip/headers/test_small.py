"""The small header values: CSeq, RAck, Session-Expires, Replaces, Reason, words with parameters, identities."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers import (
    CSeq,
    Diversion,
    Parameterized,
    RAck,
    Reason,
    RemotePartyId,
    Replaces,
    SessionExpires,
)
from globstar.proto.sip.headers.identity import identity_params


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (CSeq.parse, "1 INVITE"),
        (CSeq.parse, "2147483647 !odd"),
        (RAck.parse, "776656 1 INVITE"),
        (SessionExpires.parse, "1800;refresher=uac"),
        (SessionExpires.parse, "90"),
        (Replaces.parse, "call@host;to-tag=1;from-tag=2"),
        (Replaces.parse, "call@host;to-tag=1;from-tag=2;early-only;x=y"),
        (Reason.parse, 'Q.850;cause=16;text="Normal call clearing"'),
        (Reason.parse, "SIP"),
        (Parameterized.parse, "application/sdp;charset=utf-8"),
        (Parameterized.parse, "presence;id=3"),
        (RemotePartyId.parse, '"A" <sip:100@x>;party=calling;privacy=off;screen=no'),
        (Diversion.parse, "<sip:555@x>;reason=no-answer;counter=1"),
    ],
)
def test_round_trip(parse: Callable[[str], object], text: str) -> None:
    value = parse(text)
    assert str(value) == text
    assert parse(str(value)) == value


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (CSeq.parse, ""),
        (CSeq.parse, "1"),
        (CSeq.parse, "INVITE 1"),
        (CSeq.parse, "2147483648 INVITE"),
        (CSeq.parse, "1 INVITE x"),
        (RAck.parse, "1 INVITE"),
        (SessionExpires.parse, "soon"),
        (Replaces.parse, "call@host;to-tag=1"),
        (Replaces.parse, ";to-tag=1;from-tag=2"),
        (Reason.parse, ";cause=1"),
        (Parameterized.parse, ";x"),
        (Diversion.parse, "reason=x"),
    ],
)
def test_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(SipParseError):
        parse(text)


def test_cseq_is_liberal_about_white_space_and_zeros() -> None:
    assert CSeq.parse(" 0009   INVITE ") == CSeq(9, "INVITE")


def test_session_expires_refresher() -> None:
    assert SessionExpires.parse("90 ; Refresher=UAS").refresher == "uas"
    assert SessionExpires.parse("90;refresher=me").refresher is None


def test_replaces_fields() -> None:
    value = Replaces.parse("a;from-tag=2;to-tag=1;early-only")
    assert (value.call_id, value.to_tag, value.from_tag, value.early_only) == ("a", "1", "2", True)


def test_reasons() -> None:
    q850, sip = Reason.parse_list(['Q.850;cause=16, SIP;cause=200;text="Call completed elsewhere"'])
    assert (q850.protocol, q850.cause, q850.text) == ("Q.850", 16, None)
    assert (sip.cause, sip.text) == (200, "Call completed elsewhere")
    assert Reason.parse("SIP;cause=x").cause is None


def test_asterisk_reason_with_spaces() -> None:
    assert Reason.parse('SIP ;cause=406 ;text="SDP offer/answer incomplete"').cause == 406


def test_media_type_is_lower_case_without_white_space() -> None:
    value = Parameterized.parse("Application / SDP ; a=B")
    assert (value.value, value.params.get("a")) == ("application/sdp", "B")
    assert [item.value for item in Parameterized.parse_list(["a/b;q=1, c/d", "e/f"])] == ["a/b", "c/d", "e/f"]


def test_identities() -> None:
    rpid = RemotePartyId.parse("<sip:1@x>;party=CALLING;privacy=full;screen=yes")
    assert (rpid.party, rpid.privacy, rpid.screen) == ("calling", "full", True)
    assert RemotePartyId.parse("<sip:1@x>").privacy == "off"
    assert str(identity_params("calling", "off", False)) == ";party=calling;privacy=off;screen=no"
    latest, first = Diversion.parse_list(['<sip:1@x>;reason="user-busy", <sip:2@x>'])
    assert (latest.reason, first.reason) == ("user-busy", "unknown")
