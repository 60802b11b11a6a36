"""Applications with arguments that make no sense: what is told, which status is left, and whether the call goes on.

One line a step: the step, ``on`` if the next priority is run (``ends`` if not), the variables that are left, and a part of what
is told, ``-`` for nothing.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.support.testtech import NO_RECORDS, World

FILES = {
    **NO_RECORDS,
    "agents.conf": "[general]\n",
    "sla.conf": "[general]\n",
    "res_parking.conf": "[default]\nparkext=700\nparkpos=701-702\ncontext=parkedcalls\n",
    "voicemail.conf": "[general]\nformat=wav\n[default]\n100 => 1234,Ann\n",
}

FAMILIES = {
    "other channels": """
        ChannelRedirect() | ends | | requires a channel and a place
        ChannelRedirect(Test/alice-1) | ends | | requires a channel and a place
        ChannelRedirect(Nobody/1,default,s,1) | on | CHANNELREDIRECT_STATUS=NOCHANNEL | there is no channel Nobody/1
        ChannelRedirect(${CHANNEL},default,s,nolabel) | ends | | 'nolabel' must be a number
        SoftHangup() | on | | needs a channel
        SoftHangup(Nobody/1) | on | | -
        SoftHangup(Nobody/1,z) | on | | unknown option 'z'
        Bridge() | on | BRIDGERESULT=FAILURE | requires an argument (channel)
        Bridge(Nobody/1) | on | BRIDGERESULT=NONEXISTENT | 'Nobody/1' does not exist
        BridgeAdd() | on | BRIDGERESULT=NONEXISTENT | there is no channel ''
        BridgeWait(,boss) | ends | | 'boss' is no role
        Signal() | on | SIGNALSTATUS=FAILURE | needs the name of a signal
        Signal(nobody waits) | on | SIGNALSTATUS=FAILURE | -
        WaitForSignal() | ends | | needs the name of a signal
        Pickup() | on | | -
        PickupChan() | on | | requires an argument (channel)
        PickupChan(Test/nobody) | on | | -
        ChanSpy(,qS) | on | | -
        ChanSpy(,u) | on | | option u needs a unique id
        ExtenSpy() | ends | | requires an argument (exten)
        Broadcast() | ends | | requires an argument (channels)
        DumpChan(much) | on | | -
    """,
    "transfers and new calls": """
        Transfer() | on | TRANSFERSTATUS=FAILURE TRANSFERSTATUSPROTOCOL=0 | needs a destination
        Transfer(Other/1) | on | TRANSFERSTATUS=UNSUPPORTED | -
        AttendedTransfer() | on | ATTENDEDTRANSFERSTATUS=FAILURE | requires an extension
        AttendedTransfer(5) | on | ATTENDEDTRANSFERSTATUS=FAILURE | -
        BlindTransfer() | on | BLINDTRANSFERSTATUS=FAILURE | requires an extension
        BlindTransfer(5) | on | BLINDTRANSFERSTATUS=INVALID | -
        Dial() | ends | DIALSTATUS=INVALIDARGS | requires an argument (technology/resource)
        Dial(bob) | ends | DIALSTATUS=INVALIDARGS | not 'bob'
        Dial(Nosuch/1) | on | DIALSTATUS=CHANUNAVAIL | no channel technology 'Nosuch'
        Dial(Test/nobody) | on | DIALSTATUS=CHANUNAVAIL | -
        RetryDial() | ends | | requires announce
        RetryDial(x,5,2) | ends | | requires announce
        Page() | ends | | requires at least one argument
        FollowMe() | ends | | requires an argument (followmeid)
        FollowMe(nobody) | on | | profile 'nobody' not found
        Originate() | ends | ORIGINATE_STATUS=FAILED | requires at least
        ChanIsAvail() | on | AVAILCHAN= AVAILORIGCHAN= | -
        ChanIsAvail(bob) | ends | | not 'bob'
        CallCompletionRequest() | on | CC_REQUEST_RESULT=FAIL CC_REQUEST_REASON=NO_CORE_INSTANCE | -
        CallCompletionCancel() | on | CC_CANCEL_RESULT=FAIL CC_CANCEL_REASON=NO_CORE_INSTANCE | -
        Park(nowhere) | on | | no parking lot 'nowhere'
        ParkedCall(nowhere,701) | ends | | no parking lot 'nowhere'
        ParkAndAnnounce() | ends | | requires an announcement and whom to call
        AgentLogin() | ends | | requires an AgentId
        AgentLogin(9) | on | AGENT_STATUS=INVALID | -
        AgentRequest() | ends | | requires an AgentId
        AgentRequest(9) | on | AGENT_STATUS=INVALID | -
        SLAStation() | on | SLASTATION_STATUS=FAILURE | requires an argument (station)
        SLATrunk(none) | on | SLATRUNK_STATUS=FAILURE | there is no trunk 'none'
    """,
    "sounds": """
        Playback() | ends | | requires an argument (filename)
        Playback(nosuch) | on | PLAYBACKSTATUS=FAILED | File nosuch does not exist
        BackGround() | ends | | requires an argument (filename)
        BackGround(nosuch) | on | BACKGROUNDSTATUS=FAILED | File nosuch does not exist
        BackgroundDetect() | ends | | requires an argument (filename)
        BackgroundDetect(nosuch) | on | | File nosuch does not exist
        ControlPlayback() | ends | | requires an argument (filename)
        ControlPlayback(nosuch) | on | CPLAYBACKSTATUS=ERROR CPLAYBACKOFFSET=-1 | File nosuch does not exist
        Record() | ends | RECORD_STATUS=ERROR | requires an argument (filename.format)
        Record(foo.nosuch,,,q) | on | RECORD_STATUS=ERROR | no such file format: nosuch
        MixMonitor() | ends | | requires an argument (filename
        MixMonitor(noextension) | on | | 'noextension' has no extension
        StopMixMonitor(0x99) | on | | has no MixMonitor '0x99'
        MusicOnHold(nosuch,1) | on | | (class 'nosuch')
        StartMusicOnHold(nosuch) | on | | class 'nosuch'
        StopMusicOnHold() | on | | -
        PlayTones() | on | | requires an argument
        PlayTones(nonsense) | on | | 'nonsense' is no tone
        StopPlayTones() | on | | -
        Morsecode() | on | | no argument found
        MP3Player() | ends | | requires an argument (filename)
        Festival() | ends | | requires an argument (text)
        StreamEcho(x) | ends | | 'x' is no number of streams
        SayAlpha() | on | | -
        SayPhonetic() | on | | -
        SayDigits(x) | on | | -
        SayNumber() | ends | | requires an argument (number)
        SayNumber(x) | on | | not a number: 'x'
        SayNumber(5,x) | ends | | 'x' is no gender
        SayNumber(5,) | ends | | File digits/5 does not exist
        SayOrdinal(5,female) | ends | | 'female' is no gender
        SayOrdinal() | ends | | requires an argument (number)
        SayOrdinal(x) | on | | not a number: 'x'
        SayMoney(x) | on | | not an amount: 'x'
        SayAlphaCase(z,abc) | ends | | requires two arguments
        SayCountedNoun() | ends | | need a number and a sound
        SayCountedAdj(x) | ends | | need a number and a sound
        Directory(,,c(nofile.conf)) | on | DIRECTORY_RESULT=FAILED | there is no nofile.conf
        ExternalIVR() | ends | | requires an argument (command)
    """,
    "waiting and reading": """
        Wait(x) | on | | -
        WaitForRing() | on | | needs a time in seconds
        WaitForRing(x) | on | | needs a time in seconds
        WaitDigit(x) | on | WAITDIGITSTATUS=ERROR | 'x' is no time to wait
        WaitUntil() | on | WAITUNTILSTATUS=FAILURE | needs a time
        WaitForCondition() | on | WAITFORCONDITIONSTATUS=FAILURE | needs a replacement character
        WaitForTone() | ends | WAITFORTONESTATUS=ERROR | '' is no tone
        ToneScan(zz,1) | on | TONESCANSTATUS=TIMEOUT | no tone zone 'zz'
        Read() | on | READSTATUS=ERROR | needs a variable
        Read(X,nosuchfile,1,,1,1) | on | READSTATUS=ERROR X= | File nosuchfile does not exist
        ReadExten() | on | READEXTENSTATUS=ERROR | needs a variable
        ReceiveText(x) | on | RECEIVETEXTSTATUS=FAILURE | -
        SendText() | on | SENDTEXTSTATUS=FAILURE | nothing to send
        SendDTMF() | on | | needs digits
        SendDTMF(x) | on | | 'x' is no digit
        SendMF(x) | on | | 'x' is no digit
        SendSF(x) | on | | 'x' is no digit
        ReceiveMF() | on | RECEIVEMFSTATUS=ERROR | requires an argument (variable)
        ReceiveSF() | on | RECEIVESFSTATUS=ERROR | requires an argument (variable)
        Authenticate() | ends | | needs a password
        DISA() | ends | | needs a passcode
        StoreDTMF() | ends | | requires TX or RX
        Answer(x) | on | | 'x' is no delay
        Zapateller(x) | on | ZAPATELLERSTATUS=ZAPPED | has no option 'x'
        AMD(x,,,100) | on | AMDSTATUS=NOTSURE | 'x' is no initial_silence
        TestClient() | ends | | requires a number as testid
        SpeechCreate(none) | on | ERROR=1 | no speech engine 'none'
        SpeechStart() | ends | | SpeechCreate() has not been run
        SpeechBackground(x) | ends | | SpeechCreate() has not been run
    """,
    "mailboxes and messages": """
        VoiceMail() | on | VMSTATUS=FAILED | requires an argument (mailbox)
        VoiceMail(9) | on | VMSTATUS=FAILED | No entry in voicemail config file for '9'
        MessageSend() | on | MESSAGE_SEND_STATUS=INVALID_URI | requires a destination
        MessageSend(nowhere) | on | MESSAGE_SEND_STATUS=INVALID_URI | -
        MessageSend(none:x) | on | MESSAGE_SEND_STATUS=INVALID_PROTOCOL | -
        SMS() | ends | | requires an argument
        MinivmAccMess() | on | MVM_ACCMESS_STATUS=FAILED | needs username@domain
        MinivmDelete() | on | MVM_DELETE_STATUS=FAILED | needs a file name
        MinivmGreet() | on | MVM_GREET_STATUS=FAILED | needs username@domain
        MinivmMWI() | on | | needs username@domain
        MinivmNotify() | on | MVM_NOTIFY_STATUS=FAILED | needs username@domain
        MinivmRecord() | on | MVM_RECORD_STATUS=FAILED | needs username@domain
    """,
    "logs and programs": """
        Verbose(x,y) | on | | 'x' is no verbose level
        Log(NOTICE) | on | | -
        UserEvent() | ends | | needs the name of an event
        CELGenUserEvent() | on | | needs the name of an event
        QueueLog() | ends | | needs a queue
        ForkCDR(z) | on | | unknown option 'z'
        ResetCDR(z) | on | | unknown option 'z'
        StatsD() | ends | | a metric type, a name and a value are needed
        StatsD(q,x,1) | on | | 'q' is none of
        System() | on | SYSTEMSTATUS=FAILURE | needs a command
        TrySystem() | on | SYSTEMSTATUS=FAILURE | needs a command
        Reload(nosuch) | on | RELOADSTATUS=FAILURE | module nosuch is not loaded
        AGI() | ends | | requires an argument (script)
        AGI(/no/such) | on | AGISTATUS=NOTFOUND | no AGI script /no/such
        EAGI(/no/such) | on | AGISTATUS=NOTFOUND | no AGI script /no/such
        DBdeltree() | on | | needs family
        ODBCFinish(9) | on | | -
        ODBC_Commit(9) | on | COMMIT_RESULT=NO_TRANSACTION | no transaction '9'
        ODBC_Rollback(9) | on | ROLLBACK_RESULT=NO_TRANSACTION | no transaction '9'
        Set(X) | on | | needs name=value
        MSet() | on | | needs name=value
        ClearHash() | on | | -
        HangupCauseClear() | on | | -
    """,
    "the dialplan": """
        Goto() | ends | | needs [[context,]exten,]priority
        GotoIf() | on | | needs a condition
        GotoIfTime() | on | | needs a time condition
        Gosub() | ends | | needs [[context,]extension,]priority
        Gosub(nowhere,s,1) | ends | | no nowhere,s,1 to Gosub to
        GosubIf() | on | | needs condition?place:place
        Return() | ends | | the stack is empty
        StackPop() | on | | StackPop on an empty stack
        ExitWhile() | on | | outside of a loop
        ExitIf() | on | | outside of a branch
        Else() | on | | no EndIf for the Else
        Exec(nosuch()) | ends | | no application 'nosuch'
        TryExec(nosuch()) | on | TRYSTATUS=NOAPP | no application 'nosuch'
        ExecIf() | ends | | needs expression?application
        ExecIf(1?nosuch:) | ends | | no application 'nosuch'
        ExecIfTime() | ends | | needs times?application
        ExecIfTime(x?NoOp) | on | | 'x' is not a time range
        RaiseException() | ends | | no extension e in context
        Hangup(x) | ends | | 'x' is no hangup cause
    """,
}


def cases(family: str) -> list[tuple[str, str, str, str]]:
    """The lines of a family: step, how it goes on, variables, what is told."""
    found = []
    for line in FAMILIES[family].strip().splitlines():
        step, course, variables, told = (part.strip() for part in line.split(" |"))
        found.append((step, course, variables, told))
    return found


async def run(world: World, extension: str) -> tuple[str, dict[str, str], list[str]]:
    """Call an extension: how it went on, the variables that were set, what was told."""
    world.warnings.clear()
    call = world.tech.phones["alice"].dials(extension)
    name = call.channel.name
    for _ in range(200):
        if call.channel.is_hung_up:
            break
        await asyncio.sleep(0.1)
    assert call.channel.is_hung_up, f"{extension} does not end"
    went_on = any(kind == "UserEvent" and who == name for kind, who, _ in world.notes)
    return "on" if went_on else "ends", dict(world.varset(call.channel)), list(world.warnings)


@pytest.mark.parametrize("family", FAMILIES)
async def test_bad_input_is_told_and_the_call_goes_on_where_it_may(family: str) -> None:
    steps = cases(family)
    lines = [f"exten => {1000 + index},1,{step}\nsame => n,UserEvent(after)\n" for index, (step, *_) in enumerate(steps)]
    async with await World.start("[default]\n" + "".join(lines), files=FILES) as world:
        world.phone("alice", "100", "Alice")
        for index, (step, course, variables, told) in enumerate(steps):
            went_on, values, warnings = await run(world, str(1000 + index))
            expected = dict(part.split("=", 1) for part in variables.split())
            assert (step, went_on) == (step, course)
            assert (step, {name: values.get(name) for name in expected}) == (step, expected)
            if told == "-":
                assert (step, warnings) == (step, [])
            else:
                assert any(told in text for text in warnings), (step, warnings)
        await world.end_calls()
