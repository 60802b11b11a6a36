"""The arguments of Dial, read; what Dial does with them is in tests/flow/test_dial_options.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.base.log import Level
from globstar.core.cause import Cause
from globstar.core.system import System
from globstar.modules.apps.dial.options import LETTERS, DialArguments, InvalidArguments, SentDigits, read_arguments
from tests.support.calls import Call
from tests.support.switch import LogCapture


def read(system: System, data: str) -> DialArguments:
    call = Call(system)
    call.channel.context, call.channel.extension = "default", "200"
    return read_arguments(call.channel, data)


def test_every_letter_of_asterisks_dial_is_known(shared: Path) -> None:
    for line in (shared / "compat" / "applications.tsv").read_text().splitlines():
        columns = line.split("\t")
        if columns[0] == "Dial":
            assert set(columns[3].split()) == set(LETTERS)


async def test_destinations_timeouts_and_url(system: System) -> None:
    arguments = read(system, "Test/a & Test/b/c,20.5^3,tT,http://x")
    assert arguments.destinations == ("Test/a", "Test/b/c")
    assert (arguments.timeout, arguments.response_timeout, arguments.url) == (20.5, 3.0, "http://x")
    arguments = read(system, "Test/a")
    assert (arguments.timeout, arguments.response_timeout, arguments.options.letters) == (None, None, set())
    assert read(system, "Test/a,^5").timeout is None


@pytest.mark.parametrize("data", ["", "a", "Test", "Test/a&b", "Test/", "Test/a,,L(0)", "Test/a,,S(x)"])
async def test_what_dial_cannot_make_sense_of(system: System, data: str) -> None:
    with pytest.raises(InvalidArguments):
        read(system, data)


@pytest.mark.parametrize("timeout", ["0", "-3", "soon"])
async def test_a_timeout_that_is_none_waits_for_ever(system: System, timeout: str) -> None:
    with LogCapture() as log:
        assert read(system, f"Test/a,{timeout}").timeout is None
    assert "is no timeout" in log.texts(Level.WARNING)[0]


async def test_rights_of_the_parties(system: System) -> None:
    options = read(system, "Test/a,,tH").call_options
    assert (options.caller.may_transfer, options.caller.may_disconnect, options.caller.is_caller) == (False, True, True)
    assert (options.callee.may_transfer, options.callee.may_disconnect, options.callee.is_caller) == (True, False, False)
    assert options.limit is None


@pytest.mark.parametrize(
    ("option", "digits"),
    [
        ("D(123)", SentDigits("123", "", "")),
        ("D(:45)", SentDigits("", "45", "")),
        ("D(1:2:3)", SentDigits("1", "2", "3")),
        ("D(1:2:3:::)", SentDigits("1", "2", "3")),
        ("D(1:2:3:4:5:6:7)", SentDigits("1", "2", "3", "4", "5", "6", "7")),
        ("D(:::::::8)", SentDigits()),
    ],
)
async def test_digits(system: System, option: str, digits: SentDigits) -> None:
    assert read(system, f"Test/a,,{option}").digits == digits


@pytest.mark.parametrize(
    ("option", "cause"), [("Q(NO_ANSWER)", 19), ("Q(17)", 17), ("Q(none)", 0), ("", Cause.ANSWERED_ELSEWHERE)]
)
async def test_the_cause_for_losers(system: System, option: str, cause: int) -> None:
    assert read(system, f"Test/a&Test/b,,{option}").loser_cause == cause


@pytest.mark.parametrize(
    ("option", "problem"), [("Q(x)", "no hangup cause"), ("f(1)u(x)", "no presentation"), ("y", "y"), ("Z(1)", "Z")]
)
async def test_problems_are_told(system: System, option: str, problem: str) -> None:
    with LogCapture() as log:
        read(system, f"Test/a,,{option}")
    assert any(problem in text for text in log.texts(Level.WARNING))


async def test_calls_with_one_text_share_what_it_says_and_have_their_own_limits(system: System) -> None:
    assert read(system, "Test/a,5,t") is read(system, "Test/a,5,t")
    call = Call(system)
    call.channel.set_variable("LIMIT_PLAYAUDIO_CALLEE", "yes")
    first, second = read(system, "Test/a,,L(9000)"), read_arguments(call.channel, "Test/a,,L(9000)")
    assert first.call_options.limit is not None
    assert second.call_options.limit is not None
    assert (first.call_options.limit.tells_callee, second.call_options.limit.tells_callee) == (False, True)


async def test_each_call_is_told_of_the_problems_of_its_text(system: System) -> None:
    with LogCapture() as log:
        for _ in range(2):
            read(system, "Test/a,soon,y")
    assert len(log.texts(Level.WARNING)) == 4


async def test_a_url_is_not_sent(system: System) -> None:
    with LogCapture() as log:
        read(system, "Test/a,,,http://x")
    assert any("URL" in text for text in log.texts(Level.NOTICE))


@given(st.text(alphabet='Tes/a&,^()LDSQfFGUbBgmrx1:0\\" ', max_size=40))
def test_any_text_is_arguments_or_a_fault(data: str) -> None:
    class Nobody:
        """A channel that Dial's arguments may ask about."""

        name = context = extension = ""
        caller = type("Caller", (), {"id": type("Id", (), {"copy": lambda self: None})()})()
        variables = type("Variables", (), {"get": lambda self, name: None})()
        system = type("System", (), {"hint_of": lambda self, *place: None})()

    try:
        arguments = read_arguments(Nobody(), data)  # type: ignore[arg-type]
    except InvalidArguments:
        return
    assert all("/" in destination for destination in arguments.destinations)
    assert arguments.options.letters <= set(LETTERS)
