"""Invariants: any text read as a configuration file gives a ConfigFile or ConfigError, never anything else;

every variable and warning has a file and a line; a file that was read, written out flat and read again is the same; and
typed options read from any category report what is wrong and never raise.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from globstar.config import Category, ConfigError, ConfigFile, MemorySource, Variable, read_config
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, duration, enumeration, floating, integer, listing, string
from globstar.dialplan import GeneralOptions

PIECES = [
    "[a]",
    "[b](!)",
    "[c](b)",
    "[a](+)",
    "[a](+x=y)",
    "[",
    "](",
    ")",
    "x=y",
    "x=>y",
    "x+=z",
    "=",
    "=>",
    "+=",
    ";",
    ";--",
    "--;",
    "\\;",
    "#include ",
    "#tryinclude ",
    "#exec ",
    "#",
    "f.conf",
    "g/*.conf",
    '"',
    "<",
    ">",
    "\n",
    "\n",
    " ",
    "\t",
    "\r",
    "\x00",
    "\ufeff",
    "\udcff",
    "\u00e9",
    "!",
    "+",
    "&",
    "*",
]
texts = st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join))


def read(text: str, other: str) -> ConfigFile | ConfigError:
    source = MemorySource({"x.conf": text, "f.conf": other, "g/h.conf": other, "g/x.conf": "#include x.conf\n"}, {"gen": other})
    try:
        return read_config("x.conf", source)
    except ConfigError as error:
        return error


@given(texts, texts)
def test_any_text_gives_a_file_or_one_error(text: str, other: str) -> None:
    config = read(text, other)
    if isinstance(config, ConfigError):
        assert config.file
        assert config.line > 0
        return
    for section in config.sections:
        assert section.line > 0
        assert all(variable.file and variable.line > 0 and variable.name for variable in section)
    assert all(warning.file and warning.line > 0 for warning in config.warnings)


@given(texts)
def test_flat_text_reads_the_same(text: str) -> None:
    config = read(text, "")
    if isinstance(config, ConfigError):
        return
    again = read(str(config).removeprefix("\ufeff"), "")
    assert isinstance(again, ConfigFile)
    assert contents(again) == contents(config)


def contents(config: ConfigFile) -> list[tuple[str, bool, list[tuple[str, str, bool]]]]:
    return [
        (section.name, section.is_template, [(variable.name, variable.value, variable.is_object) for variable in section])
        for section in config.sections
    ]


class Everything(Options):
    a = option(boolean, False)
    b = option(integer(0, 10), 5, aliases=("bb",))
    c = option(floating(-1, 1), 0.0)
    d = option(duration("ms"), 0.0, unit="s", secret=True)
    e = option(enumeration("one", "two"), "one")
    f = option(listing(integer()), (), repeat="extend")
    g = option(string, "", repeat="first")


@given(st.lists(st.tuples(st.one_of(st.sampled_from(["a", "B", "bb", "c", "d", "e", "f", "g"]), st.text()), st.text())))
def test_any_values_give_options(pairs: list[tuple[str, str]]) -> None:
    category = Category("x", variables=[Variable(name, value, file="x", line=1) for name, value in pairs])
    report = Report()
    options = Everything.read(category, report)
    assert 0 <= options.b <= 10
    assert -1 <= options.c <= 1
    assert options.e in ("one", "two")
    assert len(set(report.warnings)) == len(report.warnings)
    GeneralOptions.read(category, report)
