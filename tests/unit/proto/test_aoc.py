"""Advice of charge in XML (3GPP TS 24.647, annex D)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.aoc import MAX_BYTES, AdviceOfCharge, AocError, AocKind, Charge, parse

DURING = (
    b'<?xml version="1.0" encoding="UTF-8"?><aoc xmlns="http://uri.etsi.org/ngn/params/xml/simservs/aoc"><aoc-d>'
    b"<charging-info>subtotal</charging-info><recorded-charges><recorded-currency-units><currency-id>EUR</currency-id>"
    b"<currency-amount>0.35</currency-amount></recorded-currency-units></recorded-charges>"
    b"<billing-id>reverse-charging</billing-id></aoc-d></aoc>"
)


def test_charges_so_far() -> None:
    found = parse(DURING)
    assert (found.kind, found.charge, found.is_total) == (AocKind.DURING, Charge.CURRENCY, False)
    assert (found.currency, found.amount, found.billing) == ("EUR", Decimal("0.35"), "Reverse")
    assert found.to_xml() == DURING, "what came from SIP goes on to SIP as it is"


@pytest.mark.parametrize(
    "advice",
    [
        AdviceOfCharge(AocKind.DURING, Charge.CURRENCY, False, "EUR", Decimal("1.20"), 0, "Normal"),
        AdviceOfCharge(AocKind.DURING, Charge.UNITS, True, units=12),
        AdviceOfCharge(AocKind.DURING, Charge.FREE),
        AdviceOfCharge(AocKind.END, Charge.CURRENCY, True, "<&>", Decimal(100), 0, "CreditCard"),
        AdviceOfCharge(AocKind.END, Charge.NOT_AVAILABLE, True),
    ],
)
def test_what_is_written_can_be_read(advice: AdviceOfCharge) -> None:
    found = parse(advice.to_xml())
    fields = ("kind", "charge", "is_total", "currency", "amount", "units", "billing")
    assert [getattr(found, name) for name in fields] == [getattr(advice, name) for name in fields]


def test_rates_are_passed_on_and_not_made() -> None:
    document = b"<aoc><aoc-s><special-arrangement>5</special-arrangement></aoc-s></aoc>"
    assert parse(document).kind is AocKind.SETUP
    assert parse(document).to_xml() == document
    with pytest.raises(AocError):
        AdviceOfCharge(AocKind.SETUP).to_xml()


@pytest.mark.parametrize(
    "document",
    [
        b"", b"<aoc>", b"<aoc/>", b"<other><aoc-d/></other>", b"\xff\xfe<", DURING.replace(b"0.35", b"much"),
        DURING.replace(b"0.35", b"NaN"), DURING.replace(b"0.35", b"Infinity"),
        b'<!DOCTYPE aoc [<!ENTITY a "aaaa">]><aoc><aoc-d>&a;</aoc-d></aoc>', DURING + b" " * MAX_BYTES,
        b"<aoc><aoc-d><recorded-charging-units><number-of-units>-1</number-of-units></recorded-charging-units></aoc-d></aoc>",
        b'<?xml version="1.0" encoding="klingon"?><aoc/>',
    ],
)  # fmt: skip
def test_what_is_no_advice(document: bytes) -> None:
    with pytest.raises(AocError):
        parse(document)


@given(st.binary(max_size=60), st.integers(0, len(DURING)))
def test_any_bytes_give_advice_or_an_aoc_error(noise: bytes, at: int) -> None:
    for document in (noise, DURING[:at] + noise + DURING[at:]):
        try:
            parse(document)
        except AocError:
            continue
