"""Messages on disk: <spool>/voicemail/<context>/<mailbox>/<folder>/msgNNNN.txt with its sound files.

Everything here may block on the disk; callers run it off the loop.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FOLDERS = ("INBOX", "Old", "Work", "Family", "Friends", "Cust1", "Cust2", "Cust3", "Cust4", "Cust5")
URGENT = "Urgent"


@dataclass(slots=True)
class MessageInfo:
    """What the .txt file of a message says, in its order."""

    origmailbox: str = ""
    context: str = ""
    exten: str = ""
    rdnis: str = "unknown"
    priority: str = ""
    callerchan: str = ""
    callerid: str = ""
    origdate: str = ""
    origtime: str = ""
    category: str = ""
    msg_id: str = ""
    flag: str = ""
    duration: str = "0"
    extra: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The file's text."""
        lines = [";", "; Message Information file", ";", "[message]"]
        lines += [f"{name}={getattr(self, name)}" for name in _FIELDS]
        lines += [f"{name}={value}" for name, value in self.extra.items()]
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, text: str) -> MessageInfo:
        """Read a file's text; unknown keys are kept."""
        info = cls()
        for line in text.splitlines():
            name, equals, value = line.partition("=")
            if not equals or line.startswith(";"):
                continue
            if name.strip() in _FIELDS:
                setattr(info, name.strip(), value)
            else:
                info.extra[name.strip()] = value
        return info


_FIELDS = (
    "origmailbox", "context", "exten", "rdnis", "priority", "callerchan", "callerid", "origdate", "origtime", "category",
    "msg_id", "flag", "duration",
)  # fmt: skip


class Mailbox:
    """The folders of one mailbox."""

    def __init__(self, root: Path, context: str, number: str) -> None:
        self.path = root / context / number

    def folder(self, name: str) -> Path:
        """The path of a folder, made if it is missing."""
        path = self.path / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def messages(self, folder: str) -> list[Path]:
        """The stems (``.../msg0000``) of a folder's messages in order."""
        path = self.path / folder
        return sorted(p.with_suffix("") for p in path.glob("msg????.txt"))

    def find(self, folder: str, identity: str) -> Path | None:
        """The stem of the message with an id, or whose files are called so (``msg0003``); None without one."""
        found = (stem for stem in self.messages(folder) if identity and identity in (stem.name, read_info(stem).msg_id))
        return next(found, None)

    def count(self, folder: str) -> int:
        """How many messages a folder has."""
        return len(self.messages(folder))

    def temporary(self, name: str) -> Path:
        """A stem in ``tmp`` for a recording that is not a message yet."""
        return self.folder("tmp") / name

    def store(self, stem: Path, info: MessageInfo, folder: str, maximum: int) -> Path | None:
        """Make the files of ``stem`` the next message of ``folder``; None if it is full.

        The number is taken by creating the .txt file exclusively, so that two callers never get the same.
        """
        target = self.folder(folder)
        for number in range(maximum):
            destination = target / f"msg{number:04}"
            if any(target.glob(f"msg{number:04}.*")):
                continue
            try:
                handle = os.open(destination.with_suffix(".txt"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660)
            except FileExistsError:
                continue
            with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(info.text())
            for sound in _files(stem):
                shutil.move(sound, destination.with_suffix(sound.suffix))
            return destination
        return None

    def store_copy(self, stem: Path, info: MessageInfo, folder: str, maximum: int) -> Path | None:
        """As :meth:`store`; the message ``stem``, of this mailbox or another, stays where it is."""
        copy = self.temporary(secrets.token_hex(8))
        try:
            for sound in _files(stem):
                shutil.copy2(sound, copy.with_suffix(sound.suffix))
            return self.store(copy, info, folder, maximum)
        finally:
            for sound in _files(copy):  # where it was full, or the disk
                sound.unlink()

    def move(self, stem: Path, folder: str, maximum: int) -> bool:
        """Move a message to another folder; False if that is full."""
        info = MessageInfo.parse(stem.with_suffix(".txt").read_text(encoding="utf-8", errors="surrogateescape"))
        info_file = stem.with_suffix(".txt")
        moved = self.store(stem, info, folder, maximum)
        if moved is None:
            return False
        info_file.unlink(missing_ok=True)
        return True

    def delete(self, stem: Path) -> None:
        """Remove a message."""
        for file in (*_files(stem), stem.with_suffix(".txt")):
            file.unlink(missing_ok=True)

    def renumber(self, folder: str) -> None:
        """Close the gaps in a folder's numbers."""
        for number, stem in enumerate(self.messages(folder)):
            wanted = stem.with_name(f"msg{number:04}")
            if stem != wanted:
                for file in (*_files(stem), stem.with_suffix(".txt")):
                    file.rename(wanted.with_suffix(file.suffix))


def _files(stem: Path) -> Iterator[Path]:
    """The sound files of a message."""
    for file in sorted(stem.parent.glob(f"{stem.name}.*")):
        if file.suffix != ".txt":
            yield file


def read_info(stem: Path) -> MessageInfo:
    """The information of a message; empty if its file is gone."""
    try:
        return MessageInfo.parse(stem.with_suffix(".txt").read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return MessageInfo()
