"""Directory: searching by keypad, hearing who was found, choosing, leaving, and what can be wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.party import PartyId
from globstar.core.system import System
from globstar.media.prompts import prompt_texts
from tests.support.phone import Phone, media_system, noise, sound
from tests.support.switch import LogCapture

CONF = "[general]\nformat=wav\n[default]\n100 => 1,Al Ng\n101 => 1,Bo Ng\n102 => 1,Cy Oz,,,alias=Wu\n" + "".join(
    f"{number} => 1,X{number} Lee\n" for number in range(200, 210)
)
PLACES = """
[dial]
exten => _XXX,1,NoOp(reached ${EXTEN})
exten => o,1,NoOp(operator)
exten => a,1,NoOp(assistant)
[bare]
exten => _2XX,1,NoOp(bare)
"""
Caller = Callable[[str], Phone]


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prompts")
    names = [name for name in prompt_texts("en") if name.startswith(("dir-", "digits/", "letters/", "vm-extension"))]
    for name in names:
        sound(folder, name, noise(0.1, 7))
    sound(folder, "own-intro", noise(0.1, 8))
    return folder


def office(root: Path, prompts: Path, conf: str = CONF) -> AbstractAsyncContextManager[System]:
    (root / "data" / "sounds").mkdir(parents=True)
    (root / "data" / "sounds" / "en").symlink_to(prompts)
    return media_system(root, {"voicemail.conf": conf, "other.conf": conf.replace("default", "others")}, ["app_directory"])


@pytest.fixture
async def call(tmp_path: Path, prompts: Path) -> AsyncIterator[Caller]:
    async with office(tmp_path, prompts) as system:
        yield lambda arguments: dial(system, arguments)


def dial(system: System, arguments: str) -> Phone:
    phone = Phone(system, context="main", extension="7", caller=PartyId())
    plan = f"[main]\nexten => 7,1,Directory({arguments})\n same => n,NoOp(after)\n same => n,Hangup()\n{PLACES}"
    return phone.start(plan)


def outcome(phone: Phone) -> tuple[str | None, str]:
    return phone.variables.get("DIRECTORY_RESULT"), phone.steps[-2] if phone.steps[-1] == "Hangup()" else phone.steps[-1]


async def test_the_one_who_is_found_is_called(call: Caller) -> None:
    phone = call("default,dial")
    await phone.prompt("dir-usingkeypad")
    await phone.press("69#")
    await phone.prompt("dir-instr")
    await phone.press("1")
    await phone.end()
    assert outcome(phone) == ("SELECTED", "NoOp(reached 102)")
    assert phone.prompts == [
        "dir-welcome", "dir-pls-enter", "digits/3", "dir-last", "dir-usingkeypad",
        "letters/c", "letters/y", "letters/space", "letters/o", "letters/z", "dir-instr",
    ]  # fmt: skip
    assert "DIRECTORY_EXTEN" not in phone.variables
    assert phone.answered_at is not None


async def test_star_goes_on_to_the_next_and_e_says_extensions(call: Caller) -> None:
    phone = call("default,dial,e")
    await phone.prompt("dir-welcome")
    await phone.press("64#")
    await phone.prompt("dir-instr")
    await phone.press("*")
    await phone.prompt("dir-instr")
    await phone.press("1")
    await phone.end()
    assert outcome(phone) == ("SELECTED", "NoOp(reached 101)")
    assert phone.prompts.count("vm-extension") == 2
    assert [name for name in phone.prompts if name.startswith("digits/")][-3:] == ["digits/1", "digits/0", "digits/1"]


async def test_after_the_last_one_the_search_begins_anew(call: Caller) -> None:
    phone = call("default,dial")
    await phone.prompt("dir-welcome")
    await phone.press("69#")
    await phone.prompt("dir-instr")
    await phone.press("*")
    await phone.prompt("dir-nomore")
    await phone.prompt("dir-welcome")
    await phone.press("888")
    await phone.prompt("dir-nomatch")
    await phone.prompt("dir-welcome")
    await phone.end()
    assert outcome(phone) == ("TIMEOUT", "NoOp(after)")


async def test_a_menu_has_eight_names_and_nine_leads_to_more(call: Caller) -> None:
    phone = call("default,dial,m")
    await phone.prompt("dir-welcome")
    await phone.press("533")
    await phone.prompt("dir-multi9")
    await phone.press("9")
    await phone.prompt("dir-multi2")
    await phone.prompt("dir-multi2")
    await phone.press("3")  # nobody has that key: the page is told again
    await phone.prompt("dir-multi1")
    await phone.press("2")
    await phone.end()
    assert outcome(phone) == ("SELECTED", "NoOp(reached 209)")
    assert phone.prompts.count("dir-multi9") == 1


async def test_s_only_sets_the_extension(call: Caller) -> None:
    phone = call("default,dial,sf")
    await phone.prompt("dir-first")
    await phone.press("25#")
    await phone.prompt("dir-instr")
    await phone.press("1")
    await phone.end()
    assert outcome(phone) == ("SELECTED", "NoOp(after)")
    assert phone.variables["DIRECTORY_EXTEN"] == "100"


@pytest.mark.parametrize(("key", "expected"), [("0", ("OPERATOR", "NoOp(operator)")), ("*", ("ASSISTANT", "NoOp(assistant)"))])
async def test_operator_and_assistant(call: Caller, key: str, expected: tuple[str, str]) -> None:
    phone = call("default,dial")
    await phone.prompt("dir-welcome")
    await phone.press(key)
    await phone.end()
    assert outcome(phone) == expected


async def test_zero_is_a_letter_like_others_where_it_leads_nowhere(call: Caller) -> None:
    phone = call("default,bare")
    await phone.prompt("dir-welcome")
    await phone.press("0#")
    await phone.prompt("dir-nomatch")
    phone.hang_up()
    await phone.end()
    assert phone.variables["DIRECTORY_RESULT"] == "HANGUP"
    assert "NoOp(after)" not in phone.steps


async def test_pound_while_choosing_leaves(call: Caller) -> None:
    phone = call("default,dial")
    await phone.prompt("dir-welcome")
    await phone.press("64#")
    await phone.prompt("dir-instr")
    await phone.press("#")
    await phone.end()
    assert outcome(phone) == ("USEREXIT", "NoOp(after)")


async def test_a_caller_who_does_not_choose_is_asked_three_times(call: Caller) -> None:
    phone = call("default,dial,l(2)")
    await phone.prompt("digits/2")
    await phone.press("69")
    await phone.end()
    assert outcome(phone) == ("TIMEOUT", "NoOp(after)")
    assert phone.prompts.count("dir-instr") == 3


async def test_nothing_pressed_at_all(call: Caller) -> None:
    phone = await call("default,dial,n").end()
    assert outcome(phone) == ("TIMEOUT", "NoOp(after)")
    assert phone.answered_at is None


async def test_both_names_aliases_and_a_pause(call: Caller) -> None:
    phone = call("default,dial,f(1)l(4)ap(1500)")
    await phone.prompt("dir-firstlast")
    await phone.press("9")
    pressed = phone.clock
    await phone.prompt("letters/c", 10)
    assert phone.clock - pressed == pytest.approx(1.4, abs=0.05)  # the pause began at the end of the digit
    await phone.press("1")
    await phone.end()
    assert outcome(phone) == ("SELECTED", "NoOp(reached 102)")


@pytest.mark.parametrize("keys", ["29", "69"])
async def test_b_searches_first_and_last_names(call: Caller, keys: str) -> None:
    phone = call("default,dial,b(2)")
    await phone.prompt("dir-firstlast")
    await phone.press(keys)
    await phone.prompt("dir-instr")
    await phone.press("1")
    await phone.end()
    assert outcome(phone) == ("SELECTED", "NoOp(reached 102)")


async def test_a_selected_extension_that_does_not_exist(call: Caller) -> None:
    with LogCapture() as log:
        phone = call("default,bare")
        await phone.prompt("dir-welcome")
        await phone.press("69#")
        await phone.prompt("dir-instr")
        await phone.press("1")
        await phone.end()
    assert outcome(phone) == ("FAILED", "NoOp(after)")
    assert any("102" in text for text in log.texts(Level.WARNING))


async def test_another_file_an_unknown_option_and_no_file(call: Caller) -> None:
    with LogCapture() as log:
        phone = call("others,dial,c(other.conf)Z")
        await phone.prompt("dir-welcome")
        await phone.press("69#")
        await phone.prompt("dir-instr")
        await phone.press("1")
        await phone.end()
        assert outcome(phone) == ("SELECTED", "NoOp(reached 102)")
        assert any("'Z'" in text for text in log.texts(Level.WARNING))
        phone = await call("default,dial,c(missing.conf)").end()
        assert outcome(phone) == ("FAILED", "NoOp(after)")
        assert any("missing.conf" in text for text in log.texts(Level.ERROR))


async def test_the_name_as_its_owner_recorded_it_and_an_introduction_of_our_own(tmp_path: Path, prompts: Path) -> None:
    conf = CONF.replace("format=wav", "format=wav\ndirectoryintro=own-intro\nsearchcontexts=yes") + "[two]\n300 => 1,Ed Oz\n"
    async with office(tmp_path, prompts, conf) as system:
        greeting = tmp_path / "spool" / "voicemail" / "default" / "102"
        sound(greeting, "greet", noise(0.1, 9))
        with LogCapture() as log:
            phone = dial(system, ",dial")
            await phone.prompt("own-intro")
            await phone.press("69#")
            await phone.prompt("dir-instr")
            await phone.press("*")
            await phone.prompt("dir-instr")
            await phone.press("1")
            await phone.end()
        assert outcome(phone) == ("SELECTED", "NoOp(reached 300)")
        assert phone.prompts[:3] == ["own-intro", str(greeting / "greet"), "dir-instr"]
        assert not log.records
