"""Digest challenges and credentials as headers (RFC 7616 3.3, 3.4)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product

import pytest

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.digest import Challenge, Credentials, _parse_any, parse_auth_params


def test_asterisk_challenge_layout() -> None:
    challenge = Challenge("asterisk", "n", "MD5", "o", ("auth",))
    assert str(challenge) == 'Digest realm="asterisk",nonce="n",opaque="o",algorithm=MD5,qop="auth"'
    assert Challenge.parse(str(challenge)) == challenge


def test_challenge_with_everything() -> None:
    text = 'digest  Realm="a,b" , nonce="x\\"y", QOP="auth,auth-int",stale=TRUE,algorithm=SHA-256,domain="sip:h",new=1'
    challenge = Challenge.parse(text)
    assert challenge == Challenge("a,b", 'x"y', "SHA-256", None, ("auth", "auth-int"), True, "sip:h")
    assert Challenge.parse(str(challenge)) == challenge


def test_asterisk_credentials_layout() -> None:
    credentials = Credentials("u", "far", "n", "sip:b@h", "r", "MD5", "c", None, "auth", "00000001")
    assert str(credentials) == (
        'Digest username="u", realm="far", nonce="n", uri="sip:b@h", response="r", algorithm=MD5, cnonce="c", '
        "qop=auth, nc=00000001"
    )
    assert Credentials.parse(str(credentials)) == credentials


def test_credentials_do_not_show_the_response() -> None:
    credentials = Credentials("u", "r", "n", "sip:b@h", "0123456789abcdef")
    assert "0123456789abcdef" not in repr(credentials)


@pytest.mark.parametrize(
    "text",
    [
        "", "Basic abc", "NoOneKnowsThisScheme opaque-data=here", 'Digest realm="r"', 'Digest nonce="n"',
        'Digest realm="r,nonce="n"', "Digest x", "Digest " + ",".join(f"a{n}=1" for n in range(40)),
    ],
)  # fmt: skip
def test_challenge_refused(text: str) -> None:
    with pytest.raises(SipParseError):
        Challenge.parse(text)


def test_credentials_refused() -> None:
    with pytest.raises(SipParseError):
        Credentials.parse('Digest username="u", realm="r", nonce="n", uri="sip:x"')


def test_first_of_a_repeated_parameter_counts() -> None:
    assert parse_auth_params("Digest a=1,A=2") == {"a": "1"}


_PIECES = (
    ("", " ", "  ", "\t"),
    ("realm", "REALM", " realm", "realm ", "r\u00e4", "", "a b", 'r"', "<r", "r\\", "\u00a0r"),
    ("=", " =", "= ", "==", "", "\u2028="),
    ('"v"', "v", '""', "", '"a,b"', '"a=b"', '"<"', '"a\\"b"', '"a\\\\"',
     '"open', 'v"w', '"v"w', "<v", "<v,w>", "v=w", "v\\", "\u0661", '"\n"'),
    (",", ", ", ",  ", " ,", ",,", ", ,", ";", "", ",\t"),
    ("realm=again", 'nonce="n"', "x", "=x", ""),
    ("", " ", ",", ", "),
)  # fmt: skip


def _outcome(parse: Callable[[str], dict[str, str]], text: str) -> dict[str, str] | str:
    try:
        return parse(text)
    except SipParseError as error:
        return str(error)


def test_plain_parameters_are_read_as_piece_by_piece() -> None:
    """Two expressions read what most phones send: of any three kinds of pieces, all combinations, with usual ones around them."""
    usual = [kind[0] for kind in _PIECES]
    texts = {
        "".join(pieces)
        for chosen in combinations(range(len(_PIECES)), 3)
        for pieces in product(*(kind if number in chosen else (usual[number],) for number, kind in enumerate(_PIECES)))
    }
    texts |= {",".join(f"a{number}=b" for number in range(count)) for count in (31, 32, 33)}
    texts |= {",".join(f"a{number % 20}=b{number}" for number in range(count)) for count in (32, 33, 40)}
    for text in texts:
        assert _outcome(parse_auth_params, f"Digest {text}") == _outcome(_parse_any, text.strip()), text
