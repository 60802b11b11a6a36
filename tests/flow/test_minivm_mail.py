"""What minivm.conf says of mails: senders, subjects, bodies, dates and character sets of mails and pager mails, and gain."""

from __future__ import annotations

import email
import email.policy
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from globstar.core.party import PartyId
from globstar.core.system import System
from tests.support.phone import Phone, media_system, noise, sound
from tests.support.voicemail import read_wav

PLAN = """[main]
exten => 1,1,Set(MVM_COUNTER=12)
 same => n,MinivmRecord(ann@example.com)
 same => n,MinivmNotify(ann@example.com)
 same => n,NoOp(on)
exten => 2,1,MinivmAccMess(ann@example.com,u)
 same => n,NoOp(on)
"""


@asynccontextmanager
async def post_office(root: Path, general: str = "", account: str = "", more: str = "") -> AsyncIterator[System]:
    sounds = root / "data" / "sounds" / "en"
    for index, name in enumerate(("beep", "vm-rec-unv", "vm-review", "vm-msgsaved")):
        sound(sounds, name, noise(0.1, 300 + index))
    conf = (
        f'[general]\nformat=wav\nmailcmd=/bin/sh -c "cat > {root}/mail-$(date +%s%N)"\n{general}\n{more}\n'
        "[zonemessages]\nutc=UTC|'vm-received' Q\n"
        f"[ann@example.com]\nfullname=Ann\npager=pager@example.com\ntimezone=utc\n{account}\n"
    )
    async with media_system(root, {"minivm.conf": conf}, ["app_minivm"]) as system:
        yield system


async def mails(system: System, root: Path) -> tuple[EmailMessage, EmailMessage]:
    """Leave a message; the mail and the pager mail."""
    phone = Phone(system, context="main", extension="1", caller=PartyId())
    phone.channel.set_caller_id("100", "Al")
    phone.start(PLAN)
    await phone.prompt("beep")
    await phone.after(0.14)
    await phone.speak(noise(2.5, 61))
    await phone.press("#")
    await phone.end()
    assert phone.variables["MVM_NOTIFY_STATUS"] == "SUCCESS"
    found = sorted(await system.run_blocking(lambda: list(root.glob("mail-*"))))
    parsed = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in found]
    assert len(parsed) == 2
    first, second = parsed
    assert isinstance(first, EmailMessage)
    assert isinstance(second, EmailMessage)
    return first, second


def body(mail: EmailMessage) -> str:
    part = mail.get_body()
    assert part is not None
    return str(part.get_content()).strip()


@pytest.mark.parametrize(
    ("general", "sender", "pager_sender"),
    [
        ("", "asterisk", "asterisk"),
        ("serveremail=pbx@example.com", "pbx@example.com", "pbx@example.com"),
        ("serveremail=pbx@example.com\nemailfromstring=Desk", "Desk <pbx@example.com>", "Desk <pbx@example.com>"),
        ("emailaddress=post@example.com\nfromstring=Desk", "Desk <post@example.com>", "Desk"),
        ("pageraddress=p@example.com\npagerfromstring=Pager", "asterisk", "Pager <p@example.com>"),
    ],
)
async def test_who_mails_are_from(tmp_path: Path, general: str, sender: str, pager_sender: str) -> None:
    async with post_office(tmp_path, general) as system:
        mail, pager = await mails(system, tmp_path)
    assert str(mail["From"]).startswith(sender)
    assert str(pager["From"]).startswith(pager_sender)


@pytest.mark.parametrize(
    ("general", "subject", "pager_subject"),
    [
        ("", "[PBX]: New message in mailbox ann@example.com", "New VM 12"),
        ("pbxskip=yes", "New message in mailbox ann@example.com", "New VM 12"),
        ("emailsubject=For ${MVM_NAME}", "For Ann", "New VM 12"),
        ("pagersubject=${MVM_CIDNUM}: ${MVM_DUR}", "[PBX]: New message in mailbox ann@example.com", "100: 0:02"),
    ],
)
async def test_subjects(tmp_path: Path, general: str, subject: str, pager_subject: str) -> None:
    async with post_office(tmp_path, general) as system:
        mail, pager = await mails(system, tmp_path)
    assert (mail["Subject"], pager["Subject"]) == (subject, pager_subject)


async def test_bodies_dates_and_character_sets(tmp_path: Path) -> None:
    general = (
        "emailbody=${MVM_NAME}: ${MVM_DATE}\\nGrüße\nemaildateformat=%Y-%m-%d %H:%M\nemailcharset=iso-8859-1\n"
        "pagerbody=${MVM_CIDNAME} at ${MVM_DATE}\npagercharset=us-ascii"
    )
    async with post_office(tmp_path, general) as system:
        mail, pager = await mails(system, tmp_path)
    assert body(mail).splitlines() == ["Ann: 2023-11-14 22:13", "Grüße"]
    part = mail.get_body()
    assert part is not None
    assert part.get_content_charset() == "iso-8859-1"
    assert body(pager) == "Al at 2023-11-14 22:13"


async def test_ptemplate_is_the_template_of_pager_mails(tmp_path: Path) -> None:
    more = "[template-tiny]\nsubject=tiny\nmessagebody=${MVM_USERNAME}\nattachmedia=no\n"
    async with post_office(tmp_path, account="ptemplate=tiny", more=more) as system:
        mail, pager = await mails(system, tmp_path)
    assert (pager["Subject"], body(pager)) == ("tiny", "ann")
    assert str(mail["Subject"]).endswith("ann@example.com")


def recordings(root: Path) -> list[Path]:
    return list(root.glob("spool/voicemail/example.com/ann/**/*.wav"))


@pytest.mark.parametrize(("account", "factor"), [("", 1), ("volgain=6", 2), ("volgain=-6", 0.5)])
async def test_volgain_changes_what_is_attached_and_not_what_is_kept(tmp_path: Path, account: str, factor: float) -> None:
    async with post_office(tmp_path, account=account) as system:
        mail, _ = await mails(system, tmp_path)
    [attached] = mail.iter_attachments()
    with wave.open(BytesIO(attached.get_content())) as file:
        heard = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    [kept] = recordings(tmp_path)
    assert np.abs(heard).mean() / np.abs(read_wav(kept).astype(float)).mean() == pytest.approx(factor, rel=0.05)


async def test_maxgreet_ends_a_greeting(tmp_path: Path) -> None:
    async with post_office(tmp_path, "maxgreet=2") as system:
        phone = Phone(system, context="main", extension="2", caller=PartyId()).start(PLAN)
        await phone.prompt("beep")
        phone.meanwhile(phone.speak(noise(8, 62)))
        await phone.prompt("vm-review")
        phone.key("1")
        await phone.end()
    assert phone.variables["MVM_ACCMESS_STATUS"] == "SUCCESS"
    greeting = read_wav(tmp_path / "spool/voicemail/example.com/ann/unavail.wav")
    assert len(greeting) / 8000 == pytest.approx(2, abs=0.15)
