"""The reader of .conf files."""

from __future__ import annotations

import pytest

from globstar.base.errors import RemoteFault
from globstar.config import ConfigError, ConfigFile, ConfigFileMissing, MemorySource, Variable, read_config


def read(text: str, **others: str) -> ConfigFile:
    files = {"x.conf": text} | {name.replace("__", "/").replace("_", "."): content for name, content in others.items()}
    return read_config("x.conf", MemorySource(files))


def pairs(config: ConfigFile, name: str) -> list[tuple[str, str]]:
    return [(variable.name, variable.value) for variable in config.categories_named(name)[0]]


def test_variables_know_their_place_and_operator() -> None:
    config = read("[a]\n b = c \n\nd=>e f\n")
    assert list(config.categories[0]) == [
        Variable("b", "c", False, "x.conf", 2),
        Variable("d", "e f", True, "x.conf", 4),
    ]


def test_value_may_hold_equals_signs_and_be_empty() -> None:
    assert pairs(read("[a]\nb = c=d=>e\nf =\ng=>\nh = => i"), "a") == [("b", "c=d=>e"), ("f", ""), ("g", ""), ("h", "=> i")]


def test_byte_order_mark_and_carriage_returns_are_passed_over() -> None:
    assert pairs(read("\ufeff[a]\r\nb = c\r\n"), "a") == [("b", "c")]


def test_categories_of_one_name_stay_apart() -> None:
    config = read("[bob]\ntype=endpoint\n[bob]\ntype=aor\n")
    assert [category.get("type") for category in config.categories_named("BOB")] == ["endpoint", "aor"]


# Templates


def test_template_is_no_category_and_gives_its_variables() -> None:
    config = read("[t](!)\na=1\nb=2\n[x](t)\nb=3\n")
    assert [category.name for category in config] == ["x"]
    assert pairs(config, "x") == [("a", "1"), ("b", "2"), ("b", "3")]
    assert config.get("x", "b") == "3"
    assert config.get("x", "a") == "1"


def test_templates_nest_and_several_are_taken_in_order() -> None:
    config = read("[t](!)\na=1\n[u](!,t)\nb=2\n[v](!)\nc=3\n[x](u,v)\nd=4\n")
    assert pairs(config, "x") == [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]
    assert config.categories[0].bases == ["u", "v"]


def test_plain_category_may_be_inherited_too() -> None:
    assert pairs(read("[x]\na=1\n[y](x)\nb=2\n"), "y") == [("a", "1"), ("b", "2")]


def test_inherited_variable_keeps_the_line_of_the_template() -> None:
    config = read("[t](!)\na=1\n[x](t)\n")
    assert config.categories[0].variables[0].line == 2


def test_append_extends_the_inherited_value() -> None:
    config = read("[t](!)\nallow=ulaw\n[x](t)\nallow+=,alaw\n[y]\nallow += g722\n")
    assert pairs(config, "x") == [("allow", "ulaw,alaw")]
    assert pairs(config, "y") == [("allow", "g722")]
    assert config.sections[0].get("allow") == "ulaw"


# Additions (docs.asterisk.org, "Adding to an existing section")


def test_addition_goes_to_the_first_of_the_name() -> None:
    config = read("[a]\ntype=1\n[a]\ntype=2\n[a](+)\nb=c\n")
    assert [category.get("b") for category in config.categories] == ["c", None]


def test_addition_with_condition() -> None:
    config = read("[a]\ntype=endpoint\n[a]\ntype=aor\nmax=3600\n[a](+type=aor)\nb=c\n[a](+ma.*=36[0-9][0-9])\nd=e\n")
    assert [(category.get("b"), category.get("d")) for category in config.categories] == [(None, None), ("c", "e")]


def test_addition_with_condition_sees_templates_only_when_told() -> None:
    text = "[a](!)\ntype=x\n[a]\ntype=x\n[a](+type=x%s)\nb=c\n"
    seen = {
        words: [category.get("b") for category in read(text % words).sections]
        for words in ("", "&TEMPLATES=include", "&TEMPLATES=restrict")
    }
    assert seen == {"": [None, "c"], "&TEMPLATES=include": ["c", None], "&TEMPLATES=restrict": ["c", None]}


def test_addition_may_also_inherit() -> None:
    assert pairs(read("[t](!)\nc=1\n[a]\nb=2\n[a](+,t)\nd=3\n"), "a") == [("b", "2"), ("c", "1"), ("d", "3")]


# Includes


@pytest.mark.parametrize("argument", ["in/b.conf", '"in/b.conf"', "<in/b.conf>"])
def test_include_goes_on_in_the_category(argument: str) -> None:
    config = read(f"[a]\n#include {argument}\nd=e\n", in__b_conf="b=c\n")
    assert list(config.categories[0]) == [
        Variable("b", "c", False, "in/b.conf", 1),
        Variable("d", "e", False, "x.conf", 3),
    ]
    assert config.files == ["x.conf", "in/b.conf"]


def test_include_of_a_pattern_takes_files_in_order_of_name() -> None:
    config = read("#include d/*.conf\n", d__b_conf="[b]\n", d__a_conf="[a]\n", d__c_txt="[c]\n", d__e__f_conf="[f]\n")
    assert [category.name for category in config] == ["a", "b"]


def test_include_of_a_pattern_without_files_is_a_warning() -> None:
    config = read("#include d/*.conf\n[a]\n")
    assert [(warning.file, warning.line) for warning in config.warnings] == [("x.conf", 1)]


def test_tryinclude_may_miss() -> None:
    config = read('#tryinclude "none.conf"\n#tryinclude d/*\n[a]\nb=c\n')
    assert config.warnings == []
    assert pairs(config, "a") == [("b", "c")]


def test_exec_only_when_enabled() -> None:
    text = '[a]\n#exec "gen 1"\nc=d\n'
    enabled = read_config("x.conf", MemorySource({"x.conf": text}, {"gen 1": "b=1\n"}))
    assert pairs(enabled, "a") == [("b", "1"), ("c", "d")]
    disabled = read(text)
    assert pairs(disabled, "a") == [("c", "d")]
    assert [warning.line for warning in disabled.warnings] == [2]


# Faults


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a=b\n", 1),
        ("[a\nb=c\n", 1),
        ("\n[a](b\n", 2),
        ("[a](none)\n", 1),
        ("[a](a)\n", 1),
        ("[a](+)\n", 1),
        ("[a]\nb=c\n[a](+b=x)\n", 3),
        ("[a]\nb=c\n[a](+b=[)\n", 3),
        ("[a]\nb=c\n[a](+type)\n", 3),
        ("[a]\n#include none.conf\n", 2),
        ("#include x.conf\n", 1),
        ("#include ./x.conf\n", 1),
    ],
)
def test_broken_file_raises_one_error_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config("x.conf", MemorySource({"x.conf": text, "./x.conf": text}))
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{caught.value.file}:{line}: ")
    assert isinstance(caught.value, RemoteFault)


def test_circle_through_other_files_is_found() -> None:
    with pytest.raises(ConfigError) as caught:
        read("#include b.conf\n", b_conf="\n#include c.conf\n", c_conf="#include x.conf\n")
    assert (caught.value.file, caught.value.line) == ("c.conf", 1)


def test_includes_are_bounded_in_depth() -> None:
    files = {f"{n}.conf": f"#include {n + 1}.conf\n" for n in range(20)}
    with pytest.raises(ConfigError, match="levels of includes"):
        read_config("0.conf", MemorySource(files | {"20.conf": "[a]\n"}))


def test_a_file_may_be_included_twice_side_by_side() -> None:
    assert pairs(read("[a]\n#include b.conf\n#include b.conf\n", b_conf="b=c\n"), "a") == [("b", "c"), ("b", "c")]


def test_missing_file() -> None:
    with pytest.raises(ConfigFileMissing) as caught:
        read_config("none.conf", MemorySource({}))
    assert (caught.value.file, caught.value.line) == ("none.conf", 0)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[a]\nword\n", 2),
        ("[a]\n= b\n", 2),
        ("[a]\n#unknown x\n", 2),
        ("[a]\n#include\n", 2),
        ("[a]\nb=c ;-- d\ne=f\n", 2),
        ("[a] (!)\nb=c\n", 1),
    ],
)
def test_what_is_passed_over_is_warned_about(text: str, line: int) -> None:
    config = read(text)
    assert [(warning.file, warning.line) for warning in config.warnings] == [("x.conf", line)]


def test_category_of_the_same_name_as_template_inherits_the_first() -> None:
    config = read("[a](!)\nb=1\n[a](a)\nc=2\n")
    assert pairs(config, "a") == [("b", "1"), ("c", "2")]
