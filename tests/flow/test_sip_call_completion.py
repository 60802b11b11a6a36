"""Call completion between SIP phones: set_var of endpoints allows it, device states say who is free."""

from __future__ import annotations

from pathlib import Path

from tests.support.sip_transfer import talk, transfer_office

EXTENSIONS = "[default]\nexten => *30,1,CallCompletionRequest()\n same => n,Answer()\n same => n,Hangup()\n"


async def test_a_sip_phone_is_called_back(tmp_path: Path) -> None:
    both = "CALLCOMPLETION(cc_agent_policy)=generic\nset_var=CALLCOMPLETION(cc_monitor_policy)=generic"
    async with transfer_office(tmp_path, EXTENSIONS, set_var=both) as (_, (alice, bob, carol, _dave)):
        busy, other = await talk(bob, "102", carol)
        call = alice.call("101")
        await alice.get(100)
        refused = await bob.ring()
        refused.reply(486, "Busy Here")
        await bob.get("ACK")
        call.refused(await alice.final())
        ask = await alice.dial("*30")
        await ask.ended()
        await busy.hang_up()
        await other.ended()
        back = await alice.ring()
        assert back.request is not None
        assert "sip:101@" in back.request["From"]
        await back.answer()
        called = await bob.ring()
        await called.answer()
        await back.hang_up()
        await called.ended()
