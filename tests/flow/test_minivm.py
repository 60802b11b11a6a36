"""Minivm in calls: greetings, messages, mails, counters, greetings of one's own, the CLI."""

from __future__ import annotations

import email
import email.policy
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core import events
from globstar.core.cli import run_command
from globstar.core.manager import ManagerEvent
from globstar.core.party import PartyId
from globstar.core.system import System
from tests.support.phone import Phone, media_system, noise, sound
from tests.support.switch import LogCapture
from tests.support.voicemail import read_wav, write_prompts

CONF = """
[general]
format=wav
minmessage=1
maxmessage=20
mailcmd=/bin/sh -c "cat > {root}/mail-$(date +%s%N)"
logfile={root}/minivm.log
externnotify=/bin/sh -c 'echo "$0 $1 $2" > {root}/notified'
{general}
[zonemessages]
utc=UTC|'vm-received' Q
[template-short]
subject=To ${{MVM_USERNAME}} ${{SERVICENAME}}
messagebody=${{MVM_CALLERID}} at ${{MVM_DATE}} for ${{MVM_DUR}}
dateformat=%Y-%m-%d %H:%M
attachmedia=no
[template-file]
templatefile=body.txt
[template-missing]
templatefile=none.txt
[ann@example.com]
fullname=Ann
timezone=utc
setvar=SERVICENAME=Service
pager=pager@example.com
{account}
"""
PLAN = """
exten => 6,1,Set(MINIVMCOUNTER(ann@example.com:calls)=5)
 same => n,Set(MINIVMCOUNTER(ann@example.com:calls:i)=3)
 same => n,Set(MINIVMCOUNTER(ann@example.com:calls:d)=1)
 same => n,Set(MINIVMCOUNTER(example.com:all:i)=2)
 same => n,NoOp(${MINIVMCOUNTER(ann@example.com:calls)} ${MINIVMCOUNTER(example.com:all)} ${MINIVMCOUNTER(example.com:never)})
 same => n,Set(MINIVMCOUNTER(ann@example.com:calls:x)=3)
 same => n,Set(MINIVMCOUNTER(ann@example.com:calls)=three)
 same => n,Set(MINIVMCOUNTER(../etc:calls)=3)
 same => n,NoOp([${MINIVMCOUNTER(a@b:../../x)}])
exten => 7,1,NoOp(${MINIVMACCOUNT(ann@example.com:hasaccount)}${MINIVMACCOUNT(x@example.com:hasaccount)})
 same => n,NoOp(${MINIVMACCOUNT(ann@example.com:fullname)} ${MINIVMACCOUNT(ann@example.com:SERVICENAME)})
 same => n,NoOp(${MINIVMACCOUNT(ann@example.com:path)})
 same => n,NoOp([${MINIVMACCOUNT(ann:fullname)}${MINIVMACCOUNT(ann@example.com)}])
exten => a,1,NoOp(assistant)
exten => o,1,NoOp(operator)
exten => h,1,NoOp(end)
"""
SPEECH = noise(2.5, 61)


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prompts")
    write_prompts(folder)
    for letter in "ann":
        sound(folder, f"letters/{letter}", noise(0.1, 9))
    return folder


@pytest.fixture
def general() -> str:
    return ""


@pytest.fixture
def account() -> str:
    return ""


@pytest.fixture
async def system(tmp_path: Path, prompts: Path, general: str, account: str) -> AsyncIterator[System]:
    (tmp_path / "data" / "sounds").mkdir(parents=True)
    (tmp_path / "data" / "sounds" / "en").symlink_to(prompts)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "body.txt").write_text("From the file: ${MVM_NAME}\n")
    conf = CONF.format(root=tmp_path, general=general, account=account)
    async with media_system(tmp_path, {"minivm.conf": conf}, ["app_minivm"]) as system:
        yield system


def dial(system: System, extension: str, options: str = "", who: str = "ann@example.com") -> Phone:
    plan = (
        f"[main]\nexten => 1,1,MinivmGreet(ann@example.com,{options})\n same => n,NoOp(greeted)\n same => n,Hangup()\n"
        f"exten => 2,1,MinivmRecord({who},{options})\n same => n,NoOp(recorded)\n same => n,Hangup()\n"
        "exten => 3,1,Set(MVM_COUNTER=12)\n same => n,MinivmRecord(ann@example.com)\n"
        f" same => n,MinivmNotify({who},{options})\n"
        " same => n,MinivmDelete()\n same => n,MinivmDelete()\n same => n,Hangup()\n"
        f"exten => 4,1,MinivmAccMess({who},{options})\n same => n,Hangup()\n"
        f"exten => 5,1,MinivmMWI(ann@example.com,1,2,{options})\n same => n,NoOp(on)\n"
    )
    phone = Phone(system, context="main", extension=extension, caller=PartyId())
    phone.channel.set_caller_id("100", "Al")
    return phone.start(plan + PLAN)


def box(root: Path, user: str = "ann") -> Path:
    return root / "spool" / "voicemail" / "example.com" / user


async def speak_after_beep(phone: Phone, seconds: float = 2.5) -> None:
    await phone.prompt("beep")
    await phone.after(0.14)
    await phone.speak(SPEECH[: round(8000 * seconds)])


async def mails(system: System, root: Path, count: int) -> list[EmailMessage]:
    """The mails that were sent."""
    found = sorted(await system.run_blocking(lambda: list(root.glob("mail-*"))))
    assert len(found) == count
    parsed = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in found]
    return [one for one in parsed if isinstance(one, EmailMessage)]


def body_of(mail: EmailMessage) -> str:
    part = mail.get_body()
    assert part is not None
    return str(part.get_content())


# -- greeting --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "files", "expected"),
    [
        ("", (), ["vm-intro"]),
        ("s", (), []),
        ("u", (), ["vm-theperson", "letters/a", "letters/n", "letters/n", "vm-isunavail", "vm-intro"]),
        ("b", ("greet",), ["greet", "vm-isonphone", "vm-intro"]),
        ("bs", ("busy",), ["busy"]),
        ("u", ("busy", "unavail", "temp"), ["temp", "vm-intro"]),
        ("ux", ("unavail",), ["unavail", "vm-intro"]),
    ],
)
async def test_greetings(system: System, tmp_path: Path, options: str, files: tuple[str, ...], expected: list[str]) -> None:
    for name in files:
        sound(box(tmp_path), name, noise(0.2, 3))
    phone = await dial(system, "1", options).end()
    assert [Path(name).name if name.startswith("/") else name for name in phone.prompts] == expected
    assert phone.variables["MVM_GREET_STATUS"] == "SUCCESS"


@pytest.mark.parametrize(
    ("key", "status", "step"), [("0", "USEREXIT", "operator"), ("*", "USEREXIT", "assistant"), ("#", "SUCCESS", "greeted")]
)
async def test_keys_during_the_greeting(system: System, key: str, status: str, step: str) -> None:
    phone = dial(system, "1", "u")
    await phone.prompt("vm-isunavail")
    await phone.press(key)
    await phone.end()
    assert phone.variables["MVM_GREET_STATUS"] == status
    assert f"NoOp({step})" in phone.steps
    assert "vm-intro" not in phone.prompts


# -- recording -------------------------------------------------------------------------------------------------------------


async def test_a_message_is_recorded(system: System, tmp_path: Path) -> None:
    phone = dial(system, "2")
    await speak_after_beep(phone)
    await phone.press("#")
    await phone.end()
    variables = phone.variables
    assert (variables["MVM_RECORD_STATUS"], variables["MVM_DURATION"], variables["MVM_FORMAT"]) == ("SUCCESS", "2", "wav")
    path = Path(variables["MVM_FILENAME"] + ".wav")
    assert path.parent == box(tmp_path) / "tmp"
    assert abs(len(read_wav(path)) / 8000 - 2.5) < 0.2
    [line] = (tmp_path / "minivm.log").read_text().splitlines()
    assert line.split(",")[:4] == ["ann", "example.com", "main", "2"]
    assert "Received messages since last reset:  1" in await run_command(system, "minivm show stats")


async def test_who_hangs_up_has_left_a_message(system: System) -> None:
    phone = dial(system, "2")
    await speak_after_beep(phone)
    phone.hang_up()
    await phone.end()
    assert phone.variables["MVM_RECORD_STATUS"] == "SUCCESS"
    assert phone.steps[-1] == "NoOp(end)"
    assert "NoOp(recorded)" not in phone.steps


async def test_short_messages_are_discarded(system: System, tmp_path: Path) -> None:
    phone = dial(system, "2")
    await speak_after_beep(phone, 0.5)
    await phone.press("#")
    await phone.end()
    assert phone.variables["MVM_RECORD_STATUS"] == "FAILED"
    assert list((box(tmp_path) / "tmp").iterdir()) == []


@pytest.mark.parametrize(("key", "step"), [("0", "operator"), ("*", "assistant")])
async def test_keys_leave_the_recording(system: System, key: str, step: str) -> None:
    phone = dial(system, "2", "0*")
    await speak_after_beep(phone)
    await phone.press(key)
    await phone.end()
    assert phone.variables["MVM_RECORD_STATUS"] == "USEREXIT"
    assert f"NoOp({step})" in phone.steps
    assert system.sounds.exists(phone.variables["MVM_FILENAME"])


async def test_gain(system: System) -> None:
    levels = []
    for options in ("", "g(-6)", "g(loud)"):
        phone = dial(system, "2", options)
        await speak_after_beep(phone)
        await phone.press("#")
        await phone.end()
        levels.append(float(np.abs(read_wav(Path(phone.variables["MVM_FILENAME"] + ".wav"))).mean()))
    assert levels[1] / levels[0] == pytest.approx(0.5, abs=0.05)
    assert levels[2] == pytest.approx(levels[0], rel=0.05)


@pytest.mark.parametrize("who", ["", "ann", "../x@example.com"])
async def test_what_is_no_address(system: System, who: str) -> None:
    for extension, variable in (("2", "MVM_RECORD_STATUS"), ("4", "MVM_ACCMESS_STATUS")):
        with LogCapture() as log:
            phone = await dial(system, extension, "u", who).end()
        assert phone.variables[variable] == "FAILED"
        assert log.texts(Level.ERROR)


@pytest.mark.parametrize("account", ["options=review=yes"])
async def test_a_message_is_reviewed(system: System) -> None:
    phone = dial(system, "2")
    await speak_after_beep(phone, 1.2)
    await phone.press("#")
    await phone.prompt("vm-review")
    await phone.press("9")
    await phone.prompt("vm-sorry")
    await phone.prompt("vm-review")
    await phone.press("2")
    await phone.prompt("vm-review")
    await phone.press("3")
    await speak_after_beep(phone, 2.2)
    await phone.press("#")
    await phone.prompt("vm-review")
    await phone.press("1")
    await phone.prompt("vm-msgsaved")
    await phone.end()
    assert phone.variables["MVM_DURATION"] == "2"
    assert phone.variables["MVM_FILENAME"] in phone.prompts


# -- mails -----------------------------------------------------------------------------------------------------------------


async def leave(system: System, options: str = "", who: str = "ann@example.com") -> Phone:
    phone = dial(system, "3", options, who)
    await speak_after_beep(phone)
    await phone.press("#")
    return await phone.end()


async def test_a_message_is_sent_and_deleted(system: System, tmp_path: Path) -> None:
    told: list[ManagerEvent] = []
    system.bus.subscribe(ManagerEvent, told.append)
    with LogCapture() as log:
        phone = await leave(system)
    assert phone.variables["MVM_NOTIFY_STATUS"] == "SUCCESS"
    assert [value for name, value in phone.variable_history if name == "MVM_DELETE_STATUS"] == ["SUCCESS", "FAILED"]
    assert len(log.texts(Level.WARNING)) == 1
    mail, pager = await mails(system, tmp_path, 2)
    assert (mail["To"], mail["Subject"]) == ("Ann <ann@example.com>", "[PBX]: New message in mailbox ann@example.com")
    assert '"Al" <100>' in body_of(mail)
    assert "0:02 (number 12)" in body_of(mail)
    [recording] = mail.iter_attachments()
    assert recording.get_filename() == "voicemail-12.wav"
    assert (pager["To"], pager["Subject"]) == ("Ann <pager@example.com>", "New VM 12")
    assert not list(pager.iter_attachments())
    fields = dict(next(event for event in told if event.name == "MiniVoiceMail").fields)
    assert (fields["Action"], fields["Mailbox"], fields["Counter"]) == ("SentNotification", "ann@example.com", "12")
    assert (tmp_path / "notified").read_text() == "ann@example.com Al 100\n"


async def test_a_template_is_chosen(system: System, tmp_path: Path) -> None:
    await leave(system, "short")
    mail = (await mails(system, tmp_path, 2))[0]
    assert mail["Subject"] == "To ann Service"
    assert body_of(mail).strip() == '"Al" <100> at 2023-11-14 22:13 for 0:02'
    assert not list(mail.iter_attachments())


async def test_a_template_of_a_file(system: System, tmp_path: Path) -> None:
    await leave(system, "file")
    assert body_of((await mails(system, tmp_path, 2))[0]).strip() == "From the file: Ann"


async def test_templates_that_are_missing(system: System, tmp_path: Path) -> None:
    with LogCapture() as log:
        assert (await leave(system, "none")).variables["MVM_NOTIFY_STATUS"] == "SUCCESS"
        assert (await leave(system, "missing")).variables["MVM_NOTIFY_STATUS"] == "FAILED"
    assert any("'none'" in text for text in log.texts(Level.WARNING))
    assert any("none.txt" in text for text in log.texts(Level.ERROR))
    await mails(system, tmp_path, 3)


async def test_an_address_without_an_account(system: System, tmp_path: Path) -> None:
    phone = await leave(system, who="joe@example.org")
    assert phone.variables["MVM_NOTIFY_STATUS"] == "SUCCESS"
    [mail] = await mails(system, tmp_path, 1)
    assert mail["To"] == "joe@example.org"


@pytest.mark.parametrize("general", ["mailcmd=/bin/false"])
async def test_a_program_that_fails(system: System) -> None:
    with LogCapture() as log:
        phone = await leave(system)
    assert phone.variables["MVM_NOTIFY_STATUS"] == "FAILED"
    assert len(log.texts(Level.ERROR)) == 2


# -- the account's own -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "prompt", "file"),
    [("u", "vm-rec-unv", "unavail"), ("b", "vm-rec-busy", "busy"), ("t", "vm-rec-temp", "temp"), ("n", "vm-rec-name", "greet")],
)
async def test_greetings_are_recorded(system: System, tmp_path: Path, option: str, prompt: str, file: str) -> None:
    sound(box(tmp_path), file, noise(0.2, 3))
    phone = dial(system, "4", option)
    await phone.prompt(prompt)
    await speak_after_beep(phone, 1.5)
    await phone.press("#")
    await phone.prompt("vm-review")
    await phone.press("1")
    await phone.end()
    assert phone.variables["MVM_ACCMESS_STATUS"] == "SUCCESS"
    assert abs(len(read_wav(box(tmp_path) / f"{file}.wav")) / 8000 - 1.5) < 0.2
    assert list((box(tmp_path) / "tmp").iterdir()) == []


async def test_a_greeting_that_is_not_kept(system: System, tmp_path: Path) -> None:
    old = len(sound(box(tmp_path), "busy", noise(0.2, 3)))
    phone = dial(system, "4", "b")
    await speak_after_beep(phone, 1.5)
    await phone.press("#")
    await phone.prompt("vm-review")
    phone.hang_up()
    await phone.end()
    assert phone.variables["MVM_ACCMESS_STATUS"] == "FAILED"
    assert len(read_wav(box(tmp_path) / "busy.wav")) == old


@pytest.mark.parametrize("options", ["", "ub", "x"])
async def test_which_greeting_must_be_said(system: System, options: str) -> None:
    with LogCapture() as log:
        phone = await dial(system, "4", options).end()
    assert phone.variables["MVM_ACCMESS_STATUS"] == "FAILED"
    assert log.texts(Level.ERROR)


async def test_message_waiting(system: System) -> None:
    seen: list[events.MessageWaiting] = []
    system.bus.subscribe(events.MessageWaiting, seen.append)
    phone = await dial(system, "5", "3").end()
    [event] = seen
    assert (event.mailbox, event.urgent, event.new, event.old) == ("ann@example.com", 1, 2, 3)
    with LogCapture() as log:
        phone = await dial(system, "5", "many").end()
    assert len(seen) == 1
    assert log.texts(Level.ERROR)
    assert "NoOp(on)" in phone.steps


async def test_counters(system: System, tmp_path: Path) -> None:
    with LogCapture() as log:
        phone = await dial(system, "6").end()
    assert [step for step in phone.steps if step.startswith("NoOp")][:2] == ["NoOp(7 2 0)", "NoOp([])"]
    assert (box(tmp_path) / "calls.counter").read_text() == "7\n"
    assert len(log.texts(Level.WARNING)) == 4


async def test_the_account_function(system: System, tmp_path: Path) -> None:
    with LogCapture() as log:
        phone = await dial(system, "7").end()
    assert phone.steps[:4] == ["NoOp(10)", "NoOp(Ann Service)", f"NoOp({box(tmp_path)})", "NoOp([])"]
    assert len(log.texts(Level.WARNING)) == 2


async def test_cli(system: System) -> None:
    async def run(command: str) -> str:
        return await run_command(system, f"minivm {command}")

    assert "ann@example.com" in await run("list accounts")
    assert "1 minivoicemail user configured" in await run("list accounts for EXAMPLE.com")
    assert "no voicemail users" in await run("list accounts for example.org")
    assert "Usage" in await run("list accounts of example.org")
    assert "5 minivoicemail templates configured" in await run("list templates")
    assert "utc             UTC" in await run("list zones")
    assert "minmessage           1" in await run("show settings")
    assert "Voicemail accounts:" in await run("show stats")
    assert "reloaded" in await run("reload")
    for command in ("list templates x", "list zones x", "show settings x", "show stats x", "reload x"):
        assert "Usage" in await run(command)
