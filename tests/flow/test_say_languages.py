"""Every language in a call: the sounds that its grammar asks for are played, by each application, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core import say
from globstar.core.say_languages import FILES
from tests.support.phone import Phone, media_system, noise, sound
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

CODES = ["en_GB" if code == "en_gb" else code for code in sorted(FILES)]
TUESDAY = 1709650845  # 2024-03-05 15:00:45 UTC
NUMBERS = (0, -7, 1, 2, 11, 21, 100, 101, 200, 1000, 1001, 2345, 21_000, 1_000_000, 2_000_001, 2**31 - 1)


def sayings(code: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Steps of the dialplan, and what each is to play."""
    for number in NUMBERS:
        yield f"SayNumber({number})", say.say_number(number, code)
    for gender in "fmcn":
        yield f"SayNumber(1,{gender})", say.say_number(1, code, gender)
        yield f"SayNumber(222,{gender})", say.say_number(222, code, gender)
    for number in (1, 20, 23, 31):
        yield f"SayOrdinal({number},f)", say.say_ordinal(number, code, "f")
    spelled: tuple[tuple[str, Callable[[str, str], Sequence[str]]], ...] = (
        ("SayDigits", say.say_digits), ("SayAlpha", say.say_characters), ("SayPhonetic", say.say_phonetic),
        ("SayMoney", say.say_money),
    )  # fmt: skip
    for application, speak in spelled:
        text = "12.34" if application == "SayMoney" else "1b*"
        yield f"{application}({text})", speak(text, code)
    yield "SayAlphaCase(a,Ab)", say.say_characters("Ab", code, "a")
    for form in ("", "A d B Y", "I M p", "l 'digits/at' P", "H N", "k S", "R", "T", "m", "Q", "q"):
        for zone in ("UTC", "Asia/Tokyo"):
            yield (
                f"SayUnixTime({TUESDAY},{zone},{form})",
                say.say_time_form(TUESDAY, form, now=TUESDAY + 99 * 86400, zone=zone, language=code),
            )


@pytest.mark.parametrize("code", CODES)
async def test_all_that_is_said(tmp_path: Path, code: str) -> None:
    steps = list(sayings(code))
    for name in {name for _, names in steps for name in names}:
        sound(tmp_path / "data" / "sounds" / code, name, noise(0.02, 1))
    plan = "".join(f"same => n,{step}\n" for step, _ in steps)
    async with media_system(tmp_path, modules=["func_channel"]) as system:
        phone = Phone(system)
        with LogCapture() as log:
            await phone.run(
                f"[default]\nexten => s,1,Answer(,i)\nsame => n,Set(CHANNEL(language)={code})\n{plan}same => n,NoOp(on)\n"
            )
        assert phone.prompts == [name for _, names in steps for name in names]
        assert phone.steps[-1] == "NoOp(on)"
        assert not log.texts(Level.WARNING)
