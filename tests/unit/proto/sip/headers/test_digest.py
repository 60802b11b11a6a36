"""Digest challenges and credentials as headers (RFC 7616 3.3, 3.4)."""

from __future__ import annotations

import pytest

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.digest import Challenge, Credentials, parse_auth_params


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
