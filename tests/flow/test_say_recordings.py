"""What the published packages of recordings can say: everything, in each language that there is one for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from globstar.core import say
from globstar.core.saying import choose_sounds
from tests.support.phone import Phone, media_system
from tests.support.server import SOUNDS

pytestmark = pytest.mark.virtual_time

PACKAGES = {
    "es": "es_MX_f_Allison",
    "fr": "fr_CA_f_June",
    "it": "it_IT_m_Carlo",
    "ru": "ru_RU_f_IvrvoiceRU",
    "en": "en_US_f_Allison",
}
NUMBERS = (
    *range(-1, 132),
    *(base + rest for base in (200, 900, 1000, 2000, 5000, 21_000, 10**6, 2 * 10**6) for rest in (0, 1, 100)),
)
ORDINALS = (*range(1, 32), 100, 101, 1000)
NEW_YEAR = 1704067200  # 2024-01-01 00:00:00 UTC


def wanted() -> Iterator[tuple[str, Callable[[str], Sequence[str]]]]:
    """Everything to be said, with a name for it."""
    for number, gender in itertools.product(NUMBERS, ("", "f", "m", "n", "c")):
        yield f"{number}{gender}", lambda language, number=number, gender=gender: say.say_number(number, language, gender)
    for number in ORDINALS:
        yield f"{number}th", lambda language, number=number: say.say_ordinal(number, language)
    for hours in range(0, 24 * 32, 7):
        when = NEW_YEAR + hours * 3600 + hours * 60
        for form in ("", "ABdY", "IMp", "HM", "kN", "Q", "q", "R"):
            yield (
                f"{when} {form}",
                lambda language, when=when, form=form: say.say_time_form(when, form, now=NEW_YEAR, zone="UTC", language=language),
            )
    yield "letters", lambda language: say.say_characters("azAZ09*#@.-", language)
    yield "spelled", lambda language: say.say_phonetic("az09", language)


@pytest.mark.parametrize("language", PACKAGES)
async def test_numbers_dates_and_letters(tmp_path: Path, language: str) -> None:
    package = SOUNDS / PACKAGES[language]
    if not package.is_dir():
        # a machine may be without them; in CI a skip fails the run
        pytest.skip(f"Debian's asterisk-core-sounds-{language}-gsm is not there (tools/install-test-tools)")
    folder = tmp_path / "data" / "sounds"
    folder.mkdir(parents=True)
    (folder / language).symlink_to(package)
    async with media_system(tmp_path) as system:
        phone = Phone(system)
        phone.channel.language = language
        missing = {
            name: what
            for what, make in wanted()
            for name in choose_sounds(phone.channel, make)
            if name not in say.OPTIONAL_FILES and not system.sounds.exists(name, language)
        }
        phone.channel.hangup()
        phone.close()
    assert missing == {}
