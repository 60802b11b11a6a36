"""Dial, option by option, with scripted phones: what each party is told, where each goes on, and the variables."""

from __future__ import annotations

import pytest

from globstar.core.cause import Cause
from globstar.core.channel import Channel
from globstar.core.format import FormatCapabilities, alaw, ulaw
from globstar.core.frame import Control, control
from globstar.core.party import PRESENTATIONS
from globstar.core.tech import DialRequest
from globstar.dsp.g711 import ulaw_to_linear
from globstar.dsp.mf import MfDetector
from globstar.dsp.sf import SfDetector
from tests.support.dialling import connected, dialling, ringing, variable, went_on
from tests.support.switch import LogCapture
from tests.support.testtech import Leg

# -- before the answer ---------------------------------------------------------------------------------------------------


async def test_the_caller_is_answered_only_after_the_callee() -> None:
    async with dialling("Test/bob") as world:
        call, leg = await ringing(world)
        assert call.told == ["connected Bob <101>", "ringing"]
        leg.answers()
        await world.settle()
        assert call.told[2:] == ["answer"]
        call.hangs_up()


async def test_a_timeout_cancels_the_call() -> None:
    async with dialling("Test/bob,7.5") as world:
        call, leg = await ringing(world)
        began = world.system.now()
        ended = await leg.is_told("hangup 0")
        assert ended - began == pytest.approx(7.4)
        await world.settle()
        assert went_on(world, call) == [("after", "Status=NOANSWER"), ("h", "Status=NOANSWER")]


async def test_a_response_timeout_gives_up_who_says_nothing() -> None:
    async with dialling("Test/bob&Test/carol,20^3") as world:
        world.tech.phones["alice"].dials("200")
        bob, carol = await world.tech.phones["bob"].is_called(), await world.tech.phones["carol"].is_called()
        began = world.system.now()
        carol.proceeds()
        assert await bob.is_told("hangup 0") - began == pytest.approx(3)
        assert await carol.is_told("hangup 0") - began == pytest.approx(20)
        ends = [details for kind, _, details in world.notes if kind == "DialEnd"]
        assert ends == [(bob.channel.name, "NOANSWER"), (carol.channel.name, "NOANSWER")]


async def test_the_response_timeout_of_the_only_destination_ends_dial() -> None:
    async with dialling("Test/bob,^2") as world:
        call = world.tech.phones["alice"].dials("200")
        leg = await world.tech.phones["bob"].is_called()
        await leg.is_told("hangup 0")
        await world.settle()
        assert went_on(world, call)[0] == ("after", "Status=CHANUNAVAIL")


@pytest.mark.parametrize("options", ["r", "R"])
async def test_r_lets_the_caller_hear_ringing_before_anybody_rings(options: str) -> None:
    async with dialling(f"Test/bob,,{options}") as world:
        call = world.tech.phones["alice"].dials("200")
        leg = await world.tech.phones["bob"].is_called()
        await call.is_told("ringing")
        leg.rings()
        leg.progresses()
        leg.speaks(b"\x01" * 160)
        await world.settle()
        # ringing is told once; only with R does early media take its place
        assert call.told == ["ringing", "connected Bob <101>", *(["progress"] if options == "R" else [])]
        assert call.hears == ([] if options == "r" else ["01"])
        call.hangs_up()


async def test_early_media_reaches_both_ways_before_the_answer() -> None:
    async with dialling("Test/bob") as world:
        call = world.tech.phones["alice"].dials("200")
        leg = await world.tech.phones["bob"].is_called()
        call.speaks(b"\x03" * 160)  # nothing to hear it yet
        leg.progresses()
        await call.is_told("progress")
        leg.speaks(b"\x01" * 160)
        call.speaks(b"\x02" * 160)
        await world.settle()
        assert (call.hears, leg.hears) == (["01"], ["02"])
        assert call.channel.state.name == "RING"
        call.hangs_up()


async def test_of_several_that_ring_the_caller_hears_no_early_media() -> None:
    async with dialling("Test/bob&Test/carol") as world:
        call = world.tech.phones["alice"].dials("200")
        bob, carol = await world.tech.phones["bob"].is_called(), await world.tech.phones["carol"].is_called()
        bob.rings()
        carol.progresses()
        await world.settle()
        carol.speaks(b"\x01" * 160)
        await world.settle()
        assert call.hears == []
        assert call.told == ["ringing"]
        call.hangs_up()
        await bob.is_told("hangup 16")


async def test_d_lets_the_caller_leave_by_an_extension_of_one_digit() -> None:
    async with dialling("Test/bob,,d", extra="exten => 5,1,UserEvent(five)\nsame => n,Hangup()\n") as world:
        call, leg = await ringing(world)
        call.presses("45")  # there is no 4
        await leg.is_told("hangup 16")
        await world.settle()
        assert went_on(world, call) == [("five",), ("h", "Status=CANCEL")]


async def test_d_looks_in_exitcontext() -> None:
    async with dialling("Test/bob,,d", before="exten => 200,1,Set(EXITCONTEXT=elsewhere)\n") as world:
        call, leg = await ringing(world)
        call.presses("7")
        await leg.is_told("hangup 16")
        await world.settle()
        assert went_on(world, call) == [("seven",)]


async def test_upper_h_lets_the_caller_give_up_with_the_disconnect_code() -> None:
    async with dialling("Test/bob,,H", files={"features.conf": "[featuremap]\ndisconnect => *0\n"}) as world:
        call, leg = await ringing(world)
        call.presses("1*0")
        await leg.is_told("hangup 16")
        await world.settle()
        assert went_on(world, call) == [("after", "Status=CANCEL"), ("h", "Status=CANCEL")]


async def test_b_runs_a_subroutine_on_every_called_channel_before_the_call() -> None:
    async with dialling("Test/bob&Test/carol,,b(predial^s^1(x))") as world:
        world.tech.phones["alice"].dials("200")
        bob, carol = await world.tech.phones["bob"].is_called(), await world.tech.phones["carol"].is_called()
        assert bob.channel.variables.get("predial") == "Test-x" == carol.channel.variables.get("predial")
        bob.refuses()
        carol.refuses()


async def test_upper_b_runs_a_subroutine_on_the_caller() -> None:
    async with dialling("Test/bob,,B(predial^s^1(y))") as world:
        call, leg = await ringing(world)
        assert call.channel.variables.get("predial") == "Test-y"
        assert leg.channel.variables.get("predial") == "Test-y"  # it was there before the callee inherited
        call.hangs_up()


async def test_a_predial_place_that_is_missing_is_told_and_the_call_goes_on() -> None:
    async with dialling("Test/bob,,b(nowhere^s^1)") as world:
        call, _ = await ringing(world)
        assert any("nowhere" in warning for warning in world.warnings)
        call.hangs_up()


async def test_upper_q_is_the_cause_for_those_who_did_not_win() -> None:
    async with dialling("Test/bob&Test/carol,,Q(NO_ANSWER)") as world:
        call = world.tech.phones["alice"].dials("200")
        bob, carol = await world.tech.phones["bob"].is_called(), await world.tech.phones["carol"].is_called()
        carol.answers()
        await bob.is_told("hangup 19")
        call.hangs_up()


async def test_without_a_cause_q_none_hangs_up_with_none() -> None:
    async with dialling("Test/bob&Test/carol,,Q(NONE)") as world:
        call = world.tech.phones["alice"].dials("200")
        bob, carol = await world.tech.phones["bob"].is_called(), await world.tech.phones["carol"].is_called()
        carol.answers()
        await bob.is_told("hangup 0")
        call.hangs_up()


# -- parties -------------------------------------------------------------------------------------------------------------


async def test_o_gives_the_callee_the_callers_number_as_its_own() -> None:
    async with dialling("Test/bob,,o") as world:
        call, leg = await ringing(world)
        assert leg.channel.caller.id.number.text == "100"
        call.hangs_up()


async def test_o_with_a_number_gives_that() -> None:
    async with dialling('Test/bob,,o("Desk" <555>)') as world:
        call, leg = await ringing(world)
        assert (leg.channel.caller.id.name.text, leg.channel.caller.id.number.text) == ("Desk", "555")
        call.hangs_up()


async def test_f_forces_what_the_callee_is_told_with_tag_and_presentation() -> None:
    async with dialling('Test/bob,,f("Office" <900>)s(blue)u(prohib)') as world:
        call, leg = await ringing(world)
        told = leg.channel.connected.id
        assert (told.name.text, told.number.text, told.tag) == ("Office", "900", "blue")
        assert told.number.presentation == told.name.presentation == PRESENTATIONS["prohib"]
        call.hangs_up()


async def test_i_keeps_connected_line_news_from_the_caller() -> None:
    async with dialling("Test/bob,,I") as world:
        call, leg = await ringing(world)
        leg.is_reached_as("Robert", "199")
        await world.settle()
        assert call.told == ["ringing"]
        call.hangs_up()


async def test_connected_line_news_reach_the_caller_before_and_after_the_answer() -> None:
    async with dialling("Test/bob") as world:
        call, leg = await ringing(world)
        leg.is_reached_as("Robert", "199")
        await call.is_told("connected Robert <199>")
        leg.answers()
        await call.is_told("answer")
        leg.is_reached_as("Rita", "198")
        await call.is_told("connected Rita <198>")
        call.is_reached_as("Alicia", "190")
        await leg.is_told("connected Alicia <190>")
        call.hangs_up()


# -- forwarding ----------------------------------------------------------------------------------------------------------


async def test_a_forwarded_call_goes_to_the_new_place() -> None:
    async with dialling("Test/bob,10", extra="exten => carol,1,Dial(Test/carol)\n") as world:
        call = world.tech.phones["alice"].dials("200")
        bob = await world.tech.phones["bob"].is_called()
        bob.forwards("carol")
        carol = await world.tech.phones["carol"].is_called()
        assert carol.channel.variables.get("FORWARDERNAME") is None  # it is the Local half that has it
        half = next(channel for name, channel in world.system.channels.items() if name.endswith(";1"))
        assert half.variables.get("FORWARDERNAME") == bob.channel.name
        assert half.redirecting.from_.number.text == "101"
        ends = [details for kind, _, details in world.notes if kind == "DialEnd"]
        assert ends == [(bob.channel.name, "CANCEL")]
        carol.answers()
        await call.is_told("answer")
        await world.settle(0.2)
        carol.hangs_up()


async def test_a_forward_may_name_a_technology() -> None:
    async with dialling("Test/bob") as world:
        call = world.tech.phones["alice"].dials("200")
        (await world.tech.phones["bob"].is_called()).forwards("Test/carol")
        carol = await world.tech.phones["carol"].is_called()
        carol.answers()
        await call.is_told("answer")
        carol.hangs_up()


async def test_i_does_not_follow_forwards() -> None:
    async with dialling("Test/bob,,i", extra="exten => carol,1,Dial(Test/carol)\n") as world:
        call = world.tech.phones["alice"].dials("200")
        (await world.tech.phones["bob"].is_called()).forwards("carol")
        await call.is_told("hangup 23")
        assert went_on(world, call)[0] == ("after", "Status=BUSY")
        assert world.tech.phones["carol"].legs == []


@pytest.mark.parametrize(("arguments", "answered"), [("Test/bob,5", False), ("Test/bob,5,z", True)])
async def test_z_takes_the_timeout_off_a_forwarded_call(arguments: str, answered: bool) -> None:
    async with dialling(arguments) as world:
        call = world.tech.phones["alice"].dials("200")
        (await world.tech.phones["bob"].is_called()).forwards("Test/carol")
        carol = await world.tech.phones["carol"].is_called()
        await world.settle(6)
        assert (not carol.channel.is_hung_up) is answered
        if answered:
            carol.answers()
            await call.is_told("answer")
            call.hangs_up()


async def test_forwarding_in_a_circle_ends() -> None:
    async with dialling("Test/bob") as world:
        world.tech.phones["bob"].on_call = lambda leg: leg.forwards("Test/carol")
        world.tech.phones["carol"].on_call = lambda leg: leg.forwards("Test/bob")
        call = world.tech.phones["alice"].dials("200")
        await call.is_told("hangup 23")
        assert any("too many forwards" in warning for warning in world.warnings)
        assert sum(len(world.tech.phones[name].legs) for name in ("bob", "carol")) == 21


# -- between answer and bridge -------------------------------------------------------------------------------------------


async def test_upper_a_plays_to_the_callee_while_the_caller_waits() -> None:
    async with dialling("Test/bob,,A(welcome)") as world:
        world.sound("welcome", 1.0)
        call, leg = await ringing(world)
        leg.answers()
        await world.settle(0.5)
        assert leg.hears == ["welcome"]
        assert "answer" not in call.told
        await call.is_told("answer")
        assert call.hears == []
        call.hangs_up()


async def test_upper_a_plays_two_sounds_at_the_same_time() -> None:
    async with dialling("Test/bob,,A(one&two:three)") as world:
        for name, seconds in (("one", 0.4), ("two", 0.4), ("three", 0.4)):
            world.sound(name, seconds)
        call, leg = await ringing(world)
        leg.answers()
        await world.settle(0.3)
        assert (leg.hears, call.hears) == (["one"], ["three"])
        assert "answer" in call.told  # what it hears is no early media
        await world.settle(1)
        assert (leg.hears, call.hears) == (["one", "two"], ["three"])
        assert leg.channel.bridge_member is not None
        call.hangs_up()


async def test_a_callee_that_hangs_up_during_the_announcement_is_not_bridged() -> None:
    async with dialling("Test/bob,,A(welcome)g") as world:
        world.sound("welcome", 5.0)
        call, leg = await ringing(world)
        leg.answers()
        await world.settle(1)
        leg.hangs_up()
        await world.all_gone()
        assert "answer" not in call.told
        assert went_on(world, call)[0] == ("after", "Status=ANSWER")


async def test_a_caller_that_hangs_up_during_the_announcement_takes_the_callee_along() -> None:
    async with dialling("Test/bob,,A(welcome)") as world:
        world.sound("welcome", 5.0)
        call, leg = await ringing(world)
        leg.answers()
        await world.settle(1)
        call.hangs_up()
        await leg.is_told("hangup 16")


async def test_lower_a_answers_the_caller_at_once() -> None:
    async with dialling("Test/bob,,aA(welcome)") as world:
        world.sound("welcome", 1.0)
        call, leg = await ringing(world)
        leg.answers()
        await world.settle(0.1)
        assert "answer" in call.told
        assert leg.channel.bridge_member is None
        await world.settle(2)
        call.hangs_up()


async def test_upper_d_sends_digits_to_callee_then_caller() -> None:
    async with dialling("Test/bob,,D(1w2:34)") as world:
        call, leg = await ringing(world)
        leg.answers()
        await call.is_told("answer")
        assert leg.told[-2:] == ["digit 1", "digit 2"]
        assert call.told[-3:] == ["digit 3", "digit 4", "answer"]
        assert leg.times[-1] - leg.times[-2] == pytest.approx(0.1 + 0.25 + 0.5)
        call.hangs_up()


async def test_upper_d_sends_digits_on_progress_once() -> None:
    async with dialling("Test/bob,,D(::9)") as world:
        world.tech.phones["alice"].dials("200")
        leg = await world.tech.phones["bob"].is_called()
        leg.progresses()
        await leg.is_told("digit 9")
        leg.progresses()
        await world.settle(2)
        assert leg.told.count("digit 9") == 1
        leg.refuses()


@pytest.mark.parametrize(
    ("result", "bridged", "caller_goes_on", "status"),
    [
        ("", True, None, "ANSWER"),
        ("CONTINUE", False, ("after", "Status=ANSWER"), "ANSWER"),
        ("BUSY", False, ("after", "Status=BUSY"), "BUSY"),
        ("CONGESTION", False, ("after", "Status=CONGESTION"), "CONGESTION"),
        ("ABORT", False, ("h", "Status=ANSWER"), "ANSWER"),
        ("GOTO:elsewhere^s^2", False, ("elsewhere", "Priority=2"), "ANSWER"),
        ("nonsense", True, None, "ANSWER"),
    ],
)
async def test_upper_u_obeys_gosub_result(
    result: str, bridged: bool, caller_goes_on: tuple[str, ...] | None, status: str
) -> None:
    async with dialling("Test/bob,,U(subs^second)", before=f"exten => 200,1,Set(__RESULT={result})\n") as world:
        call, leg = await ringing(world)
        leg.answers()
        await world.settle(0.2)
        assert leg.channel.variables.get("seen") == "second" or leg.channel.is_hung_up
        assert (leg.channel.bridge_member is not None) is bridged
        if bridged:
            call.hangs_up()
        await world.all_gone()
        if caller_goes_on is not None:
            assert went_on(world, call)[0] == caller_goes_on
        assert variable(world, call, "DIALSTATUS")[-1] == status


async def test_a_caller_that_hangs_up_during_the_subroutine_takes_the_callee_along() -> None:
    async with dialling("Test/bob,,U(slow)", extra="[slow]\nexten => s,1,Wait(30)\nsame => n,Return()\n") as world:
        call, leg = await ringing(world)
        leg.answers()
        await world.settle(1)
        call.hangs_up()
        began = world.system.now()
        assert await leg.is_told("hangup 16") - began < 0.1


async def test_a_subroutine_that_is_missing_is_told_and_the_call_goes_on() -> None:
    async with dialling("Test/bob,,U(nowhere)") as world:
        call, _ = await connected(world)
        assert any("nowhere" in warning for warning in world.warnings)
        call.hangs_up()


# -- after the call ------------------------------------------------------------------------------------------------------


async def test_without_options_the_end_of_the_call_ends_the_caller_after_h() -> None:
    async with dialling("Test/bob") as world:
        call, leg = await connected(world)
        leg.hangs_up()
        await call.is_told("hangup 16")
        assert went_on(world, call) == [("h", "Status=ANSWER")]
        assert went_on(world, leg) == []


async def test_g_goes_on_when_the_callee_hangs_up() -> None:
    async with dialling("Test/bob,,g") as world:
        call, leg = await connected(world)
        leg.hangs_up()
        await world.all_gone()
        assert went_on(world, call) == [("after", "Status=ANSWER"), ("h", "Status=ANSWER")]


async def test_e_runs_h_on_the_callee_too() -> None:
    async with dialling("Test/bob,,e") as world:
        call, leg = await connected(world)
        call.hangs_up()
        await world.all_gone()
        assert [event[0] for event in went_on(world, leg)] == ["h"]
        assert went_on(world, call) == [("h", "Status=ANSWER")]


async def test_upper_f_sends_the_callee_to_a_place_when_the_caller_hangs_up() -> None:
    async with dialling("Test/bob,,F(elsewhere^s^2)") as world:
        call, leg = await connected(world)
        call.hangs_up()
        await world.all_gone()
        assert went_on(world, leg) == [("elsewhere", "Priority=2")]


async def test_upper_f_without_a_place_is_the_callers_next_priority() -> None:
    async with dialling("Test/bob,,F") as world:
        call, leg = await connected(world)
        call.hangs_up()
        await world.all_gone()
        assert went_on(world, leg)[0][0] == "after"
        assert went_on(world, call) == [("h", "Status=ANSWER")]


async def test_upper_f_is_of_no_use_to_a_callee_that_hangs_up() -> None:
    async with dialling("Test/bob,,F(elsewhere^s^1)") as world:
        call, leg = await connected(world)
        leg.hangs_up()
        await call.is_told("hangup 16")
        assert went_on(world, leg) == []


async def test_upper_g_splits_caller_and_callee() -> None:
    async with dialling("Test/bob,,G(elsewhere^s^1)") as world:
        call, leg = await ringing(world)
        leg.answers()
        await world.all_gone()
        assert went_on(world, call) == [("elsewhere", "Priority=1"), ("elsewhere", "Priority=2")]
        assert went_on(world, leg) == [("elsewhere", "Priority=2")]
        assert not [kind for kind, _, _ in world.notes if kind == "BridgeEnter"]


async def test_the_times_of_an_answered_call() -> None:
    async with dialling("Test/bob,,g") as world:
        call = world.tech.phones["alice"].dials("200")
        leg = await world.tech.phones["bob"].is_called()
        await world.settle(1.5)
        leg.rings()
        await world.settle(1.5)
        leg.progresses()
        await world.settle(1)
        leg.answers()
        await call.is_told("answer")
        await world.settle(10)
        leg.hangs_up()
        await world.all_gone()
        names = ("RINGTIME", "PROGRESSTIME", "DIALEDTIME", "ANSWEREDTIME")
        assert [variable(world, call, name)[-1] for name in names] == ["1", "3", "14", "10"]
        milliseconds = [variable(world, call, f"{name}_MS")[-1] for name in names]
        assert milliseconds == ["1500", "3000", "14000", "10000"]


# -- refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("causes", "status"),
    [
        ((Cause.USER_BUSY,), "BUSY"),
        ((Cause.NORMAL_CIRCUIT_CONGESTION,), "CONGESTION"),
        ((Cause.NO_ANSWER,), "NOANSWER"),
        ((Cause.NORMAL_CLEARING,), "NOANSWER"),
        ((Cause.CALL_REJECTED,), "CHANUNAVAIL"),
        ((Cause.USER_BUSY, Cause.NORMAL_CIRCUIT_CONGESTION), "BUSY"),
        ((Cause.NORMAL_CIRCUIT_CONGESTION, Cause.CALL_REJECTED), "CONGESTION"),
        ((Cause.USER_BUSY, Cause.NO_ANSWER), "NOANSWER"),
    ],
)
async def test_dialstatus_of_refusals(causes: tuple[Cause, ...], status: str) -> None:
    names = ("bob", "carol")[: len(causes)]
    async with dialling("&".join(f"Test/{name}" for name in names)) as world:
        call = world.tech.phones["alice"].dials("200")
        for name, cause in zip(names, causes, strict=True):
            (await world.tech.phones[name].is_called()).refuses(cause)
        await world.all_gone()
        assert went_on(world, call)[0] == ("after", f"Status={status}")
        assert call.channel.hangup_cause == causes[-1]


@pytest.mark.parametrize("arguments", ["", "bob", "Test/bob,,L(0)", "Test/bob,,S(0)"])
async def test_arguments_without_sense_end_the_call(arguments: str) -> None:
    async with dialling(arguments) as world:
        call = world.tech.phones["alice"].dials("200")
        await world.all_gone()
        assert went_on(world, call) == [("h", "Status=INVALIDARGS")]
        assert world.warnings


@pytest.mark.parametrize("options", ["O", "O(1)", "O(2)"])
async def test_upper_o_is_for_operators_on_dahdi_lines_and_ignored_elsewhere(options: str) -> None:
    async with dialling(f"Test/bob,,{options}") as world:
        with LogCapture() as log:
            call, leg = await connected(world)
            leg.hangs_up()
            await call.is_told("hangup 16")
        assert not log.records


async def test_j_offers_what_the_caller_offered_at_first() -> None:
    async with dialling("Test/bob,,j", before="exten => 200,1,Answer()\nsame => n,Wait(1)\n") as world:
        asked: list[list[str]] = []
        request = world.tech.request

        def note(what: DialRequest) -> Channel:
            asked.append([format.name for format in what.capabilities])
            return request(what)

        world.tech.request = note  # type: ignore[method-assign]
        world.tech.phones["alice"].formats = [ulaw, alaw]
        call = world.tech.phones["alice"].dials("200")
        await world.settle(0.1)
        call.channel.set_native_formats(FormatCapabilities([ulaw]))
        await world.tech.phones["bob"].is_called()
        assert asked == [["ulaw", "alaw"]]
        call.hangs_up()


def heard_digits(leg: Leg, detector: MfDetector | SfDetector) -> str:
    """The signals in what a phone heard."""
    sound = b"".join(ulaw_to_linear(frame.data) for frame in leg.heard) + bytes(8000)
    return "".join(detector.receive(sound[at : at + 320]) for at in range(0, len(sound), 320))


@pytest.mark.parametrize(
    ("arguments", "echoes"),
    [
        ("Test/bob,,D(:::*12#)", False), ("Test/bob,,D(:::*12#)E", True), ("Test/bob,,D(:::::31)", False),
        ("Test/bob,,D(:::::31)E", True),
    ],
)  # fmt: skip
async def test_upper_d_sends_mf_and_sf_signals_on_progress(arguments: str, echoes: bool) -> None:
    async with dialling(arguments) as world:
        call, leg = await ringing(world)
        leg.progresses()
        leg.progresses()
        await world.settle(4)
        is_mf = "*12#" in arguments
        expected = "*12#" if is_mf else "31"
        assert heard_digits(leg, MfDetector() if is_mf else SfDetector()) == expected
        assert heard_digits(call, MfDetector() if is_mf else SfDetector()) == (expected if echoes else "")
        call.hangs_up()


async def test_upper_d_sends_signals_on_a_wink() -> None:
    async with dialling("Test/bob,,D(::::wWfh*7x#:9:)") as world:
        call, leg = await ringing(world)
        leg.progresses()
        await world.settle(2)
        assert heard_digits(leg, SfDetector()) == "9"
        leg.heard.clear()
        leg.channel.deliver(control(Control.WINK))
        leg.channel.deliver(control(Control.WINK))
        await world.settle(2)
        assert heard_digits(leg, MfDetector()) == "*7#"
        assert [word for word in leg.told if word in ("wink", "flash")] == ["wink", "flash"]
        call.hangs_up()


async def test_c_resets_the_callers_record() -> None:
    async with dialling("Test/bob,,C", before="exten => 200,1,Answer()\nsame => n,Wait(5)\n") as world:
        call = world.tech.phones["alice"].dials("200")
        leg = await world.tech.phones["bob"].is_called()
        leg.answers()
        await world.settle(3)
        assert call.channel.cdr is not None
        assert world.system.wall_time() - call.channel.cdr.last.start == pytest.approx(3, abs=0.1)
        call.hangs_up()


@pytest.mark.parametrize(
    ("variables", "counts"),
    [
        (("OUTBOUND_GROUP=all",), {"all": "2", "first@trunks": "0"}),
        (("OUTBOUND_GROUP=all", "OUTBOUND_GROUP_ONCE=first@trunks"), {"all": "0", "first@trunks": "2"}),
    ],
)
async def test_outbound_group_puts_called_channels_into_a_group(variables: tuple[str, ...], counts: dict[str, str]) -> None:
    before = "exten => 200,1,NoOp()\n" + "".join(f"same => n,Set({text})\n" for text in variables)
    async with dialling("Test/bob&Test/carol", before=before) as world:
        call = world.tech.phones["alice"].dials("200")
        bob, carol = await world.tech.phones["bob"].is_called(), await world.tech.phones["carol"].is_called()
        found = {name: world.system.functions.read(call.channel, "GROUP_COUNT", name) for name in counts}
        assert found == counts
        assert not call.channel.variables.own("OUTBOUND_GROUP_ONCE")  # used up
        assert call.channel.variables.own("OUTBOUND_GROUP") == "all"
        bob.refuses()
        carol.refuses()
