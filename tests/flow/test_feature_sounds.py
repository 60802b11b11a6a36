"""What files say is heard and seen: sounds of features.conf, prompts of followme.conf, device states of ccss.conf."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.devicestate import DeviceState
from tests.flow.test_call_completion import GRANTED, asks, busy, dial, ends
from tests.flow.test_call_completion import office as completion_office
from tests.support.dialling import connected, dialling, went_on
from tests.support.switch import LogCapture
from tests.support.testtech import World

# -- features.conf ---------------------------------------------------------------------------------------------------------

SOUNDS = ("announce", "retry", "invalid", "failed", "pbx-transfer", "pbx-invalid", "privacy-incorrect", "beeperr")
CODES = "[general]\n{}\n[featuremap]\nblindxfer=#1\n"


@pytest.mark.parametrize(
    ("settings", "heard"),
    [
        ("", ["pbx-transfer", "pbx-invalid", "pbx-invalid", "privacy-incorrect", "beeperr"]),
        ("transferannouncesound=announce", ["announce", "pbx-invalid", "pbx-invalid", "privacy-incorrect", "beeperr"]),
        ("transferretrysound=retry", ["pbx-transfer", "retry", "retry", "privacy-incorrect", "beeperr"]),
        ("transferinvalidsound=invalid", ["pbx-transfer", "pbx-invalid", "pbx-invalid", "invalid", "beeperr"]),
        ("xferfailsound=failed", ["pbx-transfer", "pbx-invalid", "pbx-invalid", "privacy-incorrect", "failed"]),
        ("transferdialattempts=1\ntransferinvalidsound=invalid", ["pbx-transfer", "invalid", "beeperr"]),
        ("transferdialattempts=2", ["pbx-transfer", "pbx-invalid", "privacy-incorrect", "beeperr"]),
    ],
)
async def test_what_who_dials_wrong_extensions_hears(settings: str, heard: list[str]) -> None:
    async with dialling("Test/bob,,T", files={"features.conf": CODES.format(settings)}) as world:
        for sound in SOUNDS:
            world.sound(sound)
        call, leg = await connected(world)
        began = len(call.heard)
        call.presses("#1")
        for _ in heard[:-1]:
            await world.settle(0.6)
            call.presses("9")
        await world.settle(1.5)
        names = world.tech.sounds
        words = [names[frame.data[0]] for frame in call.heard[began:]]
        told = [word for index, word in enumerate(words) if index % 10 == 0]  # every sound is ten packets long
        assert told == heard
        leg.speaks(b"\x71" * 160)
        await world.settle()
        assert call.hears[-1] == "71"  # they talk again
        call.hangs_up()


# -- followme.conf -----------------------------------------------------------------------------------------------------------

PLAN = """[default]
exten => 200,1,FollowMe(ann,sn)
same => n,UserEvent(after)
exten => 101,1,Dial(Test/bob)
"""
#: What is played to whom: the key of the option, and which sound it takes the place of.
PROMPTS = {
    "status": "followme/status",
    "pls-hold": "followme/pls-hold-while-try",
    "norecording": "followme/no-recording",
    "options": "followme/options",
    "sorry": "followme/sorry",
}


@pytest.mark.parametrize("place", ["general", "ann"])
@pytest.mark.parametrize("form", ["{}-prompt", "{}_prompt", "followme-{}-prompt"])
async def test_every_prompt_can_be_another_one(form: str, place: str) -> None:
    lines = "\n".join(f"{form.format(key)}=own-{key}" for key in PROMPTS)
    conf = f"[general]\n{lines if place == 'general' else ''}\n[ann]\nnumber=101,5\n{lines if place == 'ann' else ''}\n"
    async with await World.start(PLAN, files={"followme.conf": conf}) as world:
        alice, bob = world.phone("alice", "100", "Alice"), world.phone("bob", "101", "Bob")
        for key in PROMPTS:
            world.sound(f"own-{key}")
        call = alice.dials("200")
        leg = await bob.is_called()
        leg.answers()
        await world.settle(1)
        leg.presses("2")
        await call.is_told("hangup 0")
        assert [text for text in world.warnings if "music class" not in text] == []
        assert [word for word in call.hears if word.startswith("own")] == ["own-status", "own-pls-hold", "own-sorry"]
        assert [word for word in leg.hears if word.startswith("own")] == ["own-norecording", "own-options"]
        assert went_on(world, call) == [("after",)]


async def test_the_prompt_before_the_name_of_the_caller(tmp_path: Path) -> None:
    conf = "[ann]\nnumber=101,5\ncall-from-prompt=own-from\n"
    async with await World.start(PLAN.replace("ann,sn", "ann,a"), files={"followme.conf": conf}, root=tmp_path) as world:
        alice, bob = world.phone("alice", "100", "Alice"), world.phone("bob", "101", "Bob")
        for sound in ("own-from", "vm-rec-name", "followme/options", "followme/pls-hold-while-try"):
            world.sound(sound)
        call = alice.dials("200")
        call.speaks_on()
        await world.settle(2)
        call.presses("#")
        leg = await bob.is_called()
        leg.answers()
        await world.settle(3)
        assert leg.hears[0] == "own-from"
        assert leg.hears[-1] == "followme/options"
        assert await asyncio.to_thread(lambda: list(tmp_path.glob("spool/tmp/followme-*")))  # until the search is over
        call.hangs_up()
        await world.end_calls()


# -- ccss.conf -----------------------------------------------------------------------------------------------------------------


async def test_every_stage_has_the_device_state_of_the_file() -> None:
    conf = (
        "[general]\ncc_offered_devstate=RINGING\ncc_caller_requested_devstate=BUSY\ncc_active_devstate=ONHOLD\n"
        "cc_callee_ready_devstate=INVALID\ncc_recalling_devstate=RINGINUSE\ncc_caller_busy_devstate=UNAVAILABLE\n"
        "cc_available_devstate=UNKNOWN\ncc_complete_devstate=INUSE\ncc_failed_devstate=NOT_INUSE\n"
    )
    async with completion_office(conf=conf) as world:
        states = world.system.device_states
        other = await busy(world)
        assert states.state("ccss:Test/alice") is DeviceState.RINGING
        assert await asks(world) == GRANTED
        assert states.state("ccss:Test/alice") is DeviceState.ONHOLD
        own = dial(world, "alice", "300")
        await own.is_told("answer")
        other.hangs_up()
        await world.settle(1)
        assert states.state("ccss:Test/alice") is DeviceState.UNAVAILABLE
        own.hangs_up()
        back = await world.tech.phones["alice"].is_called()
        assert states.state("ccss:Test/alice") is DeviceState.RINGINUSE
        back.refuses()
        await ends(world, back)


async def test_a_state_that_is_none_is_told() -> None:
    with LogCapture() as log:
        async with completion_office(conf="[general]\ncc_recalling_devstate=SLEEPING\ncc_recall_devstate=BUSY\n"):
            pass
    told = [text for text in log.texts(Level.WARNING) if text.startswith("ccss.conf")]
    assert [text.partition(": ")[0] for text in told] == ["ccss.conf:2", "ccss.conf:3"]
