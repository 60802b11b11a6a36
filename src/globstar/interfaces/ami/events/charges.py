"""Events about advice of charge."""

from __future__ import annotations

from collections.abc import Iterator

from globstar.core import events
from globstar.core.manager import ManagerEvent, Permission, channel_fields, manager_event
from globstar.proto.aoc import AdviceOfCharge, AocKind, Charge

#: Powers of ten that a cost is written with.
_MULTIPLIERS = {-3: "1/1000", -2: "1/100", -1: "1/10", 0: "1", 1: "10", 2: "100", 3: "1000"}


@manager_event(events.ChargeAdvised)
def charge_advised(event: events.ChargeAdvised) -> Iterator[ManagerEvent]:
    advice, fields = event.advice, channel_fields(event.channel)
    if advice.kind is AocKind.SETUP:
        fields.append(("Chargeable", "NotAvailable"))
    else:
        fields += _charge(advice)
    yield ManagerEvent(f"AOC-{advice.kind.value}", Permission.AOC, fields)


def _charge(advice: AdviceOfCharge) -> list[tuple[str, str | None]]:
    fields: list[tuple[str, str | None]] = []
    if advice.association_id:
        fields += [("ChargingAssociation", ""), ("ID", advice.association_id)]
    elif advice.association_number:
        fields += [("ChargingAssociation", ""), ("Number", advice.association_number), ("Plan", advice.association_plan)]
    fields += [("Charge", ""), ("Type", advice.charge.value)]
    if advice.charge in (Charge.CURRENCY, Charge.UNITS, Charge.FREE):
        fields.append(("BillingID", advice.billing or "NotAvailable"))
    if advice.charge in (Charge.CURRENCY, Charge.UNITS):
        fields.append(("TotalType", "Total" if advice.is_total else "SubTotal"))
    if advice.charge is Charge.CURRENCY:
        cost, multiplier = _cost(advice)
        fields += [("Currency", ""), ("Name", advice.currency), ("Cost", cost), ("Multiplier", multiplier)]
    elif advice.charge is Charge.UNITS:
        fields += [("Units", ""), ("NumberOf", str(advice.units)), ("TypeOf", advice.unit_type)]
    return fields


def _cost(advice: AdviceOfCharge) -> tuple[str, str]:
    """The amount as a whole number and the power of ten that it is to be multiplied with."""
    exponent = advice.amount.as_tuple().exponent
    power = max(-3, min(0, exponent)) if isinstance(exponent, int) else 0
    return str(int(advice.amount.scaleb(-power))), _MULTIPLIERS[power]
