"""say.conf: rules instead of the built-in languages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.config.reader import read_config
from globstar.config.source import MemorySource
from globstar.core import say
from globstar.core.cli import run_command
from globstar.core.say_languages.base import SayFault
from globstar.core.say_rules import RuleLanguage, read_rules
from tests.support.switch import LogCapture, running_system

RULES = """\
[general]
mode=new
[digits](!)
_digit:[0-9] => digits/${SAY}
_char:[a-z] => letters/${SAY}
[xy](digits)
_[n]um:X => digits/${SAY}
_[n]um:[1-9]0 => digits/${SAY}
_[n]um:XX => digits/${SAY:0:1}0, and, num:${SAY:1}
_e[n]um:. => num:${SAY}, th
_digit:[-] => letters/dash
_short:. => date:AQ:${SAY}
_date:w:XXXXXXXXXXXX.XX-X-XXX => weekday, ${SAY:16:1}
_mo[n]ey:. => ${SAY}, coins
_datetime::. => date:AdBY 'digits/at' HM:${SAY}
_date:A:. => digits/day-${SAY:16:1}
_date:d:. => num:${SAY:6:2}
_date:B:. => digits/mon-${SAY:4:2}
_date:Y:. => num:${SAY:2:2}
_date:H:. => num:${SAY:8:2}
_date:M:. => num:${SAY:10:2}
_loop:. => loop:${SAY}
_ma[n]y:. => half:${SAY},half:${SAY}
_half:. => a,a,a,a
[broken]
_[0-9 => x
"""
MOMENT = int(datetime(2006, 4, 17, 20, 30, tzinfo=UTC).timestamp())


@pytest.fixture(autouse=True)
def rules() -> Iterator[None]:
    """The rules in force; the built-in languages come back."""
    with LogCapture() as log:
        found = read_rules(read_config("say.conf", MemorySource({"say.conf": RULES})))
    assert [text for text in log.texts(Level.WARNING) if "no pattern" in text]
    say.use_rules({code: RuleLanguage(code, rules, say.built_in_language(code)) for code, rules in found.items()})
    yield
    say.use_rules({})


def test_numbers_call_rules_in_turn() -> None:
    assert say.say_number(7, "xy") == ["digits/7"]
    assert say.say_number(40, "xy") == ["digits/40"]
    assert say.say_number(42, "xy_ZZ") == ["digits/40", "and", "digits/2"]
    assert say.say_money("-3.05", "xy") == ["-3.05", "coins"]
    assert say.say_ordinal(42, "xy") == ["digits/40", "and", "digits/2", "th"]
    assert say.say_digits("12", "xy") == ["digits/1", "digits/2"]
    assert say.say_characters("Ab", "xy") == ["letters/a", "letters/b"]


def test_what_no_rule_has_is_said_as_built_in() -> None:
    assert say.say_number(123, "xy") == say.say_number(123, "en")
    assert say.say_digits("#", "xy") == ["digits/pound"]
    assert say.say_phonetic("a", "xy") == ["phonetic/a_p"]
    assert say.say_number(123, "de") == ["digits/1N", "digits/hundred", "digits/3-and", "digits/20"]


def test_formats_are_taken_apart() -> None:
    expected = ["digits/day-1", "digits/10", "and", "digits/7", "digits/mon-04", "digits/00", "and", "digits/6"]
    said = say.say_datetime(MOMENT, now=MOMENT, zone="UTC", language="xy")
    assert said == [*expected, "digits/at", "digits/20", "digits/30"]
    assert say.say_time_form(MOMENT, "A 'x/y'", now=MOMENT, zone="UTC", language="xy") == ["digits/day-1", "x/y"]
    assert say.say("num", "42", "xy") == ["digits/40", "and", "digits/2"]


def test_letters_without_a_rule_are_said_as_built_in() -> None:
    said = say.say_time_form(MOMENT, "AQ, k 'x/y' 'z", now=MOMENT, zone="UTC", language="xy")
    assert said == ["digits/day-1", "digits/today", "digits/20", "x/y", "z"]


def test_letters_without_a_rule_within_rules_are_logged_and_left_out() -> None:
    with LogCapture() as log:
        assert say.say("short", "200604172030.00-1-107", "xy") == ["digits/day-1"]
    assert len(log.texts(Level.WARNING)) == 1


def test_dashes_are_matched_but_for_those_in_times() -> None:
    assert say.say_digits("1-", "xy") == ["digits/1", "letters/dash"]
    assert say.say_number(-42, "xy") == ["letters/dash", "digits/40", "and", "digits/2"]
    assert say.say_time_form(MOMENT, "w", now=MOMENT, zone="UTC", language="xy") == ["weekday", "1"]


def test_rules_without_end_are_a_fault() -> None:
    with pytest.raises(SayFault, match="no end"):
        say.say("loop", "1", "xy")
    assert say.say("many", "1", "xy") == ["a"] * 8


async def test_the_mode_on_the_command_line(tmp_path: Path) -> None:
    files = {"modules.conf": "[modules]\nautoload=no\nload=app_playback\n", "say.conf": RULES.replace("mode=new", "mode=old")}
    async with running_system(tmp_path, files) as system:
        assert await run_command(system, "say load") == "say mode is [old]\n"
        assert say.say_number(42, "xy") == say.say_number(42, "en")
        with LogCapture():
            assert await run_command(system, "say load new") == "setting say mode from old to new\n"
        assert say.say_number(42, "xy") == ["digits/40", "and", "digits/2"]
        assert await run_command(system, "say load") == "say mode is [new]\n"
        assert "Usage" in await run_command(system, "say load both")
    assert say.say_number(42, "xy") == say.say_number(42, "en")


async def test_a_mode_that_is_none(tmp_path: Path) -> None:
    files = {"modules.conf": "[modules]\nautoload=no\nload=app_playback\n", "say.conf": "[general]\nmode=loud\n"}
    with LogCapture() as log:
        async with running_system(tmp_path, files) as system:
            assert await run_command(system, "say load") == "say mode is [old]\n"
    assert any("loud" in text for text in log.texts(Level.WARNING))
