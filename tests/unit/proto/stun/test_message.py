"""STUN: the test vectors of RFC 5769, what is refused, and candidate lines of RFC 8839."""

from __future__ import annotations

import random

import pytest

from globstar.proto.stun import (
    Attr,
    Kind,
    StunMessage,
    StunParseError,
    host_candidate,
    is_stun,
    pair_priority,
    parse_candidate,
    parse_stun,
)

PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"
REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36"
    "00060009657674 6a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf".replace(" ", "")
)
RESPONSE_IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b91f599fd9e90c3"
    "8c7489f92af9ba53f06be7d780280004c07d4c96"
)
RESPONSE_IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)


def test_rfc5769_2_1_request() -> None:
    message = parse_stun(REQUEST)
    assert message.kind is Kind.REQUEST
    assert message.username == "evtj:h6vY"
    assert message.number(Attr.PRIORITY) == 0x6E0001FF
    assert message.number(Attr.ICE_CONTROLLED) == 0x932FF9B151263B36
    assert message.is_authentic(PASSWORD)
    assert not message.is_authentic(PASSWORD + "x")


@pytest.mark.parametrize(
    ("data", "address"),
    [(RESPONSE_IPV4, ("192.0.2.1", 32853)), (RESPONSE_IPV6, ("2001:db8:1234:5678:11:2233:4455:6677", 32853))],
)
def test_rfc5769_2_2_and_2_3_responses(data: bytes, address: tuple[str, int]) -> None:
    message = parse_stun(data)
    assert message.kind is Kind.RESPONSE
    assert message.mapped == address
    assert message.is_authentic(PASSWORD)


@pytest.mark.parametrize("address", [("192.0.2.7", 1), ("2001:db8::1", 65535)])
def test_what_is_built_is_read_again(address: tuple[str, int]) -> None:
    message = StunMessage(Kind.ERROR, bytes(range(12)))
    message.set_address(address)
    message.set_error(487, "Role Conflict")
    again = parse_stun(message.build("secret"))
    assert (again.kind, again.transaction, again.mapped, again.error) == (Kind.ERROR, bytes(range(12)), address, 487)
    assert again.is_authentic("secret")
    assert not parse_stun(message.build()).is_authentic("")


def test_altered_cut_off_and_random_bytes_are_refused() -> None:
    for position in range(len(REQUEST) - 8):  # the fingerprint is not covered by the integrity
        altered = bytearray(REQUEST)
        altered[position] ^= 0x40
        try:
            assert not parse_stun(bytes(altered)).is_authentic(PASSWORD)
        except StunParseError:
            continue
        raise AssertionError(f"byte {position} may be altered")
    for length in range(len(REQUEST)):
        with pytest.raises(StunParseError):
            parse_stun(REQUEST[:length])
    chance = random.Random(7)
    for _ in range(2000):
        body = chance.randbytes(4 * chance.randrange(20))
        head = b"\x00\x01" + len(body).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12)
        try:
            message = parse_stun(head + body)
        except StunParseError:
            continue
        assert not message.is_authentic(PASSWORD)
        assert message.mapped is None or message.mapped[0]
    assert not is_stun(b"\x80" + REQUEST[1:])


def test_rfc8489_6_3_1_attributes_that_must_be_understood() -> None:
    message = StunMessage(Kind.REQUEST, bytes(12), {0x7777: b"abcd", 0x9999: b"", Attr.PRIORITY: b"\0\0\0\1"})
    assert parse_stun(message.build()).unknown == [0x7777]


def test_rfc8839_5_1_candidates() -> None:
    mine = host_candidate(1, ("192.0.2.1", 4000))
    assert str(mine) == "Hc0000201 1 UDP 2130706431 192.0.2.1 4000 typ host"
    assert parse_candidate(str(mine)) == mine
    found = parse_candidate("1 2 udp 1694498814 2001:db8::9 50000 typ srflx raddr :: rport 0 generation 0")
    assert found is not None
    assert (found.component, found.address, found.type) == (2, ("2001:db8::9", 50000), "srflx")


@pytest.mark.parametrize(
    "line",
    [
        "", "1 1 TCP 1 192.0.2.1 9 typ host", "1 1 UDP 1 x.local 9 typ host", "1 0 UDP 1 192.0.2.1 9 typ host",
        "1 1 UDP 99999999999 192.0.2.1 9 typ host", "1 1 UDP 1 192.0.2.1 70000 typ host", "1 1 UDP x 192.0.2.1 9 typ host",
        "1 1 UDP 1 192.0.2.1 9 type host",
    ],
)  # fmt: skip
def test_candidates_that_cannot_be_used(line: str) -> None:
    assert parse_candidate(line) is None


def test_rfc8445_6_1_2_3_priority_of_a_pair() -> None:
    assert pair_priority(5, 3) == (3 << 32) + 10 + 1
    assert pair_priority(3, 5) == (3 << 32) + 10
