"""Which options have an effect: counted right, told in the CLI, nothing of Asterisk's left out."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from globstar.core.cli import run_command
from globstar.modules.channels.pjsip.coverage import coverage, markdown
from globstar.modules.channels.pjsip.unsupported import UNSUPPORTED
from tests.support.switch import running_system


def test_no_documented_option_is_missing(shared: Path) -> None:
    with (shared / "compat" / "config_files.tsv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if row["file"] == "pjsip.conf"]
    wanted = {
        (row["section_or_object"], row["option"].lower())
        for row in rows
        if row["found_in"] == "xmldoc"
        and row["option"] not in ("type", "*")  # in every object; any name
        and row["section_or_object"] != "subscription_persistence"  # how Asterisk keeps subscriptions, not written by users
    }
    assert len(wanted) > 300
    has = {one.kind: one for one in coverage()}
    assert [f"{kind}: {name}" for kind, name in sorted(wanted) if name not in has[kind].known] == []


def test_every_reason_belongs_to_an_option_that_is_read() -> None:
    has = {one.kind: one for one in coverage()}
    unread = [f"{kind}: {name}" for kind, names in UNSUPPORTED.items() for name in names if name not in has[kind].known]
    assert unread == []


def test_an_option_is_either_supported_or_has_its_reason() -> None:
    for one in coverage():
        assert not set(one.supported) & set(one.unsupported), one.kind
        assert all(reason and "|" not in reason and "\n" not in reason for reason in one.unsupported.values()), one.kind
    endpoint = next(one for one in coverage() if one.kind == "endpoint")
    assert {"context", "allow", "deny", "100rel"} <= set(endpoint.supported)


def test_the_document_names_every_option_without_effect() -> None:
    text = markdown()
    for one in coverage():
        for name, reason in one.unsupported.items():
            assert f"| `{name}` | {reason} |" in text


async def test_pjsip_show_coverage(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"pjsip.conf": "[global]\ntype=global\n"}) as system:
        text = await run_command(system, "pjsip show coverage")
        endpoint = next(one for one in coverage() if one.kind == "endpoint")
        row = next(line.split() for line in text.splitlines() if line.startswith("endpoint "))
        assert row == ["endpoint", str(len(endpoint.supported)), str(len(endpoint.unsupported))]
        for one in coverage():
            assert all(f"{one.kind}: {name}: {reason}" in text for name, reason in one.unsupported.items())
        lines = (await run_command(system, "pjsip show coverage endpoint")).splitlines()
        assert len(lines) == len(endpoint.supported) + len(endpoint.unsupported)
        assert any(line.split() == ["context", "supported"] for line in lines)


@pytest.mark.parametrize("command", ["pjsip show coverage nonsense", "pjsip show coverage endpoint aor"])
async def test_pjsip_show_coverage_says_how_it_is_used(tmp_path: Path, command: str) -> None:
    async with running_system(tmp_path, {"pjsip.conf": "[global]\ntype=global\n"}) as system:
        assert "pjsip show coverage [<type>]" in await run_command(system, command)
