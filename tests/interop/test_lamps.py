"""baresip as a subscriber: its message waiting light and the presence of its contacts follow the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.support.baresip import Baresip
from tests.interop.support.office import Office, Phone
from tests.support.loopback import HOST, wait_until

pytestmark = pytest.mark.leaks_threads  # the phone's reader ends with the phone

DIALPLAN = "exten => 6001,hint,Custom:door\nexten => 900,1,VoiceMail(4321@default)\n"


def office() -> Office:
    """One phone with a mailbox that it may subscribe to."""
    made = Office([Phone("100", "secret-of-100")], contexts={"phones": DIALPLAN})
    made.files["pjsip.conf"] = made.configuration()["pjsip.conf"].replace(
        "type=aor\nmax_contacts=1", "type=aor\nmailboxes=100@default\nmax_contacts=1"
    )
    return made


def test_rfc3856_the_presence_of_a_contact_follows_its_hint(tmp_path: Path) -> None:
    lobby = office()
    server = lobby.start(tmp_path / "server")
    contacts = f'"Door" <sip:6001@{HOST}:{lobby.port}>;presence=p2p\n'
    options = {"registrar": lobby.port, "password": "secret-of-100", "contacts": contacts}
    try:
        with Baresip(tmp_path / "phone", "100", modules=("contact", "presence"), **options) as phone:  # type: ignore[arg-type]
            phone.wait_registered()

            def shows(text: str) -> None:
                wait_until(lambda: text in phone.command("contacts"), 30, lambda: phone.command("contacts") + phone.output())

            wait_until(
                lambda: "1 active" in server.cli("pjsip show subscriptions inbound"), 30, lambda: phone.output(), interval=0.3
            )
            shows("Online")
            server.cli("devstate change Custom:door UNAVAILABLE")
            shows("Offline")
            server.cli("devstate change Custom:door INUSE")
            shows("Busy")
    finally:
        problems = server.finish()
    assert not problems, problems


def test_rfc3842_the_light_for_waiting_messages(tmp_path: Path) -> None:
    lobby = office()
    server = lobby.start(tmp_path / "server")
    options = {"registrar": lobby.port, "password": "secret-of-100", "account": ("mwi=yes",)}
    try:
        with Baresip(tmp_path / "phone", "100", modules=("mwi",), **options) as phone:  # type: ignore[arg-type]
            phone.wait_registered()
            told = phone.wait_event("MWI_NOTIFY", 20)
            assert "Messages-Waiting: no" in str(told["param"])
    finally:
        problems = server.finish()
    assert not problems, problems
