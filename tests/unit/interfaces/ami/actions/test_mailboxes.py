"""Mailboxes on the manager interface: those of voicemail.conf, and those that are counted elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.core.mailboxes import MailboxState
from globstar.modules.apps.voicemail.service import VoicemailService
from globstar.modules.apps.voicemail.store import MessageInfo
from tests.support.ami_world import AmiWorld, ami_world

pytestmark = pytest.mark.virtual_time

VOICEMAIL = "[default]\n100 => 1234,Alice Example,alice@example.com,,review=yes\n101 => 4321,Bob\n"


def put_message(ami: AmiWorld, number: str, identity: str, folder: str = "INBOX") -> None:
    service = ami.world.system.services["voicemail"]
    assert isinstance(service, VoicemailService)
    box = service.mailbox(service.users["default", number])
    stem = box.temporary("new")
    stem.with_suffix(".wav").write_bytes(b"RIFF")
    stored = box.store(stem, MessageInfo(origmailbox=number, callerid="Carol <102>", msg_id=identity, duration="7"), folder, 100)
    assert stored is not None


async def test_users_and_one_of_them(tmp_path: Path) -> None:
    async with ami_world(tmp_path, files={"voicemail.conf": VOICEMAIL}) as ami:
        put_message(ami, "100", "1-1")
        listed = await ami.ask("VoicemailUsersList")
        assert listed[:3] == ["Response: Success", "EventList: start", "Message: Voicemail user list will follow"]
        assert [line for line in listed if line.startswith("VoiceMailbox")] == ["VoiceMailbox: 100", "VoiceMailbox: 101"]
        assert listed[-3:] == ["Event: VoicemailUserEntryComplete", "EventList: Complete", "ListItems: 2"]
        shown = await ami.ask("VoicemailUserStatus", Context="default", Mailbox="100")
        for line in ("Fullname: Alice Example", "Email: alice@example.com", "CanReview: Yes", "NewMessageCount: 1"):
            assert line in shown
        assert not any("1234" in line for line in [*listed, *shown])
        missing = "Error: There is no voicemail user matching the given user."
        assert await ami.message("VoicemailUserStatus", Context="default", Mailbox="../100") == missing
        assert await ami.message("VoicemailUserStatus", Context="default") == "Error: Need 'Mailbox' value."


async def test_messages_are_listed_moved_forwarded_and_removed(tmp_path: Path) -> None:
    async with ami_world(tmp_path, files={"voicemail.conf": VOICEMAIL}) as ami:
        put_message(ami, "100", "1-1")
        put_message(ami, "100", "1-2")
        place = {"Context": "default", "Mailbox": "100"}
        shown = await ami.ask("VoicemailBoxSummary", **place)
        assert [line for line in shown if line.startswith("ID")] == ["ID: 1-1", "ID: 1-2"]
        assert "CallerID: Carol <102>" in shown
        moved = await ami.message("VoicemailMove", **place, Folder="INBOX", ID="1-1", ToFolder="work")
        assert moved == "Success: Message move successful"
        forwarded = await ami.message(
            "VoicemailForward", **place, Folder="INBOX", ID="1-2", ToContext="default", ToMailbox="101", ToFolder="INBOX"
        )
        assert forwarded == "Success: Message forward successful"
        assert ami.world.system.mailboxes.state("101@default") == MailboxState(1, 0, 0)
        removed = await ami.message("VoicemailRemove", **place, Folder="INBOX", ID="1-2")
        assert removed == "Success: Message remove successful"
        assert ami.world.system.mailboxes.state("100@default") == MailboxState(0, 0, 0)
        shown = await ami.ask("VoicemailBoxSummary", **place)
        assert [line for line in shown if line.startswith(("ID", "Folder"))] == ["Folder: Work", "ID: 1-1"]
        for headers, problem in (
            ({"Folder": "INBOX", "ID": "9-9", "ToFolder": "Old"}, "Message not found"),
            ({"Folder": "../../x", "ID": "1-1", "ToFolder": "Old"}, "Invalid folder: ../../x"),
            ({"Folder": "Work", "ID": "../1-1", "ToFolder": "Old"}, "Message not found"),
            ({"Folder": "Work", "ID": "1-1"}, "Need 'ToFolder' value."),
        ):
            assert await ami.message("VoicemailMove", **place, **headers) == f"Error: {problem}"


async def test_refresh_counts_what_another_program_put_there(tmp_path: Path) -> None:
    async with ami_world(tmp_path, files={"voicemail.conf": VOICEMAIL}) as ami:
        put_message(ami, "101", "1-1", "Old")
        assert await ami.message("VoicemailRefresh", Context="default", Mailbox="101") == "Success: Refresh sent"
        assert ami.world.system.mailboxes.state("101@default") == MailboxState(0, 1, 0)


async def test_mailboxes_that_are_counted_elsewhere(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        assert await ami.message("MWIUpdate", Mailbox="700", NewMessages="3", OldMessages="1") == "Success"
        assert await ami.message("MWIUpdate", Mailbox="701@sales", NewMessages="1") == "Success"
        assert ami.world.system.mailboxes.state("700@default") == MailboxState(3, 1, 0)
        got = await ami.ask("MWIGet", Mailbox="/^70/")
        assert got[3:7] == ["Event: MWIGet", "Mailbox: 700@default", "OldMessages: 1", "NewMessages: 3"]
        assert got[-3:] == ["Event: MWIGetComplete", "EventList: Complete", "ListItems: 2"]
        await ami.world.system.loader.unload("res_mwi_external_ami")
        await ami.world.system.loader.load("res_mwi_external_ami")
        assert "ListItems: 2" in await ami.ask("MWIGet", Mailbox="/./")
        assert await ami.message("MWIDelete", Mailbox="/sales$/") == "Success"
        assert "ListItems: 1" in await ami.ask("MWIGet", Mailbox="/./")
        assert ami.world.system.mailboxes.state("701@sales") == MailboxState()
        assert await ami.message("MWIUpdate", NewMessages="3") == "Error: Missing mailbox parameter in request"
        assert await ami.message("MWIUpdate", Mailbox="1", NewMessages="-3") == "Error: Invalid NewMessages parameter in request"
        assert (await ami.message("MWIGet", Mailbox="/(/")).startswith("Error: Regex compile error in: /(/")
