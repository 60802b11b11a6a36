"""Two servers: one registers with the other, and calls go both ways over what that made."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from tests.interop.support.office import Office, Peer, Phone
from tests.interop.support.scenario import Scenario
from tests.interop.support.sipp import Sipp
from tests.support.loopback import HOST, free_port, wait_until

CENTRAL = """\
exten => 700,1,Dial(PJSIP/branch)
 same => n,Verbose(1,Dial ended: ${DIALSTATUS})
"""
BRANCH = """\
exten => inbound,1,Answer()
 same => n,Verbose(1,Inbound for ${CHANNEL(endpoint)})
 same => n,Wait(1)
"""


def test_a_registration_between_two_servers(tmp_path: Path) -> None:
    """The branch registers with digest and line=yes; a call of the central's phone finds it, as its endpoint ``trunk``."""
    central = Office([Phone("branch", "secret"), Peer("alice")], contexts={"phones": CENTRAL})
    registration = (
        "[central]\ntype=auth\nauth_type=digest\nusername=branch\npassword=secret\n\n"
        f"[central]\ntype=registration\nserver_uri=sip:{HOST}:{central.port}\nclient_uri=sip:branch@{HOST}:{central.port}\n"
        "contact_user=inbound\noutbound_auth=central\nmax_random_initial_delay=0\nline=yes\nendpoint=trunk\nretry_interval=5\n\n"
    )
    branch = Office([Peer("trunk")], contexts={"phones": BRANCH})
    first = central.start(tmp_path / "central")
    try:
        files = branch.configuration()
        branch.files = {"pjsip.conf": files["pjsip.conf"] + registration}
        second = branch.start(tmp_path / "branch")
        try:
            wait_until(lambda: "Registered" in second.cli("pjsip show registrations"), 10, "the registration")
            contacts = first.cli("pjsip show contacts")
            assert f"branch/sip:inbound@{HOST}:{branch.port};line=" in contacts
            scenario = Scenario("caller").invite(free_port(2)).answered().hung_up()
            scenario.user = "alice"
            with Sipp(scenario, tmp_path, remote=central.port, number="700") as sipp:
                sipp.passed()
            second.wait_log("Inbound for trunk")
            second.cli("pjsip send unregister central")
            wait_until(lambda: "No objects found" in first.cli("pjsip show contacts"), 10, "the end of the registration")
            second.cli("pjsip send register central")
            wait_until(lambda: "branch/" in first.cli("pjsip show contacts"), 10, "the registration again")
            wait_until(lambda: "Registered" in second.cli("pjsip show registrations"), 10, "its answer")
        finally:
            problems = second.finish()
        assert not problems, second.log_tail()
        wait_until(
            lambda: "No objects found" in first.cli("pjsip show contacts"), 10, "a server that stops ends its registration"
        )
    finally:
        problems = first.finish()
    assert not problems, first.log_tail()


def test_sipp_as_the_registrar(tmp_path: Path) -> None:
    """SIPp challenges and accepts; the server answers with its secret, and ends the registration when it stops."""
    port = free_port(2)
    challenge = 'WWW-Authenticate: Digest realm="far", nonce="{}", algorithm=MD5, qop="auth"\n'
    scenario = Scenario("registrar")
    for number, expires in (("n1", "Expires: 120\n"), ("n2", "Expires: 0\n")):
        scenario.expect_request("REGISTER").reply(401, "Unauthorized", extra=challenge.format(number))
        scenario.expect_request("REGISTER").reply(200, "OK", extra=f"[last_Contact:]\n{expires}")
    office = Office([Peer("alice")])
    registration = (
        "[far]\ntype=auth\nauth_type=digest\nusername=me\npassword=secret\n\n"
        f"[far]\ntype=registration\nserver_uri=sip:{HOST}:{port}\nclient_uri=sip:me@{HOST}\noutbound_auth=far\n"
        "max_random_initial_delay=0\n\n"
    )
    office.files = {"pjsip.conf": office.configuration()["pjsip.conf"] + registration}
    with Sipp(scenario, tmp_path, port=port, timeout=180) as sipp:  # it waits while the server starts and stops
        server = office.start(tmp_path / "server")
        try:
            wait_until(lambda: "Registered" in server.cli("pjsip show registrations"), 10, "the registration")
        finally:
            problems = server.finish()
        assert not problems, server.log_tail()
        sipp.passed()
    # one that is repeated, as SIPp has no processor for half a second, is the same one
    requests = list({message.header("CSeq"): message for message in sipp.received() if message.method == "REGISTER"}.values())
    assert [message.header("Expires") for message in requests] == ["3600", "3600", "0", "0"]
    for request in requests[1::2]:
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', request.header("Authorization")))
        ha1, ha2 = md5("me:far:secret"), md5(f"REGISTER:{fields['uri']}")
        assert fields["response"] == md5(f"{ha1}:{fields['nonce']}:{fields['nc']}:{fields['cnonce']}:auth:{ha2}")


def md5(text: str) -> str:
    """In hexadecimal."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
