"""Recorded scenarios (``vectors/calls``) and what a world did, brought into one form to be compared."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from typing import Any

from globstar.core import events
from tests.support.testtech import World

Trace = dict[str, list[tuple[str, ...]]]

#: The variables that are compared, those whose value is a time, and the headers of UserEvents that are compared.
VARIABLES = re.compile(
    r"DIALSTATUS|DIALEDPEER(NAME|NUMBER)|(ANSWERED|DIALED|RING|PROGRESS)TIME(_MS)?|BRIDGEPEER|BLINDTRANSFER|GOSUB_RETVAL"
    r"|FORWARDERNAME|LOCAL\(ARG\w+\)|ARG\w+|__INH|ONE|_ONE"
)
TIMES = re.compile(r"(ANSWERED|DIALED|RING|PROGRESS)TIME(_MS)?")
HEADERS = (
    "DIALSTATUS", "HANGUPCAUSE", "DIALEDPEERNAME", "HANGUPSOURCE", "BLINDTRANSFER", "CDRDISP", "STATUS", "CAUSE", "WHO", "HERE",
)  # fmt: skip


def base_name(name: str) -> str:
    """A channel's name without its number."""
    head, _, tail = name.rpartition("-")
    return head + (";" + tail.partition(";")[2] if ";" in tail else "")


def _short(text: str, names: list[str]) -> str:
    for index, name in enumerate(names):
        text = text.replace(name, f"channel {index}")
    return text


def _put(trace: Trace, channel: str, *entry: str) -> None:
    """Add an event; BRIDGEPEER set to the value that it has (bridges and transfers say it again) is left out."""
    if entry[:2] == ("VarSet", "BRIDGEPEER") and entry == next(
        (held for held in reversed(trace[channel]) if held[:2] == entry[:2]), None
    ):
        return
    trace[channel].append(entry)


def _value(name: str, value: str) -> str:
    return "n" if TIMES.fullmatch(name) and value.isdigit() else value


def _party(number: str, name: str) -> str:
    return f"{name} <{number}>".replace("<unknown>", "")


def recorded_trace(ami: list[Any]) -> tuple[Trace, list[str]]:
    """Per channel the events that are compared, and the channels by order of creation."""
    found = [dict(event) for event in ami]
    names = [event["Channel"] for event in found if event["Event"] == "Newchannel"]
    trace: Trace = defaultdict(list)
    for e in found:
        kind, channel = e["Event"], e.get("Channel", "")
        if kind == "VarSet" and VARIABLES.fullmatch(e["Variable"]):
            _put(trace, channel, "VarSet", e["Variable"], _short(_value(e["Variable"], e["Value"]), names))
        elif kind == "Newstate":
            _put(trace, channel, kind, e["ChannelStateDesc"])
        elif kind == "NewCallerid":
            _put(trace, channel, kind, _party(e["CallerIDNum"], e["CallerIDName"]))
        elif kind == "NewConnectedLine":
            _put(trace, channel, kind, _party(e["ConnectedLineNum"], e["ConnectedLineName"]))
        elif kind == "DialBegin":
            _put(trace, channel, kind, _short(e["DestChannel"], names), e["DialString"])
        elif kind in ("DialState", "DialEnd"):
            _put(trace, channel, kind, _short(e["DestChannel"], names), e["DialStatus"])
        elif kind in ("BridgeEnter", "BridgeLeave"):
            _put(trace, channel, kind)
        elif kind == "Hangup":
            _put(trace, channel, kind, e["Cause"])
        elif kind in ("Hold", "Unhold"):
            _put(trace, channel, kind)
        elif kind == "UserEvent":
            headers = [f"{key}={_short(e[key], names)}" for key in HEADERS if key in e]
            _put(trace, channel, kind, *(text for text in headers if not text.endswith("=")))
    return trace, names


def our_trace(world: World) -> tuple[Trace, list[str]]:
    """The same of a world."""
    names = [event.channel.name for event in world.seen(events.ChannelCreated)]
    trace: Trace = defaultdict(list)
    for kind, channel, rest in world.notes:
        if kind == "VarSet":
            if not VARIABLES.fullmatch(rest[0]):
                continue
            rest = (rest[0], _value(*rest))
        if kind == "UserEvent":
            rest = tuple(text for text in rest if text.partition("=")[0] in HEADERS and not text.endswith("="))
            rest = tuple(sorted(rest, key=lambda text: HEADERS.index(text.partition("=")[0])))
        _put(trace, channel, kind, *(_short(text, names) for text in rest))
    return trace, names


def our_ids(world: World) -> list[str]:
    """The unique ids of the channels by order of creation."""
    return [event.channel.unique_id for event in world.seen(events.ChannelCreated)]


def recorded_ids(recording: dict[str, Any]) -> list[str]:
    """The same of a recording."""
    return [dict(event)["Uniqueid"] for event in recording["observed"]["ami"] if dict(event)["Event"] == "Newchannel"]


def cdr_rows(lines: list[str], names: list[str], ids: list[str]) -> list[list[str]]:
    """The rows by sequence number (relative to the first) without times and lengths; channels by order of creation."""
    rows: list[tuple[int, list[str]]] = []
    for row in csv.reader(lines):
        found = re.search(r"[-+]?\d+", row[-1])
        assert found is not None
        texts = [_short(text, names) for text in row[:9]]
        identities = [str(ids.index(row[index])) for index in (16, 19)]
        rows.append((int(found[0]), [*texts, "answered" if row[10] else "", *row[14:16], *row[17:19], *identities]))
    rows.sort()
    return [[str(sequence - rows[0][0]), *fields] for sequence, fields in rows]
