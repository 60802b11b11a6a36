"""Voicemail: listening to messages, sorting them, greetings and passwords."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.core.cli import run_command
from globstar.core.system import System
from globstar.modules.apps.voicemail.service import VoicemailService
from tests.interop.support.audio import find
from tests.support.phone import companded, noise
from tests.support.switch import LogCapture
from tests.support.voicemail import (
    DIALPLAN,
    SPEECH,
    dial,
    hang_up,
    inbox,
    leave,
    read_wav,
    speak_after_the_beep,
    spool,
    voicemail_system,
)


@pytest.fixture
def config() -> str:
    return "[general]\nformat=wav\nmaxmsg=100\n[default]\n100 => 1234,Alice Example\n101 => 1234,Bob Example\n"


@pytest.fixture
async def system(tmp_path: Path, voicemail_prompts: Path, config: str) -> AsyncIterator[System]:
    async with voicemail_system(tmp_path, voicemail_prompts, config) as system:
        yield system


# -- listening -----------------------------------------------------------------------------------------------------------------


async def three_messages(system: System) -> None:
    for seed in (80, 81, 82):
        await leave(system, what=noise(1.2, seed))


async def test_log_in_with_the_right_password(system: System) -> None:
    phone = dial(system, "904")
    await phone.prompt("vm-login")
    await phone.press("100#1234#")
    await phone.prompt("vm-youhave")
    await phone.press("#")
    await phone.end()
    assert phone.prompts == ["vm-login", "vm-password", "vm-youhave", "vm-goodbye"]


async def test_three_wrong_passwords_say_goodbye_and_go_on(system: System) -> None:
    phone = dial(system, "904", DIALPLAN.replace("VoiceMailMain()", "VoiceMailMain(100)\nsame => n,NoOp(on)"))
    for _ in range(3):
        await phone.prompt("vm-password")
        with LogCapture():
            await phone.press("999#")
            await phone.prompt("vm-incorrect")
    await phone.end()
    assert phone.prompts[-1] == "vm-goodbye"
    assert phone.steps[-2] == "NoOp(on)"


async def test_messages_are_heard_forward_and_back_and_become_old(system: System, tmp_path: Path) -> None:
    await three_messages(system)
    phone = dial(system, "903")
    await phone.prompt("vm-onefor")
    phone.key("1")
    await phone.prompt("vm-first")
    await phone.prompt("vm-advopts")
    phone.key("6")
    await phone.prompt("digits/2")
    await phone.prompt("vm-advopts")
    phone.key("4")
    await phone.prompt("vm-first")
    await phone.prompt("vm-advopts")
    phone.key("#")
    await phone.end()
    for seed, times in ((80, 2), (81, 1)):
        heard = phone.samples
        for _ in range(times):
            match = find(heard, companded(noise(1.2, seed)))
            assert match.correlation == pytest.approx(1)
            heard = heard[match.offset + 800 :]
    assert find(phone.samples, companded(noise(1.2, 82))).correlation < 0.3
    assert inbox(tmp_path) == ["msg0000.txt", "msg0000.wav"]
    assert inbox(tmp_path, "Old") == ["msg0000.txt", "msg0000.wav", "msg0001.txt", "msg0001.wav"]
    assert np.array_equal(read_wav(spool(tmp_path) / "default/100/INBOX/msg0000.wav"), companded(noise(1.2, 82)))


async def test_keys_wind_while_a_message_plays(system: System) -> None:
    await leave(system, what=noise(8, 85))
    phone = dial(system, "903")
    await phone.prompt("vm-onefor")
    phone.key("1")
    await phone.prompt(f"{system.directories.astspooldir}/voicemail/default/100/INBOX/msg0000")
    await phone.after(1)
    phone.key("#")  # three seconds on
    await phone.after(1)
    phone.key("*")  # and back
    await phone.after(0.5)
    phone.key("5")  # again from its beginning, told anew
    await phone.prompt("vm-first")
    await hang_up(phone)
    message = companded(noise(8, 85))
    for start in (0, 4, 2):
        wanted = message[round((start + 0.1) * 8000) : round((start + 0.4) * 8000)]
        assert find(phone.samples, wanted).correlation == pytest.approx(1), start
    assert find(phone.samples, message[round(2.6 * 8000) : round(2.9 * 8000)]).correlation < 0.3


async def test_hang_up_applies_what_was_decided(system: System, tmp_path: Path) -> None:
    await three_messages(system)
    phone = dial(system, "903")
    await phone.prompt("vm-onefor")
    phone.key("1")
    await phone.prompt("vm-advopts")
    phone.key("7")
    await phone.prompt("digits/2")
    await hang_up(phone)
    assert len(inbox(tmp_path)) == 4
    assert inbox(tmp_path, "Old") == []


async def test_a_deleted_message_can_be_kept_after_all(system: System, tmp_path: Path) -> None:
    await leave(system)
    phone = dial(system, "903")
    await phone.prompt("vm-onefor")
    phone.key("1")
    await phone.prompt("vm-advopts")
    phone.key("7")
    await phone.prompt("vm-undelete")
    phone.key("7")
    await phone.prompt("vm-undeleted")
    phone.key("#")
    await phone.end()
    assert inbox(tmp_path, "Old") == ["msg0000.txt", "msg0000.wav"]


async def test_folders(system: System, tmp_path: Path) -> None:
    await leave(system)
    phone = dial(system, "903")
    await phone.prompt("vm-onefor")
    phone.key("1")
    await phone.prompt("vm-advopts")
    phone.key("9")
    await phone.prompt("vm-savefolder")
    phone.key("2")
    await phone.prompt("vm-savedto")
    await phone.prompt("vm-Work")
    phone.key("2")
    await phone.prompt("vm-changeto")
    phone.key("2")
    await phone.prompt("vm-youhave")
    await phone.prompt("vm-onefor")
    phone.key("1")
    await phone.prompt("vm-advopts")
    phone.key("#")
    await phone.end()
    assert find(phone.samples, companded(SPEECH)).correlation == pytest.approx(1)
    assert inbox(tmp_path) == []
    assert inbox(tmp_path, "Work") == ["msg0000.txt", "msg0000.wav"]


async def test_forwarding(system: System, tmp_path: Path) -> None:
    await leave(system)
    phone = dial(system, "903")
    await phone.prompt("vm-onefor")
    phone.key("1")
    await phone.prompt("vm-advopts")
    phone.key("8")
    await phone.prompt("vm-extension")
    await phone.press("101#")
    await phone.prompt("vm-msgforwarded")
    phone.key("8")
    await phone.prompt("vm-extension")
    await phone.press("555#")
    await phone.prompt("pbx-invalid")
    await hang_up(phone)
    assert inbox(tmp_path, box="101") == ["msg0000.txt", "msg0000.wav"]
    assert np.array_equal(read_wav(spool(tmp_path) / "default/101/INBOX/msg0000.wav"), companded(SPEECH))


async def test_the_envelope(system: System) -> None:
    await leave(system)
    phone = dial(system, "903")
    await phone.prompt("vm-onefor")
    phone.key("1")
    await phone.prompt("vm-advopts")
    phone.key("3")
    await phone.prompt("vm-tohearenv")
    phone.key("3")
    await phone.prompt("vm-received")
    await phone.prompt("vm-from")
    await phone.prompt("digits/1")
    await hang_up(phone)


@pytest.mark.parametrize(
    "config", ["[general]\nformat=wav\n[zonemessages]\nmine=UTC|'vm-${WORD}'\n[default]\n100 => 1234,Alice,,,tz=mine\n"]
)
async def test_variables_in_the_words_of_the_envelope(system: System, config: str) -> None:
    await leave(system)
    phone = dial(system, "903", DIALPLAN.replace("VoiceMailMain(100@", "Set(WORD=no)\nsame => n,VoiceMailMain(100@"))
    await phone.prompt("vm-onefor")
    for key, answer in (("1", "vm-advopts"), ("3", "vm-tohearenv"), ("3", "vm-from")):
        phone.key(key)
        await phone.prompt(answer)
    assert phone.prompts[-2:] == ["vm-no", "vm-from"]
    await hang_up(phone)


async def test_silence_in_the_menu_leaves_it(system: System) -> None:
    phone = await dial(system, "903").end()
    assert phone.prompts[-1] == "vm-goodbye"
    assert phone.prompts.count("vm-opts") == 3


# -- greetings and password -----------------------------------------------------------------------------------------------------


async def test_recording_a_greeting(system: System, tmp_path: Path) -> None:
    mine = noise(1.2, 90)
    phone = dial(system, "903")
    await phone.prompt("vm-opts")
    phone.key("0")
    await phone.prompt("vm-options")
    phone.key("1")
    await phone.prompt("vm-rec-unv")
    await speak_after_the_beep(phone, mine)
    phone.key("#")
    await phone.prompt("vm-review")
    phone.key("2")
    await phone.prompt("vm-review")
    assert find(phone.samples, companded(mine)).correlation == pytest.approx(1)
    phone.key("1")
    await phone.prompt("vm-msgsaved")
    await phone.prompt("vm-options")
    await hang_up(phone)
    assert np.array_equal(read_wav(spool(tmp_path) / "default/100/unavail.wav"), companded(mine))
    caller = dial(system, "901")
    await caller.prompt("beep")
    await hang_up(caller)
    assert find(caller.samples, companded(mine)).correlation == pytest.approx(1)
    assert "vm-theperson" not in caller.prompts


@pytest.mark.parametrize("end", ["hang up", "hang up later", "*"])
async def test_a_greeting_that_is_not_accepted_is_discarded(system: System, tmp_path: Path, end: str) -> None:
    phone = dial(system, "903")
    await phone.prompt("vm-opts")
    phone.key("0")
    await phone.prompt("vm-options")
    phone.key("2")
    await speak_after_the_beep(phone)
    if end != "hang up":
        phone.key("#")
        await phone.prompt("vm-review")
    if end == "*":
        phone.key(end)
        await phone.prompt("vm-options")
    await hang_up(phone)
    assert not list(spool(tmp_path).rglob("*.wav"))


async def test_temporary_greeting_is_recorded_and_removed(system: System, tmp_path: Path) -> None:
    phone = dial(system, "903")
    await phone.prompt("vm-opts")
    phone.key("0")
    await phone.prompt("vm-options")
    phone.key("4")
    await phone.prompt("vm-tempgreeting")
    phone.key("1")
    await speak_after_the_beep(phone)
    phone.key("#")
    await phone.prompt("vm-review")
    phone.key("1")
    await phone.prompt("vm-options")
    assert (spool(tmp_path) / "default/100/temp.wav").is_file()
    phone.key("4")
    await phone.prompt("vm-tempgreeting2")
    phone.key("2")
    await phone.prompt("vm-tempremoved")
    assert not (spool(tmp_path) / "default/100/temp.wav").exists()
    await hang_up(phone)


async def test_changing_the_password(system: System, tmp_path: Path) -> None:
    phone = dial(system, "903")
    await phone.prompt("vm-opts")
    phone.key("0")
    await phone.prompt("vm-options")
    phone.key("5")
    for again, told in (("99#", "vm-mismatch"), ("4321#", "vm-passchanged")):
        await phone.prompt("vm-newpassword")
        await phone.press("4321#")
        await phone.prompt("vm-reenterpassword")
        await phone.press(again)
        await phone.prompt(told)
    await hang_up(phone)
    secret = spool(tmp_path) / "default/100/secret.conf"
    assert secret.stat().st_mode & 0o777 == 0o600
    await run_command(system, "voicemail reload")  # the new one stays in force
    phone = dial(system, "904")
    await phone.prompt("vm-login")
    await phone.press("100#4321#")
    await phone.prompt("vm-youhave")
    await hang_up(phone)


@pytest.mark.parametrize("config", ["[general]\n[default]\n100 => -1234,Alice\n"])
async def test_a_password_with_a_hyphen_cannot_be_changed(system: System) -> None:
    phone = dial(system, "904")
    await phone.prompt("vm-login")
    await phone.press("100#1234#")
    await phone.prompt("vm-opts")
    phone.key("0")
    await phone.prompt("vm-options")
    phone.key("5")
    await phone.prompt("vm-no")
    await hang_up(phone)
    assert "vm-newpassword" not in phone.prompts


@pytest.mark.parametrize("config", ["[general]\nforcename=yes\n[default]\n100 => 100,Alice\n"])
async def test_a_new_user_sets_the_mailbox_up(system: System, tmp_path: Path) -> None:
    phone = dial(system, "904")
    await phone.prompt("vm-login")
    await phone.press("100#100#")
    await phone.prompt("vm-newuser")
    await phone.prompt("vm-newpassword")
    await phone.press("777#")
    await phone.prompt("vm-reenterpassword")
    await phone.press("777#")
    await phone.prompt("vm-rec-name")
    await speak_after_the_beep(phone)
    phone.key("#")
    await phone.prompt("vm-review")
    phone.key("1")
    await phone.prompt("vm-opts")
    await hang_up(phone)
    assert (spool(tmp_path) / "default/100/greet.wav").is_file()
    service = system.service("voicemail", VoicemailService)
    assert service is not None
    user = service.find("100")
    assert user is not None
    assert user.password == "777"
    assert "777" not in repr(user)


async def test_reload_and_cli(system: System, tmp_path: Path) -> None:
    await leave(system)
    shown = await run_command(system, "voicemail show users")
    assert re.search(r"^default +100 +Alice Example +1$", shown, re.MULTILINE)
    assert "2 voicemail users configured." in shown
