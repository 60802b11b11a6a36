"""PooledRandom: enough bits, no byte twice, one fetch for many numbers."""

from __future__ import annotations

import os
from itertools import count

import pytest

from globstar.base.chance import PooledRandom


def test_numbers_have_the_asked_number_of_bits() -> None:
    chance = PooledRandom()
    for bits in (1, 7, 8, 15, 64, 65, 80, 128, 129, 200):
        numbers = [chance.getrandbits(bits) for _ in range(200)]
        assert max(numbers) < 1 << bits
        assert max(numbers).bit_length() == bits  # one in 2**200 fails
    assert chance.getrandbits(0) == 0
    with pytest.raises(ValueError, match="non-negative"):
        chance.getrandbits(-1)


def test_bytes_are_fetched_for_many_numbers_and_used_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = count()

    def urandom(size: int) -> bytes:
        first = next(fetched) << 16
        return b"".join((first + index).to_bytes(4, "big") for index in range(size // 4))

    monkeypatch.setattr(os, "urandom", urandom)
    chance = PooledRandom()
    numbers = [chance.getrandbits(32) for _ in range(3000)]
    assert len(set(numbers)) == 3000
    assert next(fetched) == 6, "a number takes eight bytes"


def test_more_bits_than_the_pool_holds() -> None:
    assert PooledRandom().getrandbits(80000).bit_length() > 79900


def test_what_random_makes_of_it_is_in_range() -> None:
    chance = PooledRandom()
    assert all(0.0 <= chance.random() < 1.0 for _ in range(100))
    assert {chance.randrange(3) for _ in range(200)} == {0, 1, 2}
    assert sorted(chance.sample(range(10), 10)) == list(range(10))
