"""Digit features and time limits of two-party calls: disconnect, blind transfer, dynamic features, L and S."""

from __future__ import annotations

import pytest

from globstar.core import events
from globstar.core.features import settings_of
from tests.support.dialling import connected, dialling, ringing, variable, went_on
from tests.support.testtech import Leg, World

CODES = {"features.conf": "[general]\nfeaturedigittimeout = 800\n[featuremap]\ndisconnect => *0\nblindxfer => #1\n"}
TRANSFERS = """exten => 300,1,UserEvent(transferred,To: 300,By: ${BLINDTRANSFER})
same => n,Wait(2)
same => n,Hangup()
exten => 3005,1,UserEvent(transferred,To: 3005)
same => n,Hangup()
"""
SOUNDS = ("pbx-transfer", "pbx-invalid", "privacy-incorrect", "beeperr")


def in_bridge(*legs: Leg) -> bool:
    """All are in one bridge."""
    bridges = {member.bridge.unique_id for leg in legs if (member := leg.channel.bridge_member)}
    return len(bridges) == 1 and all(leg.channel.bridge_member for leg in legs)


def sounds(world: World) -> None:
    """The sounds of a transfer, each 0.2 s."""
    for name in SOUNDS:
        world.sound(name)


def held(world: World) -> list[tuple[str, str]]:
    """Who was put on hold and taken back."""
    return [(kind, name) for kind, name, _ in world.notes if kind in ("Hold", "Unhold")]


# -- disconnect ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "by_callee"), [("h", True), ("H", False)])
async def test_the_disconnect_code_ends_the_call(options: str, by_callee: bool) -> None:
    async with dialling(f"Test/bob,,{options}g", files=CODES) as world:
        call, leg = await connected(world)
        (leg if by_callee else call).presses("*0")
        await leg.is_told("hangup 16")
        await world.all_gone()
        # the caller goes on only where the callee ended the call by its code
        assert went_on(world, call)[0][0] == "after"
        assert "digit *" not in leg.told + call.told


async def test_features_of_the_channel_add_to_the_options() -> None:
    before = "exten => 200,1,Set(CHANNEL(dtmf_features)=H)\n"
    async with dialling("Test/bob,,t", before=before, files=CODES) as world:
        call, leg = await connected(world)
        call.presses("*0")
        await leg.is_told("hangup 16")
        await world.all_gone()


@pytest.mark.parametrize(("options", "by_callee"), [("h", False), ("H", True), ("", True)])
async def test_who_has_no_right_to_the_code_just_sends_digits(options: str, by_callee: bool) -> None:
    async with dialling(f"Test/bob,,{options}", files=CODES) as world:
        call, leg = await connected(world)
        sender, other = (leg, call) if by_callee else (call, leg)
        sender.presses("*0")
        await other.is_told("digit *")
        await other.is_told("digit 0")
        assert in_bridge(call, leg)
        call.hangs_up()


async def test_digits_that_turn_out_not_to_be_a_code_are_passed_on_late_in_order() -> None:
    async with dialling("Test/bob,,H", files=CODES) as world:
        call, leg = await connected(world)
        call.presses("*7")
        await leg.is_told("digit *")
        await leg.is_told("digit 7")
        assert in_bridge(call, leg)
        call.hangs_up()


async def test_the_beginning_of_a_code_is_passed_on_after_featuredigittimeout() -> None:
    async with dialling("Test/bob,,H", files=CODES) as world:
        call, leg = await connected(world)
        began = world.system.now()
        call.presses("*")
        assert await leg.is_told("digit *") - began == pytest.approx(0.1 + 0.8 + 0.1, abs=0.02)  # pressed, waited, sent on
        call.presses("0")  # too late for the code
        await leg.is_told("digit 0")
        assert in_bridge(call, leg)
        call.hangs_up()


# -- blind transfer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "by_callee"), [("t", True), ("T", False)])
async def test_blind_transfer_sends_the_other_party_elsewhere(options: str, by_callee: bool) -> None:
    async with dialling(f"Test/bob,,{options}", files=CODES, extra=TRANSFERS) as world:
        sounds(world)
        call, leg = await connected(world)
        transferer, other = (leg, call) if by_callee else (call, leg)
        transferer.presses("#1")
        await world.settle(0.5)
        assert transferer.hears == ["pbx-transfer"]
        transferer.presses("300#")
        await transferer.is_told("hangup 16")
        await world.settle(0.1)
        assert not other.channel.is_hung_up
        assert went_on(world, other)[-1] == ("transferred", "To=300", f"By={transferer.channel.name}")
        assert variable(world, transferer, "BLINDTRANSFER")[-1] == other.channel.name
        assert held(world) == [("Hold", transferer.channel.name), ("Unhold", transferer.channel.name)]
        told = world.seen(events.BlindTransferred)
        assert [(event.exten, event.is_success, event.is_external) for event in told] == [("300", True, False)]
        await world.all_gone()


async def test_the_transfer_begins_without_waiting_when_no_longer_extension_can_follow() -> None:
    async with dialling("Test/bob,,T", files=CODES, extra=TRANSFERS) as world:
        sounds(world)
        call, leg = await connected(world)
        call.presses("#13005")
        began = world.system.now()
        await call.is_told("hangup 16")
        assert world.system.now() - began < 1.5
        await world.settle()
        assert went_on(world, leg)[0] == ("transferred", "To=3005")


async def test_transferdigittimeout_ends_an_extension_that_could_be_longer() -> None:
    async with dialling("Test/bob,,T", files=CODES, extra=TRANSFERS) as world:
        sounds(world)
        call, leg = await connected(world)
        call.presses("#1300")
        began = world.system.now() + 0.9  # the last digit is over
        await call.is_told("hangup 16")
        assert world.system.now() - began == pytest.approx(3, abs=0.1)
        await world.settle()
        assert went_on(world, leg)[0][:2] == ("transferred", "To=300")


async def test_transfer_context_says_where_to() -> None:
    before = "exten => 200,1,Set(__TRANSFER_CONTEXT=elsewhere)\n"
    async with dialling("Test/bob,,t", files=CODES, before=before) as world:
        sounds(world)
        call, leg = await connected(world)
        leg.presses("#17")
        await leg.is_told("hangup 16")
        await world.settle()
        assert went_on(world, call) == [("seven",)]


async def test_after_three_wrong_extensions_the_call_goes_on() -> None:
    async with dialling("Test/bob,,T", files=CODES, extra=TRANSFERS) as world:
        sounds(world)
        call, leg = await connected(world)
        call.presses("#1")
        for prompt in ("pbx-transfer", "pbx-invalid", "pbx-invalid"):
            await world.settle(0.6)
            assert call.hears[-1] == prompt
            call.presses("9")
        await world.settle(1)
        assert call.hears == ["pbx-transfer", "pbx-invalid", "privacy-incorrect", "beeperr"]
        call.speaks(b"\x70" * 160)
        leg.speaks(b"\x71" * 160)
        await world.settle()
        assert (call.hears[-1], leg.hears[-1]) == ("71", "70")
        assert held(world)[-1] == ("Unhold", call.channel.name)
        call.hangs_up()


async def test_a_transferer_that_dials_nothing_is_back_in_the_call() -> None:
    async with dialling("Test/bob,,T", files=CODES, extra=TRANSFERS) as world:
        sounds(world)
        call, leg = await connected(world)
        call.presses("#1")
        await world.settle(5)
        assert call.hears == ["pbx-transfer", "beeperr"]
        leg.speaks(b"\x71" * 160)
        await world.settle()
        assert call.hears[-1] == "71"
        call.hangs_up()


async def test_while_the_extension_is_asked_for_the_parties_do_not_hear_each_other() -> None:
    async with dialling("Test/bob,,T", files=CODES, extra=TRANSFERS) as world:
        sounds(world)
        call, leg = await connected(world)
        call.presses("#1")
        await world.settle(1)
        call.speaks(b"\x70" * 160)
        leg.speaks(b"\x71" * 160)
        await world.settle()
        assert (call.hears, leg.hears) == (["pbx-transfer"], [])
        leg.hangs_up()  # the call ends although the transferer is about to dial
        await call.is_told("hangup 16")


async def test_a_transferred_caller_does_not_go_on_after_dial_and_has_no_times() -> None:
    async with dialling("Test/bob,,tg", files=CODES, extra=TRANSFERS) as world:
        sounds(world)
        call, leg = await connected(world)
        leg.presses("#1300#")
        await leg.is_told("hangup 16")
        await world.all_gone()
        assert [event[0] for event in went_on(world, call)] == ["transferred", "h"]
        assert variable(world, call, "ANSWEREDTIME") == [""]


# -- dynamic features ----------------------------------------------------------------------------------------------------

MAP = (
    "[applicationmap]\nmark => *5,self/caller,UserEvent,pressed\npeermark => *6,peer,UserEvent(heard)\n"
    "tune => *7,peer/both,Playback,tune,default\nbroken => *8,nobody,NoOp\n"
)


async def test_dynamic_features_run_their_application_on_self_or_peer() -> None:
    before = "exten => 200,1,Set(__DYNAMIC_FEATURES=mark#peermark#nothing)\n"
    async with dialling("Test/bob", files={"features.conf": MAP}, before=before) as world:
        assert any("broken" in warning for warning in world.warnings)
        call, leg = await connected(world)
        assert any("no 'nothing'" in warning for warning in world.warnings)
        call.presses("*5")
        await world.settle(0.5)
        assert went_on(world) == [("pressed",)]
        assert went_on(world, call) == [("pressed",)]
        leg.presses("*5")  # only for the caller
        await call.is_told("digit 5")
        leg.presses("*6")
        await world.settle(0.5)
        assert went_on(world) == [("pressed",), ("heard",)]
        assert went_on(world, call)[-1] == ("heard",)
        assert in_bridge(call, leg)
        call.hangs_up()


async def test_a_dynamic_feature_plays_to_one_party_while_the_other_waits() -> None:
    before = "exten => 200,1,Set(DYNAMIC_FEATURES=tune)\n"
    async with dialling("Test/bob", files={"features.conf": MAP}, before=before) as world:
        world.sound("tune", 1.0)
        call, leg = await connected(world)
        call.presses("*7")
        await world.settle(0.8)
        call.speaks(b"\x70" * 160)
        assert leg.hears == ["tune"]
        assert "tune" not in call.hears
        await world.settle(1)
        call.speaks(b"\x72" * 160)
        await world.settle()
        assert leg.hears == ["tune", "72"]
        call.hangs_up()


# -- limits --------------------------------------------------------------------------------------------------------------


async def test_s_ends_the_call_after_seconds() -> None:
    async with dialling("Test/bob,,S(3)g") as world:
        call, leg = await ringing(world)
        leg.answers()
        answered = await call.is_told("answer")
        assert await leg.is_told("hangup 16") - answered == pytest.approx(3)
        await world.settle()
        assert went_on(world, call)[0] == ("after", "Status=ANSWER")


async def test_the_shorter_of_l_and_s_counts() -> None:
    async with dialling("Test/bob,,S(3)L(2500)") as world:
        call, leg = await ringing(world)
        leg.answers()
        answered = await call.is_told("answer")
        assert await leg.is_told("hangup 16") - answered == pytest.approx(2.5)


async def test_l_warns_with_the_files_of_the_limit_variables() -> None:
    before = (
        "exten => 200,1,Set(LIMIT_PLAYAUDIO_CALLEE=yes)\nsame => n,Set(LIMIT_CONNECT_FILE=start)\n"
        "same => n,Set(LIMIT_WARNING_FILE=soon)\nsame => n,Set(LIMIT_TIMEOUT_FILE=over)\n"
    )
    async with dialling("Test/bob,,L(10000:4000:2000)", before=before) as world:
        for name in ("start", "soon", "over"):
            world.sound(name)
        call, leg = await ringing(world)
        leg.answers()
        answered = await call.is_told("answer")
        await world.settle(0.5)
        call.speaks(b"\x70" * 160)
        leg.speaks(b"\x71" * 160)
        assert (call.hears, leg.hears) == (["start", "71"], ["start", "70"])
        await world.settle(6)  # 6.5 s: 4 s left were told
        leg.speaks(b"\x71" * 160)
        assert call.hears == ["start", "71", "soon", "71"]
        await world.settle(2)
        leg.speaks(b"\x71" * 160)
        assert call.hears == ["start", "71", "soon", "71", "soon", "71"]
        ended = await leg.is_told("hangup 16")
        assert ended - answered == pytest.approx(10.2, abs=0.05)  # after the timeout file
        assert call.hears[-1] == leg.hears[-1] == "over"


async def test_only_the_caller_hears_warnings_unless_told_otherwise() -> None:
    async with dialling("Test/bob,,L(5000:2000)", before="exten => 200,1,Set(LIMIT_WARNING_FILE=soon)\n") as world:
        world.sound("soon")
        call, leg = await connected(world)
        await leg.is_told("hangup 16")
        assert (call.hears, leg.hears) == (["soon"], [])


async def test_a_warning_is_heard_to_its_end() -> None:
    """The call ends when the last warning has been said, as recorded of Asterisk (g03_opt_L_time_limit)."""
    async with dialling("Test/bob,,L(5000:100)", before="exten => 200,1,Set(LIMIT_WARNING_FILE=soon)\n") as world:
        world.sound("soon")
        call, leg = await ringing(world)
        leg.answers()
        answered = await call.is_told("answer")
        assert await leg.is_told("hangup 16") - answered == pytest.approx(5.1, abs=0.03)
        assert call.hears == ["soon"]


async def test_a_warning_does_not_disturb_who_dials_a_transfer() -> None:
    before = "exten => 200,1,Set(LIMIT_WARNING_FILE=soon)\n"
    async with dialling("Test/bob,,TL(10000:9000)", files=CODES, extra=TRANSFERS, before=before) as world:
        sounds(world)
        world.sound("soon")
        call, leg = await ringing(world)
        leg.answers()
        await call.is_told("answer")
        await world.settle(0.5)
        call.presses("#1")
        await world.settle(1)  # the warning would be now
        assert call.hears == ["pbx-transfer"]
        call.presses("3005")
        await call.is_told("hangup 16")
        await world.settle()
        assert went_on(world, leg)[0] == ("transferred", "To=3005")


async def test_the_time_left_is_said_without_a_warning_file() -> None:
    async with dialling("Test/bob,,L(65000:63000)") as world:
        for name in ("vm-youhave", "digits/1", "queue-minutes", "digits/3", "queue-seconds"):
            world.sound(name)
        call, leg = await connected(world)
        await world.settle(5)
        assert call.hears == ["vm-youhave", "digits/1", "queue-minutes", "digits/3", "queue-seconds"]
        call.hangs_up()
        await leg.is_told("hangup 16")


async def test_a_call_that_ends_early_leaves_no_timer() -> None:
    async with dialling("Test/bob,,L(3600000:60000:10000)g") as world:
        call, leg = await connected(world)
        leg.hangs_up()
        await world.all_gone()
        assert went_on(world, call)[0] == ("after", "Status=ANSWER")
        assert not world.warnings


# -- what passes through -------------------------------------------------------------------------------------------------


async def test_hold_and_unhold_reach_the_other_side_and_the_end_of_a_call_takes_hold_off() -> None:
    async with dialling("Test/bob,,g", extra="") as world:
        call, leg = await connected(world)
        leg.holds()
        await call.is_told("hold")
        leg.unholds()
        await call.is_told("unhold")
        call.holds()
        await leg.is_told("hold")
        call.hangs_up()
        await leg.is_told("unhold")
        await leg.is_told("hangup 16")


async def test_voice_and_digits_pass_both_ways() -> None:
    async with dialling("Test/bob") as world:
        call, leg = await connected(world)
        call.speaks(b"\x70" * 160)
        leg.speaks(b"\x71" * 160)
        call.presses("1")
        leg.presses("2")
        await leg.is_told("digit 1")
        await call.is_told("digit 2")
        assert (call.hears, leg.hears) == (["71"], ["70"])
        assert variable(world, call, "BRIDGEPEER")[0] == leg.channel.name
        assert variable(world, leg, "BRIDGEPEER")[0] == call.channel.name
        call.hangs_up()


async def test_features_conf_is_read_again_on_reload() -> None:
    async with dialling("Test/bob,,H", files=CODES) as world:
        world.files["features.conf"] = "[featuremap]\ndisconnect => 99\n"
        await world.system.loader.reload("features")
        assert settings_of(world.system).disconnect == "99"
        call, leg = await connected(world)
        call.presses("99")
        await leg.is_told("hangup 16")


# -- one-touch recording ---------------------------------------------------------------------------------------------------

RECORDING = "[general]\ncourtesytone=tone\nrecordingfailsound=failed\n[featuremap]\nautomixmon=*3\nautomon=*1\n"


def recordings(world: World) -> list[str]:
    """What began and ended."""
    kinds = (events.MixMonitorStarted, events.MixMonitorStopped)
    return [type(event).__name__.removeprefix("MixMonitor") for event in world.seen(*kinds)]


@pytest.mark.parametrize(("options", "by_callee"), [("x", True), ("w", True), ("X", False), ("W", False)])
@pytest.mark.parametrize("code", ["*3", "*1"])
async def test_a_party_records_the_call(options: str, by_callee: bool, code: str) -> None:
    async with dialling(f"Test/bob,,{options}", files={"features.conf": RECORDING}) as world:
        world.sound("tone")
        call, leg = await connected(world)
        party, other = (leg, call) if by_callee else (call, leg)
        other.presses(code)
        await world.settle(2)
        assert recordings(world) == []
        party.presses(code)
        await world.settle(2)
        assert recordings(world) == ["Started"]
        assert "tone" in party.hears
        assert "tone" in other.hears
        party.presses(code)
        await world.settle(2)
        assert recordings(world) == ["Started", "Stopped"]
        call.hangs_up()


async def test_a_recording_that_cannot_be_made_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with dialling("Test/bob,,x", files={"features.conf": RECORDING}) as world:
        world.sound("failed")
        call, leg = await connected(world)
        await world.system.loader.unload("app_mixmonitor")
        leg.presses("*3")
        await world.settle(2)
        assert "failed" in leg.hears
        assert "failed" not in call.hears
        call.hangs_up()


async def test_a_dynamic_feature_tells_its_name_and_who_started_it() -> None:
    """DYNAMIC_FEATURENAME and DYNAMIC_WHO_ACTIVATED of who runs the application."""
    told = "[applicationmap]\nmark => *5,peer/caller,UserEvent,pressed\\,Name: ${DYNAMIC_FEATURENAME}\n"
    before = "exten => 200,1,Set(DYNAMIC_FEATURES=mark)\n"
    async with dialling("Test/bob", files={"features.conf": told}, before=before) as world:
        call, leg = await connected(world)
        call.presses("*5")
        await world.settle(0.5)
        assert [name for name, *_ in went_on(world, leg)] == ["pressed"]
        assert variable(world, leg, "DYNAMIC_FEATURENAME") == ["mark"]
        assert variable(world, leg, "DYNAMIC_WHO_ACTIVATED") == [call.channel.name]
        assert variable(world, call, "DYNAMIC_FEATURENAME") == []
        call.hangs_up()


# -- sounds on coming into the bridge ------------------------------------------------------------------------------------


async def test_bridge_play_sound_is_heard_by_who_comes_into_the_bridge_and_once() -> None:
    before = "exten => 200,1,Set(BRIDGE_PLAY_SOUND=tune)\n"
    async with dialling("Test/bob,,g", before=before) as world:
        world.sound("tune", 0.4)
        call, leg = await connected(world)
        assert variable(world, call, "BRIDGE_PLAY_SOUND") == ["tune", ""]
        assert call.channel.get_variable("BRIDGE_PLAY_SOUND") is None
        await world.settle(0.6)
        leg.speaks(b"\x72" * 160)
        await world.settle()
        assert call.hears == ["tune", "72"]
        assert leg.hears == []
        call.hangs_up()
