"""ENUMLOOKUP and its family."""

from __future__ import annotations

import itertools

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.dialplan.arguments import argument, split_arguments
from globstar.modules.funcs.enum.settings import SERVICE, EnumSettings
from globstar.net.dns import Resolver
from globstar.proto.enum import (
    country_code_length,
    digits_of,
    infrastructure_name,
    isn_name,
    name_of,
    uris_of,
    without_scheme,
)

_KEY = "enum results"
#: Queries that a channel remembers; the oldest are forgotten.
MAX_RESULTS = 32
_numbers = itertools.count(1)


def _services(channel: Channel | None) -> tuple[Channel, Resolver, EnumSettings]:
    if channel is None:
        raise FunctionError("a channel is needed")
    resolver = channel.system.service("dns", Resolver)
    if resolver is None:
        raise FunctionError("res_resolver_unbound is not loaded")
    return channel, resolver, channel.system.services[SERVICE]


async def _branch(resolver: Resolver, settings: EnumSettings, number: str, zone: str) -> int:
    """How many digits stand before the branch of the infrastructure tree."""
    digits = digits_of(number)
    length = country_code_length(digits)
    if settings.algorithm == "txt":
        for text in await resolver.query("TXT", name_of(digits[:length], zone)):
            if text.strip().isdecimal():
                return min(int(text), len(digits))
    return length


async def _look_up(channel: Channel | None, number: str, method: str, options: str, zone: str) -> list[str]:
    """The URIs of a number in the first zone that has some."""
    _, resolver, settings = _services(channel)
    for place in (zone.strip("."),) if zone else settings.zones:
        if "d" in options:
            name = f"{number.strip('.')}.{place}"
        elif "s" in options:
            name = isn_name(number, place)
        elif "i" in options:
            name = infrastructure_name(number, place, settings.label, await _branch(resolver, settings, number, place))
        else:
            name = name_of(number, place)
        whole = number if "d" in options or "s" in options else f"+{digits_of(number)}"
        found = uris_of(await resolver.query("ENUM", name), whole, method)
        if found:
            return found
    return []


def _is_number(text: str) -> bool:
    return bool(digits_of(text)) and len(text) < 80


@function("ENUMLOOKUP", syntax="ENUMLOOKUP(number[,method-type[,options[,record#[,zone-suffix]]]])")
async def enum_lookup(channel: Channel | None, args: str) -> str:
    """The URI under which ENUM knows a number, without its scheme.

    ``method-type`` is the kind of URI (sip, which pjsip stands for, tel, mailto ...), or ALL: the value has its scheme then.
    Options: c counts the records, u leaves the scheme in place, s takes the number for an ITAD subscriber number (1234*256),
    i looks into the infrastructure tree, d takes it for a name as it is. ``record#`` is the record's number, from 1.
    ``zone-suffix`` is the zone instead of those of enum.conf.
    """
    arguments = split_arguments(args, 5)
    number, method = argument(arguments, 0).strip(), argument(arguments, 1, "pjsip").strip()
    options, record = argument(arguments, 2).lower(), argument(arguments, 3, "1").strip()
    if not number or ("d" not in options and not _is_number(number)):
        raise FunctionError("syntax is ENUMLOOKUP(number[,method-type[,options[,record#[,zone-suffix]]]])")
    if options.strip().isdecimal():
        # the record may stand where the options do
        options, record = options.replace(options.strip(), ""), options.strip()
    found = await _look_up(channel, number, method, options, argument(arguments, 4).strip())
    if "c" in options:
        return str(len(found))
    if not record.isdecimal() or not 1 <= int(record) <= len(found):
        return ""
    return _shown(found[int(record) - 1], method, options)


def _shown(uri: str, method: str, options: str) -> str:
    return uri if method.upper() == "ALL" or "u" in options else without_scheme(uri)


@function("ENUMQUERY", syntax="ENUMQUERY(number[,method-type[,zone-suffix]])")
async def enum_query(channel: Channel | None, args: str) -> str:
    """Look a number up in ENUM; the value is an id for ENUMRESULT()."""
    arguments = split_arguments(args, 3)
    number, method = argument(arguments, 0).strip(), argument(arguments, 1, "pjsip").strip()
    if not _is_number(number):
        raise FunctionError("syntax is ENUMQUERY(number[,method-type[,zone-suffix]])")
    found = await _look_up(channel, number, method, "", argument(arguments, 2).strip())
    assert channel is not None
    held: dict[str, list[str]] = channel.data.setdefault(_KEY, {})
    while len(held) >= MAX_RESULTS:
        del held[next(iter(held))]
    identity = str(next(_numbers))
    held[identity] = [_shown(uri, method, "") for uri in found]
    return identity


@function("ENUMRESULT", syntax="ENUMRESULT(id,resultnum)")
def enum_result(channel: Channel | None, args: str) -> str:
    """A result of ENUMQUERY(), from 1, or with ``getnum`` how many there are."""
    if channel is None:
        raise FunctionError("a channel is needed")
    arguments = split_arguments(args, 2)
    identity, number = argument(arguments, 0).strip(), argument(arguments, 1).strip()
    held: dict[str, list[str]] = channel.data.get(_KEY, {})
    found = held.get(identity)
    if found is None or not number:
        raise FunctionError(f"there was no ENUMQUERY with the id '{identity}'")
    if number.lower() == "getnum":
        return str(len(found))
    if not number.isdecimal() or not 1 <= int(number) <= len(found):
        raise FunctionError(f"ENUMQUERY {identity} has no result {number}")
    return found[int(number) - 1]


@function("TXTCIDNAME", syntax="TXTCIDNAME(number[,zone-suffix])")
async def txt_cid_name(channel: Channel | None, args: str) -> str:
    """The name that the DNS has for a number, in a TXT record."""
    arguments = split_arguments(args, 2)
    number, zone = argument(arguments, 0).strip(), argument(arguments, 1).strip()
    if not _is_number(number):
        raise FunctionError("syntax is TXTCIDNAME(number[,zone-suffix])")
    _, resolver, settings = _services(channel)
    for place in (zone.strip("."),) if zone else settings.zones:
        for text in await resolver.query("TXT", name_of(number, place)):
            return str(text)
    return ""
