"""Callers who hang up while an application runs: it ends at once, leaves its status, and ``h`` sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.dialling import variable, went_on
from tests.support.testtech import NO_RECORDS, World

#: Step, and the variables that are left. Sounds ``long`` play for ten seconds.
STEPS = [
    ("Wait(60)", {}),
    ("WaitExten(60)", {}),
    ("WaitForRing(60)", {}),
    ("WaitForSilence(60000)", {}),
    ("WaitForNoise(60000)", {}),
    ("WaitDigit(60)", {"WAITDIGITSTATUS": "CANCEL"}),
    ("WaitUntil(1700001000)", {"WAITUNTILSTATUS": "HANGUP"}),
    ("WaitForCondition(#,#[1=2],60)", {"WAITFORCONDITIONSTATUS": "HANGUP"}),
    ("WaitForSignal(never,60)", {"WAITFORSIGNALSTATUS": "HANGUP"}),
    ("WaitForTone(1004,500,60)", {"WAITFORTONESTATUS": "HANGUP"}),
    ("ToneScan(us,60)", {"TONESCANSTATUS": "HANGUP"}),
    ("ReceiveMF(X,60)", {"RECEIVEMFSTATUS": "HANGUP", "X": ""}),
    ("ReceiveSF(X,5,60)", {"RECEIVESFSTATUS": "HANGUP", "X": ""}),
    ("ReceiveText(60)", {"RECEIVETEXTSTATUS": "FAILURE"}),
    ("Read(X,,5,,,60)", {"READSTATUS": "HANGUP", "X": ""}),
    ("Read(X,long,5)", {"READSTATUS": "HANGUP", "X": ""}),
    ("ReadExten(X,,,,60)", {"READEXTENSTATUS": "HANGUP"}),
    ("Record(said.wav,,,q)", {"RECORD_STATUS": "HANGUP"}),
    ("Playback(long)", {"PLAYBACKSTATUS": "SUCCESS"}),
    ("BackGround(long)", {}),
    ("ControlPlayback(long)", {}),
    ("MusicOnHold(default,60)", {}),
    ("Milliwatt()", {}),
    ("Echo()", {}),
    ("SayNumber(5)", {}),
    ("BridgeWait()", {}),
    ("Park(default,s)", {}),
    ("Dial(Test/bob)", {"DIALSTATUS": "CANCEL"}),
    ("RetryDial(long,5,3,Test/bob)", {"DIALSTATUS": "CANCEL"}),
    ("FollowMe(ann)", {}),
    ("Page(Test/bob,q)", {}),
    ("Originate(Test/bob,app,NoOp,,,60)", {}),
    ("Directory()", {"DIRECTORY_RESULT": "HANGUP"}),
    ("VoiceMail(100,s)", {"VMSTATUS": "FAILED"}),
    ("VoiceMailMain(100)", {}),
    ("DISA(1234)", {}),
    ("Authenticate(1234)", {}),
    ("ChanSpy()", {}),
    ("AMD(5000,5000,5000,50000)", {"AMDSTATUS": "HANGUP", "AMDCAUSE": ""}),
    ("BackgroundDetect(long)", {}),
    ("AgentLogin(1001)", {}),
    ("AlarmReceiver()", {}),
    ("SendDTMF(123456789wwww)", {}),
    ("SendMF(wwwwwwwwwwww)", {}),
    ("Zapateller(answer)", {"ZAPATELLERSTATUS": "ANSWERED"}),
]

FILES = {
    **NO_RECORDS,
    "agents.conf": "[general]\n[1001]\nfullname=Ann\n",
    "followme.conf": "[ann]\ncontext=default\nnumber=201,30\n",
    "res_parking.conf": "[default]\nparkext=700\nparkpos=701-702\ncontext=parkedcalls\n",
    "voicemail.conf": "[general]\nformat=wav\n[default]\n100 => 1234,Ann\n",
}
PROMPTS = (
    "long", "digits/5", "dir-welcome", "dir-pls-enter", "vm-intro", "vm-password", "beep", "agent-pass", "agent-loginok",
    "followme/pls-hold-while-try",
)  # fmt: skip


@pytest.mark.parametrize(("step", "left"), STEPS, ids=[step.partition("(")[0] for step, _ in STEPS])
async def test_a_hang_up_ends_it_at_once(step: str, left: dict[str, str], tmp_path: Path) -> None:
    plan = (
        f"[default]\nexten => 200,1,{step}\nsame => n,UserEvent(after)\nexten => 201,1,Dial(Test/bob)\n"
        "exten => h,1,UserEvent(h)\n"
    )
    async with await World.start(plan, files=FILES, root=tmp_path) as world:
        alice, bob = world.phone("alice", "100", "Alice"), world.phone("bob", "101", "Bob")
        for name in PROMPTS:
            world.sound(name, 10.0)
        call = alice.dials("200")
        call.speaks_on()
        await world.settle(0.9)
        assert went_on(world, call) == []
        began = world.system.now()
        call.hangs_up()
        await call.is_told("hangup 16")
        assert world.system.now() - began < 0.1
        assert went_on(world, call) == [("h",)]
        assert {name: variable(world, call, name)[-1:] for name in left} == {name: [value] for name, value in left.items()}
        await world.settle(1)
        is_by_itself = step.startswith("Originate")  # whom it calls goes on without the caller
        assert all(leg.channel.is_hung_up is not is_by_itself for leg in bob.legs)
        await world.end_calls()
