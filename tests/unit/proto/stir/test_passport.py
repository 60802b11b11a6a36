"""PASSporT (RFC 8225), SHAKEN (RFC 8588) and the Identity header (RFC 8224 4)."""

from __future__ import annotations

import base64
import contextlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from globstar.proto.stir import Attestation, IdentityHeader, Passport, StirError, canonical_number
from globstar.proto.stir.passport import check_signature, parse

KEY = ec.generate_private_key(ec.SECP256R1())
PASSPORT = Passport("https://cert.example/a.pem", "12155551212", ("12155551213",), 1443208345, Attestation.FULL, "123e4567")


def token(header: dict[str, object] | None = None, payload: dict[str, object] | None = None) -> str:
    parts = [{**PASSPORT.header(), **(header or {})}, {**PASSPORT.payload(), **(payload or {})}]
    encoded = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts]
    return ".".join([*encoded, "AAAA"])


def test_rfc8225_5_what_is_signed_is_read_again() -> None:
    text = PASSPORT.sign(KEY)
    assert parse(text) == PASSPORT
    check_signature(text, KEY.public_key())


def test_rfc8225_9_the_serialisation_is_deterministic() -> None:
    """Keys in order, no white space, no padding."""
    head, payload, _ = PASSPORT.sign(KEY).split(".")
    pad = "=="
    assert base64.urlsafe_b64decode(head + pad) == (
        b'{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example/a.pem"}'
    )
    assert base64.urlsafe_b64decode(payload + pad) == (
        b'{"attest":"A","dest":{"tn":["12155551213"]},"iat":1443208345,"orig":{"tn":"12155551212"},"origid":"123e4567"}'
    )


def test_media_keys_are_carried() -> None:
    passport = Passport("https://x/a", "1", ("2",), 3, Attestation.PARTIAL, "o", (("sha-256", "02:1A"),))
    assert parse(passport.sign(KEY)).mky == (("sha-256", "02:1A"),)


@pytest.mark.parametrize(
    ("header", "payload", "status"),
    [
        ({"alg": "RS256"}, {}, 437),
        ({"typ": "JWT"}, {}, 438),
        ({"ppt": "div"}, {}, 438),
        ({"x5u": None}, {}, 438),
        ({}, {"iat": "soon"}, 438),
        ({}, {"iat": True}, 438),
        ({}, {"attest": "D"}, 438),
        ({}, {"origid": ""}, 438),
        ({}, {"orig": {"tn": ["1", "2"]}}, 438),
        ({}, {"orig": {"tn": 5}}, 438),
        ({}, {"orig": "1"}, 438),
        ({}, {"dest": {}}, 438),
        ({}, {"dest": {"tn": [1]}}, 438),
        ({}, {"dest": {"tn": ["1"] * 101}}, 438),
    ],
)
def test_rfc8224_6_2_2_claims_that_are_not_understood(header: dict[str, object], payload: dict[str, object], status: int) -> None:
    with pytest.raises(StirError) as error:
        parse(token(header, payload))
    assert error.value.status == status


def test_dest_and_iat_as_older_signers_write_them() -> None:
    found = parse(token({}, {"iat": "1443208345", "dest": {"tn": "12155551213"}, "orig": {"tn": ["12155551212"]}}))
    assert (found.iat, found.dest, found.orig) == (1443208345, ("12155551213",), "12155551212")


@pytest.mark.parametrize("text", ["", "a.b", "..", "a.b.c", "....", "e30.e30.e30", "x" * 20000, "!.!.!", "é.é.é"])
def test_what_is_no_token(text: str) -> None:
    with pytest.raises(StirError) as error:
        parse(text)
    assert error.value.status in (437, 438)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (parse, IdentityHeader.parse):
        with contextlib.suppress(StirError):  # anything else fails the test
            read(text)


def test_a_wrong_signature() -> None:
    text = PASSPORT.sign(KEY)
    with pytest.raises(StirError, match="signature is wrong"):
        check_signature(text, ec.generate_private_key(ec.SECP256R1()).public_key())
    changed = Passport("https://cert.example/a.pem", "19005550000", ("12155551213",), 1443208345, Attestation.FULL, "123e4567")
    forged = ".".join([*changed.sign(KEY).split(".")[:2], text.split(".")[2]])
    with pytest.raises(StirError, match="signature is wrong"):
        check_signature(forged, KEY.public_key())
    with pytest.raises(StirError, match="64 bytes"):
        check_signature(text[:-8], KEY.public_key())


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)])
def test_only_keys_of_p256(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    with pytest.raises(StirError) as error:
        check_signature(PASSPORT.sign(KEY), key.public_key())
    assert error.value.status == 437


def test_rfc8224_4_the_header() -> None:
    header = IdentityHeader(PASSPORT.sign(KEY), PASSPORT.x5u)
    text = str(header)
    assert text.endswith(";info=<https://cert.example/a.pem>;alg=ES256;ppt=shaken")
    assert IdentityHeader.parse(text) == header
    assert header.passport() == PASSPORT
    quoted = text.replace("ppt=shaken", 'ppt="shaken"').replace(";alg", " ; alg ")
    assert IdentityHeader.parse(quoted).passport() == PASSPORT


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ((";info=<https://cert.example/a.pem>", ""), 436),
        (("<https://cert.example/a.pem>", "https://cert.example/a.pem"), 436),
        (("a.pem>", "b.pem>"), 438),
        (("alg=ES256", "alg=RS256"), 437),
        (("ppt=shaken", "ppt=div"), 438),
        ((";alg", ";;alg"), 438),
    ],
)
def test_rfc8224_6_2_2_headers_that_do_not_fit(change: tuple[str, str], status: int) -> None:
    with pytest.raises(StirError) as error:
        IdentityHeader.parse(str(IdentityHeader(PASSPORT.sign(KEY), PASSPORT.x5u)).replace(*change)).passport()
    assert error.value.status == status


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+1 (215) 555-12.12", "12155551212"),
        ("12155551212;phone-context=x", "12155551212"),
        ("*86", "*86"),
        ("alice", ""),
        ("", ""),
        ("+", ""),
        ("1" * 40, ""),
    ],
)
def test_rfc8224_8_3_numbers(text: str, number: str) -> None:
    assert canonical_number(text) == number
