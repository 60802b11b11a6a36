"""Writes the demo's configuration and keeps the passwords of its phones."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from globstar.demo.sounds import RECORDED_SOUNDS, prepare_sounds

PHONES = ("100", "101", "102", "103", "104", "105")

SERVICES = (
    ("100 to 105", "the other phones; voicemail answers when nobody does"),
    ("600", "echo test"),
    ("601", "milliwatt test tone"),
    ("700", "a menu"),
    ("*97", "your voicemail"),
    ("1234", "the book's first call: a recorded message"),
    ("5678", "the book's IVR: enter four digits, hear them"),
    ("555", "the book's CDR example"),
    ("*123", "the book's voicemail: any mailbox"),
)

_COPIED = ("asterisk.conf", "modules.conf", "logger.conf", "rtp.conf", "cdr.conf", "extensions.conf")
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # nothing that a person mistakes on a phone's keypad
_LINE = re.compile(r"(\d+) ([a-z0-9]{8,}) (\d{4,})")


@dataclass(frozen=True, slots=True)
class DemoPhone:
    """A phone's account and its mailbox's PIN."""

    number: str
    password: str
    pin: str

    def __repr__(self) -> str:
        return f"DemoPhone({self.number!r}, password and pin redacted)"


@dataclass(frozen=True, slots=True)
class DemoInfo:
    """What was written, and what a person must know to use it."""

    config_dir: Path
    data_dir: Path
    bind: str
    phones: tuple[DemoPhone, ...]
    services: tuple[tuple[str, str], ...]
    sounds: str

    def describe(self) -> str:
        """The lines to print at the start: what to register and what to dial."""
        lines = [
            "Globstar runs its built-in demo, as there is no configuration.",
            f"Register a SIP phone (UDP or TCP) at port {self.bind.rpartition(':')[2]} of this machine:",
            "",
            "  user   password      voicemail PIN",
            *(f"  {phone.number:<6} {phone.password:<13} {phone.pin}" for phone in self.phones),
            "",
            "and dial:",
            "",
            *(f"  {number:<11} {what}" for number, what in self.services),
            "",
            f"Configuration: {self.config_dir}",
            f"Data:          {self.data_dir}",
            f"Prompts:       {self.sounds}",
        ]
        return "\n".join(lines)


def write_demo(config_dir: Path, data_dir: Path, bind: str = "0.0.0.0:5060", recorded: Path = RECORDED_SOUNDS) -> DemoInfo:
    """Write the demo's configuration to ``config_dir``; its data lives below ``data_dir``.

    Prompts are those below ``recorded`` where there are any, else they are spoken, which takes a second or two the first time.

    Safe to repeat: passwords and PINs are made once and kept in ``data_dir``; a file is written again only when its
    text differs. Files that hold a password are readable by their owner alone.
    """
    config_dir, data_dir = config_dir.absolute(), data_dir.absolute()
    for folder in (config_dir, data_dir, *(data_dir / name for name in ("log", "modules", "run", "sounds", "spool"))):
        folder.mkdir(parents=True, exist_ok=True)
    passwords = data_dir / "demo-passwords"
    phones = _load_or_make_phones(passwords)
    values = {"CONFIG": str(config_dir), "DATA": str(data_dir), "PASSWORDS": str(passwords), "BIND": bind}
    for name in _COPIED:
        _write(config_dir / name, _fill(_template(name), values), 0o644)
    accounts = [_fill(_template("pjsip-phone.conf"), {"NUMBER": phone.number, "PASSWORD": phone.password}) for phone in phones]
    _write(config_dir / "pjsip.conf", _fill(_template("pjsip.conf"), values) + "".join(accounts), 0o600)
    boxes = [f"{phone.number} => {phone.pin},Phone {phone.number}\n" for phone in phones]
    _write(config_dir / "voicemail.conf", _template("voicemail.conf") + "".join(boxes), 0o600)
    return DemoInfo(config_dir, data_dir, bind, phones, SERVICES, prepare_sounds(data_dir, recorded))


def _template(name: str) -> str:
    return resources.files("globstar.demo").joinpath(name).read_text(encoding="utf-8")


def _fill(template: str, values: dict[str, str]) -> str:
    """Replace each ``@NAME@`` that has a value; one pass, so that a value is never looked at again."""
    return re.sub(r"@([A-Z]+)@", lambda match: values.get(match[1], match[0]), template)


def _load_or_make_phones(path: Path) -> tuple[DemoPhone, ...]:
    known: dict[str, DemoPhone] = {}
    if path.is_file():
        for line in path.read_text(encoding="ascii", errors="replace").splitlines():
            if match := _LINE.fullmatch(line):
                known[match[1]] = DemoPhone(match[1], match[2], match[3])
    phones = tuple(known.get(number) or _new_phone(number) for number in PHONES)
    _write(path, "".join(f"{phone.number} {phone.password} {phone.pin}\n" for phone in phones), 0o600)
    return phones


def _new_phone(number: str) -> DemoPhone:
    password = "".join(secrets.choice(_ALPHABET) for _ in range(12))
    return DemoPhone(number, password, f"{secrets.randbelow(10000):04}")


def _write(path: Path, text: str, mode: int) -> None:
    """Replace the file as a whole, never readable by more than ``mode`` allows, unless it holds ``text`` already."""
    if path.is_file() and path.stat().st_mode & 0o777 == mode and path.read_text(encoding="utf-8") == text:
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
    temporary.replace(path)
