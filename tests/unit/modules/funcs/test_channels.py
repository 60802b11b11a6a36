"""func_channel, func_global, func_groupcount, func_timeout, func_hangupcause, func_export, func_volume."""

from __future__ import annotations

import array
import asyncio

import pytest

from globstar.base.log import Level
from globstar.core.format import find_format, slin
from globstar.core.frame import Frame, FrameType, voice
from globstar.core.functions import FunctionError
from globstar.core.system import System
from tests.support.calls import Call, run_dialplan
from tests.support.switch import LogCapture
from tests.unit.modules.funcs.conftest import Dialplan

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]  # the system's own, which ends with the fixture


@pytest.mark.parametrize(
    ("item", "written", "value"),
    [
        ("language", "fr", "fr"),
        ("amaflags", "billing", "2"),
        ("amaflags", "1", "1"),
        ("callgroup", "1,3-4", "1, 3, 4"),
        ("namedpickupgroup", "b, a", "a, b"),
        ("max_forwards", "-1", "-1"),
        ("transfercapability", "video", "VIDEO"),
        ("dtmf_features", "TK", "TK"),
        ("tonezone", "us", "us"),
        ("tonezone", " US ", "us"),
        ("secure_bridge_media", "1", "1"),
        ("accountcode", "acc", "acc"),
        ("hangupsource", "me", "me"),
    ],
)
async def test_channel_items_give_back_what_was_written(dialplan: Dialplan, item: str, written: str, value: str) -> None:
    dialplan.set(f"CHANNEL({item})", written)
    assert (dialplan.get(f"CHANNEL({item})"), dialplan.warned) == (value, False)


async def test_channel_items_to_read(dialplan: Dialplan) -> None:
    read = {
        item: dialplan.get(f"CHANNEL({item})")
        for item in ("name", "state", "channeltype", "audionativeformat", "videonativeformat")
    }
    assert read == {
        "name": "Scripted/1", "state": "Ring", "channeltype": "Scripted", "audionativeformat": "(slin)",
        "videonativeformat": "(nothing)",
    }  # fmt: skip
    assert dialplan.get("CHANNEL(linkedid)") == dialplan.channel.unique_id


@pytest.mark.parametrize(
    ("item", "value"),
    [("name", "x"), ("state", "Up"), ("bogus", "1"), ("", "1"), ("callgroup", "64"), ("callgroup", "a"), ("callgroup", "4-2"),
     ("amaflags", "x"), ("dtmf_features", "tT"), ("tonezone", "nowhere"), ("max_forwards", "x"), ("transfercapability", "x")],
)  # fmt: skip
async def test_what_a_channel_refuses(dialplan: Dialplan, item: str, value: str) -> None:
    with pytest.raises(FunctionError):
        dialplan.set(f"CHANNEL({item})", value)


@pytest.mark.parametrize("item", ["", "bogus", "tonezone", "rxgain", "hangup_handler_push"])
async def test_items_that_cannot_be_read_are_warned_of(dialplan: Dialplan, item: str) -> None:
    assert (dialplan.get(f"CHANNEL({item})"), dialplan.warned) == ("", True)


async def test_hangup_handlers_run_newest_first_from_where_they_were_pushed(dialplan: Dialplan) -> None:
    call = await run_dialplan(
        dialplan.system,
        "[default]\nexten => s,1,Set(CHANNEL(hangup_handler_push)=a,1(x,y))\n same => n,Set(CHANNEL(hangup_handler_push)=b,1)\n"
        " same => n,Set(CHANNEL(hangup_handler_pop)=default,c,1)\n same => n,Goto(other,s,1)\n"
        "exten => a,1,NoOp(${ARG1}${ARG2})\n same => n,Return()\nexten => c,1,NoOp(c)\n same => n,Return()\n"
        "[other]\nexten => s,1,Hangup()\n",
    )
    assert [step for step in call.steps if step.startswith("NoOp")] == ["NoOp(c)", "NoOp(xy)"]


async def test_other_channels_are_found_and_reached(dialplan: Dialplan) -> None:
    other = Call(dialplan.system, name="Scripted/2")
    other.channel.set_linked_id(dialplan.channel.unique_id)
    assert dialplan.get("CHANNELS()") == "Scripted/1 Scripted/2"
    assert dialplan.get("CHANNELS(2$)") == "Scripted/2"
    assert dialplan.get("CHANNEL_EXISTS(scripted/2)") == "1"
    assert dialplan.get("CHANNEL_EXISTS(Scripted/3)") == "0"
    dialplan.set("EXPORT(Scripted/2,V)", "5")
    dialplan.set("EXPORT(Scripted/2,CALLERID(num))", "6")
    assert dialplan.get("IMPORT(Scripted/2,V)") + dialplan.get("IMPORT(Scripted/2,CALLERID(num))") == "56"
    dialplan.set("SHARED(S,Scripted/2)", "7")
    assert (dialplan.get("SHARED(S)"), dialplan.get("SHARED(S,Scripted/2)")) == ("", "7")
    dialplan.channel.set_variable("M", "8")
    second = Dialplan(other, dialplan.log)
    assert second.get("MASTER_CHANNEL(M)") == "8"
    second.set("MASTER_CHANNEL(N)", "9")
    assert dialplan.channel.get_variable("N") == "9"
    assert not dialplan.warned
    for text in ("EXPORT(Scripted/3,V)", "EXPORT(Scripted/2)", "SHARED(S,Scripted/3)", "MASTER_CHANNEL()"):
        with pytest.raises(FunctionError):
            dialplan.set(text, "")


async def test_global_variables(dialplan: Dialplan) -> None:
    dialplan.set("GLOBAL(G)", "1")
    assert (dialplan.get("GLOBAL(G)"), dialplan.get("GLOBAL_EXISTS(G)")) == ("1", "1")
    dialplan.set("GLOBAL_DELETE(G)", "")
    assert (dialplan.get("GLOBAL(G)"), dialplan.get("GLOBAL_EXISTS(G)")) == ("", "0")


async def test_groups_count_channels_until_they_hang_up(dialplan: Dialplan) -> None:
    other = Dialplan(Call(dialplan.system, name="Scripted/2"), dialplan.log)
    dialplan.set("GROUP()", "alpha@trunks")
    dialplan.set("GROUP()", "plain")
    other.set("GROUP(trunks)", "alpha")
    assert dialplan.get("GROUP(trunks)") == "alpha"
    assert dialplan.get("GROUP_LIST()") == "alpha@trunks plain"
    counts = {
        text: dialplan.get(f"GROUP_COUNT({text})") for text in ("", "alpha", "alpha@trunks", "alpha@other", "@trunks", "none")
    }
    assert counts == {"": "2", "alpha": "2", "alpha@trunks": "2", "alpha@other": "0", "@trunks": "2", "none": "0"}
    assert dialplan.get("GROUP_MATCH_COUNT(^a@tr)") == "2"
    other.channel.hangup()
    assert dialplan.get("GROUP_COUNT(alpha)") == "1"
    dialplan.set("GROUP(trunks)", "beta")
    dialplan.set("GROUP()", "")
    assert (dialplan.get("GROUP_COUNT(alpha)"), dialplan.get("GROUP_LIST()")) == ("0", "beta@trunks")


async def test_timeouts(dialplan: Dialplan) -> None:
    assert dialplan.get("TIMEOUT(absolute)") == "0.000"
    dialplan.set("TIMEOUT(absolute)", "7.5")
    dialplan.set("TIMEOUT(DIGIT)", "-1")
    await asyncio.sleep(2)
    assert [dialplan.get(f"TIMEOUT({kind})") for kind in ("absolute", "digit", "response")] == ["5.500", "0.000", "10.000"]
    assert (dialplan.get("TIMEOUT(bogus)"), dialplan.warned) == ("", True)


async def test_hangup_causes(dialplan: Dialplan) -> None:
    dialplan.channel.hangup_tech_cause["PJSIP/bob-1"] = (17, "SIP 486 Busy Here")
    assert dialplan.get("HANGUPCAUSE_KEYS()") == "PJSIP/bob-1"
    assert dialplan.get("HANGUPCAUSE(PJSIP/bob-1,tech)") == "SIP 486 Busy Here"
    assert dialplan.get("HANGUPCAUSE(PJSIP/bob-1,ast)") == "User busy"
    assert not dialplan.warned
    assert (dialplan.get("HANGUPCAUSE(PJSIP/carol-1,ast)"), dialplan.warned) == ("", True)


@pytest.mark.parametrize("name", ["slin", "ulaw"])
async def test_volume_makes_the_audio_louder_in_its_direction_and_keys_change_it(dialplan: Dialplan, name: str) -> None:
    channel = dialplan.channel
    heard: list[Frame] = []
    format_ = find_format(name)
    assert format_ is not None
    linear = array.array("h", [1000] * 160).tobytes()
    to_format = dialplan.system.translation.build_path(slin, format_) if format_ is not slin else None
    to_linear = dialplan.system.translation.build_path(format_, slin) if format_ is not slin else None

    def loudness() -> int:
        channel.deliver(voice(format_, to_format.translate_bytes(linear) if to_format else linear, 160))
        frame = heard.pop()
        return array.array("h", to_linear.translate_bytes(frame.data) if to_linear and frame.format is format_ else frame.data)[0]

    channel.attach(lambda frame: heard.append(frame) if frame.type is FrameType.VOICE else None)
    dialplan.set("VOLUME(RX,p)", "3")
    assert loudness() == pytest.approx(3000, rel=0.05)
    await dialplan.call.press("#")
    assert loudness() == pytest.approx(2000, rel=0.05)
    dialplan.set("VOLUME(RX)", "-2")
    assert loudness() == pytest.approx(500, rel=0.05)
    for text, value in (("VOLUME(XX)", "1"), ("VOLUME(RX)", "loud")):
        with pytest.raises(FunctionError):
            dialplan.set(text, value)


async def test_where_the_call_was_before(system: System) -> None:
    """CHANNEL(lastexten) and CHANNEL(lastcontext): the last other one, whatever led on; priorities do not count."""
    plan = (
        "[default]\nexten => s,1,Set(A=<${CHANNEL(lastcontext)},${CHANNEL(lastexten)}>)\n same => n,Goto(5,1)\n"
        "exten => 5,1,NoOp()\n same => n,Set(B=<${CHANNEL(lastcontext)},${CHANNEL(lastexten)}>)\n same => n,Gosub(sub,5,1)\n"
        " same => n,Set(D=<${CHANNEL(lastcontext)},${CHANNEL(lastexten)}>)\n"
        "[sub]\nexten => 5,1,Set(C=<${CHANNEL(lastcontext)},${CHANNEL(lastexten)}>)\n same => n,Return()\n"
    )
    call = await run_dialplan(system, plan)
    assert [call.variables[name] for name in "ABCD"] == ["<,>", "<,s>", "<default,s>", "<sub,s>"]
    with LogCapture() as log:
        await run_dialplan(system, "[default]\nexten => s,1,Set(CHANNEL(lastexten)=1)\n")
    assert log.texts(Level.WARNING)
