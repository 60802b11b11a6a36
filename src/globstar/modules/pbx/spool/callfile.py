"""Call files: a call to make, written by another program as lines of ``Key: value``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from globstar.base.errors import RemoteFault
from globstar.config.values import boolean
from globstar.core.dialing import Origination
from globstar.core.format import FormatCapabilities

_LINE = re.compile(r"\s*([A-Za-z]+)\s*[:=]\s*(.*)\Z")
_COMMENT = re.compile(r"(?:(?:^|(?<=[ \t]))#|(?<!\\);).*")
#: What the server itself writes into a file: process, attempt, time.
_ATTEMPT = re.compile(r"\d+\s+(\d+)\s+\(\d+\)\Z")


class CallFileFault(RemoteFault):
    """A call file cannot be used; the message says why."""


@dataclass(slots=True)
class CallFile:
    """What a call file says. Times are in seconds; ``attempts`` counts the calls made so far."""

    channel: str = ""
    application: str = ""
    data: str = ""
    context: str = "default"
    extension: str = ""
    priority: str = "1"
    caller_id: str = ""
    account: str = ""
    codecs: str = ""
    early_media: bool = False
    variables: list[tuple[str, str]] = field(default_factory=list)
    wait_time: int = 45
    retry_time: int = 300
    max_retries: int = 0
    archive: bool = False
    always_delete: bool = True
    attempts: int = 0

    def has_tries_left(self) -> bool:
        """Whether another call may be made."""
        return self.attempts <= self.max_retries

    def origination(self, priority: int) -> Origination:
        """The call; ``priority`` is what :attr:`priority` means. Raises CallFileFault for codecs that do not exist."""
        what = Origination(
            dial_string=self.channel, context=self.context, extension=self.extension, priority=priority,
            application=self.application, data=self.data, timeout=float(self.wait_time), caller_id=self.caller_id,
            variables=list(self.variables), account_code=self.account, early_media=self.early_media,
        )  # fmt: skip
        if self.codecs:
            what.capabilities = FormatCapabilities()
            if what.capabilities.update_by_string(self.codecs.replace(" ", "")):
                raise CallFileFault(f"unknown codec in '{self.codecs}'")
        return what


def _seconds(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 <= int(text[:10]) < 2**31:
        raise ValueError("expected a whole number of seconds")
    return int(text)


def _count(text: str) -> int:
    try:
        return _seconds(text)
    except ValueError:
        raise ValueError("expected a whole number") from None


def _priority(text: str) -> str:
    if not text or text == "0":
        raise ValueError("expected a priority or a label")
    return text


#: Key in lower case: attribute and how its value is read.
_KEYS: dict[str, tuple[str, Callable[[str], object]]] = {
    "channel": ("channel", str),
    "callerid": ("caller_id", str),
    "application": ("application", str),
    "data": ("data", str),
    "context": ("context", str),
    "extension": ("extension", str),
    "exten": ("extension", str),
    "priority": ("priority", _priority),
    "account": ("account", str),
    "codecs": ("codecs", str),
    "earlymedia": ("early_media", boolean),
    "waittime": ("wait_time", _seconds),
    "retrytime": ("retry_time", _seconds),
    "maxretries": ("max_retries", _count),
    "archive": ("archive", boolean),
    "alwaysdelete": ("always_delete", boolean),
}
_VARIABLES = ("set", "setvar")
_OWN = ("startretry", "endretry", "status")


def read_call_file(text: str, warn: Callable[[str], None]) -> CallFile:
    """Read a call file; lines that cannot be used are warned of. Raises CallFileFault if there is no call in it."""
    call = CallFile()
    for number, raw in enumerate(text.splitlines(), 1):
        line = _COMMENT.sub("", raw).replace("\\;", ";").strip()
        if not line:
            continue
        found = _LINE.match(line)
        key, value = (found[1].lower(), found[2].strip()) if found else ("", "")
        if key in _VARIABLES:
            name, equals, content = value.partition("=")
            if equals and name.strip():
                call.variables.append((name.strip(), content))
            else:
                warn(f"line {number}: expected {found[1] if found else key}: name=value")
        elif key in _OWN:
            attempt = _ATTEMPT.match(value)
            if attempt:
                call.attempts = int(attempt[1])
        elif key in _KEYS:
            attribute, convert = _KEYS[key]
            try:
                setattr(call, attribute, convert(value))
            except ValueError as error:
                warn(f"line {number}: '{value}' is no {key}: {error}")
        elif found:
            warn(f"line {number}: unknown key '{found[1]}'")
        else:
            warn(f"line {number}: expected 'Key: value', not '{line}'")
    if "/" not in call.channel:
        raise CallFileFault("there is no Channel: technology/resource")
    if not call.application and not call.extension:
        raise CallFileFault("there is neither an Application nor an Extension")
    return call
