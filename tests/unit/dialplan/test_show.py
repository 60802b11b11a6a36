"""The text of `dialplan show`."""

from __future__ import annotations

import json
import re
from pathlib import Path

from globstar.config import MemorySource, read_config
from globstar.dialplan import Dialplan, Step, list_dialplan, missing_text, read_extensions


def plan_of(text: str) -> Dialplan:
    return read_extensions(read_config("extensions.conf", MemorySource({"extensions.conf": text}))).plan


def test_asterisk_dialplan_show(shared: Path) -> None:
    calls = shared / "vectors" / "calls"
    text = (calls / "config" / "extensions.conf").read_text(encoding="utf-8")
    plan = plan_of(text)
    for recording in ("g10_core_idle", "g10_live_ivr_wait_and_conf"):
        recorded = json.loads((calls / f"{recording}.json").read_text(encoding="utf-8"))
        for entry in recorded["observed"]["cli"]:
            found = re.fullmatch(r"dialplan show (?:([0-9]+)@)?(main|ivr)", entry["command"])
            if found:
                assert str(list_dialplan(plan, found[2], found[1] or "")) == entry["output"].rstrip("\n") + "\n"


def test_asterisk_steps_of_a_module(shared: Path) -> None:
    plan = Dialplan()
    for exten, app, data, registrar in (
        ("700", "Park", "", "res_parking"),
        *((exten, "ParkedCall", f"default,{exten}", "res_parking/default") for exten in ("701", "702", "703")),
    ):
        plan.add_context("parkedcalls", "res_parking/default")
        plan.add_step(Step("parkedcalls", exten, 1, app, data, registrar=registrar))
    recorded = json.loads((shared / "vectors" / "calls" / "g10_core_idle.json").read_text(encoding="utf-8"))
    output = next(e["output"] for e in recorded["observed"]["cli"] if e["command"] == "dialplan show parkedcalls")
    assert str(list_dialplan(plan, "parkedcalls")) == output.rstrip("\n") + "\n"


def test_everything_that_a_context_may_hold() -> None:
    plan = plan_of(
        "[a]\nexten => 1,1,A\nsame => n(lab),B(x)\nexten => 1,hint,PJSIP/x\nexten => 1/5,1(top),C\n"
        "include => b,09:00-10:00\nignorepat => 9\nswitch => S/x\neswitch => T/y\n[b]\n"
    )
    assert str(list_dialplan(plan)).split("\n") == [
        "[ Context 'a' created by 'pbx_config' ]",
        "  '1' (CID match '5') =>",
        "     [top]          1. C()                                        [extensions.conf:5]",
        "  '1' =>            hint: PJSIP/x                                 [extensions.conf:4]",
        "                    1. A()                                        [extensions.conf:2]",
        "     [lab]          2. B(x)                                       [extensions.conf:3]",
        "  Include =>        'b,09:00-10:00'                               [pbx_config]",
        "  Ignore pattern => '9'                                           [pbx_config]",
        "  Alt. Switch =>    'S/x'                                         [pbx_config]",
        "  Eval. Switch =>   'T/y'                                         [pbx_config]",
        "",
        "[ Context 'b' created by 'pbx_config' ]",
        "",
        "-= 2 extensions (4 priorities) in 2 contexts. =-",
        "",
    ]


def test_extension_is_looked_for_in_includes_too() -> None:
    plan = plan_of(
        "[a]\nexten => _1X,1,A\ninclude => b\n[b]\nexten => 12,1,B\nexten => 99,1,C\ninclude => a\n[c]\nexten => 99,1,D\n"
    )
    text = str(list_dialplan(plan, "a", "12"))
    assert re.findall(r"Context '(.)'|'(.*?)' =>", text) == [("a", ""), ("", "_1X"), ("b", ""), ("", "12")]
    everywhere = list_dialplan(plan, "", "99")
    assert (everywhere.contexts, everywhere.extensions, everywhere.priorities) == (2, 2, 2)


def test_nothing_to_show() -> None:
    plan = plan_of("[a]\nexten => 1,1,A\n")
    expected = {
        ("nosuch", ""): "There is no existence of 'nosuch' context",
        ("a", "9"): "There is no existence of 9@a extension",
        ("", "9"): "There is no existence of '9' extension",
    }
    for (context, exten), text in expected.items():
        listing = list_dialplan(plan, context, exten)
        assert listing.is_empty
        assert missing_text(context, exten, listing) == text
