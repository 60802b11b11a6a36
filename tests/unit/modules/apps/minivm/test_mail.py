"""Mails of messages: their texts, headers, attachment, dates in a locale, and the program that sends them."""

from __future__ import annotations

import io
import wave
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import numpy as np
import pytest
import soundfile

from globstar.core.channel import Channel
from globstar.core.party import Caller, PartyId
from globstar.modules.apps.minivm.dates import format_date
from globstar.modules.apps.minivm.mail import MailFault, Message, attach, make_mail, send, variables_of
from globstar.modules.apps.minivm.settings import Account, AccountOptions, Template, TemplateOptions

ACCOUNT = Account("ann", "example.com", AccountOptions(fullname="Ann Ö"))


class Scope:
    def get_variable(self, name: str) -> str | None:
        return {"MVM_NAME": "Ann\r\nBcc: evil@example.com", "N": "5"}.get(name)

    def call_function(self, name: str, args: str) -> str | None:
        return f"{name}-{args}"

    def warn(self, level: str, message: str) -> None:
        raise AssertionError(message)


def mail(body: str = "", **options: object) -> bytes:
    template = Template("t", TemplateOptions(**options))
    made = make_mail(Scope(), ACCOUNT, template, "to@example.com", "asterisk", body, 1_700_000_000.0)  # type: ignore[arg-type]
    return made.as_bytes()


def test_headers_and_body() -> None:
    text = mail("Hello ${MVM_NAME}: ${LEN(x)}", subject="Nr ${N}", fromaddress="The PBX", fromemail="pbx@example.com").decode()
    head, _, body = text.partition("\n\n")
    assert "From: The PBX <pbx@example.com>" in head
    assert "To: Ann =?utf-8?q?=C3=96?= <to@example.com>" in head
    assert "Subject: Nr 5" in head
    assert "Date: Tue, 14 Nov 2023 22:13:20 +0000" in head
    assert "LEN-x" in body


def test_a_value_cannot_make_another_header() -> None:
    head = mail("", subject="${MVM_NAME}").decode().partition("\n\n")[0]
    assert "\nBcc" not in head
    assert "Subject: Ann Bcc: evil@example.com" in head


@pytest.mark.parametrize(("charset", "used"), [("ISO-8859-1", "ISO-8859-1"), ("no-such", "utf-8"), ("us-ascii", "utf-8")])
def test_character_sets(charset: str, used: str) -> None:
    assert f'charset="{used}"'.encode() in mail("Öl", charset=charset)


def wav(path: Path, level: int = 1000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.full(800, level, "<i2").tobytes())
    return path


def attached(path: Path, gain: float) -> bytes:
    made = make_mail(Scope(), ACCOUNT, Template("t", TemplateOptions()), "to@x", "a", "b", 0.0)  # type: ignore[arg-type]
    attach(made, Message(path, 3, "7"), gain)
    [part] = list(made.iter_attachments())
    assert part.get_filename() == f"voicemail-7.{path.suffix[1:]}"
    data = part.get_content()
    assert isinstance(data, bytes)
    return data


def test_the_recording_is_attached_as_loud_as_is_wanted(tmp_path: Path) -> None:
    path = wav(tmp_path / "m.wav")
    assert attached(path, 0) == path.read_bytes()
    with wave.open(io.BytesIO(attached(path, 6))) as file:
        samples = np.frombuffer(file.readframes(800), "<i2")
    assert samples[0] == pytest.approx(1995, abs=2)
    assert len(samples) == 800


def test_an_encoder_gets_a_little_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of Vorbis takes on the stack what it gets: of five minutes at once the process dies."""
    path = tmp_path / "a.ogg"
    samples = np.random.default_rng(4).integers(-3000, 3000, 50_000, np.int16)
    with soundfile.SoundFile(path, "w", 8000, 1, "VORBIS", format="OGG") as file:
        for start in range(0, len(samples), 4000):
            file.write(samples[start : start + 4000])
    sizes = []
    write = soundfile.SoundFile.buffer_write

    def watch(file: soundfile.SoundFile, data: bytes, dtype: str) -> None:
        sizes.append(len(data))
        write(file, data, dtype)

    monkeypatch.setattr(soundfile.SoundFile, "buffer_write", watch)
    mail = EmailMessage()
    attach(mail, Message(path, 6, ""), 6.0)
    assert max(sizes) <= 16_384
    assert sum(sizes) == 100_000
    attached = next(mail.iter_attachments())
    assert attached.get_content_type() == "audio/ogg"
    louder, _ = soundfile.read(io.BytesIO(attached.get_content()), dtype="int16")
    assert np.std(louder) == pytest.approx(2 * np.std(samples), rel=0.1)


def test_a_format_that_cannot_be_made_louder_is_attached_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "m.gsm"
    path.write_bytes(b"\xd8" * 33)
    assert attached(path, 6) == path.read_bytes()


def test_a_missing_recording_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(MailFault, match="cannot be attached"):
        attached(tmp_path / "none.wav", 0)


@pytest.mark.parametrize(("command", "problem"), [("", "empty"), ("/no/such", "No such file"), ("false", "ended with 1")])
def test_programs_that_fail(command: str, problem: str) -> None:
    made = make_mail(Scope(), ACCOUNT, Template("t", TemplateOptions()), "to@x", "a", "b", 0.0)  # type: ignore[arg-type]
    with pytest.raises(MailFault, match=problem):
        send(command, made)


def test_dates_in_a_locale() -> None:
    moment = datetime(2026, 3, 4, 15, 6, 7, tzinfo=UTC)
    assert format_date(moment, "%A %d %B %H:%M:%S %Z") == "Wednesday 04 March 15:06:07 UTC"
    assert format_date(moment, "%A %d %B %j %H:%M:%S %Z %z", "C.UTF-8") == "Wednesday 04 March 063 15:06:07 UTC +0000"
    with pytest.raises(LookupError):
        format_date(moment, "%A", "xx_XX.UTF-8")


@pytest.mark.parametrize(
    ("party", "expected"),
    [
        (PartyId.of("Al", "100"), ('"Al" <100>', "Al", "100")),
        (PartyId.of(None, "100"), ("100", "an unknown caller", "100")),
        (PartyId(), ("an unknown caller", "an unknown caller", "an unknown caller")),
    ],
)
def test_the_variables_of_a_mail(party: PartyId, expected: tuple[str, str, str]) -> None:
    channel = Channel.__new__(Channel)
    channel.caller = Caller(party, PartyId())
    found = variables_of(channel, ACCOUNT, Message(None, 125, "7"), "today")
    assert found == {
        "MVM_NAME": "Ann Ö", "MVM_USERNAME": "ann", "MVM_DOMAIN": "example.com", "MVM_DUR": "2:05", "MVM_COUNTER": "7",
        "MVM_CALLERID": expected[0], "MVM_CIDNAME": expected[1], "MVM_CIDNUM": expected[2], "MVM_DATE": "today",
    }  # fmt: skip
