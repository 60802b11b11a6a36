"""voicemail ...: mailboxes shown, messages moved, removed and forwarded by hand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.core.cli import complete_line, run_command
from globstar.core.mailboxes import MailboxState
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from globstar.modules.apps.voicemail.store import Mailbox, MessageInfo, read_info
from tests.support.switch import running_system

CONF = """\
[general]
maxmsg=2
[default]
100 => 1234,Alice Example,alice@example.org
101 => 1234,Bob Example
"""


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    files = {"modules.conf": "[modules]\nautoload=no\nload=app_voicemail\n", "voicemail.conf": CONF}
    async with running_system(tmp_path, files, prepare=register_commands) as system:
        for number in range(2):
            box = mailbox(system, "100")
            stem = box.temporary(f"new{number}")
            stem.with_suffix(".wav").write_bytes(b"sound %d" % number)
            assert box.store(stem, MessageInfo(origmailbox="100", msg_id=f"17-0000000{number}"), "INBOX", 10) is not None
        yield system


def mailbox(system: System, number: str) -> Mailbox:
    return Mailbox(Path(system.directories.astspooldir) / "voicemail", "default", number)


async def test_a_mailbox_is_shown(system: System) -> None:
    shown = await run_command(system, "voicemail show mailbox 100 default")
    assert "Full Name:               Alice Example\n" in shown
    assert "New messages:            2\n" in shown
    assert "1234" not in shown
    assert json.loads(await run_command(system, "voicemail show mailbox 101 default --json"))["New messages"] == 0
    assert (await run_command(system, "voicemail show mailbox 102 default")).endswith("failed.\n")
    assert await run_command(system, "voicemail show users for nowhere") == (
        "No such voicemail context \"nowhere\"\nCommand 'voicemail show users for nowhere' failed.\n"
    )


async def test_a_message_is_moved_by_its_id_or_its_file(system: System) -> None:
    moved = await run_command(system, "voicemail move 100 default INBOX 17-00000000 Old")
    assert moved == "Moved message '17-00000000' to folder Old\n"
    box = mailbox(system, "100")
    assert [read_info(stem).msg_id for stem in box.messages("Old")] == ["17-00000000"]
    assert [stem.name for stem in box.messages("INBOX")] == ["msg0000"]  # the gap is closed
    assert system.mailboxes.state("100@default") == MailboxState(1, 1)
    await run_command(system, "voicemail move 100 default inbox msg0000 work")
    assert system.mailboxes.state("100@default") == MailboxState(0, 1)


async def test_a_message_is_removed(system: System) -> None:
    assert await run_command(system, "voicemail remove 100 default INBOX 17-00000001") == "Removed message '17-00000001'\n"
    assert list(mailbox(system, "100").path.glob("INBOX/msg*")) != []
    assert mailbox(system, "100").count("INBOX") == 1
    assert "no message" in await run_command(system, "voicemail remove 100 default INBOX 17-00000001")


async def test_a_message_is_forwarded_until_the_folder_is_full(system: System) -> None:
    forward = "voicemail forward 100 default INBOX 17-00000000 101 default INBOX"
    assert await run_command(system, forward) == "Forwarded message '17-00000000' to 101@default\n"
    box = mailbox(system, "101")
    assert [stem.with_suffix(".wav").read_bytes() for stem in box.messages("INBOX")] == [b"sound 0"]
    assert read_info(box.messages("INBOX")[0]).msg_id not in ("", "17-00000000")
    assert mailbox(system, "100").count("INBOX") == 2
    assert system.mailboxes.state("101@default") == MailboxState(1, 0)
    await run_command(system, forward)
    assert "is full" in await run_command(system, forward)
    assert list(box.path.glob("tmp/forward*")) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("move 100 default INBOX 17-00000000 Attic", "no folder 'Attic'"), ("move 109 default INBOX x Old", "No such mailbox"),
        ("move 100 default ../x 17-00000000 Old", "no folder"), ("remove 100 default Old ../../x", "no message"),
        ("forward 100 default INBOX 17-00000000 109 default INBOX", "No such mailbox '109@default'"), ("move 100", "Usage"),
        ("remove", "Usage"), ("forward", "Usage"), ("show mailbox", "Usage"),
    ],
)  # fmt: skip
async def test_what_cannot_be(system: System, line: str, said: str) -> None:
    assert said in await run_command(system, f"voicemail {line}")
    assert mailbox(system, "100").count("INBOX") == 2


async def test_completion(system: System) -> None:
    assert complete_line(system, "voicemail move ") == ["100", "101"]
    assert complete_line(system, "voicemail move 100 ") == ["default"]
    assert "Work" in complete_line(system, "voicemail move 100 default ")
