"""Typed arguments of flows: what the texts of a dialplan line become."""

from __future__ import annotations

import enum
from typing import Any, Literal

import pytest

from globstar.base.errors import LocalFault
from globstar.flows.arguments import ArgumentFault, Options, Signature, bind, flag, value


class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"


class Letters(Options):
    quiet: bool = flag("q")
    times: int = value("t", default=1)
    name: str | None = value("n", default=None)


class Twice(Options):
    a: bool = flag("x")
    b: bool = flag("x")


def simple(channel: Any, city: str, days: int = 3, options: Letters = Letters()) -> None: ...


def parse(function: Any, data: str) -> list[object]:
    return bind(function, Signature(function).parse(data))


def test_arguments_have_the_types_of_their_parameters():
    assert parse(simple, "Oslo,2,qt(4)n(a b)") == ["Oslo", 2, Letters(quiet=True, times=4, name="a b")]


def test_what_is_not_given_has_its_default():
    assert parse(simple, "Oslo") == ["Oslo", 3, Letters()]
    assert parse(simple, "Oslo,,q") == ["Oslo", 3, Letters(quiet=True)]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "argument 1 (city) is missing"),
        ("Oslo,soon", "'soon' is no days: expected a whole number"),
        ("Oslo,1,z", "unknown option 'z'"),
        ("Oslo,1,t", "option 't' needs an argument"),
        ("Oslo,1,t(x)", "expected a whole number"),
        ("Oslo,1,q,more", "there are 4 arguments, of which 3 can be taken"),
    ],
)
def test_bad_input_says_what_is_wrong(data: str, said: str):
    with pytest.raises(ArgumentFault) as fault:
        parse(simple, data)
    assert said in str(fault.value)


def test_every_type_there_is():
    def many(
        channel: Any, a: float, b: bool, c: Colour, d: Literal["up", "down"], e: int | None, f: list[int], *rest: str
    ) -> None: ...

    assert parse(many, "1.5,yes,blue,up,,1&2,x,y") == [1.5, True, Colour.BLUE, "up", None, [1, 2], "x", "y"]
    assert parse(many, "1,no,r,down,7,1") == [1.0, False, Colour.RED, "down", 7, [1]]
    for bad in ("nan,yes,r,up,1,1", "1,perhaps,r,up,1,1", "1,yes,green,up,1,1", "1,yes,r,left,1,1", "1,yes,r,up,x,1"):
        with pytest.raises(ArgumentFault):
            parse(many, bad)


def test_the_syntax_is_made_of_the_parameters():
    assert Signature(simple).syntax("Weather") == "Weather(city[,days[,options]])"

    def none(channel: Any) -> None: ...
    def optional(channel: Any, one: int = 1, *rest: str) -> None: ...

    assert Signature(none).syntax("X") == "X()"
    assert Signature(optional).syntax("X") == "X([one[,rest...]])"


def test_what_no_text_can_become_is_refused_at_once():
    def keyword(channel: Any, *, x: int) -> None: ...
    def untyped(channel: Any, x) -> None: ...  # type: ignore[no-untyped-def]
    def strange(channel: Any, x: dict[str, str]) -> None: ...
    def both(channel: Any, x: int | str) -> None: ...
    def nothing() -> None: ...

    for function in (keyword, untyped, strange, both, nothing):
        with pytest.raises(LocalFault):
            Signature(function)

    def twice(channel: Any, options: Twice = Twice()) -> None: ...

    with pytest.raises(LocalFault, match="twice"):
        Signature(twice)
    with pytest.raises(LocalFault, match="one letter"):
        flag("ab")
