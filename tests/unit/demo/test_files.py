"""The demo's files: passwords made once and kept close, every phone complete, the book's examples to the letter."""

from __future__ import annotations

import re
from pathlib import Path

from globstar.demo import write_demo

BOOK = """\
exten => 1234,1,Answer()
 same => n,Playback(demo-congrats)
 same => n,Hangup()

exten => 5678,1,Answer()
 same => n,Read(DIGITS,beep,4)
 same => n,SayDigits(${DIGITS})
 same => n,Hangup()

exten => 555,1,Verbose(Time this call started: ${CDR(start)})
 same => n,Set(CDR(mycustomfield)=snickerdoodle)

exten => *123,1,Answer()
 same => n,VoicemailMain()
"""


def recordings(tmp_path: Path) -> Path:
    """A folder as Debian's packages make it, with as little as counts as recorded prompts."""
    digits = tmp_path / "recorded" / "en" / "digits"
    digits.mkdir(parents=True, exist_ok=True)
    (digits / "1.gsm").write_bytes(b"\xd2" + bytes(32))
    return tmp_path / "recorded"


def test_passwords_are_made_once_and_survive_a_second_start(tmp_path: Path):
    first = write_demo(tmp_path / "etc", tmp_path / "data", recorded=recordings(tmp_path))
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "etc").iterdir()}
    second = write_demo(tmp_path / "etc", tmp_path / "data", recorded=recordings(tmp_path))
    assert first == second
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "etc").iterdir()} == stamps
    elsewhere = write_demo(tmp_path / "etc2", tmp_path / "data2", recorded=recordings(tmp_path))
    assert not {phone.password for phone in first.phones} & {phone.password for phone in elsewhere.phones}
    assert len({phone.password for phone in first.phones}) == 6


def test_a_damaged_password_file_is_mended_for_the_damaged_line_only(tmp_path: Path):
    first = write_demo(tmp_path / "etc", tmp_path / "data", recorded=recordings(tmp_path))
    kept = tmp_path / "data" / "demo-passwords"
    kept.write_text(kept.read_text().replace(f"102 {first.phones[2].password}", "102"))
    second = write_demo(tmp_path / "etc", tmp_path / "data", recorded=recordings(tmp_path))
    assert [a == b for a, b in zip(first.phones, second.phones, strict=True)] == [True, True, False, True, True, True]


def test_secrets_are_for_the_owner_alone(tmp_path: Path):
    info = write_demo(tmp_path / "etc", tmp_path / "data", recorded=recordings(tmp_path))
    (tmp_path / "etc" / "pjsip.conf").chmod(0o644)
    write_demo(tmp_path / "etc", tmp_path / "data", recorded=recordings(tmp_path))
    for path in [*(tmp_path / "etc").iterdir(), tmp_path / "data" / "demo-passwords"]:
        text = path.read_text()
        if any(phone.password in text or f"=> {phone.pin}," in text for phone in info.phones):
            assert path.stat().st_mode & 0o777 == 0o600, path
    assert info.phones[0].password not in repr(info)


def test_every_phone_has_endpoint_auth_aor_and_mailbox(tmp_path: Path):
    info = write_demo(tmp_path / "etc", tmp_path / "data", recorded=recordings(tmp_path), bind="127.0.0.1:5070")
    pjsip = (tmp_path / "etc" / "pjsip.conf").read_text()
    voicemail = (tmp_path / "etc" / "voicemail.conf").read_text()
    assert pjsip.count("bind=127.0.0.1:5070") == 2
    for phone in info.phones:
        for template in ("phone", "phone-auth", "phone-aor"):
            assert f"[{phone.number}]({template})" in pjsip
        assert f"username={phone.number}\npassword={phone.password}\n" in pjsip
        assert f"\n{phone.number} => {phone.pin},Phone {phone.number}\n" in voicemail


def test_no_placeholder_is_left(tmp_path: Path):
    write_demo(tmp_path / "etc", tmp_path / "data", recorded=recordings(tmp_path))
    for path in (tmp_path / "etc").iterdir():
        assert not re.search(r"@[A-Z]+@", path.read_text()), path


def test_directories_lie_below_the_data_directory(tmp_path: Path):
    write_demo(tmp_path / "etc", tmp_path / "data", recorded=recordings(tmp_path))
    lines = dict(re.findall(r"^(ast\w+dir) => (.*)$", (tmp_path / "etc" / "asterisk.conf").read_text(), re.MULTILINE))
    assert lines.pop("astetcdir") == str(tmp_path / "etc")
    assert len(lines) == 8
    assert all(Path(path).is_relative_to(tmp_path / "data") and Path(path).is_dir() for path in lines.values())


def test_the_book_stands_to_the_letter(tmp_path: Path):
    write_demo(tmp_path / "etc", tmp_path / "data", recorded=recordings(tmp_path))
    extensions = (tmp_path / "etc" / "extensions.conf").read_text()
    assert BOOK in extensions
    assert "exten => 1234,1,Dial(SIP/bob)\n" in extensions


def test_the_description_tells_what_to_register_and_dial(tmp_path: Path):
    info = write_demo(tmp_path / "etc", tmp_path / "data", recorded=recordings(tmp_path), bind="0.0.0.0:5062")
    text = info.describe()
    assert "port 5062" in text
    for phone in info.phones:
        assert re.search(rf"^  {phone.number} +{phone.password} +{phone.pin}$", text, re.MULTILINE)
    for number in ("600", "601", "700", "*97", "1234", "5678", "555", "*123"):
        assert re.search(rf"^  {re.escape(number)} ", text, re.MULTILINE)


def test_recorded_prompts_are_linked_and_a_later_removal_is_noticed(tmp_path: Path):
    write_demo(tmp_path / "etc", tmp_path / "data", recorded=recordings(tmp_path))
    link = tmp_path / "data" / "sounds" / "en"
    assert link.resolve() == tmp_path / "recorded" / "en"
    assert (link / "digits" / "1.gsm").is_file()
    info = write_demo(tmp_path / "etc", tmp_path / "data", recorded=tmp_path / "nothing")
    assert "espeak-ng" in info.describe()
    assert link.resolve() == tmp_path / "data" / "sounds-spoken" / "en"
    for name in ("demo-congrats", "beep", "digits/1", "vm-login"):
        assert (link / f"{name}.wav").stat().st_size > 1000
    info = write_demo(tmp_path / "etc", tmp_path / "data", recorded=recordings(tmp_path))
    assert f"recorded, from {tmp_path / 'recorded'}" in info.describe()
    assert link.resolve() == tmp_path / "recorded" / "en"


def test_a_folder_of_the_users_own_prompts_stays(tmp_path: Path):
    own = tmp_path / "data" / "sounds" / "en"
    own.mkdir(parents=True)
    write_demo(tmp_path / "etc", tmp_path / "data", recorded=recordings(tmp_path))
    assert own.is_dir()
    assert not own.is_symlink()
