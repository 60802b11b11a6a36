"""REDIRECTING: how a call came to be redirected."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.frame import Control
from globstar.core.functions import FunctionError
from globstar.core.party import PartyId, RedirectingReason
from globstar.core.registry import function
from globstar.modules.funcs.callerid.parts import UnknownPart, parse_whole, read_part, write_part

logger = Logger("func_callerid")

#: Why a call was redirected, by number.
REASONS = (
    "unknown", "cfb", "cfnr", "unavailable", "cfu", "time_of_day", "dnd", "deflection", "follow_me", "out_of_order", "away",
    "cf_dte", "send_to_vm",
)  # fmt: skip
_REASON_NUMBERS = {name: number for number, name in enumerate(REASONS)} | {"unconditional": 4}


def _party(channel: Channel, data_type: str) -> tuple[PartyId, str]:
    redirecting = channel.redirecting
    prefix, _, part = data_type.partition("-")
    is_private = prefix == "priv"
    if is_private:
        prefix, _, part = part.partition("-")
    match prefix:
        case "orig":
            return redirecting.private_orig if is_private else redirecting.orig, part
        case "from":
            return redirecting.private_from if is_private else redirecting.from_, part
        case "to":
            return redirecting.private_to if is_private else redirecting.to, part
    raise UnknownPart(f"unknown data type '{data_type}'")


def _read_reason(reason: RedirectingReason) -> str:
    return reason.text or (REASONS[reason.code] if 0 <= reason.code < len(REASONS) else REASONS[0])


def _write_reason(reason: RedirectingReason, value: str) -> None:
    text = value.strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 3 else _REASON_NUMBERS.get(text.lower())
    if number is not None and number < len(REASONS):
        reason.code, reason.text = number, ""
        return
    logger.warning(f"'{text}' is no known reason of redirection; it is taken as it is")
    reason.code, reason.text = 0, text


@function("REDIRECTING", syntax="REDIRECTING(datatype[,i])")
def redirecting(channel: Channel | None, args: str) -> str:
    """How a call came to be redirected.

    ``datatype`` is reason, orig-reason or count, or orig- (who was called first), from- (who redirected last) or to- (where
    to) and a part of that party: all, name, name-valid, name-charset, name-pres, num, num-valid, num-plan, num-pres, pres,
    subaddr, subaddr-valid, subaddr-type, subaddr-odd, tag; with priv- in front its private identification. The endpoint is told
    of a change, unless ``i`` is given.
    """
    if channel is None:
        raise FunctionError("REDIRECTING needs a channel")
    data_type = args.partition(",")[0].strip().lower()
    match data_type:
        case "reason":
            return _read_reason(channel.redirecting.reason)
        case "orig-reason":
            return _read_reason(channel.redirecting.orig_reason)
        case "count":
            return str(channel.redirecting.count)
        case "pres":
            return read_part(channel.redirecting.from_, "pres")
    return read_part(*_party(channel, data_type))


@redirecting.writer
def _write(channel: Channel | None, args: str, value: str) -> None:
    if channel is None:
        raise FunctionError("REDIRECTING needs a channel")
    data_type, _, options = args.partition(",")
    data_type = data_type.strip().lower()
    match data_type:
        case "reason":
            _write_reason(channel.redirecting.reason, value)
        case "orig-reason":
            _write_reason(channel.redirecting.orig_reason, value)
        case "count":
            channel.redirecting.count = parse_whole(value)
        case "pres":
            write_part(channel.redirecting.from_, "pres", value)
        case _:
            write_part(*_party(channel, data_type), value)
    if "i" not in options:
        channel.tech.indicate(channel, Control.REDIRECTING, channel.redirecting)
