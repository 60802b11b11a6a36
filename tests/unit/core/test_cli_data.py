"""``--json``: tables and what was made for people as data."""

from __future__ import annotations

import json
from pathlib import Path

from globstar.core.cli import run_command
from globstar.core.cli_data import CliText, as_json, table, text_as_data
from globstar.interfaces.cli.commands import register_commands
from tests.support.switch import running_system


def test_a_table_is_text_and_rows() -> None:
    shown = table((("Name", "<6.6"), ("Use Count", ">9")), [("app_dial", 3), ("x", 12)], before="Modules:", after="2 modules")
    assert shown == "Modules:\nName   Use Count\napp_di         3\nx             12\n2 modules"
    assert json.loads(as_json(shown)) == [{"name": "app_dial", "use_count": 3}, {"name": "x", "use_count": 12}]


def test_text_with_data_keeps_it() -> None:
    assert json.loads(as_json(CliText("for people", {"for": "programs"}))) == {"for": "programs"}
    assert json.loads(as_json([1, 2])) == [1, 2]
    assert json.loads(as_json(None)) == {}


def test_columns_by_a_rule() -> None:
    text = "Level Name\n----- ----\n    0 DEBUG\n    2 NOTICE\n\n"
    assert text_as_data(text) == {"rows": [{"level": "0", "name": "DEBUG"}, {"level": "2", "name": "NOTICE"}]}


def test_columns_by_where_words_begin() -> None:
    text = "Country  Description\nus       United States\nde       Germany\n2 in all\n"
    assert text_as_data(text)["rows"][:2] == [
        {"country": "us", "description": "United States"},
        {"country": "de", "description": "Germany"},
    ]


def test_fields_and_lines() -> None:
    text = "\nCore settings\n-------------\n  Version:     23\n  System name: \nGVAR=gval\nno more\n"
    assert text_as_data(text) == {
        "fields": {"Version": "23", "System name": "", "GVAR": "gval"},
        "lines": ["Core settings", "no more"],
    }


async def test_every_command_that_shows_something_gives_json(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"pjsip.conf": "[alice]\ntype=endpoint\n"}, prepare=register_commands) as system:
        shown = [spec.name for spec in system.registry("cli command") if " show " in f" {spec.name} "]
        assert len(shown) > 100
        for name in shown:
            json.loads(await run_command(system, f"{name} --json"))
        rows = json.loads(await run_command(system, "pjsip show endpoints --json"))
        assert "alice" in json.dumps(rows)
        assert json.loads(await run_command(system, "core show uptime --json"))["fields"]["System uptime"]
        assert "No such command" in json.loads(await run_command(system, "core show nothing --json"))["error"]


async def test_tables_of_pjsip_are_objects_with_their_parts(tmp_path: Path) -> None:
    conf = (
        "[alice]\ntype=endpoint\naors=alice\nauth=alice\n[alice]\ntype=aor\ncontact=sip:alice@192.0.2.1\n"
        "[alice]\ntype=auth\nusername=alice\npassword=secret\n"
    )
    files = {"modules.conf": "[modules]\nautoload=no\nload=chan_pjsip\nload=res_rtp_asterisk\n", "pjsip.conf": conf}
    async with running_system(tmp_path, files, prepare=register_commands) as system:
        shown = await run_command(system, "pjsip show endpoints --json")
        (endpoint,) = json.loads(shown)
        assert endpoint["object"] == "Endpoint"
        assert endpoint["Endpoint/CID"] == "alice"
        parts = {part["object"]: part for part in endpoint["parts"]}
        assert parts["Aor"]["Aor"] == "alice"
        assert parts["Contact"]["Aor/ContactUri"] == "alice/sip:alice@192.0.2.1"
        assert "secret" not in shown
        assert json.loads(await run_command(system, "pjsip show aors --json"))[0]["Aor"] == "alice"
        assert json.loads(await run_command(system, "pjsip list contacts --json"))[0]["Aor/ContactUri"].startswith("alice/")
        assert json.loads(await run_command(system, "pjsip show channels --json")) == []


async def test_tables_of_the_core_as_data(tmp_path: Path) -> None:
    files = {
        "modules.conf": "[modules]\nautoload=no\nload=pbx_config\nload=codec_ulaw\nload=codec_alaw\n",
        "extensions.conf": "[globals]\nG=1\n[a]\ninclude => b\nexten => 1,hint,Custom:x\nexten => 1,1(start),NoOp(x)\n[b]\n",
        "http.conf": "[general]\nenabled=no\nprefix=x\nredirect=/a /b\n",
    }
    async with running_system(tmp_path, files, prepare=register_commands) as system:

        async def ask(command: str) -> object:
            return json.loads(await run_command(system, f"{command} --json"))

        system.database.put("f", "k", "v: =")
        assert await ask("database show f") == {"/f/k": "v: ="}
        (a,) = await ask("dialplan show a")  # type: ignore[misc]
        assert a["includes"] == ["b"]
        assert a["extensions"]["1"] == [
            {"hint": "Custom:x", "origin": "extensions.conf:5"},
            {"priority": 1, "label": "start", "application": "NoOp", "data": "x", "origin": "extensions.conf:6"},
        ]
        assert await ask("dialplan show globals") == {"G": "1"}
        assert (await ask("core show translation"))["ulaw"]["alaw"] > 0  # type: ignore[call-overload]
        assert (await ask("indication show us"))["us"]["tones"]["dial"] == "350+440"  # type: ignore[call-overload]
        assert (await ask("http show status"))["redirects"] == {"/a": "/b"}  # type: ignore[call-overload]
        assert (await ask("core show settings"))["Default language"] == "en"  # type: ignore[call-overload]
        assert {"command": "core stop now", "synopsis": "Stop the server at once, ending all calls."} in await ask(
            "core show help"
        )  # type: ignore[operator]
        assert await ask("core show calls") == {"calls": 0, "calls_processed": 0}
        assert [hint["hint"] for hint in await ask("core show hints")] == ["Custom:x"]  # type: ignore[attr-defined]
