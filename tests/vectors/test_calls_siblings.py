"""Siblings of recorded scenarios on the recorded configuration: what Asterisk does there follows from what it was seen to do.

The refusals of a callee by compat/sip_cause_map.tsv, hangup causes by the same table, extensions of the recorded dialplan that
no recording uses, and requests inside a call that ask for what nobody understands.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.cause import Cause
from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone, Wire, sip_office
from tests.support.sip_replay import CONFIGURATION_FILES, make_sounds
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

#: Causes that Dial does not turn into CHANUNAVAIL (congestion for the caller), with what the caller is told.
PASSED_ON = {"BUSY": (486, 17), "USER_BUSY": (486, 17), "NO_ANSWER": (480, 19)}


@asynccontextmanager
async def recorded_office(root: Path, shared: Path) -> AsyncIterator[tuple[SipOffice, dict[str, SipPhone]]]:
    """The recorded configuration with its five phones, which are known by their addresses in it."""
    folder = shared / "vectors" / "calls" / "config"
    if not folder.is_dir():
        pytest.skip(f"no recorded configuration below {shared}")
    make_sounds(root / "data" / "sounds" / "en")
    files = {name: (folder / name).read_text().replace("<RUN>", str(root)) for name in CONFIGURATION_FILES}
    files["pjsip.conf"] = files["pjsip.conf"].partition("; outbound registration")[0]
    async with sip_office(root, None, files=files) as office:
        yield office, {name: office.phone(name) for name in ("alice", "bob", "carol", "dave", "eve")}


def cause_map(shared: Path, direction: str) -> dict[str, str]:
    """One direction of the table."""
    rows = (line.split("\t") for line in (shared / "compat" / "sip_cause_map.tsv").read_text().splitlines())
    return {row[1].removeprefix("AST_CAUSE_"): row[2].removeprefix("AST_CAUSE_") for row in rows if row[0] == direction}


def reason(message: Wire) -> int:
    found = re.fullmatch(r"Q\.850;cause=(\d+)", message["Reason"])
    assert found is not None, message.text
    return int(found[1])


async def refused_by_bob(phones: dict[str, SipPhone], status: int, extra: str = "") -> Wire:
    call = phones["alice"].call("201")
    ringing = await phones["bob"].ring()
    ringing.reply(status, extra=extra)
    await phones["bob"].get("ACK")
    answer = await phones["alice"].final()
    call.refused(answer)
    return answer


async def test_every_refusal_of_a_callee(tmp_path: Path, shared: Path) -> None:
    """What was recorded of twelve statuses holds for all: busy and no answer are passed on, the rest is congestion."""
    async with recorded_office(tmp_path, shared) as (_, phones):
        table = cause_map(shared, "sip->cause")
        statuses = {int(status): name for status, name in table.items() if int(status) >= 400}
        statuses |= {402: "INTERWORKING", 406: "INTERWORKING", 423: "INTERWORKING", 513: "INTERWORKING", 699: "INTERWORKING"}
        for status, name in statuses.items():
            answer = await refused_by_bob(phones, status)
            assert (answer.status, reason(answer)) == PASSED_ON.get(name, (503, 34)), status


async def test_a_reason_of_the_callee_changes_nothing(tmp_path: Path, shared: Path) -> None:
    """As recorded of 486 with cause 21: the status counts."""
    async with recorded_office(tmp_path, shared) as (_, phones):
        answer = await refused_by_bob(phones, 603, 'Reason: Q.850;cause=17;text="User busy"\r\n')
        assert (answer.status, reason(answer)) == (503, 34)


async def test_every_hangup_cause(tmp_path: Path, shared: Path) -> None:
    """Hangup(cause) before and after the answer, for every cause there is."""
    table = cause_map(shared, "cause->sip")
    by_number = {int(Cause[name]): int(status) for name, status in table.items()}
    async with recorded_office(tmp_path, shared) as (_, phones):
        alice = phones["alice"]
        for number in sorted({int(cause) for cause in Cause if int(cause)} | set(by_number)):
            call = alice.call(f"11{number:03}")
            answer = await alice.final()
            call.refused(answer)
            assert (answer.status, reason(answer)) == (by_number.get(number, 603), number), number
            call = await alice.dial(f"12{number:03}")
            assert reason(await call.ended()) == number


@pytest.mark.parametrize(
    ("extension", "callee", "statuses"),
    [
        ("1012", "", [486]), ("1016", "", [200]), ("1023", "", [603]), ("1030", "", [200]), ("1042", "", [200]),
        ("1026", "", [200]), ("216", "bob", [180, 200]), ("220", "bob", [180, 200]), ("223", "bob", [180, 200]),
        ("227", "bob", [180, 200]), ("229", "bob", [180, 200]), ("236", "bob", [180, 200]), ("237", "bob", [180, 200]),
        ("238", "eve", [180, 200]), ("241", "dave", [180, 200]), ("242", "", [503]), ("402", "", [200]), ("404", "bob", [200]),
        ("*9", "", [603]), ("**6001", "", [603]), ("300", "", [603]), ("299", "", [603]), ("6001", "bob", [180, 200]),
        ("6005", "", [404]), ("203", "carol", [180, 200]),
    ],
)  # fmt: skip
async def test_extensions_that_no_recording_uses(
    tmp_path: Path, shared: Path, extension: str, callee: str, statuses: list[int]
) -> None:
    """Each runs without an unknown application, function or option and without an error, and ends like its siblings."""
    async with recorded_office(tmp_path, shared) as (_, phones):
        alice = phones["alice"]
        with LogCapture(Level.WARNING | Level.ERROR) as log:
            call = alice.call(extension)
            ringing: PhoneCall | None = None
            if callee:
                ringing = await phones[callee].ring()
                ringing.reply(180)
                await asyncio.sleep(0.1)
                await ringing.answer()
            await alice.get(100 if extension != "6005" else 404)
            heard = [404] if extension == "6005" else []
            while not heard or heard[-1] < 200:
                heard.append((answer := await alice._answer()).status)
            assert heard == statuses
            if heard[-1] == 200:
                call.take_answer(answer)
                if ringing is not None:
                    await asyncio.sleep(1.5)
                    await call.hang_up()
                    await ringing.ended()
                else:
                    await call.ended()
            elif extension != "6005":
                call.refused(answer)
            for name in ("bob", "carol"):
                phones[name].inbox.clear()
        bad = ("No application", "no such function", "traceback")
        assert not [one.message for one in log.records if one.level is Level.ERROR or one.message.startswith(bad)]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "OPTIONS", "MESSAGE", "INFO", "REFER"])
async def test_rfc3261_8_2_2_3_unknown_extensions_inside_a_call(tmp_path: Path, shared: Path, method: str) -> None:
    """As the recorded INVITE with Require: nosuchext; the call goes on."""
    async with recorded_office(tmp_path, shared) as (_, phones):
        alice = phones["alice"]
        call = await alice.dial("1024")
        answer = await call.request_inside(method, "Require: timer, nosuchext\r\nContent-Type: application/sdp\r\n", call.sdp())
        assert (answer.status, answer["Unsupported"]) == (420, "nosuchext")
        assert answer["Supported"] == "100rel, timer, replaces, norefersub"
        if method == "INVITE":
            call.last = Wire(f"INVITE x SIP/2.0\r\nVia: {answer['Via'].replace(';rport=15071;received=127.0.0.1', '')}\r\n\r\n")
            call.refused(answer)
        await call.hang_up()


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "SUBSCRIBE", "MESSAGE", "PUBLISH"])
async def test_rfc3261_8_2_2_3_unknown_extensions_outside_of_calls(tmp_path: Path, shared: Path, method: str) -> None:
    async with recorded_office(tmp_path, shared) as (_, phones):
        answer = await phones["alice"].ask(method, "sip:100@127.0.0.1:15060", extra="Require: path, nosuchext\r\n")
        assert (answer.status, answer["Unsupported"]) == (420, "nosuchext")
