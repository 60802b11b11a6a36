"""A trunk between two servers, one of them behind address translation: registration, keep-alive, calls both ways with audio."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.support.audio import read_growing, read_wav, tone_seconds
from tests.interop.support.namespaces import GATE, OFFICE, PROVIDER, NatNetwork
from tests.interop.support.office import TAKES_ALL
from tests.support.loopback import wait_until
from tests.support.server import GlobstarProcess

TONE = 1004
"""What Milliwatt plays, in Hz."""

PROVIDER_SIP = f"""\
{TAKES_ALL}\
[global]
type=global
endpoint_identifier_order=username,ip,anonymous

[udp]
type=transport
protocol=udp
bind={PROVIDER}:5060

[tcp]
type=transport
protocol=tcp
bind={PROVIDER}:5060

[office]
type=endpoint
context=from-office
disallow=all
allow=ulaw
auth=office
aors=office
force_rport=yes
rewrite_contact=yes
rtp_symmetric=yes
direct_media=yes
disable_direct_media_on_nat=yes

[office]
type=auth
auth_type=digest
username=office
password=trunk

[office]
type=aor
max_contacts=1
remove_existing=yes
qualify_frequency=1
"""

OFFICE_SIP = """\
{takes_all}[global]
type=global

[{protocol}]
type=transport
protocol={protocol}
bind=0.0.0.0:5060

[provider]
type=registration
server_uri=sip:{provider}\\;transport={protocol}
client_uri=sip:office@{provider}
contact_user=office
outbound_auth=provider
transport={protocol}
max_random_initial_delay=0
retry_interval=1

[provider]
type=auth
auth_type=digest
username=office
password=trunk

[provider]
type=endpoint
context=from-provider
disallow=all
allow=ulaw
aors=provider
outbound_auth=provider
from_user=office
rtp_keepalive=1
direct_media=no

[provider]
type=aor
contact=sip:{provider}\\;transport={protocol}

[provider]
type=identify
endpoint=provider
match={provider}
"""

PLAN = """\
[{context}]
exten => milliwatt,1,Answer()
 same => n,Milliwatt()
exten => record,1,Answer()
 same => n,Record({sounds}/heard.wav,0,120,k)
exten => through,1,Dial(PJSIP/milliwatt@office,20)
"""


@dataclass
class Trunk:
    """Both servers, and the folder where each records."""

    provider: GlobstarProcess
    office: GlobstarProcess
    sounds: Path
    protocol: str

    def contact(self) -> str:
        """The provider's contact of the office."""
        found = re.search(r"sip:office@(\S+)", self.provider.cli("pjsip show contacts"))
        return found[1] if found else ""

    def heard(self, name: str) -> Path:
        return self.sounds / name / "heard.wav"

    def call_and_record(self, caller: GlobstarProcess, name: str, target: str) -> float:
        """``caller`` calls ``target`` and records what it hears; for how many seconds that was the tone."""
        path = self.heard(name)
        path.unlink(missing_ok=True)
        caller.cli(f"channel originate {target} application Record {path},0,120,k")
        return self.tone(path)

    def tone(self, path: Path) -> float:
        """Wait until the tone has been recorded for a while, end the recording and measure it."""
        wait_until(lambda: tone_seconds(read_growing(path), TONE) > 1.2, 20, f"the tone in the recording {path}", interval=0.1)
        for server in (self.office, self.provider):
            server.run_cli("channel request hangup all")
            server.wait_idle()
        return tone_seconds(read_wav(path), TONE)


@pytest.fixture(scope="module", params=["udp", "tcp"])
def trunk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trunk]:
    folder = tmp_path_factory.mktemp(f"trunk-{request.param}")
    started: list[GlobstarProcess] = []
    with NatNetwork() as network:
        sounds = folder / "recordings"
        for name in ("provider", "office"):
            (sounds / name).mkdir(parents=True)

        def start(name: str, prefix: tuple[str, ...], sip: str, context: str) -> GlobstarProcess:
            plan = PLAN.format(context=context, sounds=sounds / name)
            files = {"modules.conf": "[modules]\nautoload=yes\n", "pjsip.conf": sip, "extensions.conf": plan}
            server = GlobstarProcess(folder / name, files, prefix=prefix)
            started.append(server)
            server.wait_booted()
            return server

        try:
            provider = start("provider", network.provider, PROVIDER_SIP, "from-office")
            office_sip = OFFICE_SIP.format(takes_all=TAKES_ALL, protocol=request.param, provider=PROVIDER)
            office = start("office", network.office, office_sip, "from-provider")
            yield Trunk(provider, office, sounds, request.param)
        finally:
            problems = [problem for server in started for problem in server.finish()]
    assert not problems, problems


def registered(trunk: Trunk) -> None:
    wait_until(lambda: trunk.contact(), 15, lambda: f"the office is registered\n{trunk.office.log_tail()}")
    wait_until(lambda: "Avail" in trunk.provider.cli("pjsip show contacts"), 10, "the office answers OPTIONS")


def test_the_office_registers_from_behind_the_translation(trunk: Trunk) -> None:
    """rewrite_contact: the provider keeps the public address, not the private one that the office told."""
    registered(trunk)
    assert trunk.contact().startswith(f"{GATE}:")
    assert OFFICE not in trunk.provider.cli("pjsip show contacts")
    wait_until(lambda: "Registered" in trunk.office.cli("pjsip show registrations"), 10, "the office knows")


def test_qualify_keeps_the_mapping_of_the_translator_alive(trunk: Trunk) -> None:
    """The translator forgets UDP after 8 s without a packet; the provider's OPTIONS every second prevent that."""
    registered(trunk)
    first, begun = trunk.contact(), time.monotonic()
    if trunk.protocol == "udp":
        wait_until(lambda: time.monotonic() - begun > 10, 20, "longer than the translator remembers", interval=0.5)
    assert trunk.contact() == first
    wait_until(lambda: "Avail" in trunk.provider.cli("pjsip show contacts"), 10, "the office answers OPTIONS")
    assert trunk.call_and_record(trunk.provider, "provider", "PJSIP/milliwatt@office") > 1


def test_a_call_of_the_office_is_heard_by_the_office(trunk: Trunk) -> None:
    registered(trunk)
    assert trunk.call_and_record(trunk.office, "office", "PJSIP/milliwatt@provider") > 1


def test_a_call_of_the_office_is_heard_by_the_provider(trunk: Trunk) -> None:
    """The office's SDP tells its private address: the provider learns the public one from the packets (rtp_symmetric)."""
    registered(trunk)
    path = trunk.heard("provider")
    path.unlink(missing_ok=True)
    trunk.office.cli("channel originate PJSIP/record@provider application Milliwatt")
    assert trunk.tone(path) > 1


def test_a_call_of_the_provider_is_heard_by_the_office(trunk: Trunk) -> None:
    registered(trunk)
    path = trunk.heard("office")
    path.unlink(missing_ok=True)
    trunk.provider.cli("channel originate PJSIP/record@office application Milliwatt")
    assert trunk.tone(path) > 1


def test_direct_media_is_not_used_across_the_translation(trunk: Trunk) -> None:
    """Two legs of the office meet at the provider: their media stay with it, as the office is seen at another address."""
    registered(trunk)
    trunk.office.cli("pjsip set history on")
    assert trunk.call_and_record(trunk.office, "office", "PJSIP/through@provider") > 1
    history = trunk.office.cli("pjsip show history")
    numbers = [line.split()[0] for line in history.splitlines() if "<==" in line and "INVITE sip:" in line]
    entries = [trunk.office.cli(f"pjsip show history entry {number}") for number in numbers]
    trunk.office.cli("pjsip set history clear")
    # one that is repeated, as a server has no processor for half a second, is the same one
    branches = {found[1] for entry in entries if (found := re.search(r"(?i)^Via:.*?branch=([^;\s]+)", entry, re.MULTILINE))}
    assert len(branches) == 1, history
