"""What is said: against the recorded playlists, and the rules between them.

Invariant of the fuzz tests: every number, character and moment is said without an error, by every language.
"""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.core import say
from globstar.core.say import SayFault, parse_number, say_characters, say_digits, say_money, say_number, say_ordinal
from globstar.core.say_languages import FILES

TUESDAY = 1709650845  # 2024-03-05 15:00:45 UTC


def names(*files):
    return [f"digits/{file}" if "/" not in file else file for file in files]


def records(shared, file):
    with (shared / "vectors" / "dialplan" / file).open() as lines:
        return [json.loads(line) for line in lines]


def test_asterisk_sayfiles(shared):
    checked = 0
    for case in records(shared, "functions.jsonl"):
        match = (
            re.fullmatch(r"Set\(R=\$\{SAYFILES\(([^,)]+)(?:,(\w+))?\)\}\)", case["steps"][0]) if len(case["steps"]) == 1 else None
        )
        if match is not None:
            assert "&".join(say.say(match[2] or "alpha", match[1])) == case["results"]["R"], case["id"]
            checked += 1
    assert checked >= 12


def said_by(application, text):
    arguments = text.split(",")
    match application:
        case "SayDigits":
            return say_digits(text)
        case "SayNumber":
            return say_number(parse_number(text))
        case "SayAlpha":
            return say_characters(text)
        case "SayPhonetic":
            return say.say_phonetic(text)
        case "SayOrdinal":
            return say_ordinal(parse_number(text))
        case "SayUnixTime":
            return say.say_time_form(int(arguments[0]), arguments[2], now=TUESDAY, zone=arguments[1])
    raise AssertionError(application)


def test_asterisk_applications_play_these_files(shared):
    checked = 0
    pattern = r"(SayDigits|SayNumber|SayAlpha|SayPhonetic|SayOrdinal|SayUnixTime)\((.*)\)"
    for case in records(shared, "flows.jsonl"):
        match = re.search(pattern + r"\n", case["conf"])
        if match is None or not match[2] or not case["id"].startswith("f01"):
            continue
        try:
            expected = said_by(match[1], match[2])
        except SayFault:
            assert case["warned"]
            expected = []
        assert [file.removesuffix(".ulaw") for _, file in case["played"]] == expected, case["id"]
        checked += 1
    assert checked >= 14


def test_asterisk_agi_say_date(shared):
    case = next(case for case in records(shared, "agi.jsonl") if case["requests"] == [f'SAY DATE {TUESDAY} ""'])
    assert [file.removesuffix(".ulaw") for file in case["played"]] == say.say_date(TUESDAY, zone="UTC")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0"),
        (13, "13"),
        (20, "20"),
        (99, "90 9"),
        (110, "1 hundred 10"),
        (1_001, "1 thousand 1"),
        (21_000, "20 1 thousand"),
        (2_147_483_647, "2 billion 1 hundred 40 7 million 4 hundred 80 3 thousand 6 hundred 40 7"),
        (-(2**31), "minus 2 billion 1 hundred 40 7 million 4 hundred 80 3 thousand 6 hundred 40 8"),
    ],
)
def test_english_numbers(number, words):
    assert say_number(number) == names(*words.split())


def test_british_numbers_say_and():
    assert say_number(105, "en_GB") == ["digits/1", "digits/hundred", "vm-and", "digits/5"]
    assert say_number(1005, "en_GB") == ["digits/1", "digits/thousand", "vm-and", "digits/5"]
    assert say_number(100, "en_GB") == names("1", "hundred")


@pytest.mark.parametrize(
    ("number", "files"),
    [
        (1, ("h-1",)), (20, ("h-20",)), (21, ("20", "h-1")), (30, ("h-30",)), (100, ("1", "h-hundred")),
        (123, ("1", "hundred", "20", "h-3")), (1000, ("1", "h-thousand")), (1_000_001, ("1", "million", "h-1")),
        (-3, ("minus", "h-3")),
    ],
)  # fmt: skip
def test_english_ordinals(number, files):
    assert say_ordinal(number) == names(*files)


@pytest.mark.parametrize("text", ["", "abc", "-", "99999999999", "2147483648", "x1", "12345678901234567890"])
def test_what_is_no_number(text):
    with pytest.raises(SayFault):
        parse_number(text)


def test_numbers_are_read_from_the_start_of_a_text():
    assert parse_number(" 12abc") == 12
    assert parse_number("-2147483648") == -(2**31)
    assert parse_number("+7.9") == 7


@pytest.mark.parametrize(
    ("amount", "files"),
    [
        ("1", ["digits/1", "letters/dollar_"]),
        ("1.50", ["digits/1", "letters/dollar", "and", "digits/50", "cents"]),
        ("5", ["digits/5", "dollars"]),
        ("$2.01", ["digits/2", "dollars", "and", "digits/1", "cent"]),
        (".5", ["digits/50", "cents"]),
        ("0", ["digits/0", "cents"]),
        ("-0.05", ["digits/minus", "digits/5", "cents"]),
        ("3.999", ["digits/3", "dollars", "and", "digits/90", "digits/9", "cents"]),
    ],
)
def test_money(amount, files):
    assert say_money(amount) == files


@pytest.mark.parametrize("text", ["", "abc", ".", "-", "99999999999.00"])
def test_what_is_no_amount(text):
    with pytest.raises(SayFault):
        say_money(text)


def test_characters():
    assert say_characters("aZ 9!") == ["letters/a", "letters/z", "letters/space", "digits/9", "letters/exclaimation-point"]
    assert say_characters("@$=+/.-*#") == [
        "letters/at", "letters/dollar", "letters/equals", "letters/plus", "letters/slash", "letters/dot", "letters/dash",
        "digits/star", "digits/pound",
    ]  # fmt: skip
    assert say_characters('"é') == ["letters/ascii34", "letters/ascii233"]


@pytest.mark.parametrize(
    ("case", "files"),
    [
        ("n", ["letters/a", "letters/b"]),
        ("a", ["lowercase", "letters/a", "uppercase", "letters/b"]),
        ("l", ["lowercase", "letters/a", "letters/b"]),
        ("u", ["letters/a", "uppercase", "letters/b"]),
    ],
)
def test_case_is_announced_where_asked_for(case, files):
    assert say_characters("aB", case=case) == files
    assert set(files) - set(say_characters("aB")) <= say.OPTIONAL_FILES


def test_phonetic_digits_are_plain_but_for_nine():
    assert say.say_phonetic("A19.") == ["phonetic/a_p", "digits/1", "phonetic/9_p", "letters/dot"]


def moment(year, month, day, hour=0, minute=0):
    return datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("form", "files"),
    [
        ("IMp", ("3", "oclock", "p-m")),
        ("H N", ("15", "hundred")),
        ("S", ("40", "5")),
        ("T", ("15", "oclock", "40", "5")),
        ("a b e", ("day-2", "mon-2", "h-5")),
        ("'vm-received' Q 'digits/at' IMp", ("vm-received/", "today", "at", "3", "oclock", "p-m")),
        ("q", ()),
        ("m", ("h-3",)),
        ("", ("day-2", "mon-2", "h-5", "2", "thousand", "20", "4", "at", "3", "oclock", "p-m")),
        ("'unclosed", ("unclosed/",)),
        ("Y?", ("2", "thousand", "20", "4")),
    ],
)
def test_time_forms(form, files):
    expected = [file.rstrip("/") if file.endswith("/") else f"digits/{file}" for file in files]
    assert say.say_time_form(TUESDAY, form, now=TUESDAY, zone="UTC") == expected


@pytest.mark.parametrize(
    ("hour", "minute", "files"),
    [(0, 5, ("12", "oh", "5", "a-m")), (12, 30, ("12", "30", "p-m")), (23, 59, ("11", "50", "9", "p-m"))],
)
def test_say_time(hour, minute, files):
    assert say.say_time(moment(2024, 1, 1, hour, minute), zone="UTC") == names(*files)


@pytest.mark.parametrize(("letter", "files"), [("H", ("oh", "8")), ("k", ("8",))])
def test_hours_of_24_with_and_without_oh(letter, files):
    assert say.say_time_form(moment(2024, 1, 1, 8, 0), letter, now=0, zone="UTC") == names(*files)


@pytest.mark.parametrize(
    ("year", "words"),
    [(1999, "19 90 9"), (1905, "19 oh 5"), (1900, "19 hundred"), (2000, "2 thousand"), (2026, "2 thousand 20 6")],
)
def test_years(year, words):
    assert say.say_time_form(moment(year, 6, 1), "Y", now=0, zone="UTC") == names(*words.split())


@pytest.mark.parametrize(
    ("language", "day", "words", "clock"),
    [
        ("de", 1, "day-0 h-1 mon-10 2 thousand 6-and 20", "1-and 20 oclock 5"),
        ("nl", 1, "day-0 1 mon-10 2 thousand 6 nl-en 20", "1 nl-en 20 nl-uur 5"),
        ("fr", 2, "day-1 2 mon-10 2 thousand 20 6", "9 oclock 5 p-m"),
        ("es", 1, "day-0 1 es-de mon-10 es-de 2 thousand 26", "9 5 p-m"),
        ("th", 5, "day-4 tee 5 duan mon-10 posor 2 pan 5 roi 6 10 9", "yi 10 et 5"),
        ("pt", 1, "day-0 1 pt-de mon-10 pt-de 2 thousand pt-e 20 pt-e 6", "20 pt-e 1F pt-hora pt-sss pt-e 5"),
        ("hu", 1, "2 thousand 20on 6 mon-10 h-1 day-0", "20on 1 5"),
        ("ru", 1, "day-0 h-1 mon-10 2n thousands-i 20 6", "20 1 5"),
        ("en_GB", 1, "day-0 mon-10 1 2 thousand vm-and 20 6", "9 oh 5 p-m"),
    ],
)
def test_date_and_time_alone_have_the_order_of_the_language(language, day, words, clock):
    """As in what it says of both together; only English names the day by a plain number (recorded of SAY DATE)."""
    when = moment(2026, 11, day, 21, 5)
    expected = tuple("vm-and" if word == "vm-and" else f"digits/{word}" for word in words.split())
    assert tuple(say.say_date(when, zone="UTC", language=language)) == expected
    assert say.say_time(when, zone="UTC", language=language) == names(*clock.split())
    if not language.startswith("en"):
        assert tuple(say.say_time_form(when, "Q", now=0, zone="UTC", language=language)) == expected


def test_relative_days_and_zones():
    noon = moment(2024, 3, 5, 12)
    said = [say.say_time_form(noon - days * 86400, "q", now=noon, zone="UTC") for days in (0, 1, 2, 6, 7)]
    assert said[:4] == [[], names("yesterday"), names("day-0"), names("day-3")]
    assert said[4] == names("day-2", "mon-1", "h-20", "h-7")[:2] + names("20", "h-7", "2", "thousand", "20", "4")
    assert say.say_time_form(noon - 2 * 86400, "Q", now=noon, zone="UTC")[0] == "digits/day-0"
    assert [say.say_time_form(noon + 86400, letter, now=noon, zone="UTC") for letter in "Qq"] == [names("tomorrow")] * 2
    late = moment(2024, 3, 5, 23, 30)
    assert say.say_time_form(late, "Q", now=late + 3600, zone="UTC") == names("yesterday")
    assert say.say_time_form(late, "QH", now=late + 3600, zone="America/New_York") == names("today", "18")


@pytest.mark.parametrize("wall_time", [1e18, -1e18, float("inf"), float("nan")])
def test_times_beyond_the_calendar(wall_time):
    with pytest.raises(SayFault):
        say.say_date(wall_time)


def test_an_unknown_zone_is_utc():
    assert say.say_time(TUESDAY, zone="No/Where") == say.say_time(TUESDAY, zone="UTC")
    assert say.say_time(TUESDAY, zone="../../etc/passwd") == say.say_time(TUESDAY, zone="UTC")


@pytest.mark.parametrize(
    ("language", "number", "files"),
    [
        ("de", 21, ("1-and", "20")), ("de", 101, ("1N", "hundred", "1")), ("de", 1_000, ("1N", "thousand")),
        ("de", 1_000_000, ("1F", "million")), ("de", 2_000_045, ("2", "millions", "5-and", "40")),
        ("fr", 21, ("20", "vm-and/", "1")), ("fr", 71, ("60", "vm-and/", "11")), ("fr", 80, ("80",)),
        ("fr", 99, ("80", "19")), ("fr", 1_100, ("thousand", "hundred")), ("fr", 81, ("80", "1")),
        ("es", 100, ("100",)), ("es", 101, ("100-and", "1")), ("es", 555, ("500", "50", "and", "5")),
        ("es", 1_000_000, ("1M", "million")), ("es", 29, ("29",)), ("es", 31, ("30", "and", "1")),
        ("it", 21, ("21",)), ("it", 1_000, ("thousand",)), ("it", 2_123, ("2", "thousands", "hundred", "20", "3")),
        ("it", 1_000_000, ("un", "million")), ("it", 38, ("38",)), ("it", 230, ("2", "hundred", "30")),
        ("pt", 100, ("100",)), ("pt", 121, ("100-and", "20", "pt-e", "1")), ("pt", 1_200, ("thousand", "pt-e", "200")),
        ("pt", 2_345, ("2", "thousand", "300", "pt-e", "40", "pt-e", "5")),
        ("nl", 21, ("1", "nl-en", "20")), ("nl", 1_100, ("thousand", "hundred")),
        ("da", 21, ("1-and", "20")), ("da", 105, ("1N", "hundred", "and", "5")), ("da", 1_001, ("1N", "thousand", "and", "1")),
        ("no", 121, ("ett", "hundred", "and", "20", "1")), ("no", 2_000_000, ("2", "millions")),
        ("se", 1_000_000, ("1N", "million")), ("se", 345, ("3", "hundred", "40", "5")),
        ("pl", 1_000, ("1000",)), ("pl", 2_000, ("2", "1000.2")), ("pl", 12_000, ("12", "1000.5")),
        ("pl", 21_000, ("20", "1", "1000.5")), ("pl", 345, ("300", "40", "5")),
        ("cs", 234, ("2ste", "30", "4")), ("cs", 500, ("5", "set")), ("cs", 2_000, ("2m", "thousands")),
        ("ru", 2_000, ("2n", "thousands-i")), ("ru", 21_000, ("20", "1n", "thousand")), ("ru", 11_000, ("11", "thousands")),
        ("ru", 5_000_000, ("5", "millions")), ("ru", 200, ("200",)),
        ("gr", 1_000, ("xilia",)), ("gr", 100, ("100",)), ("gr", 101, ("hundred-100", "1")),
        ("he", 28, ("20", "uu", "8")), ("he", 1_200, ("thousand", "uu", "200")), ("he", 130, ("hundred", "uu", "30")),
        ("he", 2_000_005, ("twomillion", "ve", "5")),
        ("he", 21, ("20", "ve", "1")), ("he", 1_005, ("thousand", "ve", "5")), ("he", 3_000, ("3000",)),
        ("hu", 11, ("10en", "1")), ("hu", 22, ("20on", "2")), ("hu", 1_100, ("thousand", "hundred")),
        ("is", 1_000, ("1hk", "thousand")), ("is", 25, ("20", "and", "5")), ("is", 2_000_000, ("2kvk", "millions")),
        ("ja", 12_345, ("1", "man", "2000", "300", "40", "5")), ("ja", 1_000, ("thousand",)),
        ("ka", 35, ("20_", "15")), ("ka", 2_001, ("2", "1000_", "1")), ("ka", 250, ("200_", "40_", "10")),
        ("th", 21, ("yi", "10", "et")), ("th", 1, ("1",)), ("th", 101, ("1", "roi", "et")), ("th", -3, ("lop", "3")),
        ("th", 250_000, ("2", "san", "5", "muan")), ("th", 2_000_000, ("2", "larn")), ("th", 0, ("0",)),
        ("ur", 250_045, ("2", "lac", "50", "thousand", "45")), ("ur", 10_000_000, ("1", "crore")),
        ("vi", 1_005, ("1", "thousand", "0-hundred-odd", "5")), ("vi", 105, ("1", "hundred", "odd", "5")),
        ("vi", 25, ("20", "5-2")), ("vi", 2_050, ("2", "thousand", "0-hundred", "50")),
        ("zh", 15, ("10", "5")), ("zh", 115, ("1", "hundred", "1", "10", "5")), ("zh", 1_005, ("1", "thousand", "0", "5")),
        ("zh", 1_050, ("1", "thousand", "0", "5", "10")), ("zh", 10_500, ("1", "wan", "0", "5", "hundred")),
        ("ps", 20, ("20",)), ("ps", 21, ("1", "wesht")), ("ps", 57, ("7", "50")), ("ps", 130, ("1", "hundred", "o", "30")),
        ("ps", 2_200, ("2", "zara", "o", "2", "sawa")), ("dr", 1_234, ("thousand", "o", "200", "o", "30", "o", "4")),
        ("de_AT", 21, ("1-and", "20")), ("xx", 21, ("20", "1")), ("", 21, ("20", "1")),
    ],
)  # fmt: skip
def test_numbers_of_other_languages(language, number, files):
    expected = [file.rstrip("/") if file.endswith("/") else f"digits/{file}" for file in files]
    assert say_number(number, language) == expected


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1_002, "thousand pt-e 2F"),
        (2_000, "2F thousand"),
        (21_200, "20 pt-e 1F thousand pt-e 200F"),
        (201_001, "200F pt-e 1F thousand pt-e 1F"),
        (2_002_002, "2 millions 2F thousand pt-e 2F"),
        (-2_000, "minus 2F thousand"),
    ],
)
def test_portuguese_thousands_have_the_gender_of_what_is_counted(number, words):
    assert say_number(number, "pt", "f") == names(*words.split())
    assert say_number(number, "pt") == names(*words.replace("F", "").split())


@pytest.mark.parametrize("language", sorted(FILES))
@given(number=st.integers(-(2**31), 2**31 - 1), gender=st.sampled_from(["", "f", "m", "n", "c"]))
def test_every_number_can_be_said(language, number, gender):
    for files in (say_number(number, language, gender), say_ordinal(number, language, gender)):
        assert files
        assert all(file.startswith("digits/") or file == "vm-and" for file in files)


@pytest.mark.parametrize("language", sorted(FILES))
@given(wall_time=st.integers(-(10**10), 10**10), form=st.text(alphabet="AaBbhdemYIlHkMNSPpQqRT' x", max_size=12))
def test_every_moment_can_be_said(language, wall_time, form):
    for file in say.say_time_form(wall_time, form, now=TUESDAY, zone="UTC", language=language):
        assert file


@pytest.mark.parametrize(
    ("language", "files"),
    [
        ("pt", ("15", "pt-hora", "pt-sss")), ("nl", ("15", "nl-uur")), ("ja", ("p-m", "3", "ji")),
        ("ka", ("15", "saati_da")), ("zh", ("p-m", "3", "oclock")), ("gr", ("3", "hwra", "p-m")),
    ],
)  # fmt: skip
def test_three_in_the_afternoon(language, files):
    """The hour has its noun, or a recording of its own; the rest of the time follows."""
    said = say.say_time(TUESDAY, zone="UTC", language=language)
    assert said[: len(files)] == names(*files)


def test_the_years_of_languages():
    new_year = moment(2024, 1, 1)
    assert say.say_time_form(new_year, "Y", now=TUESDAY, zone="UTC", language="it") == names("ore-2000", "20", "4")
    assert say.say_time_form(new_year, "Y", now=TUESDAY, zone="UTC", language="th")[:2] == names("posor", "2")
    assert say.say_time_form(new_year, "Y", now=TUESDAY, zone="UTC", language="zh") == names("2", "0", "2", "4", "year")


@given(st.text(max_size=30))
def test_every_text_can_be_spelled(text):
    assert len(say_characters(text)) == len(say.say_phonetic(text)) == len(text)
    assert len(say_digits(text)) <= len(text)


def test_unknown_kinds():
    with pytest.raises(SayFault):
        say.say("song", "1")
