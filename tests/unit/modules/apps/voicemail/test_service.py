"""voicemail.conf: mailboxes, their options, zones, passwords, and what is said about the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.config import ConfigError, MemorySource
from globstar.core import events
from globstar.core.cli import run_command
from globstar.modules.apps.voicemail.service import MailboxUser, VoicemailService
from globstar.modules.apps.voicemail.store import MessageInfo
from tests.support.switch import LogCapture, running_system

pytestmark = pytest.mark.virtual_time

CONFIG = """
[general]
format=wav|gsm
maxmsg=50
operator=yes
minsecs=2
[zonemessages]
berlin=Europe/Berlin|'vm-received' q 'digits/at' kM
[default]
100 => 1234,Alice Example,,,tz=berlin|maxmsg=7|saycid=yes
101 => -9999,Bob
102 => 1
[other]
100 => 55,Other Alice
300 => 66,Carol
"""


@asynccontextmanager
async def loaded(root: Path, text: str = CONFIG) -> AsyncIterator[tuple[VoicemailService, LogCapture]]:
    files = {"modules.conf": "[modules]\nautoload=no\nload=app_voicemail\n", "voicemail.conf": text}
    with LogCapture() as log:
        async with running_system(root, files) as system:
            service = system.service("voicemail", VoicemailService)
            assert service is not None
            yield service, log


def user(service: VoicemailService, name: str) -> MailboxUser:
    found = service.find(name)
    assert found is not None
    return found


async def test_mailboxes_and_options(tmp_path: Path) -> None:
    async with loaded(tmp_path) as (service, log):
        alice, bob = user(service, "100"), user(service, "101@default")
        assert (alice.name, alice.password, alice.context, alice.password_is_fixed) == ("Alice Example", "1234", "default", False)
        assert (alice.options.maxmsg, alice.options.saycid, alice.options.operator, alice.options.minsecs) == (7, True, True, 2)
        assert (bob.options.maxmsg, bob.password, bob.password_is_fixed) == (50, "9999", True)
        assert user(service, "102").name == ""
        assert user(service, "100@other").name == "Other Alice"
        assert service.zones["berlin"] == ("Europe/Berlin", "'vm-received' q 'digits/at' kM")
        assert service.options.format == "wav|gsm"
        assert not log.texts(Level.WARNING)
        for secret in ("1234", "9999"):
            assert secret not in repr(alice) + repr(bob)


async def test_a_mailbox_is_found_in_its_context_or_in_all(tmp_path: Path) -> None:
    async with loaded(tmp_path) as (service, _):
        assert service.find("300") is None
        assert service.find("999") is None
        assert service.find("100@nowhere") is None
    async with loaded(tmp_path, CONFIG.replace("[general]", "[general]\nsearchcontexts=yes")) as (service, _):
        assert user(service, "300").context == "other"
        assert service.find("300@default") is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[general]\nformatt=wav\n", "formatt"),
        ("[general]\nmaxmsg=many\n", "many"),
        ("[general]\nimapserver=x\n", "imapserver"),
        ("[general]\nattach=yes\n", "attach"),
        ("[default]\n1 => 1,A,,,nonsense=1\n", "nonsense"),
        ("[default]\n1 => 1,A,,,maxmsg=x\n", "maxmsg"),
        ("[default]\n1 => 1,A,,,attach=yes\n", "attach"),
        ("[default]\n1 => 1,A,a@example.com\n", "mail"),
    ],
)
async def test_what_has_no_effect_is_told(tmp_path: Path, text: str, word: str) -> None:
    async with loaded(tmp_path, text) as (_, log):
        assert any(word in warning for warning in log.texts(Level.WARNING))


async def test_no_file_at_all(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"modules.conf": "[modules]\nautoload=no\nload=app_voicemail\n"}) as system:
        assert await run_command(system, "voicemail show users") == "There are no voicemail users currently defined\n"
        assert await run_command(system, "voicemail show zones") == (
            "There are no voicemail zones currently defined\nCommand 'voicemail show zones' failed.\n"
        )


async def test_cli(tmp_path: Path) -> None:
    async with loaded(tmp_path) as (service, _):
        shown = await run_command(service.system, "voicemail show users for other")
        assert shown.splitlines() == [
            "Context    Mbox  User                      Zone       NewMsg",
            "other      100   Other Alice                               0",
            "other      300   Carol                                     0",
            "2 voicemail users configured.",
        ]
        assert "Europe/Berlin" in await run_command(service.system, "voicemail show zones")


async def test_aliases_find_the_mailbox_and_are_told_of_its_messages(tmp_path: Path) -> None:
    aliases = "aliasescontext=others\n[others]\n7@phones => 100\n8 => 100@default\n9 => 999\n"
    text = f"[general]\n{aliases}[default]\n100 => 1,Anna\n8 => 1,Own\n"
    async with loaded(tmp_path, text) as (service, _):
        anna = service.find("100")
        assert anna is not None
        assert service.find("7@phones") is anna
        assert await service.look_up("7@phones") is anna
        assert service.find("8") is not anna  # a mailbox goes before an alias
        assert service.find("9") is None
        assert service.find("7") is None
        told: list[str] = []
        service.system.bus.subscribe(events.MessageWaiting, lambda event: told.append(event.mailbox))
        await service.announce(anna)
        assert told == ["100@default", "7@phones"]
        shown = await run_command(service.system, "voicemail show aliases")
        assert [line.split() for line in shown.splitlines()] == [
            ["Aliases", "context:", "others"], ["Alias", "Mailbox"], ["7@phones", "100@default"],
            ["8@default", "100@default"], ["9@default", "999@default"],
        ]  # fmt: skip
    async with loaded(tmp_path / "without") as (service, _):
        assert await run_command(service.system, "voicemail show aliases") == "Aliases are not enabled\n"


async def test_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    async with loaded(tmp_path) as (service, _):
        before = dict(service.users)
        service.system.configuration.source = MemorySource({"voicemail.conf": "[default\n1 => 2\n"})
        with pytest.raises(ConfigError):
            service.load()
        assert service.users == before


async def test_passwords_are_kept_in_the_spool(tmp_path: Path) -> None:
    async with loaded(tmp_path) as (service, _):
        await service.change_password(user(service, "100"), "4711")
        service.load()
        assert (user(service, "100").password, user(service, "100@other").password) == ("4711", "55")
    async with loaded(tmp_path) as (service, _):
        assert user(service, "100").password == "4711"


async def test_counts_and_announcement(tmp_path: Path) -> None:
    async with loaded(tmp_path) as (service, _):
        alice = user(service, "100")
        box = service.mailbox(alice)
        for folder in ("INBOX", "Urgent", "Old", "Old", "Work"):
            stem = box.temporary("x")
            stem.with_suffix(".wav").write_text("")
            box.store(stem, MessageInfo(), folder, 9)
        counts = service.counts(alice)
        assert (counts.new, counts.old, counts.urgent) == (2, 2, 1)
        told: list[events.MessageWaiting] = []
        service.system.bus.subscribe(events.MessageWaiting, told.append)
        await service.announce(alice)
        assert [(event.mailbox, event.new, event.old) for event in told] == [("100@default", 2, 2)]


async def test_a_volgain_that_is_none_is_told_with_its_place(tmp_path: Path) -> None:
    text = (
        "[general]\nvolgain=99\n[default]\n100 => 1,Alice\n101 => 1,Bob,,,volgain=loud\n102 => 1,Carol,,,volgain=-3.5|maxmsg=7\n"
    )
    async with loaded(tmp_path, text) as (service, log):
        assert [user(service, number).options.volgain for number in ("100", "101", "102")] == [0.0, 0.0, -3.5]
        told = [line for line in log.texts(Level.WARNING) if "volgain" in line]
    assert sorted(told) == [
        "mailbox 101@default: volgain: expected a number",
        "voicemail.conf:2: bad value '99' of option 'volgain': expected at most 50",
    ]


async def test_zones_that_there_are_not_are_told_once_with_their_place(tmp_path: Path) -> None:
    text = (
        "[default]\n100 => 1,Alice,,,tz=mars\n101 => 1,Bob,,,tz=berlin\n102 => 1,Carol,,,tz=berlin\n"
        "[zonemessages]\nmars=Mars/Base|'vm-received' Q\nlocal=|Q\nsummer=CET-1CEST,M3.5.0,M10.5.0/3|Q\n"
    )
    async with loaded(tmp_path, text) as (service, log):
        alice, bob, carol = (user(service, number) for number in ("100", "101", "102"))
        assert service.zone_of(alice) == ("Mars/Base", "'vm-received' Q")
        assert service.zone_of(bob) == service.zone_of(carol) == ("", "")
        carol.options.tz = "later"  # as a row of realtime may name it
        assert [service.zone_of(carol) for _ in range(2)] == [("", ""), ("", "")]
        told = [line for line in log.texts(Level.WARNING) if "zone" in line]
        assert told == [
            "voicemail.conf:6: zone 'mars': there is no time zone 'Mars/Base'; it is taken to be UTC",
            "mailbox 101@default: tz: [zonemessages] of voicemail.conf has no zone 'berlin'; times are the machine's",
            "mailbox 102@default: tz: [zonemessages] of voicemail.conf has no zone 'later'; times are the machine's",
        ]
        service.load()
        assert len([line for line in log.texts(Level.WARNING) if "zone" in line]) == 5
