"""Queues of messages: files below <spool>/sms, one for each message, as lines ``name=value``. All of it waits for the disk.

motx and mttx hold what is to be sent, by a phone and by a service centre; mtrx and morx what those received.
"""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from globstar.base.log import Logger
from globstar.proto.sms import Deliver, SmsFault, Submit

logger = Logger("app_sms")

_NAME = re.compile(r"[^A-Za-z0-9_.+-]")
_counter = itertools.count()


def queue_name(text: str) -> str:
    """A name that is safe as that of files; nothing if none is left of it."""
    return _NAME.sub("-", text.strip()).lstrip(".")


@dataclass(frozen=True, slots=True)
class SmsQueue:
    """The queue of one side: of a service centre, else of a phone."""

    root: Path
    name: str
    is_centre: bool

    @property
    def outbox(self) -> Path:
        """Where messages wait to be sent."""
        return self.root / ("mttx" if self.is_centre else "motx")

    @property
    def inbox(self) -> Path:
        """Where messages go that were received."""
        return self.root / ("morx" if self.is_centre else "mtrx")

    def waiting(self) -> list[Path]:
        """The messages that wait, the oldest first."""
        files = [path for path in self.outbox.glob(f"{self.name}.*") if path.is_file() and not path.name.endswith(".new")]
        return sorted(files, key=lambda path: (path.stat().st_mtime, path.name))

    def put(self, folder: Path, lines: list[tuple[str, str]]) -> Path:
        """Write a message. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.{os.getpid()}-{next(_counter)}"
        new = path.with_name(f"{path.name}.new")
        new.write_text("".join(f"{name}={value}\n" for name, value in lines), encoding="utf-8", errors="surrogateescape")
        new.rename(path)
        return path


def escape(text: str) -> str:
    """A text on one line."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), text)


def read_message(path: Path, *, is_centre: bool, now: datetime) -> Submit | Deliver:
    """The message of a file: a phone submits it, a service centre delivers it. Raises :class:`SmsFault` and OSError."""
    values: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith(";"):
            values[name.strip().lower()] = value
    try:
        message = _deliver(values, now) if is_centre else _submit(values)
        message.pid, message.dcs = _number(values, "pid"), _number(values, "dcs")
        message.header = bytes.fromhex(values.get("udh#", ""))
        if "ud##" in values:
            message.dcs, message.text = 8, bytes.fromhex(values["ud##"]).decode("utf-16-be", "replace")
        elif "ud#" in values:
            message.dcs, message.user_data = message.dcs or 4, bytes.fromhex(values["ud#"])
        else:
            message.text = _unescape(values.get("ud", ""))
    except ValueError as error:
        raise SmsFault(f"{path.name}: {error}") from error
    return message


def _submit(values: dict[str, str]) -> Submit:
    return Submit(
        values.get("da", "").strip(), reference=_number(values, "mr"), wants_report=bool(_number(values, "srr")),
        has_reply_path=bool(_number(values, "rp")), rejects_duplicates=bool(_number(values, "rd")),
        validity_minutes=_number(values, "vp"),
    )  # fmt: skip


def _deliver(values: dict[str, str], now: datetime) -> Deliver:
    moment = datetime.fromisoformat(values["scts"].strip()) if values.get("scts", "").strip() else now
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=now.tzinfo)
    return Deliver(
        values.get("oa", "").strip(), timestamp=moment, has_reply_path=bool(_number(values, "rp")),
        reports_status=bool(_number(values, "srr")),
    )  # fmt: skip


def _number(values: dict[str, str], name: str) -> int:
    text = values.get(name, "").strip()
    return int(text) if text else 0


def lines_of(message: Submit | Deliver, caller: str) -> list[tuple[str, str]]:
    """What the file of a received message says."""
    lines: list[tuple[str, str]] = []
    if isinstance(message, Submit):
        lines += [("oa", escape(caller)), ("da", message.address), ("mr", str(message.reference))]
        flags = (("srr", message.wants_report), ("rp", message.has_reply_path), ("rd", message.rejects_duplicates))
        if message.validity_minutes:
            lines.append(("vp", str(message.validity_minutes)))
    else:
        lines += [("oa", message.address), ("scts", message.timestamp.isoformat(timespec="seconds"))]
        flags = (("srr", message.reports_status), ("rp", message.has_reply_path), ("rd", False))
    lines += [(name, "1") for name, is_set in flags if is_set]
    lines += [(name, str(value)) for name, value in (("pid", message.pid), ("dcs", message.dcs)) if value]
    if message.header:
        lines.append(("udh#", message.header.hex()))
    if message.user_data and not message.dcs & 8:
        lines.append(("ud#", message.user_data.hex()))
    else:
        lines.append(("ud", escape(message.text)))
    return lines
