"""Globally routable user agent URIs: granted, used, gone (RFC 5627)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from globstar.modules.channels.pjsip.supplements.gruu import KEPT_PER_PHONE, Gruu
from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

TEXT = phone_section("alice").replace("max_contacts=2", "max_contacts=2\nsupport_gruu=yes") + phone_section("bob")
PLAN = "[default]\nexten => alice,1,Dial(PJSIP/alice)\n"


async def granted(phone: SipPhone, number: int) -> tuple[str, str]:
    """Register an instance of alice; its public and temporary GRUU."""
    contact = f'<{phone.uri}>;+sip.instance="<urn:uuid:{number}>"'
    answer = await phone.ask(
        "REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>", contact=contact, user="alice",
        extra="Supported: gruu\r\nExpires: 600\r\n",
    )  # fmt: skip
    mine = next(value for value in answer.all("Contact") if phone.uri in value)
    found = re.search(r'pub-gruu="([^"]+)";temp-gruu="([^"]+)";\+sip.instance="<urn:uuid:(\d+)>"', mine)
    assert found is not None, mine
    assert found[3] == str(number)
    return found[1], found[2]


async def rings(bob: SipPhone, target: str, phone: SipPhone) -> None:
    """A call of bob's to ``target`` must ring ``phone``."""
    call = PhoneCall(bob, target)
    call.invite(body=call.sdp())
    await bob.get(100)
    invite = await phone.get("INVITE")
    phone.send(phone.reply_to(invite, 486, tag="x"))
    await phone.get("ACK")
    call.refused(await bob.get(486))


async def test_rfc5627_5_5_a_call_reaches_the_instance(tmp_path: Path) -> None:
    """Two phones of one aor: each GRUU rings its own, though the newer one is the aor's first contact."""
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        bob, desk, mobile = office.phone("bob"), office.phone("desk"), office.phone("mobile")
        public, temporary = await granted(desk, 1)
        other, _ = await granted(mobile, 2)
        assert public == "sip:alice@127.0.0.1;gr=urn:uuid:1"
        assert re.fullmatch(r"sip:tgruu\.[0-9a-f]{24}@127\.0\.0\.1;gr", temporary)
        await rings(bob, public, desk)
        await rings(bob, temporary, desk)
        await rings(bob, other, mobile)
        await rings(bob, "sip:alice@127.0.0.1", mobile)


async def test_rfc5627_5_5_gone_and_unknown_instances(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        bob, desk = office.phone("bob"), office.phone("desk")
        public, temporary = await granted(desk, 1)
        contact = f'<{desk.uri}>;+sip.instance="<urn:uuid:1>"'
        gone = await desk.ask(
            "REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>", contact=contact, user="alice", extra="Expires: 0\r\n"
        )
        assert gone.status == 200
        assert (await bob.ask("OPTIONS", public)).status == 480
        assert (await bob.ask("OPTIONS", temporary)).status == 404
        assert counts(office) == {"phones with GRUU": 0, "temporary GRUUs": 0}


def counts(office: SipOffice) -> dict[str, object]:
    """What the feature keeps."""
    return next(one for one in office.driver.supplements if isinstance(one, Gruu)).describe()  # type: ignore[no-any-return]


async def test_temporary_ones_are_bounded_and_the_newest_lead_on(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        bob, desk = office.phone("bob"), office.phone("desk")
        given = [(await granted(desk, 1))[1] for _ in range(KEPT_PER_PHONE + 3)]
        assert len(set(given)) == len(given), "each registration gets another"
        assert counts(office)["temporary GRUUs"] == KEPT_PER_PHONE
        assert (await bob.ask("OPTIONS", given[2])).status == 404
        assert (await bob.ask("OPTIONS", given[3])).status == 200


async def test_only_phones_that_know_gruus_get_one(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        alice = office.phone("alice")
        answer = await alice.register(contact=f'<{alice.uri}>;+sip.instance="<urn:uuid:1>"')
        assert "gruu" not in answer["Contact"]
        answer = await alice.register(extra="Supported: gruu\r\n")
        assert "gruu" not in answer["Contact"], "without an instance there is nothing to lead to"
