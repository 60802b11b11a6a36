"""A server without any sound package: what plays prompts tells which files are missing, and none hangs.

As recorded of Asterisk, what says numbers, amounts and times ends the call's dialplan at the first file that is missing
(``SayMoney`` without ``dollars``), and what spells goes on without it (``SayAlphaCase`` without ``uppercase``);
``PrivacyManager`` and ``Authenticate`` have failed then. All others go on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.system import System
from tests.support.phone import Phone, media_system
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

MODULES = (
    "app_authenticate app_amd app_chanspy app_dictate app_dial app_directory app_disa app_followme app_minivm app_privacy "
    "app_read app_readexten app_saycounted app_talkdetect app_test app_agent_pool app_waitforsilence bridge_simple bridge_holding"
).split()
FILES = {
    "voicemail.conf": "[default]\n100 => 1234,Alice Example\n101 => 1234,Bob Example\n",
    "agents.conf": "[7]\nfullname=Seven\n",
    "followme.conf": "[100]\nnumber => 200,5\n",
    "minivm.conf": "[general]\n[template-x]\n",
}


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with media_system(tmp_path, modules=MODULES, files=FILES) as system:
        yield system


#: the application, the sounds that are missed among others, and what the caller dials
CASES = [
    ("SayDigits(121)", {"digits/1", "digits/2"}, ""),
    ("SayNumber(1234)", {"digits/1"}, ""),
    ("SayNumber(-7)", {"digits/minus"}, ""),
    ("SayOrdinal(3)", {"digits/h-3"}, ""),
    ("SayMoney(1.25)", {"digits/1"}, ""),
    ("SayAlpha(ab1)", {"letters/a", "letters/b", "digits/1"}, ""),
    ("SayAlphaCase(a,aB)", {"letters/a"}, ""),
    ("SayPhonetic(xy)", {"phonetic/x_p"}, ""),
    ("SayUnixTime(1709650845,UTC,ABdYIMp)", {"digits/day-2"}, ""),
    ("DateTime(1709650845,UTC,A)", {"digits/day-2"}, ""),
    ("SayCountedNoun(2,call)", {"calls"}, ""),
    ("SayCountedAdj(2,new)", {"new"}, ""),
    ("Playback(one&two)", {"one", "two"}, ""),
    ("Background(one)", {"one"}, ""),
    ("BackgroundDetect(one)", {"one"}, ""),
    ("ControlPlayback(one)", {"one"}, ""),
    ("Read(X,one,1,,1,1)", {"one"}, ""),
    ("ReadExten(X,one,,,1)", {"one"}, ""),
    ("Record(/tmp/none.wav,1,1)", {"beep"}, ""),
    ("Authenticate(12)", {"agent-pass", "vm-goodbye"}, "12#"),
    ("VoiceMail(100,u)", {"vm-intro", "beep"}, "#"),
    ("VoiceMailMain(100)", {"vm-password"}, "1234#"),
    ("PrivacyManager(1,3)", {"privacy-unident"}, "123#"),
    ("Directory(default)", {"dir-welcome", "dir-pls-enter"}, ""),
    ("Dictate()", {"dictate/enter_filename"}, ""),
    ("DISA(no-password,default)", set(), ""),
    ("ChanSpy(Nobody,Sw)", set(), ""),
    ("MinivmGreet(100@example.com,b)", set(), ""),
    ("FollowMe(100)", set(), ""),
    ("AgentLogin(7)", set(), "#"),
    ("AMD()", set(), ""),
    ("TestServer()", set(), ""),
]
#: what spells, and tells of what is missing by notices
SPELLS = {"SayDigits", "SayAlpha", "SayAlphaCase", "SayPhonetic"}
SAYS = {step.partition("(")[0] for step, _, _ in CASES if step.startswith(("Say", "DateTime"))} - SPELLS
#: what hangs up after all of its attempts, or may go on for ever, as it should
ENDS = {"Authenticate", "VoiceMailMain", "TestServer", "AgentLogin", "DISA", "Dictate", "Directory"}


@pytest.mark.parametrize(("step", "missing", "dialled"), CASES, ids=[step for step, _, _ in CASES])
async def test_what_is_missing_is_told_and_the_call_goes_on(system: System, step: str, missing: set[str], dialled: str) -> None:
    dialplan = f"[default]\nexten => s,1,Answer()\nsame => n,{step}\nsame => n,NoOp(on)\n"
    with LogCapture() as log:
        phone = Phone(system).start(dialplan)
        phone.meanwhile(phone.keep_silent())

        async def dial() -> None:
            await phone.after(2)
            await phone.press(dialled)
            await phone.after(300)
            phone.hang_up()

        phone.meanwhile(dial())
        await phone.end()
    application = step.partition("(")[0]
    level = Level.NOTICE if application in SPELLS else Level.WARNING
    told = [text for text in log.texts(level) if "does not exist in any format" in text]
    names = [text.partition("File ")[2].split()[0] for text in told]
    assert missing <= set(names), log.texts(level)
    assert not log.texts(Level.ERROR)
    assert not phone.prompts
    assert phone.clock < 300 or application in ENDS, "it does not hang"
    if application in SAYS and missing:
        assert phone.steps[-1] == step
        assert len(told) == 1
        assert phone.clock < 30
    elif application not in ENDS:
        assert phone.steps[-1] == "NoOp(on)"
