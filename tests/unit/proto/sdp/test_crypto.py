"""a=crypto (RFC 4568): which lines can be used, and that keys do not show."""

from __future__ import annotations

import base64

import pytest

from globstar.proto.sdp import Attribute, Crypto, parse
from globstar.proto.sdp.crypto import AES_32, AES_80, GCM_128, GCM_256, SUITES, CryptoKey, choose_crypto, read_crypto

KEY = bytes(range(30))
INLINE = "inline:" + base64.b64encode(KEY).decode()


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
def test_rfc4568_9_1_a_line_is_read_as_it_was_written(suite: object) -> None:
    assert suite in SUITES.values()
    chosen = next(known for known in SUITES.values() if known is suite)
    mine = CryptoKey(3, chosen, bytes(range(chosen.key + chosen.salt)))
    line = mine.attribute()
    assert line.name == "crypto"
    tag, name, parameters = (line.value or "").split()
    assert read_crypto(Crypto(int(tag), name, parameters)) == mine


@pytest.mark.parametrize(
    ("parameters", "mki"),
    [(INLINE, 0), (INLINE + "|2^20", 0), (INLINE + "|1048576", 0), (INLINE + "|2^20|1:4", 4), (INLINE + "|1:128", 128)],
)
def test_rfc4568_6_1_lifetime_and_mki(parameters: str, mki: int) -> None:
    assert read_crypto(Crypto(1, AES_80.name, parameters)) == CryptoKey(1, AES_80, KEY, mki)


@pytest.mark.parametrize(
    "line",
    [
        Crypto(1, "F8_128_HMAC_SHA1_80", INLINE),
        Crypto(1, AES_80.name, "uri:" + INLINE),
        Crypto(1, AES_80.name, INLINE[:-4]),
        Crypto(1, AES_80.name, "inline:!!!!"),
        Crypto(1, AES_80.name, ""),
        Crypto(1, AES_80.name, f"{INLINE}|1:1;{INLINE}|2:1"),
        Crypto(1, AES_80.name, INLINE + "|1:129"),
        Crypto(1, AES_80.name, INLINE + "|1:x"),
        Crypto(1, AES_80.name, INLINE, ("UNENCRYPTED_SRTP",)),
        Crypto(1, AES_80.name, INLINE, ("KDR=1",)),
        Crypto(1, GCM_128.name, INLINE),
    ],
    ids=["suite", "method", "short", "no-base64", "empty", "two-keys", "long-mki", "mki", "plain", "kdr", "length"],
)
def test_rfc4568_what_cannot_be_obeyed_is_not_used(line: Crypto) -> None:
    assert read_crypto(line) is None


def test_rfc4568_6_3_parameters_that_may_be_ignored() -> None:
    assert read_crypto(Crypto(1, AES_80.name, INLINE, ("WSH=128", "-FOO"))) is not None


def test_the_first_usable_line_is_chosen_or_one_of_a_preferred_suite() -> None:
    lines = [Crypto(1, "UNKNOWN", INLINE), Crypto(2, AES_80.name, INLINE), Crypto(3, AES_32.name, INLINE)]
    first, short = choose_crypto(lines), choose_crypto(lines, (AES_32,))
    assert first is not None
    assert short is not None
    assert (first.tag, short.tag) == (2, 3)
    assert choose_crypto(lines, (GCM_256,)) == first
    assert choose_crypto(lines[:1]) is None


def test_keys_do_not_show() -> None:
    line = Attribute("crypto", f"1 {AES_80.name} {INLINE}")
    media = parse(
        f"v=0\no=- 1 1 IN IP4 1.1.1.1\ns=-\nc=IN IP4 1.1.1.1\nt=0 0\nm=audio 4 RTP/SAVP 0\na={line.name}:{line.value}\n".encode()
    ).media[0]
    assert INLINE[7:] not in repr(media.cryptos)
    assert INLINE[7:] not in repr(read_crypto(media.cryptos[0]))
