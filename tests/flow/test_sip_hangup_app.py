"""PJSIPHangup and HangupCauseClear: refusing a call with a response of choice, and forgetting why calls ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.log import Level
from tests.support.sip_phone import SipOffice, phone_section, sip_office
from tests.support.switch import LogCapture

PHONES = phone_section("alice") + phone_section("bob")


def plan(cause: str) -> str:
    return (
        f"[default]\nexten => 300,1,PJSIPHangup({cause})\nsame => n,Set(GLOBAL(WENT_ON)=1)\n"
        f"exten => 301,1,Answer()\nsame => n,PJSIPHangup({cause})\nsame => n,Set(GLOBAL(WENT_ON)=1)\n"
        f"exten => 302,1,Ringing()\nsame => n,Wait(1)\nsame => n,PJSIPHangup({cause})\n"
        "exten => h,1,Set(GLOBAL(CAUSE)=${HANGUPCAUSE})\n"
    )


def value(office: SipOffice, name: str) -> str | None:
    return office.system.globals.get(name)


@pytest.mark.parametrize(
    ("cause", "status", "number"),
    [
        ("486", 486, "17"),
        ("Busy Here", 486, "17"),
        ("BUSY_HERE", 486, "17"),
        ("603", 603, "21"),
        ("404", 404, "1"),
        ("decline", 603, "21"),
    ],
)
async def test_an_incoming_call_is_refused_with_the_response(tmp_path: Path, cause: str, status: int, number: str) -> None:
    async with sip_office(tmp_path, PHONES, plan(cause)) as office:
        alice = office.phone("alice")
        call = alice.call("300")
        await alice.get(100)
        call.refused(await alice.get(status))
        await office.quiet()
        assert (value(office, "WENT_ON"), value(office, "CAUSE")) == (None, number)


async def test_a_call_that_rings_is_refused(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, plan("480")) as office:
        alice = office.phone("alice")
        call = alice.call("302")
        await alice.get(100)
        await alice.get(180)
        call.refused(await alice.get(480))
        await office.quiet()


async def test_an_answered_call_ends_by_bye(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, plan("486")) as office:
        call = await office.phone("alice").dial("301")
        await call.ended()
        await office.quiet()
        assert (value(office, "WENT_ON"), value(office, "CAUSE")) == (None, "17")


@pytest.mark.parametrize("cause", ["", "200", "99", "700", "no such reason"])
async def test_what_is_no_refusal_is_told_and_ends_the_call(tmp_path: Path, cause: str) -> None:
    async with sip_office(tmp_path, PHONES, plan(cause)) as office:
        alice = office.phone("alice")
        with LogCapture() as log:
            call = alice.call("300")
            await alice.get(100)
            call.refused(await alice.get(603))
        assert any("PJSIPHangup" in text for text in log.texts(Level.WARNING))
        assert value(office, "WENT_ON") is None


async def test_a_channel_of_another_technology_is_told_of(tmp_path: Path) -> None:
    extensions = plan("486") + "exten => 303,1,Dial(Local/300@default)\nsame => n,Set(GLOBAL(DIALLED)=${DIALSTATUS})\n"
    async with sip_office(tmp_path, PHONES, extensions) as office:
        alice = office.phone("alice")
        with LogCapture() as log:
            call = alice.call("303")
            await alice.get(100)
            call.refused(await alice.get(503, 30))
        assert any("is no SIP call" in text for text in log.texts(Level.WARNING))
        assert value(office, "DIALLED") is not None


CLEAR = """\
[default]
exten => 310,1,Dial(PJSIP/bob,20)
same => n,Set(GLOBAL(BEFORE)=${HANGUPCAUSE_KEYS()})
same => n,Set(GLOBAL(TECH)=${HANGUPCAUSE(${HANGUPCAUSE_KEYS()},tech)})
same => n,HangupCauseClear()
same => n,Set(GLOBAL(AFTER)=${HANGUPCAUSE_KEYS()})
same => n,Dial(PJSIP/bob,20)
same => n,Set(GLOBAL(AGAIN)=${HANGUPCAUSE_KEYS()})
"""


async def test_causes_of_calls_are_forgotten(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, CLEAR) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await bob.register()
        call = alice.call("310")
        await alice.get(100)
        for _ in range(2):
            (await bob.ring()).reply(486, "Busy Here")
            await bob.get("ACK")
        call.refused(await alice.get(486))
        await office.quiet()
        before, after, again = (value(office, name) or "" for name in ("BEFORE", "AFTER", "AGAIN"))
        assert before.startswith("PJSIP/bob-")
        assert value(office, "TECH") == "SIP 486 Busy Here"
        assert after == ""
        assert again.startswith("PJSIP/bob-")
        assert again != before
        assert "," not in again
