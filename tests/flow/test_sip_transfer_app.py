"""Transfer() on PJSIP channels: REFER of an answered call, 302 of one that was not; on virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.sip_phone import SipOffice, SipPhone
from tests.support.sip_transfer import transfer_office

EXTENSIONS = """\
[default]
exten => 300,1,Answer()
 same => n,Transfer(${TO})
 same => n,Set(GLOBAL(STATUS)=${TRANSFERSTATUS} ${TRANSFERSTATUSPROTOCOL})
 same => n,Hangup()
exten => 301,1,Transfer(${TO})
 same => n,Set(GLOBAL(STATUS)=${TRANSFERSTATUS} ${TRANSFERSTATUSPROTOCOL})
 same => n,Wait(1)
"""


def extensions(target: str) -> str:
    """The dialplan that transfers there."""
    return EXTENSIONS.replace("${TO}", target)


async def sipfrag(phone: SipPhone, call: object, line: str, state: str) -> None:
    """NOTIFY of a phone that carries out a transfer."""
    body = f"SIP/2.0 {line}\r\n"
    extra = f"Event: refer\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag;version=2.0\r\n"
    answer = await call.request_inside("NOTIFY", extra, body)  # type: ignore[attr-defined]
    assert answer.status == 200


def status(office: SipOffice) -> str | None:
    """TRANSFERSTATUS and TRANSFERSTATUSPROTOCOL."""
    return office.system.globals.get("STATUS")


@pytest.mark.parametrize(
    ("final", "expected"), [("200 OK", "SUCCESS 0"), ("486 Busy Here", "FAILURE 486"), ("603 Decline", "FAILURE 603")]
)
async def test_an_answered_call_is_referred(tmp_path: Path, final: str, expected: str) -> None:
    """REFER with Refer-To and Referred-By; what NOTIFY says in the end is the result."""
    async with transfer_office(tmp_path, extensions("sip:5@x.example")) as (office, (alice, *_)):
        call = await alice.dial("300")
        refer = await alice.get("REFER")
        assert refer["Refer-To"].strip("<>") == "sip:5@x.example"
        assert refer["Referred-By"].startswith("<sip:300@127.0.0.1>")
        call.reply(202, "Accepted", request=refer)
        await sipfrag(alice, call, "100 Trying", "active;expires=60")
        assert status(office) is None
        await sipfrag(alice, call, final, "terminated;reason=noresource")
        await call.ended()
        assert status(office) == expected


async def test_a_phone_that_refuses_to_be_referred(tmp_path: Path) -> None:
    """The status of the refusal is TRANSFERSTATUSPROTOCOL."""
    async with transfer_office(tmp_path, extensions("PJSIP/bob")) as (office, (alice, *_)):
        call = await alice.dial("300")
        refer = await alice.get("REFER")
        assert refer["Refer-To"].strip("<>") == "sip:bob@127.0.0.1:15072"
        call.reply(405, "Method Not Allowed", request=refer)
        await call.ended()
        assert status(office) == "FAILURE 405"


async def test_a_call_that_was_not_answered_is_redirected(tmp_path: Path) -> None:
    """302 with the target as Contact."""
    async with transfer_office(tmp_path, extensions("sip:5@x.example")) as (office, (alice, *_)):
        call = alice.call("301")
        await alice.get(100)
        moved = await alice.get(302)
        assert moved["Contact"] == "<sip:5@x.example>"
        call.refused(moved)
        await office.quiet(2)
        assert status(office) == "SUCCESS 0"


async def test_another_technology(tmp_path: Path) -> None:
    """With Tech/ only its channels are asked."""
    async with transfer_office(tmp_path, extensions("IAX2/bob")) as (office, (alice, *_)):
        call = await alice.dial("300")
        await call.ended()
        assert status(office) == "UNSUPPORTED 0"
