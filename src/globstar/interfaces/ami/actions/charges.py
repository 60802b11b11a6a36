"""AOCMessage: telling an endpoint what its call costs."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.frame import Control
from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    Permission,
    failure,
    manager_action,
    requested_channel,
    success,
)
from globstar.proto.aoc import AdviceOfCharge, AocKind, Charge

_CHARGES = {"na": Charge.NOT_AVAILABLE, "free": Charge.FREE, "currency": Charge.CURRENCY, "unit": Charge.UNITS}
_MULTIPLIERS = {
    "onethousandth": "0.001", "onehundredth": "0.01", "onetenth": "0.1", "one": "1", "ten": "10", "hundred": "100",
    "thousand": "1000",
}  # fmt: skip
_BILLING = {
    "normal": "Normal",
    "reversecharge": "Reverse",
    "creditcard": "CreditCard",
    "callfwdunconditional": "CallForwardingUnconditional",
    "callfwdbusy": "CallForwardingBusy",
    "callfwdnoreply": "CallForwardingNoReply",
    "calldeflection": "CallDeflection",
    "calltransfer": "CallTransfer",
}
#: Longest name of a currency, and most entries of a list of units.
CURRENCY_LENGTH = 10
MOST_UNITS = 32
#: Types of units are numbers from 1 to this (EN 300 182-1).
MOST_UNIT_TYPES = 16


def _channel(request: ActionRequest) -> Channel:
    prefix = request.get("ChannelPrefix")
    if request.get("Channel"):
        return requested_channel(request)
    if not prefix:
        raise ActionFault("Channel and PartialChannel are not specified. Specify at least one of these.")
    found = next((channel for name, channel in request.system.channels.items() if name.startswith(prefix)), None)
    if found is None:
        raise ActionFault("No such channel")
    return found


def _number(text: str, what: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise ActionFault(f"Invalid {what}")
    return int(text)


def _units(request: ActionRequest) -> int:
    if not request.get("UnitAmount(0)"):
        raise ActionFault("Invalid UnitAmount(0)")
    amounts = [request.get(f"UnitAmount({index})") for index in range(MOST_UNITS)]
    return sum(_number(text, "UnitAmount") for text in amounts if text)


def _advice(request: ActionRequest) -> AdviceOfCharge:
    """What is to be said. Raises ActionFault."""
    kind = request.get("MsgType").upper()
    if kind not in ("D", "E"):
        raise ActionFault("Invalid MsgType" if kind != "S" else "Rates (MsgType S) can only be passed on")
    charge = _CHARGES.get(request.get("ChargeType").lower())
    if charge is None:
        raise ActionFault("Invalid ChargeType")
    amount, currency, units = Decimal(0), "", 0
    if charge is Charge.CURRENCY:
        multiplier = _MULTIPLIERS.get(request.get("CurrencyMultiplier").lower())
        if multiplier is None:
            raise ActionFault("Invalid CurrencyMultiplier")
        amount = _number(request.get("CurrencyAmount"), "CurrencyAmount") * Decimal(multiplier)
        currency = request.get("CurrencyName")[:CURRENCY_LENGTH]
    elif charge is Charge.UNITS:
        units = _units(request)
    billing = request.get("AOCBillingId")
    if billing and billing.lower() not in _BILLING:
        raise ActionFault("Invalid AOCBillingId")
    total = request.get("TotalType").lower()
    if total not in ("", "total", "subtotal"):
        raise ActionFault("Invalid TotalType")
    unit_type = request.get("UnitType(0)") if charge is Charge.UNITS else ""
    if unit_type and not 1 <= _number(unit_type, "UnitType(0)") <= MOST_UNIT_TYPES:
        raise ActionFault("Invalid UnitType(0)")
    advice = AdviceOfCharge(
        AocKind.DURING if kind == "D" else AocKind.END, charge, kind == "E" or total != "subtotal", currency, amount, units,
        _BILLING.get(billing.lower(), ""), unit_type=unit_type,
    )  # fmt: skip
    return _associated(request, advice) if kind == "E" else advice


def _associated(request: ActionRequest, advice: AdviceOfCharge) -> AdviceOfCharge:
    """With the call that its charges belong to: an id, or a number with its plan. Raises ActionFault."""
    identity, number, plan = (request.get(f"ChargingAssociation{name}") for name in ("Id", "Number", "Plan"))
    if identity and not -32768 <= _signed(identity, "ChargingAssociationId") <= 32767:
        raise ActionFault("Invalid ChargingAssociationId")
    if plan:
        _number(plan, "ChargingAssociationPlan")
    if identity:
        return replace(advice, association_id=identity)
    return replace(advice, association_number=number, association_plan=plan or "0") if number else advice


def _signed(text: str, what: str) -> int:
    number = _number(text.removeprefix("-"), what)
    return -number if text.startswith("-") else number


@manager_action("AOCMessage", Permission.AOC, synopsis="Generate an Advice of Charge message on a channel.")
def aoc_message(request: ActionRequest) -> Answer:
    """Tell the endpoint of a channel (or of the first whose name begins with ``ChannelPrefix``) what its call costs so far
    (``MsgType`` D) or has cost (E).

    ``ChargeType`` is NA, FREE, Currency (with ``CurrencyAmount``, ``CurrencyMultiplier``, ``CurrencyName``) or Unit (with
    ``UnitAmount(0)`` and more); ``TotalType`` and ``AOCBillingId`` as in the standard. ``UnitType(0)`` and the charging
    association (of E) are told to clients only: SIP has no place for them.
    """
    channel, advice = _channel(request), _advice(request)
    if not channel.tech.indicate(channel, Control.AOC, advice):
        return failure("AOC message cannot be sent on this channel")
    request.system.bus.publish(events.ChargeAdvised(channel, advice))
    return success("AOC Message successfully queued on channel")
