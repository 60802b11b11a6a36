"""The events that clients are told, against the table of what Asterisk's clients know: names, fields and their order."""

from __future__ import annotations

import ast
import csv
import dataclasses
import re
import types
import typing
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import globstar
from globstar.core import events
from globstar.core.bridge import Bridge
from globstar.core.channel import Channel
from globstar.core.manager import privilege_text
from globstar.core.testevents import TestEvent
from globstar.interfaces.ami.reference import reference
from globstar.modules.builtin.ccss.events import CompletionChanged
from globstar.proto.aoc import AdviceOfCharge
from globstar.proto.rtp.rtcp import ReceiverReport, ReportBlock, SenderReport
from tests.support.ami_world import ami_world

pytestmark = pytest.mark.virtual_time

#: Beginnings of fields that are told under a condition only.
SOMETIMES = {
    "AttendedTransfer": ("Dest", "LocalOne", "LocalTwo"), "Hangup": ("TechCause",), "PeerStatus": ("Port", "Time"),
    "ParkedCall": ("Retriever", "Parker"), "RTCPSent": ("Sent",), "RTCPReceived": ("Sent", "RTT"),
}  # fmt: skip
#: Fields that the documentation does not have: seen with Asterisk.
SEEN = {"AttendedTransfer": ("IsExternal",)}
#: Translations whose fields depend on what happened: each has tests of its own.
BY_HAND = (events.ChargeAdvised, CompletionChanged, events.ContactStatusChanged, events.SecurityEvent, TestEvent)
#: Events of built modules that are never told, with the reason.
WITHOUT = {
    "FAXStatus": "there is no fax engine", "ReceiveFAX": "there is no fax engine", "SendFAX": "there is no fax engine",
    "Rename": "channels keep their names",
}  # fmt: skip
#: Names that are made up of parts, and one that is written otherwise than documented: what stands in the source.
MADE_UP = {
    "AOC-D": "AOC-", "AOC-E": "AOC-", "AOC-S": "AOC-", "HangupHandlerPop": "HangupHandler", "HangupHandlerPush": "HangupHandler",
    "HangupHandlerRun": "HangupHandler", "NewExten": "Newexten", "InboundSubscriptionDetailComplete": "Complete",
    "OutboundSubscriptionDetailComplete": "Complete",
}  # fmt: skip
BLOCK = ReportBlock(1, 2, 3, 4, 5, 6, 7)


def fields_of(event: str) -> list[str]:
    """The names of an event's fields in order."""
    return [re.split(r"[=(]", field.lstrip("*"))[0] for field in reference("event")[event].fields]


async def test_every_translation_has_the_fields_in_order(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        call, _ = await ami.bridged()
        member = call.channel.bridge_member
        assert member is not None
        specs = [spec for spec in ami.world.system.registry("manager event") if spec.event not in BY_HAND]
        assert len(specs) > 50
        told = [one for spec in specs for one in spec.translate(made(spec.event, call.channel, member.bridge))]
        assert len(told) >= len(specs) - 3
        for one in told:
            if one.name in ("Newexten", "HangupHandlerkind", "kind"):  # the last two: made up of the sample's values
                continue
            wanted = fields_of(one.name)
            names = [re.sub(r"^Report\d", "ReportX", name) for name, _ in one.fields]
            assert [name for name in names if name not in wanted] == list(SEEN.get(one.name, ())), one.name
            missing = [name for name in wanted if name not in names and not name.endswith("BridgeVideoSource")]
            assert [name for name in missing if not name.startswith(SOMETIMES.get(one.name, ()) or "-")] == [], one.name
            classes = reference("event")[one.name].classes
            assert classes in (privilege_text(one.permission).split(",")[0], "class"), one.name  # the latter: a slip there
            if one.name != "AttendedTransfer":  # in the order that was recorded
                assert [name for name in names if name in wanted] == [name for name in wanted if name in names], one.name


async def test_the_events_of_parking_have_the_fields_in_order(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        call, other = await ami.bridged()
        spec = ami.world.system.registry("manager event").get("ParkingChanged")
        assert spec is not None
        for kind in ("ParkedCall", "ParkedCallGiveUp", "ParkedCallTimeOut", "ParkedCallSwap", "UnParkedCall"):
            retriever = other.channel if kind == "UnParkedCall" else None
            happened = events.ParkingChanged(kind, call.channel, other.channel, "Test/bob", "default", 701, 40, 5, retriever)
            (one,) = spec.translate(happened)
            wanted = fields_of(kind)
            names = [name for name, _ in one.fields]
            if kind != "UnParkedCall":  # there the retriever comes before the lot, as recorded
                assert names == [name for name in wanted if name in names]
            absent = {name for name in wanted if name not in names}
            assert all(name.startswith("Parker") and kind != "ParkedCallSwap" for name in absent)


def test_the_table_is_that_of_asterisk(shared: Path) -> None:
    with (shared / "compat" / "manager_events.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    table = reference("event")
    assert set(table) <= {row["event"] for row in rows}
    completed = {"TestEvent", "LogChannel"}  # what documentation leaves out there
    for row in rows:
        if row["event"] in table and row["event"] not in completed | {"FullyBooted"}:
            values_with_blanks = r"\(if \w+\)|(?<=Not) (?=Permitted)|(?<=NO) (?=ANSWER)"
            documented = re.sub(values_with_blanks, "", row["fields"]).split()
            here = [field.partition("=")[0] for field in table[row["event"]].fields]
            assert [field.partition("=")[0] for field in documented] == here, row["event"]


async def test_every_event_of_a_built_module_is_told_somewhere(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        built = {module.name for module in ami.world.system.loader.modules.values()} | {"core"}
        names = _strings_of_source()
        missing = {
            name
            for name, entry in reference("event").items()
            if built.intersection(entry.modules) and MADE_UP.get(name, name) not in names
        }
    assert missing == set(WITHOUT)


@cache
def _strings_of_source() -> frozenset[str]:
    """Every text that stands in the program, its lists of what it lacks apart."""
    found = set()
    for file in Path(globstar.__file__).parent.rglob("*.py"):
        if file.name.startswith("compat"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return frozenset(found)


def made(kind: type[Any], channel: Channel, bridge: Bridge) -> Any:
    """A bus event about ``channel`` and ``bridge``, with some value in every field."""
    names: dict[str, Any] = {
        "Channel": Channel, "Bridge": Bridge, "SenderReport": SenderReport, "ReceiverReport": ReceiverReport, "Any": Any,
        "AdviceOfCharge": AdviceOfCharge,
    }  # fmt: skip
    hints = typing.get_type_hints(kind, localns=names)
    return kind(**{field.name: _sample(hints[field.name], field.name, channel, bridge) for field in dataclasses.fields(kind)})


def _sample(hint: Any, name: str, channel: Channel, bridge: Bridge) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _sample(arguments[0], name, channel, bridge)
    if origin is tuple:
        return () if Ellipsis in arguments else tuple(_sample(one, name, channel, bridge) for one in arguments)
    if origin in (dict, list, Sequence):
        return () if origin is Sequence else origin()
    samples: dict[Any, Any] = {
        Channel: channel, Bridge: bridge, str: name, SenderReport: SenderReport(1, 2, 3, 4, 5, (BLOCK,)),
        OSError: OSError(28, "No space left on device"),
    }  # fmt: skip
    return samples[hint] if hint in samples else hint(1)
