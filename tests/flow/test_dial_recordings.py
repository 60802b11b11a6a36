"""Two-party calls of the recorded scenarios, played with scripted phones: events per channel and call detail records.

Each scenario repeats what the phones of a recording did (``vectors/calls``). Compared are, channel by channel and in order, the
events that concern the call, the variables that Dial and the bridge set, the UserEvents of the dialplan, and the rows of
Master.csv. Left out is what belongs to SIP or RTP, and what differs from run to run (times, order between channels).
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from globstar.core import events
from globstar.core.cause import Cause
from tests.support.testtech import Leg, World

Script = Callable[["Recorded"], Awaitable[None]]
Trace = dict[str, list[tuple[str, ...]]]

VARIABLES = re.compile(
    r"DIALSTATUS|DIALEDPEER(NAME|NUMBER)|(ANSWERED|DIALED|RING|PROGRESS)TIME(_MS)?|BRIDGEPEER|BLINDTRANSFER|GOSUB_RETVAL"
    r"|FORWARDERNAME|LOCAL\(ARG\w+\)|ARG\w+|__INH|ONE|_ONE"
)
TIMES = re.compile(r"(ANSWERED|DIALED|RING|PROGRESS)TIME(_MS)?")
FINAL = (
    "DIALSTATUS",
    "HANGUPCAUSE",
    "DIALEDPEERNAME",
    "HANGUPSOURCE",
    "BLINDTRANSFER",
    "CDRDISP",
    "STATUS",
    "CAUSE",
    "WHO",
    "HERE",
)


class Recorded:
    """A world in which a recorded scenario is played: the endpoints of the recording as scripted phones."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.alice = world.phone("alice", "100", "Alice Example")
        self.bob = world.phone("bob", "101", "Bob Example")
        self.carol = world.phone("carol", "102", "Carol Example")
        self.settle = world.settle

    async def talk(self, extension: str, *, rings: bool = True, ends: str = "caller", hold: float = 0.4) -> tuple[Leg, Leg]:
        """Alice calls, bob answers, and one of them hangs up: ``talk`` of the recordings."""
        call = self.alice.dials(extension, "main")
        leg = await self.bob.is_called()
        if rings:
            leg.rings()
            await self.settle(0.1)
        leg.answers()
        await call.is_told("answer")
        await self.settle(hold)
        (call if ends == "caller" else leg).hangs_up()
        return call, leg

    async def refuse(self, cause: int, extension: str = "201", *, rings: bool = False) -> None:
        """Alice calls, bob does not take the call."""
        call = self.alice.dials(extension, "main")
        leg = await self.bob.is_called()
        if rings:
            leg.rings()
            await self.settle(0.1)
        leg.hangs_up(cause)
        await self.refused(call)

    async def refused(self, call: Leg) -> None:
        """What SIP does with busy and congestion: the final response ends the caller's leg."""
        await self.settle(0.01)
        if not call.channel.is_hung_up:
            call.hangs_up(call.channel.hangup_cause)


async def _answer_180_caller(r: Recorded) -> None:
    await r.talk("201")


async def _answer_no_ring_callee(r: Recorded) -> None:
    await r.talk("201", rings=False, ends="callee")


async def _answer_early_media(r: Recorded) -> None:
    call = r.alice.dials("201", "main")
    leg = await r.bob.is_called()
    leg.progresses()
    await call.is_told("progress")
    await r.settle(0.2)
    leg.answers()
    await call.is_told("answer")
    await r.settle(0.3)
    call.hangs_up()


async def _answered_caller_first(r: Recorded) -> None:
    call = r.alice.dials("235", "main")
    await call.is_told("answer")
    call.speaks()
    leg = await r.bob.is_called()
    leg.rings()
    await r.settle(0.2)
    leg.answers()
    await r.settle(0.3)
    call.hangs_up()


async def _cancel(r: Recorded, extension: str = "201") -> None:
    call = r.alice.dials(extension, "main")
    leg = await r.bob.is_called()
    leg.rings()
    await call.is_told("ringing")
    call.hangs_up(Cause.INTERWORKING)


async def _no_answer(r: Recorded) -> None:
    call = r.alice.dials("202", "main")
    leg = await r.bob.is_called()
    leg.rings()
    await leg.is_told("hangup 0")
    await call.is_told("hangup 0")


async def _parallel_both_busy(r: Recorded) -> None:
    call = r.alice.dials("203", "main")
    bob, carol = await r.bob.is_called(), await r.carol.is_called()
    bob.refuses()
    await r.settle(0.1)
    carol.refuses()
    await r.refused(call)


async def _parallel_one_answers(r: Recorded) -> None:
    call = r.alice.dials("203", "main")
    bob, carol = await r.bob.is_called(), await r.carol.is_called()
    bob.rings()
    carol.rings()
    await r.settle(0.2)
    carol.answers()
    await bob.is_told(f"hangup {int(Cause.ANSWERED_ELSEWHERE)}")
    await call.is_told("answer")
    await r.settle(0.2)
    call.hangs_up()


async def _serial(r: Recorded) -> None:
    call = r.alice.dials("204", "main")
    bob = await r.bob.is_called()
    bob.refuses()
    carol = await r.carol.is_called()
    carol.rings()
    await r.settle(0.1)
    carol.answers()
    await call.is_told("answer")
    await r.settle(0.2)
    call.hangs_up()


async def _nobody_there(r: Recorded, extension: str) -> None:
    call = r.alice.dials(extension, "main")
    await r.refused(call)


async def _redirect(r: Recorded) -> None:
    call = r.alice.dials("201", "main")
    leg = await r.bob.is_called()
    leg.forwards("carol")
    await r.refused(call)


async def _option_g(r: Recorded) -> None:
    await r.talk("209", rings=False, ends="callee")


async def _option_f_continue(r: Recorded) -> None:
    call = r.alice.dials("218", "main")
    leg = await r.bob.is_called()
    leg.answers()
    await call.is_told("answer")
    await r.settle(0.2)
    call.hangs_up()


async def _option_split(r: Recorded) -> None:
    r.alice.dials("219", "main")
    leg = await r.bob.is_called()
    leg.answers()


async def _limit(r: Recorded, extension: str) -> None:
    call = r.alice.dials(extension, "main")
    leg = await r.bob.is_called()
    leg.answers()
    await leg.is_told("hangup 16")
    await call.is_told("hangup 16")


async def _disconnect_code(r: Recorded, *, by_callee: bool) -> None:
    call = r.alice.dials("210", "main")
    leg = await r.bob.is_called()
    leg.answers()
    await call.is_told("answer")
    await r.settle(0.3)
    (leg if by_callee else call).presses("*0")
    await leg.is_told("hangup 16")


async def _music(r: Recorded) -> None:
    call = r.alice.dials("208", "main")
    leg = await r.bob.is_called()
    leg.rings()
    await r.settle(0.4)
    leg.answers()
    await call.is_told("answer")
    call.hangs_up()


async def _ringback(r: Recorded) -> None:
    call = r.alice.dials("207", "main")
    leg = await r.bob.is_called()
    await call.is_told("ringing")
    await r.settle(0.2)
    leg.answers()
    await call.is_told("answer")
    call.hangs_up()


async def _local_optimised(r: Recorded) -> None:
    call = r.alice.dials("225", "main")
    leg = await r.bob.is_called()
    leg.answers()
    await call.is_told("answer")
    await r.settle(0.01)
    call.speaks()
    await r.settle(1.0)
    call.hangs_up()


async def _blind_transfer(r: Recorded) -> None:
    call = r.alice.dials("211", "main")
    leg = await r.bob.is_called()
    leg.answers()
    await call.is_told("answer")
    await r.settle(0.3)
    call.presses("#1")
    await r.settle(1.0)
    call.presses("1002")
    await call.is_told("hangup 16")


async def _pickup(r: Recorded) -> None:
    call = r.alice.dials("6001", "main")
    leg = await r.bob.is_called()
    leg.rings()
    await call.is_told("ringing")
    picker = r.carol.dials("**6001", "main")
    await picker.is_told("answer")
    await call.is_told("answer")
    await r.settle(0.3)
    picker.hangs_up()


SCENARIOS: dict[str, Script] = {
    "g03_answer_180_caller_hangs_up": _answer_180_caller,
    "g03_answer_no_ring_callee_hangs_up": _answer_no_ring_callee,
    "g03_answer_183_early_media": _answer_early_media,
    "g03_answered_caller_first": _answered_caller_first,
    "g03_caller_cancels_ringing": _cancel,
    "g03_opt_c_answered_elsewhere": lambda r: _cancel(r, "231"),
    "g03_no_answer_timeout": _no_answer,
    "g03_callee_refuses_400": lambda r: r.refuse(127),
    "g03_callee_refuses_403": lambda r: r.refuse(21),
    "g03_callee_refuses_486": lambda r: r.refuse(17),
    "g03_callee_refuses_503": lambda r: r.refuse(34),
    "g03_callee_refuses_604": lambda r: r.refuse(1),
    "g03_callee_ringing_then_486": lambda r: r.refuse(17, rings=True),
    "g03_parallel_both_busy": _parallel_both_busy,
    "g03_parallel_one_answers": _parallel_one_answers,
    "g03_serial_busy_then_answer": _serial,
    "g03_nonexistent_endpoint": lambda r: _nobody_there(r, "206"),
    "g03_nonexistent_technology": lambda r: _nobody_there(r, "243"),
    "g03_redirect_302_to_carol": _redirect,
    "g03_opt_g_continue": _option_g,
    "g03_opt_F_callee_continues": _option_f_continue,
    "g03_opt_G_split_both": _option_split,
    "g03_opt_S_seconds": lambda r: _limit(r, "213"),
    "g03_opt_h_callee_star_hangup": lambda r: _disconnect_code(r, by_callee=True),
    "g04_feature_disconnect_code": lambda r: _disconnect_code(r, by_callee=False),
    "g03_opt_m_musiconhold": _music,
    "g03_opt_r_ringing": _ringback,
    "g03_opt_U_gosub_callee": lambda r: r.talk("214"),  # type: ignore[dict-item, return-value]
    "g03_opt_e_h_exten": lambda r: r.talk("232"),  # type: ignore[dict-item, return-value]
    "g03_opt_f_forced_cid": lambda r: r.talk("222"),  # type: ignore[dict-item, return-value]
    "g03_opt_D_send_digits": lambda r: r.talk("221", hold=0.8),  # type: ignore[dict-item, return-value]
    "g03_connected_line_set_in_dialplan": lambda r: r.talk("239"),  # type: ignore[dict-item, return-value]
    "g03_local_channel_n": lambda r: r.talk("224"),  # type: ignore[dict-item, return-value]
    "g03_local_channel_optimised": _local_optimised,
    "g04_feature_blind_transfer_caller": _blind_transfer,
    "g05_directed_pickup_app": _pickup,
}

#: Where Globstar's way differs on purpose: per scenario, channels (by order of creation) whose events are not compared.
#: A picked up call is not masqueraded here, so the channel that rang ends at once, and the one that picked up goes on as itself.
UNLIKE: dict[str, set[int]] = {"g05_directed_pickup_app": {1, 2}}


#: Channels whose events are compared without their order: the recorded program tells of a change of a Local half's caller id
#: only together with its next change of state.
UNORDERED: dict[str, set[int]] = {"g03_local_channel_n": {1}, "g03_local_channel_optimised": {1}}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_recorded_scenario(name: str, shared: Path, tmp_path: Path) -> None:
    calls = shared / "vectors" / "calls"
    recording = json.loads((calls / f"{name}.json").read_text())
    files = {file: (calls / "config" / file).read_text() for file in ("features.conf", "cdr.conf")}
    dialplan = (calls / "config" / "extensions.conf").read_text().replace("<RUN>", str(tmp_path))
    async with await World.start(dialplan, files=files, tech_name="PJSIP", context="main", root=tmp_path) as world:
        await SCENARIOS[name](Recorded(world))
        await world.all_gone()
    ours, our_names = _our_trace(world)
    theirs, their_names = _recorded_trace(recording["observed"]["ami"])
    assert [_base(n) for n in our_names] == [_base(n) for n in their_names]
    for index, (mine, other) in enumerate(zip(our_names, their_names, strict=True)):
        if index in UNLIKE.get(name, ()):
            continue
        if index in UNORDERED.get(name, ()):
            assert sorted(ours[mine]) == sorted(theirs[other]), f"events of {other}"
        else:
            assert ours[mine] == theirs[other], f"events of {other}"
    rows = (tmp_path / "log" / "cdr-csv" / "Master.csv").read_text().splitlines()
    assert _rows(rows, our_names, _our_ids(world)) == _rows(recording["observed"]["cdr"], their_names, _their_ids(recording))


# -- traces ------------------------------------------------------------------------------------------------------------


def _base(name: str) -> str:
    head, _, tail = name.rpartition("-")
    return head + (";" + tail.partition(";")[2] if ";" in tail else "")


def _short(text: str, names: list[str]) -> str:
    for index, name in enumerate(names):
        text = text.replace(name, f"channel {index}")
    return text


def _put(trace: Trace, channel: str, *entry: str) -> None:
    """Add an event; the same variable set to the same value twice in a row (bridges say it again) counts once."""
    if entry[0] == "VarSet" and entry[1] == "BRIDGEPEER" and entry in trace[channel][-2:]:
        return
    trace[channel].append(entry)


def _value(name: str, value: str) -> str:
    return "n" if TIMES.fullmatch(name) and value.isdigit() else value


def _party(number: str, name: str) -> str:
    return f"{name} <{number}>".replace("<unknown>", "")


def _recorded_trace(ami: list[Any]) -> tuple[Trace, list[str]]:
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
            headers = [f"{key}={_short(e[key], names)}" for key in FINAL if key in e]
            _put(trace, channel, kind, *(text for text in headers if not text.endswith("=")))
    return trace, names


def _our_trace(world: World) -> tuple[Trace, list[str]]:
    names = [event.channel.name for event in world.seen(events.ChannelCreated)]
    trace: Trace = defaultdict(list)
    # Events hold live channels: what they were then is noted by the listeners below while the scenario runs.
    for kind, channel, rest in world.notes:
        if kind == "VarSet":
            if not VARIABLES.fullmatch(rest[0]):
                continue
            rest = (rest[0], _value(*rest))
        if kind == "UserEvent":
            rest = tuple(text for text in rest if text.partition("=")[0] in FINAL and not text.endswith("="))
            rest = tuple(sorted(rest, key=lambda text: FINAL.index(text.partition("=")[0])))
        _put(trace, channel, kind, *(_short(text, names) for text in rest))
    return trace, names


def _our_ids(world: World) -> list[str]:
    return [event.channel.unique_id for event in world.seen(events.ChannelCreated)]


def _their_ids(recording: dict[str, Any]) -> list[str]:
    return [dict(event)["Uniqueid"] for event in recording["observed"]["ami"] if dict(event)["Event"] == "Newchannel"]


def _rows(lines: list[str], names: list[str], ids: list[str]) -> list[list[str]]:
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
