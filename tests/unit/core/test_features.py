"""Digit features: reading features.conf and finding codes in what is pressed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.base.log import Level
from globstar.config import MemorySource, read_config
from globstar.core.bridge import Bridge, BridgeMember
from globstar.core.features import (
    DigitFeatures,
    DynamicFeature,
    FeatureSettings,
    parse_dynamic_feature,
    read_features,
)
from tests.support.switch import LogCapture
from tests.support.testtech import Leg, World


def read(text: str) -> FeatureSettings:
    return read_features(read_config("features.conf", MemorySource({"features.conf": text})))


def test_without_a_file_the_defaults() -> None:
    assert read_features(None) == FeatureSettings()


def test_general_and_featuremap() -> None:
    settings = read(
        "[general]\nfeaturedigittimeout = 750\ntransferdigittimeout=5\natxferdropcall=yes\nxfersound=ding\n"
        "atxferabort=*5\natxfercomplete=\natxferthreeway=*6\natxferswap=*7\n"
        "transferdialattempts=2\npickupexten=*9\n[featuremap]\nblindxfer => #1\ndisconnect => \natxfer => *2\n"
    )
    assert (settings.feature_digit_timeout, settings.transfer_digit_timeout, settings.transfer_dial_attempts) == (0.75, 5.0, 2)
    assert (settings.attended_drop_call, settings.transfer_success_sound, settings.pickup_extension) == (True, "ding", "*9")
    assert (settings.blindxfer, settings.disconnect, settings.atxfer) == ("#1", "", "*2")
    assert (settings.attended_abort, settings.attended_complete) == ("*5", "")
    assert (settings.attended_threeway, settings.attended_swap) == ("*6", "*7")


def test_what_cannot_be_used_is_told_with_its_place_and_keeps_its_default() -> None:
    with LogCapture() as log:
        settings = read("[general]\nfeaturedigittimeout = soon\nshoe=42\natxferabort=stop\n[featuremap]\nblindxfer => xyz\n")
    assert settings == FeatureSettings()
    assert log.texts(Level.WARNING) == [
        "features.conf:2: 'soon' is no value for featuredigittimeout: expected a whole number",
        "features.conf:3: unknown option 'shoe' of [general] has no effect",
        "features.conf:4: 'stop' is no digit code for atxferabort",
        "features.conf:6: 'xyz' is no digit code for blindxfer",
    ]


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "", "1 s"])
@pytest.mark.parametrize(
    "name",
    ["featuredigittimeout", "transferdigittimeout", "transferdialattempts", "atxferloopdelay", "atxfercallbackretries"],
)
def test_numbers_that_are_none(name: str, value: str) -> None:
    with LogCapture() as log:
        assert read(f"[general]\n{name}={value}\n") == FeatureSettings()
    assert log.texts(Level.WARNING)[0].startswith(f"features.conf:2: '{value}' is no value for {name}: ")


def test_a_group_with_a_feature_that_does_not_exist() -> None:
    with LogCapture() as log:
        settings = read("[office]\nbeep=\nboop=#8\n[applicationmap]\nbeep=#9,self,Playback,beep\n")
    assert settings.groups == {"office": {"beep": "", "boop": "#8"}}
    assert log.texts(Level.WARNING) == ["features.conf:3: there is no feature 'boop' in [applicationmap]"]


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("#9,self/caller,Playback,beep", DynamicFeature("f", "#9", True, True, False, "Playback", "beep")),
        ("*1,peer,NoOp", DynamicFeature("f", "*1", False, True, True, "NoOp")),
        (
            "*1,peer/callee,Playback(a&b,skip),class",
            DynamicFeature("f", "*1", False, False, True, "Playback", "a&b,skip", "class"),
        ),
        ("*1,self/both,Playback,tune,default", DynamicFeature("f", "*1", True, True, True, "Playback", "tune", "default")),
    ],
)
def test_lines_of_applicationmap(text: str, feature: DynamicFeature) -> None:
    assert parse_dynamic_feature("f", text) == feature


@pytest.mark.parametrize(
    "text", ["", "*1", "*1,self", "*1,self,", ",self,NoOp", "*1,all,NoOp", "*1,self/none,NoOp", "x1,self,NoOp"]
)
def test_lines_without_sense(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_dynamic_feature("f", text)


@given(st.text(max_size=40))
def test_any_line_is_a_feature_or_a_fault(text: str) -> None:
    try:
        feature = parse_dynamic_feature("f", text)
    except ValueError:
        return
    assert feature.code
    assert feature.application


# -- finding codes -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def pressing(*codes: str, timeout: float = 1.0) -> AsyncIterator[tuple[World, Leg, Leg, list[str]]]:
    """Two phones in a bridge; the codes of the first are noted when they are found."""
    found: list[str] = []
    async with await World.start("") as world:
        legs = []
        bridge = Bridge(world.system)
        for name in ("alice", "bob"):
            channel = world.phone(name).channel()
            channel.mark_answered()
            world.system.announce_channel(channel)
            legs.append(world.tech.phones[name].legs[0])

        def action(code: str) -> object:
            def run(member: BridgeMember) -> None:
                assert member is filter_.member
                found.append(code)

            return run

        filter_ = DigitFeatures(legs[0].channel, {code: action(code) for code in codes}, timeout)  # type: ignore[misc]
        filter_.member = bridge.join(legs[0].channel, digit_filter=filter_)
        bridge.join(legs[1].channel)
        try:
            yield world, legs[0], legs[1], found
        finally:
            filter_.close()
            for leg in legs:
                leg.channel.hangup()


def digits(leg: Leg) -> str:
    return "".join(what.removeprefix("digit ") for what in leg.told if what.startswith("digit "))


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("codes", "pressed", "found", "passed"),
    [
        (("*0", "#1"), "*0", ["*0"], ""),
        (("*0", "#1"), "1*0#12", ["*0", "#1"], "12"),
        (("*0", "#1"), "*1", [], "*1"),
        (("*0", "#1"), "**0", ["*0"], "*"),
        (("*0", "#1"), "*#1", ["#1"], "*"),
        (("*", "*0"), "*0", ["*0"], ""),
        (("*", "*0"), "*", ["*"], ""),
        (("123",), "12", [], "12"),
        (("123",), "1212", [], "1212"),
        (("#72",), "#75", [], "#75"),
        (("12345",), "12346789", [], "12346789"),
        (("#72", "50"), "#7506", ["50"], "#76"),
    ],
)
async def test_codes_in_what_is_pressed(codes: tuple[str, ...], pressed: str, found: list[str], passed: str) -> None:
    async with pressing(*codes) as (world, alice, bob, seen):
        alice.presses(pressed)
        await world.settle(5)
        assert seen == found
        assert digits(bob) == passed


@pytest.mark.virtual_time
async def test_the_pause_between_digits_of_a_code_has_a_limit() -> None:
    async with pressing("*0", timeout=0.5) as (world, alice, bob, seen):
        alice.presses("*")
        await world.settle(0.55)  # the timeout runs from the end of the digit, at 0.1 s
        alice.presses("0")
        await world.settle(2)
        assert seen == ["*0"]
        alice.presses("*")
        await world.settle(0.75)
        alice.presses("0")
        await world.settle(2)
        assert seen == ["*0"]
        assert digits(bob) == "*0"


@pytest.mark.virtual_time
async def test_held_digits_of_who_left_go_nowhere() -> None:
    async with pressing("*0") as (world, alice, bob, _):
        alice.presses("*")
        await world.settle(0.2)
        alice.hangs_up()
        await world.settle(3)
        assert digits(bob) == ""
