"""cli_permissions.conf: whose rules count, in which order, and mistakes in the file."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource
from globstar.config.reader import read_config
from globstar.core import cli_permissions
from globstar.core.cli import run_command, split_words
from globstar.core.cli_permissions import CliPermissions, read_permissions
from globstar.interfaces.cli.commands import register_commands
from tests.support.switch import LogCapture, running_system

ME = pwd.getpwuid(os.getuid())
MY_GROUP = grp.getgrgid(ME.pw_gid).gr_name


def permissions(text: str) -> CliPermissions:
    return read_permissions(read_config("cli_permissions.conf", MemorySource({"cli_permissions.conf": text})))


def allows(text: str, line: str, uid: int = 7, gid: int = 8) -> bool:
    return permissions(text).allows(uid, gid, split_words(line))


def test_without_rules_the_default_counts() -> None:
    assert allows("", "core stop now")
    assert not allows("[general]\ndefault_perm=deny\n", "core stop now")
    assert allows("[general]\ndefault_perm=permit\n[6]\ndeny=all\n", "core stop now")


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("core show channels", True), ("CORE SHOW channels verbose", True), ("core show application Dial", True),
        ("core show application Echo", False), ("core", False), ("core stop now", False), ("pjsip show endpoints", False),
        ("channel originate PJSIP/100 extension 1@x", True), ("channel originate PJSIP/bob extension 1@x", False),
        ("channel originate PJSIP/100 application Echo", False),
    ],
)  # fmt: skip
def test_the_last_rule_that_covers_a_command_counts(line: str, allowed: bool) -> None:
    text = (
        "[7]\ndeny=all\npermit=core show\ndeny=core show application\npermit=core show application D*\n"
        "permit=channel originate PJSIP/[0-9]* extension *\n"
    )
    assert allows(text, line) is allowed


def test_rules_of_the_user_stand_above_those_of_the_group() -> None:
    text = "[@8]\ndeny=all\n[7]\npermit=core show\n"
    assert allows(text, "core show version")
    assert not allows(text, "core stop now")
    assert not allows(text, "core show version", uid=9)
    assert allows(text, "core stop now", uid=9, gid=9)


def test_users_and_groups_by_name() -> None:
    text = f"[{ME.pw_name}]\ndeny=core\n[@{MY_GROUP}]\ndeny=pjsip\n"
    assert not allows(text, "core show version", ME.pw_uid, ME.pw_gid)
    assert not allows(text, "pjsip show endpoints", -1, ME.pw_gid)
    assert allows(text, "core show version", -1, ME.pw_gid)


def test_further_groups_of_a_user_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_permissions, "_members", lambda gid: [ME.pw_name] if gid == 4711 else [])
    text = "[@4711]\ndeny=all\n"
    assert not allows(text, "core show version", ME.pw_uid, 99999)
    assert allows(text, "core show version", ME.pw_uid + 1, 99999)


def test_mistakes_are_told_with_their_place() -> None:
    with LogCapture() as log:
        found = permissions(
            "[general]\ndefault_perm=maybe\n[no-such-user]\ndeny=all\n[@no-such-group]\ndeny=all\n[7]\nallow=core\npermit=\n"
        )
    assert found.is_permitted_by_default
    assert not found.groups
    assert found.users == {7: ("7", [])}
    assert [text.partition(":")[0] for text in log.texts(Level.ERROR)] == ["cli_permissions.conf"] * 2
    assert [":".join(text.split(":")[:2]) for text in log.texts(Level.WARNING)] == [
        "cli_permissions.conf:2",
        "cli_permissions.conf:8",
        "cli_permissions.conf:9",
    ]


async def test_commands(tmp_path: Path) -> None:
    files = {
        "modules.conf": "[modules]\nautoload=no\n",
        "cli_permissions.conf": "[general]\ndefault_perm=deny\n[7]\npermit=core show\ndeny=core show uptime\n[@8]\npermit=all\n",
    }
    async with running_system(tmp_path, files, prepare=register_commands) as system:
        assert await run_command(system, "cli show permissions") == (
            "Default: deny\n\nUser: 7 [7]\n\tpermit -> core show\n\tdeny -> core show uptime\n\nGroup: 8 [8]\n\tpermit -> all\n"
        )
        check = "cli check permissions"
        assert "User '7' is allowed to run command: 'core show version'" in await run_command(
            system, f"{check} 7 core show version"
        )
        assert "is not allowed" in await run_command(system, f"{check} 7 core show uptime")
        assert "is allowed" in await run_command(system, f"{check} @8 core stop now")
        assert "is allowed" in await run_command(system, f"{check} 9@8 core stop now")
        assert "Unknown user" in await run_command(system, f"{check} nobody-at-all core stop now")
        assert "Unknown group" in await run_command(system, f"{check} @nobody-at-all core stop now")
        assert "no such command" in await run_command(system, f"{check} 7 core dump")
        listed = await run_command(system, f"{check} 7")
        assert "core show version" in listed
        assert "core show uptime" not in listed
        assert "any command" in await run_command(system, f"{check} 9")
        system.configuration.source.files["cli_permissions.conf"] = ""  # type: ignore[attr-defined]
        assert await run_command(system, "cli reload permissions") == ""
        assert await run_command(system, "cli show permissions") == "Default: permit\n"
