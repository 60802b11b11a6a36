"""baresip phones transfer a call by REFER: the two others hear each other, and the one that transferred is out."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.support.audio import tone_seconds
from tests.interop.support.baresip import Baresip
from tests.interop.support.office import Office, Phone
from tests.support.loopback import wait_until
from tests.support.server import ServerFactory

pytestmark = pytest.mark.leaks_threads  # each phone's reader ends with the fixture that made the phone

TONE = {"100": 440.0, "101": 1000.0, "102": 1500.0}
DIALPLAN = "exten => _1XX,1,Dial(PJSIP/${EXTEN},90)\n same => n,Hangup()\n"


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_blind_transfer(globstar_process: ServerFactory, tmp_path: Path, side: str) -> None:
    """100 calls 101; one of them sends the other to 102."""
    office = Office([Phone(name, f"secret-of-{name}") for name in TONE], contexts={"phones": DIALPLAN})
    server = globstar_process(office.configuration())
    with ExitStack() as stack:
        phones = {
            name: stack.enter_context(
                Baresip(tmp_path / name, name, registrar=office.port, password=f"secret-of-{name}", tone=tone, codecs="pcmu")
            )
            for name, tone in TONE.items()
        }
        for phone in phones.values():
            phone.wait_registered()
        caller, callee, third = phones.values()
        caller.dial("101")
        callee.wait_event("CALL_INCOMING")
        callee.accept()
        caller.wait_event("CALL_ESTABLISHED")
        callee.wait_event("CALL_ESTABLISHED")
        leaving, staying = (caller, callee) if side == "caller" else (callee, caller)
        leaving.command("transfer", f"sip:102@127.0.0.1:{office.port}")
        third.wait_event("CALL_INCOMING")
        third.accept()
        third.wait_event("CALL_ESTABLISHED")
        leaving.wait_event("CALL_CLOSED")
        third.wait_tone(TONE[staying.user], 1.0)
        staying.wait_tone(TONE["102"], 1.0)
        wait_until(lambda: server.channel_count() == 2, 10, "who transferred is out")
        third.hangup()
        staying.wait_event("CALL_CLOSED")
        server.wait_idle()
        for phone in phones.values():
            phone.close()
        assert tone_seconds(third.heard(), TONE[staying.user]) >= 1.0
        assert tone_seconds(staying.heard(), TONE["102"]) >= 1.0
        assert tone_seconds(third.heard(), TONE[leaving.user]) == 0
