"""Signs of life: OPTIONS to contacts, round trips, reachable and not, device states."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core.cli import run_command
from globstar.core.devicestate import DeviceState
from globstar.modules.channels.pjsip.contacts import Contact, ContactStatus
from tests.support.sip_phone import phone_section, sip_office

pytestmark = pytest.mark.virtual_time

AOR = "[alice]\ntype=endpoint\ncontext=default\nallow=ulaw\naors=alice\n[alice]\ntype=aor\nmax_contacts=1\nqualify_frequency=20\n"


def status_of(contact: Contact) -> ContactStatus:
    """The status as it is now."""
    return contact.status


async def test_reachable_and_not(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR + "qualify_timeout=2\n") as office:
        alice = office.phone("alice")
        await alice.register()
        (contact,) = office.driver.contacts.all()
        assert status_of(contact) is ContactStatus.UNKNOWN
        question = await alice.get("OPTIONS")
        assert question.uri == alice.uri
        await asyncio.sleep(0.25)
        alice.send(alice.reply_to(question, 200))
        await asyncio.sleep(0.1)
        assert status_of(contact) is ContactStatus.AVAILABLE
        assert contact.round_trip == pytest.approx(0.25, abs=0.01)
        assert office.driver.device_state("alice") is DeviceState.NOT_INUSE
        start = asyncio.get_running_loop().time()
        question = await alice.get("OPTIONS")
        assert asyncio.get_running_loop().time() - start == pytest.approx(20 - 0.35, abs=0.1)
        await asyncio.sleep(2.1)
        assert status_of(contact) is ContactStatus.UNAVAILABLE
        assert office.driver.device_state("alice") is DeviceState.UNAVAILABLE
        alice.inbox.clear()
        question = await alice.get("OPTIONS")
        alice.send(alice.reply_to(question, 404))
        await asyncio.sleep(0.1)
        assert status_of(contact) is ContactStatus.AVAILABLE, "any answer is a sign of life"


async def test_only_2xx(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR + "qualify_2xx_only=yes\n") as office:
        alice = office.phone("alice")
        await alice.register()
        alice.send(alice.reply_to(await alice.get("OPTIONS"), 404))
        await asyncio.sleep(0.1)
        (contact,) = office.driver.contacts.all()
        assert status_of(contact) is ContactStatus.UNAVAILABLE


async def test_a_contact_that_is_gone_is_asked_no_more(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR) as office:
        alice = office.phone("alice")
        await alice.register()
        alice.send(alice.reply_to(await alice.get("OPTIONS"), 200))
        await alice.register(0)
        assert len(office.driver.qualifier) == 0
        await office.quiet(100)


async def test_fixed_contacts_and_asking_by_hand(tmp_path: Path) -> None:
    text = phone_section("bob", contact="sip:bob@127.0.0.1:15071")
    async with sip_office(tmp_path, text) as office:
        bob = office.phone("bob")
        assert office.driver.device_state("bob") is DeviceState.NOT_INUSE
        assert await run_command(office.system, "pjsip qualify bob") == "Qualifying all 1 contact(s) on endpoint bob\n"
        question = await bob.get("OPTIONS")
        bob.send(bob.reply_to(question, 200))
        await asyncio.sleep(0.1)
        assert "Avail" in await run_command(office.system, "pjsip show contacts")


async def test_device_states(tmp_path: Path) -> None:
    """What a hint shows while calls come and go."""
    sections = phone_section("alice", device_state_busy_at=2) + phone_section("bob", contact="sip:bob@127.0.0.1:15072")
    plan = "[default]\nexten => 1,1,Dial(PJSIP/bob)\nexten => 2,1,Answer()\n same => n,Wait(60)\n"
    async with sip_office(tmp_path, sections, plan) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        state = office.driver.device_state
        assert state("nobody") is DeviceState.INVALID
        assert state("alice") is DeviceState.UNAVAILABLE
        call = alice.call("1")
        await alice.get(100)
        called = await bob.ring()
        called.reply(180)
        await alice.get(180)
        assert state("bob") is DeviceState.RINGING
        await called.answer()
        await call.answered()
        await asyncio.sleep(0.1)
        assert (state("alice"), state("bob")) == (DeviceState.INUSE, DeviceState.INUSE)
        await called.reinvite("sendonly")
        await asyncio.sleep(0.1)
        assert state("alice") is DeviceState.ONHOLD
        second = await alice.dial("2")
        assert state("alice") is DeviceState.BUSY
        await second.hang_up()
        await call.hang_up()
        await called.ended()
        await office.quiet()
        assert state("bob") is DeviceState.NOT_INUSE


async def test_authenticate_qualify(tmp_path: Path) -> None:
    """Only then a challenge is answered; otherwise it is a sign of life like any other answer."""
    for wanted in (True, False):
        text = (
            "[me]\ntype=auth\nauth_type=userpass\nusername=me\npassword=pw\n"
            + AOR.replace("aors=alice", "aors=alice\noutbound_auth=me")
            + f"authenticate_qualify={'yes' if wanted else 'no'}\n"
        )
        async with sip_office(tmp_path / str(wanted), text) as office:
            alice = office.phone("alice")
            await alice.register()
            question = await alice.get("OPTIONS")
            challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'
            alice.send(alice.reply_to(question, 401, extra=challenge))
            if wanted:
                again = await alice.get("OPTIONS")
                assert 'username="me"' in again["Authorization"]
                alice.send(alice.reply_to(again, 200))
            await asyncio.sleep(1)
            assert not alice.inbox
            (contact,) = office.driver.contacts.all()
            assert contact.status is ContactStatus.AVAILABLE


async def test_questions_go_through_the_aors_outbound_proxy(tmp_path: Path) -> None:
    text = AOR + "outbound_proxy=sip:127.0.0.1:15072\\;lr\n"
    async with sip_office(tmp_path, text) as office:
        alice, proxy = office.phone("alice"), office.phone("proxy")
        await alice.register()
        question = await proxy.get("OPTIONS")
        assert question.uri == alice.uri
        assert question["Route"] == "<sip:127.0.0.1:15072;lr>"
        proxy.send(proxy.reply_to(question, 200))


async def test_max_initial_qualify_time_bounds_the_first_question(tmp_path: Path) -> None:
    contacts = "".join(f"contact=sip:alice@127.0.0.1:{port}\n" for port in range(2000, 2040))
    aor = AOR.replace("qualify_frequency=20", "qualify_frequency=1000")
    text = "[g]\ntype=global\nuser_agent=Globstar\nmax_initial_qualify_time=8\n" + aor + contacts
    async with sip_office(tmp_path, text) as office:
        asked: list[float] = []
        begin = office.system.now()
        office.driver.qualifier.ask = lambda contact: asked.append(office.system.now() - begin)
        await asyncio.sleep(9)
        assert 38 <= len(asked) <= 40  # by chance one or two may be asked before the question is watched here
        assert max(asked) <= 8
        assert max(asked) - min(asked) > 4


async def test_what_the_cli_shows(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR + phone_section("bob", contact="sip:bob@127.0.0.1:9")) as office:
        alice, run = office.phone("alice"), run_command
        await alice.register()
        alice.send(alice.reply_to(await alice.get("OPTIONS"), 200))
        await asyncio.sleep(0.5)
        shown = await run(office.system, "pjsip show qualify endpoint alice")
        row = shown.splitlines()[1].split()
        assert row[:2] == [f"alice/{alice.uri}", "Avail"]
        assert row[3:] == ["20", "3.0", "19.5"]
        assert await run(office.system, "pjsip show qualify aor alice") == shown
        assert (await run(office.system, "pjsip show qualify aor bob")).splitlines()[1].split()[-1] == "never"
        assert "Unable to retrieve aor 'x'" in await run(office.system, "pjsip show qualify aor x")
        assert "Unable to retrieve endpoint 'x'" in await run(office.system, "pjsip show qualify endpoint x")
        tasks = await run(office.system, "pjsip show scheduled_tasks")
        assert f"pjsip/qualify/alice/{alice.uri}" in tasks
        assert "Total Scheduled Tasks: 1" in tasks
        assert "Total Scheduled Tasks: 0" in await run(office.system, "pjsip show scheduled_tasks like nothing")
        assert "bad regular expression" in await run(office.system, "pjsip show scheduled_tasks like (")
