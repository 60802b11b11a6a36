"""Look-ups in a configuration file, and writing it out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from globstar.config import Category, ConfigFile, MemorySource, Variable, read_config
from globstar.config.comments import BLANKS

TEXT = "[Gen]\nA=1\na=2\n[t](!)\na=9\n[gen]\na=3\n"


def config() -> ConfigFile:
    return read_config("f", MemorySource({"f": TEXT}))


def test_get_takes_the_last_value_without_regard_to_case() -> None:
    assert config().get("GEN", "A") == "3"
    assert config().get("gen", "b") is None
    assert config().get("gen", "b", "x") == "x"
    assert config().get("none", "a", "x") == "x"


def test_get_all_keeps_the_order() -> None:
    assert config().get_all("gen", "a") == ["1", "2", "3"]
    assert config().categories[0].get_all("A") == ["1", "2"]


def test_category_finds_the_first_that_is_no_template() -> None:
    found = config().category("gen")
    assert found is not None
    assert found.line == 1
    assert config().category("t") is None


def test_text_escapes_semicolons_and_marks_templates() -> None:
    category = Category("x", True, variables=[Variable("a", "b;c", True)])
    assert str(category) == "[x](!)\na => b\\;c\n"


_word = st.text(st.characters(exclude_characters="[]()=#;+\n\\" + BLANKS, exclude_categories=["Cs"]), min_size=1)
_value = st.text(st.characters(exclude_characters="\n\\", exclude_categories=["Cs"])).map(lambda text: text.strip(BLANKS))


@given(st.lists(st.tuples(_word, st.booleans(), st.lists(st.tuples(_word, _value, st.booleans()), max_size=4)), max_size=4))
def test_what_is_written_reads_back_the_same(sections: list[tuple[str, bool, list[tuple[str, str, bool]]]]) -> None:
    def strip_marks(value: str, is_object: bool) -> str:
        return value if is_object else value.lstrip(">").strip(BLANKS)

    written = ConfigFile(
        "f",
        [
            Category(name, template, variables=[Variable(n, strip_marks(v, o), o) for n, v, o in variables])
            for name, template, variables in sections
        ],
    )
    text = str(written).removeprefix("\ufeff")
    read = read_config("f", MemorySource({"f": text}))
    assert [
        (section.name, section.is_template, [(v.name, v.value, v.is_object) for v in section]) for section in read.sections
    ] == [(section.name, section.is_template, [(v.name, v.value, v.is_object) for v in section]) for section in written.sections]
