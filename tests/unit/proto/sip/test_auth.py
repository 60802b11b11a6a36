"""Digest authentication of both sides (RFC 2617, RFC 7616, RFC 8760)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from globstar.base.errors import LocalFault
from globstar.proto.sip import auth
from globstar.proto.sip.auth import (
    SUPPORTED_ALGORITHMS,
    ClientAuthorizer,
    ClientCredentials,
    Secret,
    ServerAuthenticator,
    Verdict,
    make_ha1,
    make_response,
    strongest,
)
from globstar.proto.sip.headers import Challenge, Credentials
from globstar.proto.sip.message import Request, Response
from globstar.proto.sip.uri import SipUri

ALICE = Secret("alice", password="secret")
NOW = 1000.0


def server(**options: object) -> ServerAuthenticator:
    return ServerAuthenticator("asterisk", b"k" * 32, random.Random(1).getrandbits, **options)  # type: ignore[arg-type]


def register(authorization: str | None = None) -> Request:
    headers = [] if authorization is None else [("Authorization", authorization)]
    return Request("REGISTER", SipUri.parse("sip:127.0.0.1"), headers)


def answered(authenticator: ServerAuthenticator, secret: Secret = ALICE, now: float = NOW, *, take: int = 0) -> Credentials:
    """Answer the authenticator's challenge as a client would."""
    challenge = authenticator.challenges(now)[take]
    response = Response(401, "Unauthorized", [("WWW-Authenticate", challenge)])
    authorizer = ClientAuthorizer(ClientCredentials(secret), random.Random(2).getrandbits)
    headers = authorizer.authorize(register(), response)
    assert headers is not None
    return Credentials.parse(headers[0][1])


def check(authenticator: ServerAuthenticator, credentials: Credentials, now: float = NOW) -> Verdict:
    return authenticator.verify(register(str(credentials)), ALICE, now)


# -- known answers -------------------------------------------------------------------------------------------------


def test_rfc2617_3_5_example() -> None:
    ha1 = make_ha1("MD5", "Mufasa", "testrealm@host.com", "Circle Of Life")
    assert ha1 == "939e7578ed9e3c518a452acee763bce9"
    response = make_response(
        "MD5", ha1, "GET", "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "auth", "00000001", "0a4f113b"
    )
    assert response == "6629fae49393a05397450978507c4ef1"


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc7616_3_9_1_example(algorithm: str, expected: str) -> None:
    ha1 = make_ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life")
    response = make_response(
        algorithm,
        ha1,
        "GET",
        "/dir/index.html",
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "auth",
        "00000001",
        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert response == expected


def test_rfc2069_style_without_qop() -> None:
    ha1 = make_ha1("MD5", "u", "r", "p")
    expected = auth.digest_hash("MD5", f"{ha1}:n:{auth.digest_hash('MD5', 'INVITE:sip:x')}")
    assert make_response("MD5", ha1, "INVITE", "sip:x", "n", None, None, None) == expected


# -- server --------------------------------------------------------------------------------------------------------


def test_asterisk_challenge_layout() -> None:
    (challenge,) = server().challenges(NOW)
    assert challenge.startswith('Digest realm="asterisk",nonce="')
    assert challenge.endswith('",algorithm=MD5,qop="auth"')
    assert server().challenge_headers(NOW, proxy=True)[0][0] == "Proxy-Authenticate"


def test_asterisk_sha256_is_offered_first() -> None:
    both = server(algorithms=("SHA-256", "MD5")).challenges(NOW)
    assert [Challenge.parse(value).algorithm for value in both] == ["SHA-256", "MD5"]


@pytest.mark.parametrize("algorithm", SUPPORTED_ALGORITHMS)
def test_right_answer(algorithm: str) -> None:
    authenticator = server(algorithms=(algorithm,))
    assert check(authenticator, answered(authenticator)) is Verdict.OK


def test_hashed_secret() -> None:
    """md5_cred and its like: no clear password is stored."""
    authenticator = server()
    stored = Secret("alice", ha1={"MD5": make_ha1("MD5", "alice", "asterisk", "secret").upper()})
    credentials = answered(authenticator)
    assert authenticator.verify(register(str(credentials)), stored, NOW) is Verdict.OK
    other = Secret("alice", ha1={"SHA-256": "0" * 64})
    assert authenticator.verify(register(str(answered(authenticator))), other, NOW) is Verdict.BAD


@pytest.mark.parametrize(
    "change",
    [
        {"response": "0" * 32}, {"response": "ü"}, {"username": "bob"}, {"nonce": "1.2.3"}, {"nonce": ""},
        {"uri": "sip:other"}, {"qop": "auth-int"}, {"nc": "1"}, {"nc": "00000000"}, {"nc": "zzzzzzzz"},
        {"cnonce": ""}, {"algorithm": "SHA-256"}, {"algorithm": "MD5-sess"}, {"qop": None},
    ],
)  # fmt: skip
def test_wrong_answer(change: dict[str, str | None]) -> None:
    authenticator = server()
    assert check(authenticator, replace(answered(authenticator), **change)) is Verdict.BAD  # type: ignore[arg-type]


def test_asterisk_made_up_nonce_is_not_called_stale() -> None:
    authenticator = server()
    secret_ha1 = make_ha1("MD5", "alice", "asterisk", "secret")
    forged = replace(answered(authenticator), nonce="stale_nonce")
    right_but_forged = replace(
        forged,
        response=make_response("MD5", secret_ha1, "REGISTER", forged.uri, "stale_nonce", "auth", forged.nc, forged.cnonce),
    )
    assert check(authenticator, right_but_forged) is Verdict.BAD


def test_nonce_of_another_key_or_realm_is_forged() -> None:
    other = ServerAuthenticator("asterisk", b"other" * 8, random.Random(1).getrandbits)
    assert check(server(), answered(other)) is Verdict.BAD


def test_rfc7616_3_3_old_nonce_is_stale() -> None:
    authenticator = server(lifetime=32.0)
    credentials = answered(authenticator)
    assert check(authenticator, credentials, NOW + 31) is Verdict.OK
    assert check(authenticator, answered(authenticator), NOW + 33) is Verdict.STALE
    assert "stale=true" in authenticator.challenges(NOW, stale=True)[0]


def test_wrong_password_with_an_old_nonce_is_wrong() -> None:
    authenticator = server()
    credentials = answered(authenticator, Secret("alice", "guess"))
    assert check(authenticator, credentials, NOW + 100) is Verdict.BAD


def test_rfc7616_3_4_nonce_count_must_rise() -> None:
    authenticator = server()
    credentials = answered(authenticator)
    assert check(authenticator, credentials) is Verdict.OK
    assert check(authenticator, credentials) is Verdict.STALE, "a replay"
    ha1 = make_ha1("MD5", "alice", "asterisk", "secret")
    second = replace(
        credentials,
        nc="00000002",
        response=make_response(
            "MD5", ha1, "REGISTER", credentials.uri, credentials.nonce, "auth", "00000002", credentials.cnonce
        ),
    )
    assert check(authenticator, second) is Verdict.OK


def test_memory_of_nonces_is_bounded() -> None:
    authenticator = server(max_tracked=10)
    for _ in range(100):
        assert check(authenticator, answered(authenticator)) is Verdict.OK
    assert len(authenticator._seen) + len(authenticator._seen_before) <= 20


def test_no_credentials_for_our_realm() -> None:
    authenticator = server()
    assert authenticator.verify(register(), ALICE, NOW) is Verdict.MISSING
    other = str(replace(answered(authenticator), realm="other"))
    assert authenticator.verify(register(other), ALICE, NOW) is Verdict.MISSING
    assert authenticator.verify(register("Basic x"), ALICE, NOW) is Verdict.MISSING
    assert authenticator.verify(register(str(answered(authenticator))), ALICE, NOW, proxy=True) is Verdict.MISSING


def test_unknown_user_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of hashes does not tell whether the user exists."""
    authenticator = server()
    credentials = answered(authenticator)
    counts: list[int] = []
    original: Callable[[str, str], str] = auth.digest_hash
    for secret in (ALICE, None):
        calls: list[str] = []

        def counting(algorithm: str, text: str, calls: list[str] = calls) -> str:
            calls.append(text)
            return original(algorithm, text)

        monkeypatch.setattr(auth, "digest_hash", counting)
        wrong = replace(credentials, response="0" * 32)
        assert authenticator.verify(register(str(wrong)), secret, NOW) is Verdict.BAD
        counts.append(len(calls))
    assert counts[0] == counts[1] == 3


def test_unknown_user_is_never_accepted() -> None:
    authenticator = server()
    decoy = answered(authenticator, Secret("", password=authenticator._decoy.password))
    assert authenticator.verify(register(str(decoy)), None, NOW) is Verdict.BAD


def test_unsupported_algorithm_is_a_local_fault() -> None:
    with pytest.raises(LocalFault):
        server(algorithms=("CRC32",))
    with pytest.raises(LocalFault):
        server(algorithms=())


def test_secrets_do_not_show() -> None:
    for text in (repr(ALICE), repr(server()), repr(ClientCredentials(ALICE)), f"{ALICE}"):
        assert "secret" not in text.lower().replace("secret(", "").replace("secret=", "")


# -- client --------------------------------------------------------------------------------------------------------


def authorize(*headers: tuple[str, str], source: ClientCredentials | None = None) -> list[tuple[str, str]] | None:
    authorizer = ClientAuthorizer(source or ClientCredentials(ALICE), random.Random(2).getrandbits)
    return authorizer.authorize(register(), Response(401, "x", list(headers)))


def www(realm: str, algorithm: str, qop: str = "auth", extra: str = "") -> tuple[str, str]:
    return ("WWW-Authenticate", f'Digest realm="{realm}",nonce="n",algorithm={algorithm},qop="{qop}"{extra}')


def test_rfc8760_2_4_strongest_challenge_is_answered() -> None:
    headers = authorize(www("r", "MD5"), www("r", "SHA-256"), www("r", "WHIRLPOOL"))
    assert headers is not None
    (header,) = headers
    assert Credentials.parse(header[1]).algorithm == "SHA-256"


def test_one_answer_per_realm_and_kind() -> None:
    proxy = ("Proxy-Authenticate", www("p", "MD5")[1])
    headers = authorize(www("a", "MD5"), www("b", "MD5"), proxy)
    assert headers is not None
    assert [(name, Credentials.parse(value).realm) for name, value in headers] == [
        ("Authorization", "a"),
        ("Authorization", "b"),
        ("Proxy-Authorization", "p"),
    ]


def test_opaque_is_returned_and_case_of_algorithm_kept() -> None:
    headers = authorize(www("r", "md5", extra=',opaque="xyz"'))
    assert headers is not None
    credentials = Credentials.parse(headers[0][1])
    assert (credentials.opaque, credentials.algorithm, credentials.nc) == ("xyz", "md5", "00000001")


def test_without_qop_no_cnonce() -> None:
    headers = authorize(("WWW-Authenticate", 'Digest realm="r",nonce="n"'))
    assert headers is not None
    credentials = Credentials.parse(headers[0][1])
    assert (credentials.qop, credentials.cnonce, credentials.nc) == (None, None, None)


@pytest.mark.parametrize(
    "header",
    [www("r", "MD5", "auth-conf"), www("r", "X"), ("WWW-Authenticate", "Basic realm=x"), ("X", "y")],
)
def test_nothing_that_can_be_answered(header: tuple[str, str]) -> None:
    assert authorize(header) is None


def test_realm_of_the_credentials_must_fit() -> None:
    assert authorize(www("r", "MD5"), source=ClientCredentials(ALICE, realm="other")) is None
    assert authorize(www("r", "MD5"), source=ClientCredentials(ALICE, realm="r")) is not None
    assert authorize(www("r", "MD5"), source=ClientCredentials(ALICE, realm="*")) is not None


def test_rounds_are_limited() -> None:
    authorizer = ClientAuthorizer(ClientCredentials(ALICE), random.Random(2).getrandbits)
    stale = Response(401, "x", [www("r", "MD5", extra=",stale=true")])
    assert [authorizer.authorize(register(), stale) is not None for _ in range(5)] == [True, True, True, False, False]
    assert authorizer.authorize(register(), Response(403, "x")) is None


def test_strongest_keeps_the_first_of_equals() -> None:
    first, second = Challenge("r", "1"), Challenge("r", "2")
    assert strongest([first, second]) == [first]
