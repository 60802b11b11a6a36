"""Short messages: the alphabet, packing, units both ways, and octets that are none."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.sms import Deliver, SmsFault, Submit, parse_deliver, parse_submit
from globstar.proto.sms.alphabet import from_septets, pack, to_septets, unpack
from globstar.proto.sms.tpdu import encode_timestamp, parse_timestamp

ALPHABET = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡AZÄÖÑÜ§¿azäöñüà\f^{}\\[~]|€"


def test_packing_of_the_standard() -> None:
    assert pack(to_septets("hellohello") or []).hex() == "e8329bfd4697d9ec37"
    assert from_septets(unpack(bytes.fromhex("c8f71d14969741f977fd07"), 12)) == "How are you?"


@given(st.text(ALPHABET, max_size=60), st.integers(0, 6))
def test_every_text_of_the_alphabet_comes_back(text: str, shift: int) -> None:
    septets = to_septets(text)
    assert septets is not None
    assert from_septets(unpack(pack(septets, shift), len(septets), shift)) == text


def test_what_is_not_in_the_alphabet() -> None:
    assert to_septets("ł") is None
    assert from_septets([0x1B, 0x41, 0x1B, 0x1B]) == "A "


def test_a_unit_of_a_service_centre() -> None:
    unit = bytes.fromhex("040b911346610089f60000208062917314080cc8f71d14969741f977fd07")
    found = parse_deliver(unit)
    assert (found.address, found.text, found.has_more) == ("+31641600986", "How are you?", False)
    assert found.timestamp == datetime(2002, 8, 26, 19, 37, 41, tzinfo=UTC)


@pytest.mark.parametrize("minutes", [0, 5, 720, 1440, 2880, 43200, 100800])
def test_a_unit_of_a_phone_comes_back(minutes: int) -> None:
    sent = Submit(
        "100", "Grüße {1} €", pid=3, reference=77, wants_report=True, has_reply_path=True, rejects_duplicates=True,
        validity_minutes=minutes,
    )  # fmt: skip
    assert parse_submit(sent.encode()) == sent


@pytest.mark.parametrize("offset", [0, 60, -330, 765])
def test_times_with_their_zones(offset: int) -> None:
    moment = datetime(2026, 11, 29, 23, 59, 58, tzinfo=timezone(timedelta(minutes=offset)))
    assert parse_timestamp(encode_timestamp(moment)) == moment
    assert Deliver("1", timestamp=moment, has_more=True, reports_status=True) == parse_deliver(
        Deliver("1", timestamp=moment, has_more=True, reports_status=True).encode()
    )


def test_other_alphabets_and_headers() -> None:
    found = parse_submit(Submit("+44123", "Zażółć").encode())
    assert (found.dcs, found.text) == (8, "Zażółć")
    octets = parse_submit(Submit("1", dcs=4, user_data=b"\x00\xff").encode())
    assert (octets.user_data, octets.dcs) == (b"\x00\xff", 4)
    for text in ("abc", "ł"):
        with_header = parse_submit(Submit("1", text, header=b"\x00\x03\x01\x02\x01").encode())
        assert (with_header.header, with_header.text) == (b"\x00\x03\x01\x02\x01", text)


@pytest.mark.parametrize(
    ("text", "fits"), [("a" * 160, True), ("a" * 161, False), ("ł" * 70, True), ("ł" * 71, False), ("€" * 81, False)]
)
def test_how_long_a_message_may_be(text: str, fits: bool) -> None:
    message = Submit("1", text)
    if fits:
        assert parse_submit(message.encode()).text == text
    else:
        with pytest.raises(SmsFault, match="too long"):
            message.encode()


@pytest.mark.parametrize("address", ["", "+", "12x", "1" * 21])
def test_what_is_no_number(address: str) -> None:
    with pytest.raises(SmsFault, match="no number"):
        Submit(address, "x").encode()


def test_an_alphanumeric_sender() -> None:
    unit = bytes.fromhex("04" + "0bd0" + pack(to_septets("Design") or []).hex() + "0000" + "20806291731408" + "00")
    assert parse_deliver(unit).address == "Design"


@given(st.binary(max_size=200))
def test_any_octets_are_a_message_or_a_fault(data: bytes) -> None:
    for parse in (parse_submit, parse_deliver):
        with contextlib.suppress(SmsFault):
            parse(data)
