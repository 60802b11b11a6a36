"""Overload: what waits, what does not, what is refused, and what is told about it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.core.events import SecurityEvent
from globstar.core.limits import Full
from globstar.core.settings import Options
from globstar.modules.channels.pjsip import overload
from tests.support.sip_phone import SipPhone, phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

PHONES = phone_section("alice") + phone_section("bob")
PLAN = "[default]\nexten => 1,1,Answer()\n same => n,Wait(60)\n"


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the turn of the loop were always used up: every new request waits, and one is worked off a turn."""
    monkeypatch.setattr(overload, "SLICE", -1.0)


async def test_with_little_to_do_nothing_waits(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, PLAN) as office:
        alice = office.phone("alice")
        assert (await alice.register()).status == 200
        call = await alice.dial("1")
        await call.hang_up()
        assert office.driver.overload.counters == {"queued": 0, "refused": 0, "repeated unread": 0, "overloads": 0}


@pytest.mark.usefixtures("busy")
async def test_new_requests_wait_and_dialogs_do_not(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, PLAN) as office:
        alice = office.phone("alice")
        call = await alice.dial("1")
        await call.hang_up()
        assert office.driver.overload.counters["queued"] == 1, "the INVITE; not ACK and BYE"
        assert office.driver.overload.counters["refused"] == 0


@pytest.mark.usefixtures("busy")
async def test_a_full_queue_refuses_and_calls_go_on(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES + "[o]\ntype=overload\nmax_queue=3\nretry_after=9\n", PLAN) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = await alice.dial("1")
        with LogCapture(Level.WARNING) as log:
            for _ in range(6):
                bob.send(bob.text("REGISTER", "sip:127.0.0.1", to="<sip:bob@127.0.0.1>"))
            await call.hang_up()
            answers = [await _any(bob) for _ in range(6)]
        assert sorted(answers) == [200, 200, 200, 503, 503, 503]
        assert [text for text in log.texts(Level.WARNING) if "overloaded" in text] == [
            "SIP is overloaded, new requests are refused with 503: 3 requests wait"
        ]
        assert "overloaded: 3 requests wait" in await run_command(office.system, "pjsip show overload")
        with LogCapture(Level.NOTICE) as log:
            await asyncio.sleep(20)
        assert log.texts(Level.NOTICE) == ["SIP is not overloaded any more; 3 requests were refused"]
        assert "normal" in await run_command(office.system, "pjsip show overload")
        assert (await bob.register()).status == 200


async def _any(phone: SipPhone) -> int:
    deadline = asyncio.get_running_loop().time() + 40
    while not phone.inbox:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.001)
    return phone.inbox.popleft().status


@pytest.mark.usefixtures("busy")
async def test_a_late_loop_refuses_what_would_wait(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, PLAN) as office:
        alice = office.phone("alice")
        office.driver.overload.lag, office.driver.overload.late_beats = 0.5, 3
        alice.send(alice.text("INVITE", "sip:1@127.0.0.1", to="<sip:1@127.0.0.1>"))
        refused = await alice.get(503)
        assert refused["Retry-After"] == "5"
        assert not office.driver.sip.layer.servers, "a refusal leaves nothing behind"
        parsed = office.driver.sip.counters.requests
        alice.send(alice.text("ACK", "sip:1@127.0.0.1", to=refused["To"]))
        await asyncio.sleep(0.01)
        assert office.driver.sip.counters.requests == parsed, "nor is its ACK read"


@pytest.mark.usefixtures("busy")
async def test_a_request_that_waited_too_long_is_refused(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, PLAN) as office:
        alice, machine = office.phone("alice"), office.driver.overload
        text = alice.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>").encode()
        transport = next(iter(office.driver.transports)).transport
        machine.pending.append((overload.Kind.NEW, text, alice.address, transport, office.system.now() - 1.0))
        machine._pump_soon()
        await alice.get(503)
        assert machine.oldest == pytest.approx(1.0)


@pytest.mark.usefixtures("busy")
async def test_a_cancel_does_not_overtake_its_invite(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, "[default]\nexten => 1,1,Wait(60)\n") as office:
        alice = office.phone("alice")
        invite = alice.text("INVITE", "sip:1@127.0.0.1", to="<sip:1@127.0.0.1>", call_id="c", cseq=5)
        alice.send(invite)
        alice.send(invite.replace("INVITE", "CANCEL"))
        got = [await _any(alice) for _ in range(3)]
        assert sorted(got) == [100, 200, 487], "not 481 and a call that nobody wants"


@pytest.mark.usefixtures("busy")
async def test_a_repetition_is_answered_unread(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, PLAN) as office:
        alice = office.phone("alice")
        text = alice.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>")
        alice.send(text)
        await alice.get(200)
        parsed = office.driver.sip.counters.requests
        alice.send(text)
        await asyncio.sleep(0.1)
        assert office.story()[-1] == "alice <- 200 again", "the same bytes"
        assert office.driver.sip.counters.requests == parsed
        assert office.driver.overload.counters["repeated unread"] == 1


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("text", ["[o]\ntype=overload\nenabled=no\n", "[global](+)\ntaskprocessor_overload_trigger=none\n"])
async def test_it_can_be_off(tmp_path: Path, text: str) -> None:
    async with sip_office(tmp_path, PHONES + text, PLAN) as office:
        office.driver.overload.lag, office.driver.overload.late_beats = 10.0, 9
        assert (await office.phone("alice").register()).status == 200
        assert "state                         : off" in await run_command(office.system, "pjsip show overload")


async def test_connections_are_refused_while_the_loop_is_late(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, PLAN) as office:
        alice = office.phone("alice", protocol="TCP")
        office.driver.overload.lag, office.driver.overload.late_beats = 0.5, 3
        assert (await alice.register()).status == 503
        office.driver.overload.lag, office.driver.overload.late_beats = 0.0, 0
        assert (await alice.register()).status == 200


async def test_one_hiccup_of_the_loop_is_no_overload(tmp_path: Path) -> None:
    """Only a loop that is late at several looks in a row is overloaded."""
    async with sip_office(tmp_path, PHONES, PLAN) as office:
        machine, now = office.driver.overload, office.system.now()
        late = []
        for delay in (0.5, 0.0, 0.2, 0.2, 0.2, 0.0):
            machine._beat_due = now - delay
            machine._on_beat()
            assert machine._beat is not None
            machine._beat.cancel()
            late.append(machine.late_beats)
        assert late == [1, 0, 1, 2, 3, 0]
        machine._beat = None


@pytest.mark.parametrize(
    ("options", "reason", "event"),
    [
        (Options(maxcalls=1), Full.CALLS, "SessionLimit"),
        (Options(maxload=2.0), Full.LOAD, "LoadAverageLimit"),
        (Options(minmemfree=100), Full.MEMORY, "MemoryLimit"),
    ],
)
async def test_limits_of_asterisk_conf(tmp_path: Path, options: Options, reason: Full, event: str) -> None:
    """New calls get 503 with Retry-After; registrations and calls that are up go on."""
    async with sip_office(tmp_path, PHONES, PLAN, options=options) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        limits, heard = office.driver.limits, []
        limits.load_average, limits.free_memory_mb = (lambda: 1.0), (lambda: 1000.0)
        office.system.bus.subscribe(SecurityEvent, heard.append)
        call = await alice.dial("1")
        limits.load_average, limits.free_memory_mb = (lambda: 9.0), (lambda: 1.0)
        await asyncio.sleep(1.5)
        bob.send(bob.text("INVITE", "sip:1@127.0.0.1", to="<sip:1@127.0.0.1>"))
        assert (await bob.get(503))["Retry-After"]
        assert [found.name for found in heard] == [event]
        assert limits.refused[reason] == 1
        assert (await bob.register()).status == 200
        await call.hang_up()
        bob.inbox.clear()
        limits.load_average, limits.free_memory_mb = (lambda: 1.0), (lambda: 1000.0)
        await asyncio.sleep(1.5)
        again = await bob.dial("1")
        await again.hang_up()
