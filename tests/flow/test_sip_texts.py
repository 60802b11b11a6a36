"""SendText in a call over SIP: MESSAGE inside of the dialog (RFC 3428), with the names and the type that variables give it."""

from __future__ import annotations

from pathlib import Path

from tests.support.sip_phone import Wire
from tests.support.sip_transfer import transfer_office

EXTENSIONS = """\
[default]
exten => 300,1,Answer()
 same => n,SendText(plain)
 same => n,Set(GLOBAL(PLAIN)=${SENDTEXTSTATUS} ${SENDTEXTTYPE})
 same => n,Set(SENDTEXT_BODY={"a":1})
 same => n,Set(SENDTEXT_CONTENT_TYPE=application/json)
 same => n,Set(SENDTEXT_FROM_DISPLAYNAME=Front "Desk")
 same => n,Set(SENDTEXT_TO_DISPLAYNAME=Guest)
 same => n,SendText(not this)
 same => n,Set(GLOBAL(NAMED)=${SENDTEXTSTATUS} ${SENDTEXTTYPE})
 same => n,Set(SENDTEXT_BODY=)
 same => n,Set(SENDTEXT_CONTENT_TYPE=)
 same => n,Set(SENDTEXT_FROM_DISPLAYNAME=)
 same => n,Set(SENDTEXT_TO_DISPLAYNAME=)
 same => n,SendText(plain again)
 same => n,Wait(5)
exten => 301,1,Progress()
 same => n,SendText(too early)
 same => n,Set(GLOBAL(EARLY)=${SENDTEXTSTATUS} ${SENDTEXTTYPE})
 same => n,Hangup(17)
"""


async def test_variables_give_a_text_its_body_type_and_names(tmp_path: Path) -> None:
    """SENDTEXT_BODY, _CONTENT_TYPE, _FROM_DISPLAYNAME and _TO_DISPLAYNAME; the names are those of that one text."""
    async with transfer_office(tmp_path, EXTENSIONS) as (office, (alice, *_)):
        call = await alice.dial("300")
        texts: list[Wire] = []
        for _ in range(3):
            texts.append(await alice.get("MESSAGE"))
            alice.send(alice.reply_to(texts[-1], 200))
        plain, named, again = texts
        assert (plain.body, plain["Content-Type"]) == ("plain", "text/plain")
        assert (named.body, named["Content-Type"]) == ('{"a":1}', "application/json")
        assert (again.body, again["Content-Type"]) == ("plain again", "text/plain")
        assert named["From"].startswith('"Front \\"Desk\\"" <sip:300@')
        assert named["To"].startswith('"Guest" <sip:alice@')
        for header in ("From", "To"):
            assert plain[header] == again[header]
            assert named[header].partition(";tag=")[2] == plain[header].partition(";tag=")[2]
        assert office.system.globals.get("PLAIN") == office.system.globals.get("NAMED") == "SUCCESS ENHANCED"
        await call.ended()


async def test_no_text_before_the_answer(tmp_path: Path) -> None:
    """The call goes on."""
    async with transfer_office(tmp_path, EXTENSIONS) as (office, (alice, *_)):
        call = alice.call("301")
        await alice.get(100)
        await alice.get(183)
        call.refused(await alice.get(486))
        assert office.system.globals.get("EARLY") == "UNSUPPORTED NONE"
