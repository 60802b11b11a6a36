"""Limits of two-party calls and the words that tell of them."""

from __future__ import annotations

import pytest

from globstar.core.twoparty import LimitFault, TimeLimit, read_limit, time_left
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time


async def limit(given: str | None, seconds: str | None = None, **variables: str) -> TimeLimit:
    async with await World.start("") as world:
        channel = world.phone("alice").channel()
        world.system.announce_channel(channel)
        for name, value in variables.items():
            channel.set_variable(name, value)
        try:
            return read_limit(channel, given, seconds)
        finally:
            channel.hangup()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("60000", (60.0, 0.0, 0.0)),
        ("60000:30000", (60.0, 30.0, 0.0)),
        ("60000:30000:10000", (60.0, 30.0, 10.0)),
        ("60000::10000", (60.0, 0.0, 10.0)),
        ("5000:9000", (5.0, 0.0, 0.0)),  # a warning before the beginning is none
        ("5000:9000:3000", (5.0, 3.0, 3.0)),  # the first repetition that is in time
        ("1500ms", (1.5, 0.0, 0.0)),
    ],
)
async def test_l_in_milliseconds(given: str, expected: tuple[float, float, float]) -> None:
    result = await limit(given)
    assert (result.seconds, result.warning, result.repeat) == expected


@pytest.mark.parametrize("given", ["", "0", "-5", "soon", ":1000"])
async def test_l_without_sense(given: str) -> None:
    with pytest.raises(LimitFault, match="at least 1 ms"):
        await limit(given)


@pytest.mark.parametrize(("given", "seconds", "expected"), [(None, "30", 30.0), ("60000", "30", 30.0), ("10000", "30", 10.0)])
async def test_s_in_seconds(given: str | None, seconds: str, expected: float) -> None:
    assert (await limit(given, seconds)).seconds == expected


async def test_s_without_sense() -> None:
    with pytest.raises(LimitFault, match="seconds"):
        await limit(None, "0")


async def test_the_limit_variables() -> None:
    result = await limit("1000")
    assert (result.tells_caller, result.tells_callee, result.warning_sound, result.connect_sound) == (True, False, "timeleft", "")
    result = await limit(
        "1000", LIMIT_PLAYAUDIO_CALLER="no", LIMIT_PLAYAUDIO_CALLEE="yes", LIMIT_WARNING_FILE="w", LIMIT_CONNECT_FILE="c",
        LIMIT_TIMEOUT_FILE="t",
    )  # fmt: skip
    assert (result.tells_caller, result.tells_callee) == (False, True)
    assert (result.warning_sound, result.connect_sound, result.timeout_sound) == ("w", "c", "t")


@pytest.mark.parametrize(
    ("seconds", "sounds"),
    [
        (63, ["vm-youhave", "digits/1", "queue-minutes", "digits/3", "queue-seconds"]),
        (120, ["vm-youhave", "digits/2", "queue-minutes"]),
        (45, ["vm-youhave", "digits/40", "digits/5", "queue-seconds"]),
        (0, []),
    ],
)
def test_words_for_the_time_left(seconds: int, sounds: list[str]) -> None:
    assert time_left(seconds, "en") == sounds
