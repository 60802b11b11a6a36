"""Certificates of signers (RFC 5280 6, RFC 8226) and the whole check of an identity (RFC 8224 6.2)."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from globstar.proto.stir import Attestation, Passport, StirError, TrustStore, read_certificates, tn_authorization
from globstar.proto.stir.certificates import TnAuthorization
from globstar.proto.stir.verify import Facts, check_claims, check_credential
from tests.support.stir import Pair, make, moment, number_range, one_number, provider, revoke

NOW = 1_700_000_000.0
WHEN = moment(NOW)
ROOT = make("root", when=WHEN, is_authority=True, days=3650)
MIDDLE = make("middle", ROOT, when=WHEN, is_authority=True, days=365)
SIGNER = make("signer", MIDDLE, when=WHEN, entries=provider("1234"))


def store(**parts: list[object]) -> TrustStore:
    return TrustStore([ROOT.certificate], **parts)  # type: ignore[arg-type]


def refused(chain: list[Pair], trust: TrustStore, now: float = NOW) -> str:
    with pytest.raises(StirError) as error:
        trust.check([pair.certificate for pair in chain], now)
    assert error.value.status == 437
    return error.value.detail


def test_a_chain_to_an_authority() -> None:
    store().check([SIGNER.certificate, MIDDLE.certificate], NOW)
    store(between=[MIDDLE.certificate]).check([SIGNER.certificate], NOW)
    TrustStore([SIGNER.certificate]).check([SIGNER.certificate], NOW)


def test_nobody_trusted() -> None:
    other = make("root", when=WHEN, is_authority=True)
    assert "nobody who is trusted" in refused([SIGNER], store())
    assert "nobody who is trusted" in refused([SIGNER, MIDDLE], TrustStore([other.certificate]))
    assert "nobody who is trusted" in refused([make("self", when=WHEN)], store())


def test_rfc5280_4_2_1_9_only_authorities_issue() -> None:
    plain = make("plain", ROOT, when=WHEN)
    assert "may not issue" in refused([make("below", plain, when=WHEN), plain], store())
    short = make("short", ROOT, when=WHEN, is_authority=True, path_length=0)
    between = make("between", short, when=WHEN, is_authority=True)
    assert "may not issue" in refused([make("deep", between, when=WHEN), between, short], store())


def test_dates() -> None:
    assert "not valid now" in refused([SIGNER, MIDDLE], store(), NOW + 40 * 86400)
    assert "not valid now" in refused([SIGNER, MIDDLE], store(), NOW - 2 * 86400)


def test_revocation() -> None:
    revoked = revoke(MIDDLE, SIGNER, when=WHEN)
    assert "was revoked" in refused([SIGNER, MIDDLE], store(revocations=[revoked]))
    other = revoke(MIDDLE, MIDDLE, when=WHEN)
    store(revocations=[other]).check([SIGNER.certificate, MIDDLE.certificate], NOW)
    assert "out of date" in refused([SIGNER, MIDDLE], store(revocations=[other]), NOW + 8 * 86400)
    forged = revoke(make("middle", when=WHEN, is_authority=True), SIGNER, when=WHEN)
    store(revocations=[forged]).check([SIGNER.certificate, MIDDLE.certificate], NOW)


@pytest.mark.parametrize(
    ("entries", "number", "is_allowed"),
    [
        (provider("1234"), "12155551212", True),
        (one_number("12155551212"), "12155551212", True),
        (one_number("12155551212"), "12155551213", False),
        (number_range("12155551000", 500), "12155551499", True),
        (number_range("12155551000", 500), "12155551500", False),
        (number_range("12155551000", 500), "2155551001", False),
        (one_number("1") + number_range("12155551000", 500), "12155551001", True),
        (b"", "12155551212", False),
    ],
)
def test_rfc8226_9_tnauthlist(entries: bytes, number: str, is_allowed: bool) -> None:
    found = tn_authorization(make("x", when=WHEN, entries=entries).certificate)
    assert found is not None
    assert found.allows(number) is is_allowed


@pytest.mark.parametrize("entries", [b"\x30\x01\x00", b"\xa0\x05\x16", b"\xa3\x02\x16\x00", b"\xa1\x03\x30\x01\x16"])
def test_a_tnauthlist_that_cannot_be_read(entries: bytes) -> None:
    with pytest.raises(StirError, match="TNAuthList cannot be read"):
        tn_authorization(make("x", when=WHEN, entries=entries).certificate)


def test_files() -> None:
    assert read_certificates(SIGNER.pem + MIDDLE.pem) == [SIGNER.certificate, MIDDLE.certificate]
    with pytest.raises(ValueError, match=r".*"):
        read_certificates(b"nothing of the kind")


# -- the whole check -------------------------------------------------------------------------------------------------------

PASSPORT = Passport("https://x/a", "12155551212", ("12155551213",), int(NOW), Attestation.FULL, "o")
FACTS = Facts(["+12155551212"], ["12155551213"], NOW)


@pytest.mark.parametrize(
    ("facts", "now", "status"),
    [
        (FACTS, NOW, 0),
        (FACTS, NOW + 15, 0),
        (FACTS, NOW + 16, 403),
        (FACTS, NOW - 16, 403),
        (Facts(["+12155551212"], ["12155551213"]), NOW + 10, 0),
        (Facts(["+12155551212"], ["12155551213"], NOW - 100), NOW, 403),
        (Facts(["19005550000"], ["12155551213"]), NOW, 438),
        (Facts(["19005550000", "12155551212"], ["12155551213"]), NOW, 0),
        (Facts(["12155551212"], ["1"]), NOW, 438),
        (Facts([], []), NOW, 438),
        (Facts(["alice"], ["bob"]), NOW, 438),
    ],
)
def test_rfc8224_6_2_claims(facts: Facts, now: float, status: int) -> None:
    if not status:
        check_claims(PASSPORT, facts, now, 15, 15)
        return
    with pytest.raises(StirError) as error:
        check_claims(PASSPORT, facts, now, 15, 15)
    assert error.value.status == status


def test_rfc8224_6_2_credentials() -> None:
    key = SIGNER.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    token = PASSPORT.sign(key)
    check_credential(token, PASSPORT, [SIGNER.certificate, MIDDLE.certificate], store(), NOW)
    for pair, detail in (
        (make("signer", MIDDLE, when=WHEN, key=key), "no TNAuthList"),
        (make("signer", MIDDLE, when=WHEN, key=key, entries=one_number("1")), "not for the caller's number"),
        (make("signer", MIDDLE, when=WHEN, entries=provider("1")), "signature is wrong"),
    ):
        with pytest.raises(StirError, match=detail):
            check_credential(token, PASSPORT, [pair.certificate, MIDDLE.certificate], store(), NOW)
    with pytest.raises(StirError, match="no certificate"):
        check_credential(token, PASSPORT, [], store(), NOW)


def test_numbers_that_are_none_are_in_no_range() -> None:
    assert TnAuthorization(ranges=(("15550", 10),)).allows("15555")
    assert not TnAuthorization(ranges=(("\u00b2", 10), ("1", 1))).allows("\u00b2")
