"""Readers of option values."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import pytest

from globstar.config.values import (
    address,
    address_and_port,
    boolean,
    duration,
    enumeration,
    floating,
    host_and_port,
    integer,
    is_false,
    is_true,
    listing,
    string,
)


class Mode(enum.Enum):
    INBAND = "inband"
    RFC4733 = "rfc4733"


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        *((boolean, word, True) for word in ("yes", "TRUE", "y", "T", "1", "on", " On ")),
        *((boolean, word, False) for word in ("no", "False", "n", "f", "0", "OFF")),
        (string, " a ", " a "),
        (integer(), "-12", -12),
        (integer(0, 9), " 9 ", 9),
        (floating(), "1.5", 1.5),
        (duration(), "90", 90.0),
        (duration("ms"), "250", 0.25),
        (duration(), "1.5 m", 90.0),
        (duration(), "2h", 7200.0),
        (enumeration("Auto", "manual"), "auto", "Auto"),
        (enumeration(Mode), "RFC4733", Mode.RFC4733),
        (listing(string), " a, b ,,c", ("a", "b", "c")),
        (listing(integer(), "&|"), "1&2|3", (1, 2, 3)),
        (listing(string), "", ()),
    ],
)
def test_good_value(read: Callable[[str], Any], text: str, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (boolean, "maybe"),
        (boolean, ""),
        (integer(), "1.5"),
        (integer(), ""),
        (integer(), "\u0661"),
        (integer(), "9" * 5000),
        (integer(5), "4"),
        (integer(None, 5), "6"),
        (floating(), "x"),
        (floating(), "nan"),
        (floating(), "inf"),
        (floating(0.5), "0.4"),
        (duration(), "-1"),
        (duration(), "1 week"),
        (duration(), "9" * 400),
        (enumeration("a", "b"), "c"),
        (enumeration(Mode), "c"),
        (listing(integer()), "1,x"),
    ],
)
def test_bad_value(read: Callable[[str], Any], text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read(text)


def test_words_of_truth() -> None:
    assert is_true("ON")
    assert not is_true("maybe")
    assert not is_true(None)
    assert is_false("off")
    assert not is_false("maybe")
    assert not is_false(None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("192.0.2.1", ("192.0.2.1", 0)), ("192.0.2.1:5060", ("192.0.2.1", 5060)), (" [2001:db8::1]:5061 ", ("2001:db8::1", 5061)),
        ("[2001:db8::1]", ("2001:db8::1", 0)), ("2001:db8::1", ("2001:db8::1", 0)),
    ],
)  # fmt: skip
def test_an_address_and_a_port(text: str, found: tuple[str, int]) -> None:
    assert address_and_port(text) == found


@pytest.mark.parametrize("text", ["", "localhost", "192.0.2.1:x", "192.0.2.1:65536", "[2001:db8::1]:-1"])
def test_what_is_no_address_and_port(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        address_and_port(text)


def test_an_address() -> None:
    assert address(" [2001:db8::1] ") == "2001:db8::1"
    with pytest.raises(ValueError, match="localhost"):
        address("localhost")


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.1", ("192.0.2.1", 3478)),
        ("192.0.2.1:19302", ("192.0.2.1", 19302)),
        (" stun.example.com ", ("stun.example.com", 3478)),
        ("[2001:db8::1]", ("2001:db8::1", 3478)),
        ("[2001:db8::1]:99", ("2001:db8::1", 99)),
    ],
)
def test_host_and_port(text: str, server: tuple[str, int]) -> None:
    assert host_and_port(3478)(text) == server


@pytest.mark.parametrize("text", ["", ":1", "x:", "x:0", "x:65536", "x:y", "[]:1"])
def test_no_host_and_port(text: str) -> None:
    with pytest.raises(ValueError, match=r"no host\[:port\]"):
        host_and_port(3478)(text)
