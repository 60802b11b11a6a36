"""Via (RFC 3261 20.42, 18.2.1, RFC 3581)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product

import pytest

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.via import Via


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("SIP/2.0/UDP host:5060;branch=z9hG4bK1;rport", None),
        ("SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK1", None),
        ("SIP/2.0/UDP [::1]", None),
        ("SIP / 2.0 / udp  host : 5060 ; branch = x", "SIP/2.0/UDP host:5060;branch=x"),
        ("sip/2.0/tcp h", "SIP/2.0/TCP h"),
        ("SIP/2.0/UNKNOWN h;a", None),
    ],
)
def test_parse(text: str, written: str | None) -> None:
    via = Via.parse(text)
    assert str(via) == (written or text)
    assert Via.parse(str(via)) == via


@pytest.mark.parametrize(
    "text",
    [
        "", "SIP/2.0/UDP", "SIP/2.0 host", "SIP/3.0/UDP h", "HTTP/2.0/UDP h", "SIP/2.0/UDP h:x", "SIP/2.0/UDP h:99999",
        "SIP/2.0/UDP a b", "SIP/2.0/UDP a:b:c", "SIP/2.0/UDP h;;x", "SIP/2.0/UDP :5060",
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(SipParseError):
        Via.parse(text)


def test_only_the_first_of_a_list_is_looked_at() -> None:
    assert Via.parse_first("SIP/2.0/UDP a;branch=1 , broken").host == "a"
    assert [via.host for via in Via.parse_list(["SIP/2.0/UDP a, SIP/2.0/TCP b", "SIP/2.0/UDP c"])] == ["a", "b", "c"]


def test_rfc3261_8_1_1_7_magic_cookie() -> None:
    assert Via.parse("SIP/2.0/UDP h;branch=z9hG4bKx").is_rfc3261
    assert Via.parse("SIP/2.0/UDP h;branch=Z9HG4BKx").is_rfc3261
    assert not Via.parse("SIP/2.0/UDP h;branch=z9hG4bK").is_rfc3261
    assert not Via.parse("SIP/2.0/UDP h").is_rfc3261


def test_rfc3581_4_rport() -> None:
    via = Via.parse("SIP/2.0/UDP 10.0.0.1:5060;branch=x;rport")
    assert via.wants_rport
    assert via.rport is None
    answered = via.answered("192.0.2.1", 4000, True)
    assert answered == "SIP/2.0/UDP 10.0.0.1:5060;rport=4000;received=192.0.2.1;branch=x"
    assert (Via.parse(answered).rport, Via.parse(answered).received) == (4000, "192.0.2.1")


def test_rfc3261_18_2_1_received() -> None:
    via = Via.parse("SIP/2.0/UDP 10.0.0.1;branch=x")
    assert via.answered("192.0.2.1", 4000, False) == "SIP/2.0/UDP 10.0.0.1;received=192.0.2.1;branch=x"
    assert via.answered("10.0.0.1", 4000, False) == str(via)
    forged = Via.parse("SIP/2.0/UDP 10.0.0.1;received=6.6.6.6;branch=x;rport;flag")
    assert forged.answered("10.0.0.1", 4000, False) == "SIP/2.0/UDP 10.0.0.1;branch=x;flag"
    assert Via.parse("SIP/2.0/UDP [::1];branch=x").answered("::1", 1, False) == "SIP/2.0/UDP [::1];branch=x"


_PIECES = (
    ("SIP/2.0/UDP", "SIP/2.0/TCP", "SIP/2.0/WSS", "SIP/2.0/WS", "SIP/2.0/udp", "sip/2.0/UDP", "SIP/2.0/SCTP", "SIP/3.0/UDP",
     "SIP/2.0/"),
    (" ", "  ", "\t", ""),
    ("h", "10.0.0.1", "a-b.example.", "-", ".", "a_b", "h\u00e4", "[::1]", "::1", "a,b", ""),
    ("", ":5060", ":0", ":65535", ":65536", ":99999", ":100000", ":05060", ":", ":x", ": 5060", ":\u0665"),
    ("", ";rport", ";rport=", ";rport=5", ";RPORT", "; rport", ";rport;rport"),
    (
        "", ";branch=z9hG4bK1", ";branch=", ";branch", ";branch=a=b", ';branch="a"', ";branch= a", ";branch=a ", ";branch=a\n",
        ";BRANCH=z9hG4bK1", ";branch=a,b", ";branch=a;branch=b", ";branch=\u00e4", ";branch=a\x00b", ";branch=<a>",
        ";branch=a\x1fb", ";branch=a\u2028b", ";branch=a\u00a0b", ";branch=a\\",
    ),
    ("", ";rport", ";rport=7", ";received=1.2.3.4", ";", ";ttl=1", ";rport ", ";rport\n", ";;"),
)  # fmt: skip


def _outcome(parse: Callable[[str], Via], text: str) -> Via | str:
    try:
        return parse(text)
    except SipParseError as error:
        return str(error)


def test_a_plain_value_is_read_as_piece_by_piece() -> None:
    """One expression reads what most phones send: of any two kinds of pieces, all pairs, with usual ones around them."""
    usual = [kind[1] if number in (3, 5) else kind[0] for number, kind in enumerate(_PIECES)]
    texts = set()
    for one, two in combinations(range(len(_PIECES)), 2):
        for first, second in product(_PIECES[one], _PIECES[two]):
            parts = list(usual)
            parts[one], parts[two] = first, second
            texts.add("".join(parts))
    plain = 0
    for text in sorted(texts):
        found = _outcome(Via.parse, text)
        assert found == _outcome(Via._parse_any, text), repr(text)
        plain += isinstance(found, Via) and str(found) == text
    assert plain > 200, "many of them can be read"
    assert len(texts) - plain > 200, "and many cannot, or are written in another way"
