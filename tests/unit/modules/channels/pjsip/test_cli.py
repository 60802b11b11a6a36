"""``pjsip ...`` commands: what they list, what they refuse, what they never show."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource
from globstar.core.cli import complete_line, run_command
from globstar.interfaces.cli.commands import register_commands
from globstar.proto.sip.flow import Flow, Transport
from tests.support.sip_phone import GLOBAL, SipOffice, phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

TEXT = (
    phone_section("alice", "Geheim1")
    + phone_section("bob", contact="sip:bob@127.0.0.1:15072")
    + "[peer]\ntype=identify\nendpoint=bob\nmatch=192.0.2.0/24\n"
)
PLAN = "[default]\nexten => 1,1,Answer()\n same => n,Wait(60)\n"


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("pjsip show endpoints", [" Endpoint:  alice", "     InAuth:  alice/alice", "Objects found: 2"]),
        ("pjsip show endpoints like ^b", [" Endpoint:  bob", "      Contact:  bob/sip:bob@127.0.0.1:15072", "Objects found: 1"]),
        ("pjsip show endpoint bob", [" Endpoint:  bob", " context ", " allow "]),
        ("pjsip show endpoint nobody", ["Unable to find object nobody."]),
        ("pjsip list endpoints", ["Objects found: 2"]),
        ("pjsip show aors", ["      Aor:  alice", "Objects found: 2"]),
        ("pjsip show aor alice", ["      Aor:  alice", " max_contacts "]),
        ("pjsip list aors", ["Objects found: 2"]),
        ("pjsip show auths", ["     Auth:  alice/alice", "Objects found: 1"]),
        ("pjsip show auth alice", ["     Auth:  alice/alice", " username ", " password "]),
        ("pjsip list auths", ["Objects found: 1"]),
        ("pjsip show contacts", ["  Contact:  bob/sip:bob@127.0.0.1:15072"]),
        ("pjsip show contact bob/sip:bob@127.0.0.1:15072", ["  Contact:  bob/sip:bob@127.0.0.1:15072"]),
        ("pjsip list contacts", ["Objects found: 1"]),
        ("pjsip show transports", ["Transport:  tcp", "Transport:  udp", "127.0.0.1:15060", "Objects found: 2"]),
        ("pjsip show transport udp", ["Transport:  udp", " protocol ", " bind "]),
        ("pjsip list transports", ["Objects found: 2"]),
        ("pjsip show identifies", [" Identify:  peer/bob", "        Match: 192.0.2.0/24"]),
        ("pjsip list identifies", ["Objects found: 1"]),
        ("pjsip show identify peer", [" Identify:  peer/bob", " match ", "192.0.2.0/255.255.255.0"]),
        ("pjsip show channels", ["No objects found."]),
        ("pjsip list channels", ["No objects found."]),
        ("pjsip show registrations", ["No objects found."]),
        ("pjsip show identifiers", ["username"]),
        ("pjsip show settings", ["Global Settings:", "System Settings:", " requests ", " messages discarded "]),
        ("pjsip show version", ["Globstar"]),
    ],
)  # fmt: skip
async def test_commands(tmp_path: Path, command: str, lines: list[str]) -> None:
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        printed = await run_command(office.system, command)
        for line in lines:
            assert any(shown.startswith(line) or line in shown for shown in printed.splitlines()), printed
        assert ("Geheim1" in printed) is command.startswith("pjsip show auth ")  # which shows it as Asterisk does


@pytest.mark.parametrize(
    "command",
    [
        "pjsip show endpoint", "pjsip show endpoints like (", "pjsip show endpoints of bob", "pjsip set logger",
        "pjsip set logger host", "pjsip set logger host nowhere", "pjsip set history maybe", "pjsip qualify",
        "pjsip qualify nobody", "pjsip show history entry 7", "pjsip reload qualify aor",
        "pjsip reload qualify endpoint nobody", "pjsip send register", "pjsip send register x",
    ],
)  # fmt: skip
async def test_commands_that_make_no_sense(tmp_path: Path, command: str) -> None:
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        with LogCapture(Level.ERROR) as log:
            printed = await run_command(office.system, command)
        assert printed
        assert not log.records


async def shown_during_a_call(office: SipOffice) -> str:
    alice = office.phone("alice", "Geheim1")
    await alice.register()
    call = await alice.dial("1")
    await call.speak(20)
    printed = ""
    (name,) = office.system.channels
    for command in ("channels", "channelstats", f"channel {name}", "endpoint alice", "contacts", "settings"):
        printed += await run_command(office.system, f"pjsip show {command}")
    await call.hang_up()
    return printed


async def test_during_a_call(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        printed = await shown_during_a_call(office)
        assert "PJSIP/alice-00000000/Wait" in printed
        assert "In use" in printed
        (stats,) = (line for line in printed.splitlines() if " ulaw " in line)
        assert " 20 " in stats
        assert "Geheim1" not in printed


async def test_the_logger_shows_messages_without_digests(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        alice = office.phone("alice", "Geheim1")
        assert await run_command(office.system, "pjsip set logger on") == "PJSIP Logging enabled\n"
        with LogCapture(Level.VERBOSE) as log:
            await alice.register()
        text = "\n".join(record.message for record in log.records)
        assert "Received SIP request" in text
        assert "Transmitting SIP response" in text
        assert 'username="alice"' in text
        assert 'response="<redacted>"' in text
        await run_command(office.system, "pjsip set logger host 192.0.2.0/24")
        with LogCapture(Level.VERBOSE) as log:
            await alice.register()
        assert not any("SIP request" in record.message for record in log.records)
        await run_command(office.system, "pjsip set logger add 127.0.0.1")
        await run_command(office.system, "pjsip set logger method OPTIONS")
        with LogCapture(Level.VERBOSE) as log:
            await alice.register()
            await alice.ask("OPTIONS", "sip:127.0.0.1")
        assert {record.message.split("\n")[1].split(" ")[0] for record in log.records if "SIP request" in record.message} == {
            "OPTIONS"
        }
        await run_command(office.system, "pjsip set logger off")
        with LogCapture(Level.VERBOSE) as log:
            await alice.register()
        assert not any("SIP" in record.message for record in log.records)


async def test_the_history(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        alice = office.phone("alice", "Geheim1")
        await run_command(office.system, "pjsip set history on")
        await alice.register()
        await asyncio.sleep(0.1)
        listed = (await run_command(office.system, "pjsip show history")).splitlines()
        assert len(listed) == 2 + 4
        assert "<== 127.0.0.1:15071" in listed[2]
        assert "==> 127.0.0.1:15071" in listed[3]
        entry = await run_command(office.system, "pjsip show history entry 2")
        assert "Authorization: Digest" in entry
        assert 'response="<redacted>"' in entry
        chosen = await run_command(office.system, "pjsip show history where sip.msg.request.method = REGISTER and number > 0")
        assert len(chosen.splitlines()) == 2 + 1
        assert "is no field" in await run_command(office.system, "pjsip show history where colour = red")
        await run_command(office.system, "pjsip set history clear")
        assert len((await run_command(office.system, "pjsip show history")).splitlines()) == 2


async def test_completion(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        assert complete_line(office.system, "pjsip show endpoint ") == ["alice", "bob"]
        assert "pjsip" not in complete_line(office.system, "pjsip show end")


@pytest.mark.parametrize(
    ("line", "candidates"),
    [
        ("pjsip qualify ", ["alice", "bob"]), ("pjsip reload qualify endpoint b", ["bob"]),
        ("pjsip reload qualify aor a", ["alice"]),
        ("pjsip show qualify endpoint ", ["alice", "bob"]), ("pjsip show qualify aor b", ["bob"]),
        ("pjsip show contact ", ["bob/sip:bob@127.0.0.1:15072"]), ("pjsip show channel ", []),
        ("pjsip set logger verbose ", ["off", "on"]), ("pjsip set logger method IN", ["INFO", "INVITE"]),
        ("pjsip set history ", ["clear", "off", "on"]), ("pjsip show history ", ["entry", "where"]),
        ("pjsip dump endpt ", ["details"]), ("pjsip show subscription inbound ", []), ("pjsip show identify ", ["peer"]),
    ],
)  # fmt: skip
async def test_completion_of_arguments(tmp_path: Path, line: str, candidates: list[str]) -> None:
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        assert complete_line(office.system, line) == candidates


async def test_every_command_of_asterisk_is_there(tmp_path: Path, shared: Path) -> None:
    """Those of compat/cli.tsv; ``pjsip send notify`` comes with pjsip_notify.conf."""
    names = {
        line.split("\t")[0] for line in (shared / "compat" / "cli.tsv").read_text().splitlines() if line.startswith("pjsip ")
    }
    wanted = {re.sub(r" [\[{].*", "", name) for name in names} - {"pjsip show subscription", "pjsip show subscriptions"}
    wanted |= {f"pjsip show {what} {way}" for what in ("subscription", "subscriptions") for way in ("inbound", "outbound")}
    wanted |= {f"pjsip list subscriptions {way}" for way in ("inbound", "outbound")}
    async with sip_office(tmp_path, TEXT, PLAN, {"pjsip_notify.conf": "[check]\nEvent=check-sync\n"}) as office:
        known = {spec.name for spec in office.system.registry("cli command")}
        assert not sorted(wanted - known - {"pjsip list subscriptions"})


async def test_what_the_stack_holds(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        alice = office.phone("alice", "Geheim1")
        await alice.register()
        call = await alice.dial("1")
        short, long = [await run_command(office.system, f"pjsip dump endpt{more}") for more in ("", " details")]
        assert "Dialogs: 1" in short
        assert call.call_id not in short
        assert any(row.split()[0] == "udp" for row in short.splitlines() if row)
        await call.hang_up()
        assert "Client transactions: 0" in long


async def test_a_capture_file(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        alice = office.phone("alice", "Geheim1")
        file = tmp_path / "sip.pcap"
        assert "failed" in await run_command(office.system, f"pjsip set logger pcap {tmp_path}/nowhere/x.pcap")
        assert str(file) in await run_command(office.system, f"pjsip set logger pcap {file}")
        assert "disabled" in await run_command(office.system, "pjsip set logger verbose off")
        with LogCapture(Level.VERBOSE) as log:
            await alice.register()
        assert not any("SIP request" in record.message for record in log.records)
        await run_command(office.system, "pjsip set logger off")
        size = file.stat().st_size
        assert file.read_bytes().count(b"REGISTER sip:127.0.0.1 SIP/2.0") == 2
        assert file.read_bytes().count(b"SIP/2.0 401") == 1
        await alice.register()
        assert file.stat().st_size == size


async def test_reload(tmp_path: Path) -> None:
    """A reload takes over new objects and keeps calls, registrations and transports."""
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        alice = office.phone("alice", "Geheim1")
        await alice.register()
        call = await alice.dial("1")
        text = GLOBAL + phone_section("alice", "Neu", callerid="New <1>") + phone_section("carol")
        office.system.configuration.source = MemorySource({"pjsip.conf": text, "extensions.conf": PLAN})
        register_commands(office.system)
        printed = await run_command(office.system, "module reload chan_pjsip")
        assert sorted(office.driver.settings.endpoints) == ["alice", "carol"], printed
        assert [contact.uri for contact in office.driver.contacts.all()] == [alice.uri]
        await call.speak(5)
        await call.hang_up()
        assert (await alice.register()).status == 401, "the old password is gone"
        alice.password = "Neu"
        assert (await alice.register()).status == 200
        assert (await office.phone("carol").register()).status == 200


async def test_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        office.system.configuration.source = MemorySource({"pjsip.conf": "[alice\ntype=endpoint\n", "extensions.conf": PLAN})
        register_commands(office.system)
        assert "pjsip.conf:1: " in await run_command(office.system, "module reload chan_pjsip")
        assert sorted(office.driver.settings.endpoints) == ["alice", "bob"]
        assert (await office.phone("alice", "Geheim1").register()).status == 200


async def test_messages_of_a_stream_stand_in_the_history_one_by_one(tmp_path: Path) -> None:
    """Two messages in one piece are two entries, one message in two pieces is one."""
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        await run_command(office.system, "pjsip set history on")
        flow = Flow(Transport("TCP", "127.0.0.1", 5060), "127.0.0.1", 15999, object())
        requests = [
            f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:15999;branch=z9hG4bK{number}\r\n"
            f"From: <sip:alice@127.0.0.1>;tag=a\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\n"
            "Content-Length: 0\r\n\r\n"
            for number in range(3)
        ]
        data = "".join(requests).encode()
        for piece in (data[:-40], data[-40:]):
            office.driver.bytes_received(piece, flow)
        received = [entry.data for entry in office.driver.history.entries if entry.is_received]
        assert [f"Call-ID: {number}".encode() in data for number, data in enumerate(received)] == [True, True, True]
