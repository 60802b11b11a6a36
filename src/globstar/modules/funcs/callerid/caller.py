"""CALLERID: who calls, and what was dialled."""

from __future__ import annotations

from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.numbers import leading_integer
from globstar.core.party import PartyId
from globstar.core.registry import function
from globstar.modules.funcs.callerid.parts import (
    parse_whole,
    read_part,
    read_subaddress,
    split_party,
    write_part,
    written_subaddress,
)


def _party(channel: Channel, data_type: str) -> tuple[PartyId, str]:
    """The party that a data type is about, and the rest of the data type."""
    if data_type.startswith("ani-"):
        return channel.caller.ani, data_type[4:]
    if data_type.startswith("priv-"):
        return channel.caller.private, data_type[5:]
    return channel.caller.id, data_type


@function("CALLERID", syntax="CALLERID(datatype[,CID])")
def caller_id(channel: Channel | None, args: str) -> str:
    """Who calls.

    ``datatype`` is all, name, name-valid, name-charset, name-pres, num, num-valid, num-plan, num-pres, pres, subaddr,
    subaddr-valid, subaddr-type, subaddr-odd or tag; the same with priv- or ANI- in front for the private and the billing
    identification; ANI, ANI2, RDNIS (who redirected the call), DNID (what was dialled), dnid-num-plan, dnid-subaddr,
    dnid-subaddr-valid, dnid-subaddr-type, dnid-subaddr-odd. With ``CID``, a text like "Ann" <100>, all, name or num of that text
    is given instead.
    """
    data_type, comma, text = args.partition(",")
    data_type = data_type.strip().lower()
    if comma:
        name, number = split_party(text)
        match data_type:
            case "name":
                return name
            case "num" | "number":
                return number
            case "all":
                return f'"{name}" <{number}>'
        raise FunctionError(f"unknown data type '{data_type}' of a given caller id")
    if channel is None:
        raise FunctionError("CALLERID needs a channel")
    caller = channel.caller
    if data_type == "num":
        return caller.id.number.text if caller.id.number.valid else ""
    match data_type:
        case "ani":
            return read_part(caller.ani, "num")
        case "ani2":
            return str(caller.ani2)
        case "rdnis":
            return read_part(channel.redirecting.from_, "num")
        case "dnid":
            return channel.dialed.number
        case "dnid-num-plan":
            return str(channel.dialed.plan)
    if data_type.startswith("dnid-"):
        return read_subaddress(channel.dialed.subaddress, data_type[5:])
    return read_part(*_party(channel, data_type))


@caller_id.writer
def _write(channel: Channel | None, args: str, value: str) -> None:
    if channel is None:
        raise FunctionError("CALLERID needs a channel")
    data_type = args.partition(",")[0].strip().lower()
    match data_type:
        case "ani":
            write_part(channel.caller.ani, "num", value)
        case "ani2":
            channel.caller.ani2 = leading_integer(value)
        case "rdnis":
            write_part(channel.redirecting.from_, "num", value)
        case "dnid":
            channel.dialed.number = value.strip()
        case "dnid-num-plan":
            channel.dialed.plan = parse_whole(value)
        case _ if data_type.startswith("dnid-"):
            channel.dialed.subaddress = written_subaddress(channel.dialed.subaddress, data_type[5:], value)
        case _:
            party, part = _party(channel, data_type)
            write_part(party, part, value)
            if party is channel.caller.id:
                channel.system.bus.publish(events.CallerIdChanged(channel))
