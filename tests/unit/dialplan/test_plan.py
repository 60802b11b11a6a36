"""The search through the dialplan."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from globstar.config import MemorySource, read_config
from globstar.dialplan import HINT, Dialplan, IgnorePattern, Include, Mode, PriorityInUse, Step, Switch, read_extensions
from globstar.dialplan.plan import MAX_CACHED_ROUTES


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2024, 3, 5, 15, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


def plan_of(text: str, clock: Clock | None = None) -> Dialplan:
    plan = Dialplan(clock or Clock())
    return read_extensions(read_config("e", MemorySource({"e": text})), plan).plan


def data(step: Step | None) -> str | None:
    return None if step is None else step.data


def test_each_priority_is_searched_by_itself() -> None:
    plan = plan_of(
        "[a]\nexten=>12,1,P(x)\nexten=>_1X,2,P(y)\nexten=>_1X,1,P(z)\ninclude=>b\n[b]\nexten=>_.,3,P(w)\nexten=>_.,1,P(v)\n"
    )
    assert [data(plan.find("a", "12", priority)) for priority in (1, 2, 3, 4)] == ["x", "y", "w", None]
    assert [data(plan.find("a", "13", priority)) for priority in (1, 2, 3)] == ["z", "y", "w"]
    assert data(plan.find("a", "9", 1)) == "v"


def test_missing_context_finds_nothing() -> None:
    plan = plan_of("[a]\ninclude=>none\n")
    assert plan.find("none", "1", 1) is None
    assert plan.find("a", "1", 1) is None
    assert list(plan.missing_includes()) == [("a", "none")]


def test_includes_are_searched_in_order_depth_first_and_once() -> None:
    plan = plan_of(
        "[a]\ninclude=>b\ninclude=>c\n[b]\ninclude=>d\n[c]\nexten=>1,1,P(c)\n[d]\ninclude=>a\nexten=>1,1,P(d)\nexten=>1,2,P(d2)\n"
    )
    assert data(plan.find("a", "1", 1)) == "d"
    assert data(plan.find("c", "1", 2)) is None


def test_thousands_of_nested_includes() -> None:
    count = 3000
    text = "".join(f"[c{n}]\ninclude=>c{n + 1}\n" for n in range(count)) + f"[c{count}]\nexten=>1,1,P(deep)\n"
    assert data(plan_of(text).find("c0", "1", 1)) == "deep"


def test_route_is_kept_until_the_plan_changes() -> None:
    plan = plan_of("[a]\nexten=>1,1,P(x)\n")
    route = plan.route("a", "1")
    assert plan.route("a", "1", "anybody") is route
    generation = plan.generation
    plan.add_step(Step("a", "1", 2, "P", "y"))
    assert plan.generation > generation
    assert plan.route("a", "1") is not route
    assert sorted(plan.route("a", "1").steps) == [1, 2]
    assert sorted(route.steps) == [1]


def test_a_route_ends_with_the_first_context_that_has_the_string_until_more_is_asked() -> None:
    plan = plan_of(
        "[a]\nexten=>1,1(own),P(a)\ninclude=>b\n[b]\nexten=>1,1(other),P(b)\nexten=>1,2(more),P(b2)\nexten=>_X,3,P(b3)\n"
    )
    route = plan.route("a", "1")
    assert (sorted(route.steps), route.is_cut, route.is_complete) == ([1], True, False)
    assert plan.is_known("a", "1")
    assert route.is_cut  # what is asked is in the first context
    assert (data(plan.find("a", "1", 1)), data(plan.find("a", "1", 2)), data(plan.find("a", "1", 3))) == ("a", "b2", "b3")
    assert plan.route("a", "1") is route
    assert (sorted(route.steps), route.is_cut, route.is_complete) == ([1, 2, 3], False, True)
    assert data(plan.find("a", "1", 4)) is None
    assert plan.find_label("a", "1", "more") == 2
    plan.changed()
    assert plan.find_label("a", "1", "other") == 1
    assert plan.find_label("a", "1", "none") is None
    assert data(plan_of("[a]\nexten=>s,1,P(x)\ninclude=>a\n").find("a", "1", 1)) is None


def test_only_what_time_or_switches_decide_is_not_known() -> None:
    plan = plan_of("[a]\nexten=>1,1,P(a)\nswitch=>One/x\n[b]\nexten=>1,1,P(b)\ninclude=>a,09:00-17:00,*,*,*\n")
    for context in ("a", "b"):
        assert plan.is_known(context, "1")
        assert not plan.is_known(context, "1", 2)
        assert not plan.is_known(context, "2")
    assert plan.is_known("nowhere", "1")


def test_steps_stand_in_the_order_of_priority_however_they_came() -> None:
    plan = Dialplan()
    for priority in (3, 1, 2, -1):
        plan.add_step(Step("a", "1", priority, "P", label="x"))
    (extension,) = plan.contexts["a"].extensions
    assert list(extension.steps) == [-1, 1, 2, 3]
    assert [step.priority for step in extension.ordered_steps()] == [-1, 1, 2, 3]
    assert plan.find_label("a", "1", "x") == -1


def test_cached_routes_are_bounded() -> None:
    plan = plan_of("[a]\nexten=>_.,1,P(x)\n")
    for number in range(MAX_CACHED_ROUTES + 10):
        plan.route("a", str(number))
    assert len(plan._routes) <= MAX_CACHED_ROUTES


def test_route_depends_on_the_caller_where_the_dialplan_does() -> None:
    plan = plan_of("[a]\nexten=>1,1,P(all)\nexten=>1/5,1,P(five)\nexten=>1/,1,P(nobody)\n")
    assert [data(plan.find("a", "1", 1, caller)) for caller in ("5", "6", "", None)] == ["five", "all", "nobody", "nobody"]
    assert plan.route("a", "1", "5") is not plan.route("a", "1", "6")


def test_include_with_a_time_is_open_only_then() -> None:
    clock = Clock()
    plan = plan_of(
        "[a]\ninclude=>day,09:00-17:00,*,*,*\ninclude=>b\n[day]\nexten=>1,1(d),P(day)\n[b]\nexten=>1,1,P(b)\nexten=>1,2(e),P(b2)\n",
        clock,
    )
    route = plan.route("a", "1")
    assert not route.is_complete
    assert route.steps == {}
    assert data(plan.find("a", "1", 1)) == "day"
    assert data(plan.find("a", "1", 2)) == "b2"
    assert (plan.find_label("a", "1", "d"), plan.find_label("a", "1", "e"), plan.find_label("a", "1", "f")) == (1, 2, None)
    clock.time = clock.time.replace(hour=18)
    assert data(plan.find("a", "1", 1)) == "b"
    assert plan.find_label("a", "1", "d") is None


def test_include_that_is_always_open_leaves_the_route_complete() -> None:
    plan = plan_of("[a]\ninclude=>b,*,*,*,*\n[b]\nexten=>1,1,P(b)\n")
    assert plan.is_known("a", "1")
    assert plan.is_known("a", "1", 2)
    assert data(plan.find("a", "1", 1)) == "b"


def test_switches_are_told_in_their_place() -> None:
    plan = plan_of("[a]\nexten=>1,1,P(own)\nswitch=>One/x\ninclude=>b\n[b]\neswitch=>Two/y${Z}\nexten=>_X,2,P(b)\n")
    assert list(plan.search("a", "1", 1)) == [plan.find("a", "1", 1)]
    found = list(plan.search("a", "1", 2))
    assert found[:1] == [Switch("One", "x", False, "pbx_config")]
    assert isinstance(found[1], Step)
    missing = list(plan.search("a", "1", 3))
    assert missing == [Switch("One", "x", False, "pbx_config"), Switch("Two", "y${Z}", True, "pbx_config")]
    assert not plan.route("a", "1").is_complete
    assert data(plan.find("a", "1", 2)) == "b"
    assert list(plan.search("a", "x", 1, mode=Mode.CAN_MATCH)) == missing


def test_labels() -> None:
    plan = plan_of("[a]\nexten=>_1X,1(one),P()\nsame=>n(two),P()\nexten=>12,5(two),P()\n")
    assert plan.find_label("a", "12", "two") == 5
    assert plan.find_label("a", "13", "two") == 2
    assert plan.find_label("a", "12", "one") == 1
    assert plan.find_label("a", "99", "one") is None


def test_hints_do_not_make_an_extension_dialable() -> None:
    plan = plan_of("[a]\nexten=>1,hint,PJSIP/a&PJSIP/b\nexten=>_2X,hint,Custom:${EXTEN},CustomPresence:x\nexten=>1,2,P()\n")
    hint = plan.hint("a", "1")
    assert hint is not None
    assert (hint.app_name, hint.data, hint.priority) == ("PJSIP/a&PJSIP/b", "", HINT)
    assert not plan.exists("a", "1")
    assert plan.exists("a", "1", 2)
    assert [step.extension for step in plan.hints()] == ["1", "_2X"]
    assert not plan.can_match("a", "2")
    assert plan.hint("a", "25") is list(plan.hints())[1]


@pytest.mark.parametrize(
    ("digits", "exists", "can", "more"),
    [
        ("", False, True, True),
        ("1", False, True, True),
        ("12", True, True, True),
        ("123", True, True, False),
        ("2", False, False, False),
        ("9", True, True, False),
        ("95", True, True, False),
        ("8", False, True, True),
        ("81", True, True, True),
    ],
)
def test_digits_dialled_so_far(digits: str, exists: bool, can: bool, more: bool) -> None:
    plan = plan_of("[a]\nexten=>12,1,P()\nexten=>_1XX,1,P()\ninclude=>b\n[b]\nexten=>_9!,1,P()\nexten=>_8.,1,P()\n")
    assert (plan.exists("a", digits), plan.can_match("a", digits), plan.match_more("a", digits)) == (exists, can, more)


def test_ignore_pattern() -> None:
    plan = plan_of("[a]\nignorepat=>9\n")
    assert plan.ignore_pattern("a", "9")
    assert not plan.ignore_pattern("a", "8")
    assert not plan.ignore_pattern("none", "9")


# Changes


def test_remove_steps() -> None:
    plan = plan_of("[a]\nexten=>1,1,P()\nexten=>1,2,P()\nexten=>1/5,1,P()\nexten=>_NX,1,P()\n")
    assert plan.remove_steps("a", "1", 2) == 1
    assert plan.remove_steps("a", "1", 2) == 0
    assert plan.remove_steps("a", "1", registrar="other") == 0
    assert plan.remove_steps("a", "1", caller_id="5") == 1
    assert plan.exists("a", "1", 1, "5")
    assert plan.remove_steps("a", "1", any_caller=True) == 1
    assert not plan.exists("a", "1")
    assert plan.remove_steps("a", "_[2-9]X") == 1
    assert plan.contexts["a"].is_empty
    assert plan.remove_steps("none", "1") == 0


def test_parts_are_added_once_and_removed() -> None:
    plan = Dialplan()
    added = [
        (
            plan.add_include("a", Include("b")),
            plan.add_switch("a", Switch("S", "x")),
            plan.add_ignore_pattern("a", IgnorePattern("9")),
        )
        for _ in range(2)
    ]
    assert added == [(True, True, True), (False, False, False)]
    assert (plan.remove_include("a", "b", "other"), plan.remove_include("a", "b"), plan.remove_include("a", "b")) == (0, 1, 0)
    assert (plan.remove_ignore_pattern("a", "9"), plan.remove_ignore_pattern("a", "9")) == (1, 0)
    assert plan.remove_include("none", "b") == plan.remove_ignore_pattern("none", "9") == 0
    assert plan.remove_context("a")
    assert not plan.remove_context("a")
    assert plan.contexts == {}


def test_adopt_takes_what_others_have_made() -> None:
    old = plan_of("[a]\nexten=>1,1,P(old)\ninclude=>b\n[gone]\nexten=>1,1,P(gone)\n")
    old.add_step(Step("a", "700", 1, "Park", registrar="res_parking"))
    old.add_step(Step("a", "2", 1, "Park", registrar="res_parking"))
    old.add_step(Step("parkedcalls", "701", 1, "ParkedCall", registrar="res_parking"))
    old.add_include("a", Include("parkedcalls", registrar="res_parking"))
    old.add_switch("a", Switch("S", registrar="res_parking"))
    old.add_ignore_pattern("a", IgnorePattern("7", registrar="res_parking"))
    new = plan_of("[a]\nexten=>1,1,P(new)\nexten=>2,1,P(new)\n")
    refused = new.adopt(old, ["pbx_config"])
    assert [fault.existing.data for fault in refused] == ["new"]
    assert data(new.find("a", "1", 1)) == "new"
    assert new.exists("a", "700")
    assert new.exists("a", "701")
    assert "gone" not in new.contexts
    assert new.contexts["parkedcalls"].registrar == "res_parking"
    assert [include.context for include in new.contexts["a"].includes] == ["parkedcalls"]
    assert (len(new.contexts["a"].switches), new.ignore_pattern("a", "7")) == (1, True)


def test_priority_in_use() -> None:
    plan = plan_of("[a]\nexten=>1,1,P(x)\n")
    with pytest.raises(PriorityInUse, match="priority 1"):
        plan.add_step(Step("a", "1", 1, "P", "y"))
    plan.add_step(Step("a", "1", 1, "P", "y"), replace=True)
    assert data(plan.find("a", "1", 1)) == "y"
