"""Advice of charge as SIP carries it: application/vnd.etsi.aoc+xml (3GPP TS 24.647, annex D)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum

CONTENT_TYPE = "application/vnd.etsi.aoc+xml"
NAMESPACE = "http://uri.etsi.org/ngn/params/xml/simservs/aoc"
MAX_BYTES = 16384
_BILLING = {
    "normal-charging": "Normal",
    "reverse-charging": "Reverse",
    "credit-card-charging": "CreditCard",
    "call-forwarding-unconditional": "CallForwardingUnconditional",
    "call-forwarding-busy": "CallForwardingBusy",
    "call-forwarding-no-reply": "CallForwardingNoReply",
    "call-deflection": "CallDeflection",
    "call-transfer": "CallTransfer",
}
_BILLING_WORDS = {name: word for word, name in _BILLING.items()}


class AocError(ValueError):
    """A document that is no advice of charge."""


class AocKind(Enum):
    """When it comes: rates at set-up (S), charges so far (D), charges at the end (E)."""

    SETUP = "S"
    DURING = "D"
    END = "E"


class Charge(Enum):
    """What is charged; the values are those of the AMI events AOC-D and AOC-E."""

    NOT_AVAILABLE = "NotAvailable"
    FREE = "Free"
    CURRENCY = "Currency"
    UNITS = "Units"


@dataclass(frozen=True, slots=True)
class AdviceOfCharge:
    """One advice. ``document`` is the XML that it came in, which a SIP peer gets unchanged; empty when it came otherwise.

    ``unit_type`` and the charging association (``association_id``, or number and plan) have no place in that XML.
    """

    kind: AocKind
    charge: Charge = Charge.NOT_AVAILABLE
    is_total: bool = False
    currency: str = ""
    amount: Decimal = Decimal(0)
    units: int = 0
    billing: str = ""
    document: bytes = b""
    unit_type: str = ""
    association_id: str = ""
    association_number: str = ""
    association_plan: str = ""

    def to_xml(self) -> bytes:
        """The document: the received one, or one made of the fields. Rates (AOC-S) are only passed on."""
        return self.document or _build(self)


def parse(document: bytes) -> AdviceOfCharge:
    """Read a document; raises AocError. DTDs are refused, so entities cannot make it grow."""
    if len(document) > MAX_BYTES or b"<!" in document:
        raise AocError("the document is too long or has a DTD")
    try:
        root = ET.fromstring(document)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise AocError(f"no XML: {error}") from None
    if _name(root) != "aoc":
        raise AocError(f"the document is a <{_name(root)}>")
    for child in root:
        name = _name(child)
        if name in ("aoc-d", "aoc-e"):
            return _recorded(AocKind.DURING if name == "aoc-d" else AocKind.END, child, document)
        if name == "aoc-s":
            return AdviceOfCharge(AocKind.SETUP, document=document)
    raise AocError("the document has no advice")


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _recorded(kind: AocKind, element: ET.Element, document: bytes) -> AdviceOfCharge:
    texts = {_name(item): (item.text or "").strip() for item in element.iter()}
    is_total = kind is AocKind.END or texts.get("charging-info", "").lower() == "total"
    billing = _BILLING.get(texts.get("billing-id", "").lower(), "")
    charge, currency, amount, units = Charge.NOT_AVAILABLE, "", Decimal(0), 0
    if "free-charge" in texts:
        charge = Charge.FREE
    elif "recorded-currency-units" in texts:
        charge, currency = Charge.CURRENCY, texts.get("currency-id", "")
        try:
            amount = Decimal(texts.get("currency-amount", ""))
        except InvalidOperation:
            raise AocError("currency-amount is no number") from None
        if not amount.is_finite():
            raise AocError("currency-amount is no number")
    elif "recorded-charging-units" in texts:
        charge = Charge.UNITS
        for item in element.iter():
            if _name(item) == "number-of-units":
                text = (item.text or "").strip()
                if not (text.isascii() and text.isdigit()) or len(text) > 9:
                    raise AocError("number-of-units is no number")
                units += int(text)
    return AdviceOfCharge(kind, charge, is_total, currency, amount, units, billing, document)


def _build(advice: AdviceOfCharge) -> bytes:
    if advice.kind is AocKind.SETUP:
        raise AocError("rates are only passed on")
    ET.register_namespace("", NAMESPACE)
    root = ET.Element(_tag("aoc"))
    body = ET.SubElement(root, _tag(f"aoc-{advice.kind.value.lower()}"))
    if advice.kind is AocKind.DURING:
        ET.SubElement(body, _tag("charging-info")).text = "total" if advice.is_total else "subtotal"
    charges = ET.SubElement(body, _tag("recorded-charges"))
    if advice.charge is Charge.CURRENCY:
        currency = ET.SubElement(charges, _tag("recorded-currency-units"))
        ET.SubElement(currency, _tag("currency-id")).text = advice.currency
        ET.SubElement(currency, _tag("currency-amount")).text = f"{advice.amount:f}"
    elif advice.charge is Charge.UNITS:
        units = ET.SubElement(charges, _tag("recorded-charging-units"))
        ET.SubElement(units, _tag("number-of-units")).text = str(advice.units)
    else:
        ET.SubElement(charges, _tag("free-charge" if advice.charge is Charge.FREE else "not-available"))
    if advice.billing in _BILLING_WORDS:
        ET.SubElement(body, _tag("billing-id")).text = _BILLING_WORDS[advice.billing]
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\r\n{text}'.encode()


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
