"""The mails that tell of a message: texts with their variables, the recording, and the program that sends them."""

from __future__ import annotations

import io
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.base.programs import run_program
from globstar.base.zones import zone_or_utc
from globstar.dialplan.substitute import substitute
from globstar.modules.apps.minivm.dates import format_date

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.modules.apps.minivm.settings import Account, MinivmSettings, Template, TemplateOptions

logger = Logger("app_minivm")

#: How long the program that sends may take, seconds.
SEND_LIMIT = 60.0
#: Samples that an encoder gets at once: that of Vorbis takes them on the stack, and the process ends with that.
_BLOCK = 4096
#: Subtypes of audio/ by the extension of a file.
_TYPES = {"wav": "x-wav", "wav49": "x-wav", "WAV": "x-wav", "gsm": "x-gsm", "ulaw": "basic", "ogg": "ogg", "mp3": "mpeg"}


class MailFault(Exception):
    """A mail cannot be made or sent."""


@dataclass(slots=True)
class Message:
    """A recording, as the channel's variables tell of it. ``path`` is None where there is none to attach."""

    path: Path | None
    seconds: int
    counter: str


class MailScope:
    """What the texts of mails refer to: the variables of the message, else what the channel has."""

    def __init__(self, channel: Channel, variables: Mapping[str, str]) -> None:
        self._channel = channel
        self._variables = variables

    def get_variable(self, name: str) -> str | None:
        """See ``Scope``."""
        own = self._variables.get(name)
        return own if own is not None else self._channel.get_variable(name)

    def call_function(self, name: str, args: str) -> str | None:
        """See ``Scope``."""
        return self._channel.call_function(name, args)

    def warn(self, level: str, message: str) -> None:
        """See ``Scope``."""
        self._channel.warn(level, message)


def variables_of(channel: Channel, account: Account, message: Message, date: str) -> dict[str, str]:
    """The variables of a message's mail."""
    caller = channel.caller.id
    number = caller.number.text if caller.number.valid else ""
    name = caller.name.text if caller.name.valid else ""
    shown = f'"{name}" <{number}>' if name and number else name or number or "an unknown caller"
    return {
        **account.variables,
        "MVM_NAME": account.options.fullname or account.address,
        "MVM_USERNAME": account.user,
        "MVM_DOMAIN": account.domain,
        "MVM_DUR": f"{message.seconds // 60}:{message.seconds % 60:02}",
        "MVM_COUNTER": message.counter,
        "MVM_CALLERID": shown,
        "MVM_CIDNAME": name or "an unknown caller",
        "MVM_CIDNUM": number or "an unknown caller",
        "MVM_DATE": date,
    }


def date_of(settings: MinivmSettings, account: Account, options: TemplateOptions, wall_time: float) -> str:
    """MVM_DATE: ``wall_time`` (UTC seconds) in the account's zone and the template's format and locale. It may read the disk."""
    zone, _ = settings.zones.get(account.options.timezone, ("", ""))
    moment = datetime.fromtimestamp(wall_time, UTC).astimezone(zone_or_utc(zone))
    try:
        return format_date(moment, options.dateformat, options.locale)
    except LookupError:
        logger.warning(f"minivm.conf: this machine does not have the locale '{options.locale}'")
        return format_date(moment, options.dateformat)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def make_mail(
    scope: MailScope, account: Account, template: Template, to: str, sender: str, body: str, wall_time: float
) -> EmailMessage:
    """The mail without its attachment."""
    options = template.options
    mail = EmailMessage()
    address = options.fromemail or sender
    mail["From"] = formataddr((_one_line(substitute(options.fromaddress, scope)), _one_line(substitute(address, scope))))
    mail["To"] = formataddr((_one_line(account.options.fullname), to))
    mail["Subject"] = _one_line(substitute(options.subject, scope))
    mail["Date"] = format_datetime(datetime.fromtimestamp(wall_time, UTC))
    mail["X-Minivm-Account"] = account.address
    text = substitute(body, scope)
    try:
        mail.set_content(text, charset=options.charset)
    except (LookupError, UnicodeEncodeError):  # an unknown character set, or one that lacks a character
        mail.set_content(text, charset="utf-8")
    return mail


def attach(mail: EmailMessage, message: Message, gain: float) -> None:
    """Put the recording into the mail, ``gain`` dB louder. Reads the disk. Raises :class:`MailFault`."""
    path = message.path
    if path is None:
        return
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MailFault(f"{path} cannot be attached: {error.strerror}") from error
    extension = path.suffix[1:]
    if gain:
        data = _louder(data, gain, path)
    name = f"voicemail{f'-{message.counter}' if message.counter else ''}.{extension}"
    mail.add_attachment(data, maintype="audio", subtype=_TYPES.get(extension, "octet-stream"), filename=name)


def _louder(data: bytes, gain: float, path: Path) -> bytes:
    """The same sound file with another level; as it is where its format is not known."""
    import soundfile

    from globstar.dsp.level import apply_gain, gain_factor

    out = io.BytesIO()
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as source:
            factor = gain_factor(gain)
            with soundfile.SoundFile(
                out, "w", source.samplerate, source.channels, source.subtype, source.endian, source.format
            ) as target:
                while samples := bytes(source.buffer_read(_BLOCK, dtype="int16")):
                    target.buffer_write(apply_gain(samples, factor), dtype="int16")
    except (RuntimeError, ValueError, TypeError) as error:
        logger.warning(f"volgain has no effect on {path.name}: {error}")
        return data
    return out.getvalue()


def send(command: str, mail: EmailMessage) -> None:
    """Give the mail to the program and wait for its end. Raises :class:`MailFault`."""
    words = shlex.split(command)
    if not words:
        raise MailFault("mailcmd is empty")
    try:
        done = run_program(words, input=mail.as_bytes(), timeout=SEND_LIMIT)
    except OSError as error:
        raise MailFault(f"{words[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise MailFault(f"{words[0]} takes more than {SEND_LIMIT:g} s") from error
    if done.returncode:
        raise MailFault(f"{words[0]} ended with {done.returncode}")
