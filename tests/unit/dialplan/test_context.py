"""Contexts and what is in them."""

from __future__ import annotations

import pytest

from globstar.dialplan import HINT, Context, IgnorePattern, PriorityInUse, Step


def context(*names: str) -> Context:
    made = Context("main", "test")
    for name in names:
        extension, _, caller = name.partition("/")
        made.add(Step("main", extension, 1, "NoOp", name, caller_id=caller if "/" in name else None))
    return made


def names(made: Context, dialled: str) -> list[str]:
    return [extension.steps[1].data for extension in made.matching(dialled)]


def test_extensions_match_most_specific_first() -> None:
    made = context("_X.", "12", "_1X", "_.", "13")
    assert names(made, "12") == ["12", "_1X", "_X.", "_."]
    assert names(made, "1") == ["_."]


def test_extensions_for_certain_callers_come_first() -> None:
    made = context("1", "1/_5.", "1/55", "1/")
    assert names(made, "1") == ["1/", "1/55", "1/_5.", "1"]
    accepted = {caller: [e.steps[1].data for e in made.matching("1") if e.accepts(caller)] for caller in ("", "55", "56", "6")}
    assert accepted == {"": ["1/", "1"], "55": ["1/55", "1/_5.", "1"], "56": ["1/_5.", "1"], "6": ["1"]}


def test_same_priority_is_refused_whatever_the_spelling() -> None:
    made = context("_NXX", "5-5")
    for name in ("_[2-9]XX", "55"):
        with pytest.raises(PriorityInUse) as caught:
            made.add(Step("main", name, 1, "Other"))
        assert caught.value.existing.app_name == "NoOp"


def test_replace() -> None:
    made = context("1")
    made.add(Step("main", "1", 1, "Other"), replace=True)
    found = made.get("1", None)
    assert found is not None
    assert found.steps[1].app_name == "Other"


def test_get_tells_callers_apart() -> None:
    made = context("1", "1/5")
    found = made.get("1", "5")
    assert found is not None
    assert found.steps[1].data == "1/5"
    assert made.get("1", "6") is None
    assert made.get("2", None) is None


def test_discard() -> None:
    made = context("1", "_X")
    for name in ("1", "_X"):
        found = made.get(name, None)
        assert found is not None
        made.discard(found)
    assert made.is_empty
    assert names(made, "1") == []


def test_starting_with() -> None:
    made = context("1", "12", "123", "13", "2", "_1X", "12/5")
    assert [extension.name for extension in made.starting_with("12")] == ["12", "12", "123"]
    assert [extension.name for extension in made.starting_with("9")] == []


def test_label_with_the_lowest_priority_counts() -> None:
    made = context("1")
    made.add(Step("main", "1", 5, "B", label="x"))
    made.add(Step("main", "1", 3, "A", label="x"))
    found = made.get("1", None)
    assert found is not None
    assert found.labelled("x") == 3
    assert found.labelled("y") is None
    assert [step.priority for step in found.ordered_steps()] == [1, 3, 5]


def test_ignore_patterns() -> None:
    made = context()
    made.ignore_patterns += [IgnorePattern("9"), IgnorePattern("_8X")]
    assert [made.ignores(digits) for digits in ("9", "91", "81", "8")] == [True, False, True, False]


def test_step_holds_its_template_and_shows_itself() -> None:
    step = Step("main", "1", 1, "Dial", "PJSIP/${EXTEN}")
    assert not step.template.is_literal
    assert repr(step) == "Step(main,1,1: Dial(PJSIP/${EXTEN}))"
    assert step.binding is None
    assert HINT < 0
