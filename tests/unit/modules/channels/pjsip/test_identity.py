"""Caller ids between SIP headers and channels (RFC 3323, 3325, 5806)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.sip_phone import SipOffice, Wire, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

SHOW = (
    "[default]\nexten => 1,1,Set(GLOBAL(WHO)=${CALLERID(name)}|${CALLERID(num)}|${CALLERID(pres)}|${REDIRECTING(from-num)}"
    "|${REDIRECTING(reason)}|${REDIRECTING(count)})\n same => n,Hangup()\n"
    "exten => 2,1,Dial(PJSIP/bob)\n same => n,Hangup()\n"
    "exten => 3,1,Set(CALLERID(pres)=prohib)\n same => n,Dial(PJSIP/bob)\n same => n,Hangup()\n"
)
PAI = 'P-Asserted-Identity: "Boss" <sip:77@127.0.0.1>\r\n'
RPID = 'Remote-Party-ID: "Chief" <sip:88@127.0.0.1>;party=calling;privacy=full;screen=yes\r\n'


async def who(tmp_path: Path, extra: str, **options: Any) -> list[str]:
    """What the dialplan sees of a call with these headers."""
    async with sip_office(tmp_path, phone_section("alice", **options), SHOW) as office:
        alice = office.phone("alice")
        call = alice.call("1", extra=extra)
        await alice.get(100)
        call.refused(await alice.get(603))
        return (office.system.globals.get("WHO") or "").split("|")


@pytest.mark.parametrize(
    ("extra", "options", "expected"),
    [
        ("", {}, ["", "alice", "allowed_not_screened"]),
        ("", {"callerid": '"Alice" <100>'}, ["Alice", "100", "allowed_not_screened"]),
        ("", {"callerid_privacy": "prohib"}, ["", "alice", "prohib"]),
        (PAI, {}, ["", "alice", "allowed_not_screened"]),
        (PAI, {"trust_id_inbound": "yes"}, ["Boss", "77", "allowed_not_screened"]),
        (PAI + "Privacy: id\r\n", {"trust_id_inbound": "yes"}, ["Boss", "77", "prohib_not_screened"]),
        (RPID, {"trust_id_inbound": "yes", "callerid": "A <1>"}, ["Chief", "88", "prohib_passed_screen"]),
        ("P-Asserted-Identity: <<<\r\n", {"trust_id_inbound": "yes"}, ["", "alice", "allowed_not_screened"]),
        ("Remote-Party-ID: ;;;\r\n", {"trust_id_inbound": "yes"}, ["", "alice", "allowed_not_screened"]),
    ],
)  # fmt: skip
async def test_who_calls(tmp_path: Path, extra: str, options: dict[str, Any], expected: list[str]) -> None:
    assert (await who(tmp_path, extra, **options))[:3] == expected


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("Diversion: <sip:555@127.0.0.1>;reason=user-busy\r\n", ["555", "cfb", "1"]),
        ("Diversion: <sip:6@x>;reason=no-answer, <sip:5@x>;reason=unconditional\r\n", ["6", "cfnr", "2"]),
        ("Diversion: <<<>\r\n", ["", "unknown", "0"]),
    ],
)
async def test_who_forwarded(tmp_path: Path, extra: str, expected: list[str]) -> None:
    assert (await who(tmp_path, extra))[3:] == expected


async def invite(office: SipOffice, number: str = "2") -> Wire:
    """The INVITE that bob gets when alice calls; the call is refused."""
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.call(number)
    await alice.get(100)
    request = await bob.get("INVITE")
    bob.send(bob.reply_to(request, 486, tag="b"))
    await bob.get("ACK")
    call.refused(await alice.get(486))
    return request


@pytest.mark.parametrize(
    ("options", "number", "header", "expected"),
    [
        ({}, "2", "From", '"Alice" <sip:100@127.0.0.1>'),
        ({"from_user": "trunk"}, "2", "From", '"Alice" <sip:trunk@127.0.0.1>'),
        ({"from_domain": "example.com"}, "2", "From", '"Alice" <sip:100@example.com>'),
        ({"user_eq_phone": "yes"}, "2", "From", '"Alice" <sip:100@127.0.0.1;user=phone>'),
        ({}, "3", "From", '"Anonymous" <sip:anonymous@anonymous.invalid>'),
        ({"send_pai": "yes"}, "2", "P-Asserted-Identity", '"Alice" <sip:100@127.0.0.1>'),
        ({"send_pai": "yes"}, "3", "P-Asserted-Identity", ""),
        ({"send_pai": "yes", "trust_id_outbound": "yes"}, "3", "P-Asserted-Identity", '"Alice" <sip:100@127.0.0.1>'),
        ({"send_pai": "yes", "trust_id_outbound": "yes"}, "3", "Privacy", "id"),
        ({"send_rpid": "yes"}, "2", "Remote-Party-ID", '"Alice" <sip:100@127.0.0.1>;party=calling;privacy=off;screen=no'),
        ({"send_rpid": "yes", "trust_id_outbound": "yes"}, "3", "Remote-Party-ID",
         '"Alice" <sip:100@127.0.0.1>;party=calling;privacy=full;screen=no'),
        ({"contact_user": "me"}, "2", "Contact", "<sip:me@127.0.0.1:15060>"),
    ],
)  # fmt: skip
async def test_what_the_callee_is_told(tmp_path: Path, options: dict[str, Any], number: str, header: str, expected: str) -> None:
    text = phone_section("alice", callerid='"Alice" <100>') + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **options)
    async with sip_office(tmp_path, text, SHOW) as office:
        request = await invite(office, number)
        assert request[header].partition(";tag=")[0] == expected
