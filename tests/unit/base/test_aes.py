"""AES by the vectors of FIPS 197."""

from __future__ import annotations

import pytest

from globstar.base.aes import Aes128


@pytest.mark.parametrize(
    ("key", "plain", "secret"),
    [
        ("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734", "3925841d02dc09fbdc118597196a0b32"),  # B
        ("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a"),  # C.1
    ],
)
def test_fips197_appendices_b_and_c1(key: str, plain: str, secret: str) -> None:
    cipher = Aes128(bytes.fromhex(key))
    assert cipher.encrypt(bytes.fromhex(plain)).hex() == secret
    assert cipher.decrypt(bytes.fromhex(secret)).hex() == plain


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError):
        Aes128(b"short")
