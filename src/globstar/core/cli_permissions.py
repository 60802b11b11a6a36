"""cli_permissions.conf: which commands the consoles of which users may run."""

from __future__ import annotations

import fnmatch
import grp
import pwd
from dataclasses import dataclass, field

from globstar.base.log import Logger
from globstar.config.file import Category, ConfigFile
from globstar.core.cli import split_words

logger = Logger("cli")


@dataclass(frozen=True, slots=True)
class Rule:
    """``permit`` or ``deny`` of commands that begin with the words of ``pattern``; ``all`` is every command."""

    permits: bool
    pattern: str

    def covers(self, words: list[str]) -> bool:
        """Whether it is about a command. Each word of the pattern may have ``*``, ``?`` and ``[...]``."""
        if self.pattern.lower() == "all":
            return True
        wanted = split_words(self.pattern)
        return len(wanted) <= len(words) and all(
            fnmatch.fnmatchcase(word.lower(), pattern.lower()) for pattern, word in zip(wanted, words, strict=False)
        )


@dataclass(slots=True)
class CliPermissions:
    """Service ``cli permissions``. The last rule that covers a command counts; rules of the user before those of its groups."""

    is_permitted_by_default: bool = True
    #: name and rules by number
    users: dict[int, tuple[str, list[Rule]]] = field(default_factory=dict)
    groups: dict[int, tuple[str, list[Rule]]] = field(default_factory=dict)

    def allows(self, uid: int, gid: int, words: list[str]) -> bool:
        """Whether a user, whose first group is ``gid``, may run a command. -1 is no user, or no group."""
        verdict = self._verdict(self.users.get(uid), words)
        if verdict is None:
            for number in (gid, *_groups_of(uid, self.groups)):
                verdict = self._verdict(self.groups.get(number), words)
                if verdict is not None:
                    break
        return self.is_permitted_by_default if verdict is None else verdict

    @staticmethod
    def _verdict(entry: tuple[str, list[Rule]] | None, words: list[str]) -> bool | None:
        verdict: bool | None = None
        for rule in entry[1] if entry is not None else ():
            if rule.covers(words):
                verdict = rule.permits
        return verdict


def _groups_of(uid: int, known: dict[int, tuple[str, list[Rule]]]) -> list[int]:
    """The further groups of a user among those that have rules."""
    if not known or uid < 0:
        return []
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return []
    members = [number for number in known if name in _members(number)]
    return members


def _members(gid: int) -> list[str]:
    try:
        return grp.getgrgid(gid).gr_mem
    except KeyError:
        return []


def read_permissions(config: ConfigFile | None) -> CliPermissions:
    """Build the permissions; mistakes are logged with their place, and what names nobody is left out."""
    permissions = CliPermissions()
    for category in config or ():
        name = category.name.strip()
        if name.lower() == "general":
            _read_general(permissions, category)
            continue
        table = permissions.groups if name.startswith("@") else permissions.users
        number = _number(name)
        if number is None:
            kind = "group" if name.startswith("@") else "user"
            logger.error(f"cli_permissions.conf: there is no {kind} '{name.lstrip('@')}'; its rules are left out")
            continue
        rules = table.setdefault(number, (name.lstrip("@"), []))[1]
        for variable in category:
            if variable.name.lower() not in ("permit", "deny") or not variable.value.strip():
                logger.warning(
                    f"{variable.file}:{variable.line}: expected 'permit' or 'deny' of a command, not '{variable.name}'"
                )
                continue
            rules.append(Rule(variable.name.lower() == "permit", variable.value.strip()))
    return permissions


def _read_general(permissions: CliPermissions, category: Category) -> None:
    for variable in category:
        value = variable.value.strip().lower()
        if variable.name.lower() == "default_perm" and value in ("permit", "deny"):
            permissions.is_permitted_by_default = value == "permit"
        else:
            logger.warning(f"{variable.file}:{variable.line}: expected default_perm=permit or default_perm=deny")


def _number(name: str) -> int | None:
    """The number of ``user``, ``@group`` or of one given as a number."""
    plain = name.lstrip("@")
    if plain.isdecimal():
        return int(plain)
    try:
        return grp.getgrnam(plain).gr_gid if name.startswith("@") else pwd.getpwnam(plain).pw_uid
    except KeyError:
        return None


def find_identity(text: str) -> tuple[int, int]:
    """User and group of ``user``, ``@group`` or ``user@group``, -1 where none is named. Raises ``ValueError``."""
    user, at, group = text.partition("@")
    uid = gid = -1
    if user:
        number = _number(user)
        if number is None:
            raise ValueError(f"Unknown user '{user}'")
        uid = number
        if not at:
            try:
                gid = pwd.getpwuid(uid).pw_gid
            except KeyError:  # a number without a name
                gid = -1
    if at:
        number = _number(f"@{group}")
        if number is None:
            raise ValueError(f"Unknown group '{group}'")
        gid = number
    return uid, gid
