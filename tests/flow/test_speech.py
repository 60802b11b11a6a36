"""Speech recognition by dialplan and AGI, with an engine that understands what the test says; and pocketsphinx itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.speech import ResultsType, SpeechEngines, SpeechFault, SpeechResult
from globstar.core.system import System
from globstar.modules.res.agi import apps
from tests.support.agi import ScriptInside
from tests.support.phone import Phone, media_system, noise, sound
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

MODULES = "res_speech app_speech_utils res_agi func_strings".split()
QUESTION = noise(2.0, 51)
SAID = noise(1.0, 52, 6000)


class Engine:
    """Understands what it is told to; counts what it is given."""

    name = "Fake"
    sample_rate = 8000

    def __init__(self) -> None:
        self.results: list[SpeechResult] = [SpeechResult("yes please", 870, "answers"), SpeechResult("yeast", 310, "answers")]
        self.fault = ""
        self.slow = 0.0
        self.heard: list[tuple[int, dict[str, str], dict[str, str], ResultsType]] = []

    def check_grammar(self, path: str) -> None:
        if "missing" in path:
            raise SpeechFault(f"no such file {path}")

    def recognise(
        self, audio: bytes, grammars: Mapping[str, str], settings: Mapping[str, str], kind: ResultsType
    ) -> Sequence[SpeechResult]:
        self.heard.append((len(audio) // 16, dict(grammars), dict(settings), kind))
        time.sleep(self.slow)  # an engine that takes its time, in a thread of its own
        if self.fault:
            raise SpeechFault(self.fault)
        return self.results


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sounds = tmp_path / "data" / "sounds" / "en"
    sound(sounds, "question", QUESTION)
    sound(sounds, "more", noise(1.0, 53))
    sound(sounds, "thinking", noise(0.1, 54))
    async with media_system(tmp_path, modules=MODULES) as system:
        yield system


@pytest.fixture
def engine(system: System) -> Engine:
    engine = Engine()
    system.services["speech engines"].register(engine)
    return engine


PREPARED = (
    "[default]\nexten => s,1,SpeechCreate(fake)\nsame => n,SpeechLoadGrammar(answers,/grammars/answers)\n"
    "same => n,SpeechActivateGrammar(answers)\n"
)
RESULTS = (
    "same => n,Set(N=${SPEECH(results)})\nsame => n,Set(SPOKE=${SPEECH(spoke)})\nsame => n,Set(TEXT=${SPEECH_TEXT(0)})\n"
    "same => n,Set(SCORE=${SPEECH_SCORE(0)})\nsame => n,Set(GRAMMAR=${SPEECH_GRAMMAR(0)})\n"
    "same => n,Set(SECOND=${SPEECH_TEXT(1)})\n"
)


def results(phone: Phone) -> list[str]:
    return [phone.variables.get(name, "") for name in ("N", "SPOKE", "TEXT", "SCORE", "GRAMMAR")]


async def say(phone: Phone, after: float = 0.5) -> None:
    await phone.after(after)
    await phone.speak(SAID)
    await phone.keep_silent()


async def test_a_question_is_answered_while_it_is_asked(system: System, engine: Engine) -> None:
    phone = Phone(system)
    phone.start(PREPARED + "same => n,SpeechBackground(question&more,5)\n" + RESULTS)
    phone.meanwhile(say(phone))
    await phone.end()
    assert results(phone) == ["2", "1", "yes please", "870", "answers"]
    assert phone.variables["SECOND"] == "yeast"
    assert phone.variables["ERROR"] == ""
    assert phone.answered_at is not None
    assert phone.prompts == ["question"]  # the rest is not played
    assert len(phone.voice) * 20 < 900  # it stopped when the caller had begun
    length, grammars, _, kind = engine.heard[0]
    assert 1000 <= length < 2200
    assert grammars == {"answers": "/grammars/answers"}
    assert kind is ResultsType.NORMAL


async def test_the_time_begins_after_the_sound(system: System, engine: Engine) -> None:
    phone = await Phone(system).run(PREPARED + "same => n,SpeechBackground(question,3)\n" + RESULTS)
    assert results(phone) == ["0", "0", "", "", ""]
    assert phone.hung_up_at == pytest.approx(5.5, abs=0.1)  # half a second for the caller's media
    assert engine.heard == []


async def test_digits_stand_for_words(system: System, engine: Engine) -> None:
    phone = Phone(system)
    phone.start(PREPARED + "same => n,SpeechBackground(question,5)\n" + RESULTS)
    phone.meanwhile(phone.press("12#"))
    await phone.end()
    assert results(phone) == ["1", "0", "12", "1000", "dtmf"]
    assert engine.heard == []


@pytest.mark.parametrize(
    ("variables", "pressed", "understood"),
    [
        ("SPEECH_DTMF_MAXLEN=2", "123", "12"),
        ("SPEECH_DTMF_TERMINATOR=*", "1#2*", "1#2"),
        ("SPEECH_DTMF_MAXLEN=x", "45", "45"),  # the time runs out
    ],
)
async def test_digits_end_as_they_are_told_to(
    system: System, engine: Engine, variables: str, pressed: str, understood: str
) -> None:
    phone = Phone(system)
    phone.start(PREPARED + f"same => n,Set({variables})\nsame => n,SpeechBackground(question,2)\n" + RESULTS)
    phone.meanwhile(phone.press(pressed))
    await phone.end()
    assert phone.variables["TEXT"] == understood


async def test_the_processing_sound_is_heard_while_the_engine_thinks(system: System, engine: Engine) -> None:
    engine.slow = 0.2
    phone = Phone(system)
    phone.start(PREPARED + "same => n,SpeechProcessingSound(thinking)\nsame => n,SpeechBackground(question,5)\n" + RESULTS)
    phone.meanwhile(say(phone))
    await phone.end()
    assert phone.prompts.count("thinking") >= 1
    assert phone.variables["TEXT"] == "yes please"


async def test_what_was_said_until_the_time_is_over_can_be_had(system: System, engine: Engine) -> None:
    for options, understood in (("p", "yes please"), ("", "")):
        phone = Phone(system, name=f"Phone/{options}")
        phone.start(PREPARED + f"same => n,SpeechBackground(,1,{options})\n" + RESULTS)
        phone.meanwhile(phone.speak(noise(9.0, 55, 6000)))
        await phone.end()
        assert phone.variables["TEXT"] == understood


async def test_option_n_does_not_answer(system: System, engine: Engine) -> None:
    phone = await Phone(system).run(PREPARED + "same => n,SpeechBackground(question,1,n)\n")
    assert phone.answered_at is None


async def test_grammars_settings_and_kinds_of_results(system: System, engine: Engine) -> None:
    engine.results = [SpeechResult("a", 900, "one", 0), SpeechResult("b", 800, "one", 1)]
    phone = Phone(system)
    phone.start(
        PREPARED + "same => n,SpeechLoadGrammar(other,/grammars/other)\nsame => n,SpeechDeactivateGrammar(answers)\n"
        "same => n,SpeechActivateGrammar(other)\nsame => n,Set(SPEECH_ENGINE(beam)=7)\n"
        "same => n,Set(BEAM=${SPEECH_ENGINE(beam)})\n"
        "same => n,Set(SPEECH_RESULTS_TYPE()=nbest)\nsame => n,SpeechStart()\nsame => n,SpeechBackground(question,5)\n"
        "same => n,Set(FIRST=${SPEECH_TEXT(0/0)})\nsame => n,Set(OTHER=${SPEECH_TEXT(1/0)})\n"
        "same => n,Set(NONE=${SPEECH_TEXT(2/0)})\n"
        "same => n,SpeechUnloadGrammar(other)\nsame => n,SpeechDestroy()\nsame => n,Set(STATUS=${SPEECH(status)})\n"
    )  # fmt: skip
    phone.meanwhile(say(phone))
    await phone.end()
    assert engine.heard[0][1:] == ({"other": "/grammars/other"}, {"beam": "7"}, ResultsType.NBEST)
    assert [phone.variables[name] for name in ("BEAM", "FIRST", "OTHER", "NONE", "STATUS")] == ["7", "a", "b", "", "0"]


@pytest.mark.parametrize(
    "step",
    [
        "SpeechLoadGrammar(x,/missing)", "SpeechLoadGrammar(x)", "SpeechUnloadGrammar(x)", "SpeechActivateGrammar(x)",
        "SpeechDeactivateGrammar(answers2)",
    ],
)  # fmt: skip
async def test_what_fails_ends_the_call_and_tryexec_keeps_it(system: System, engine: Engine, step: str) -> None:
    with LogCapture() as log:
        phone = await Phone(system).run(PREPARED + f"same => n,{step}\nsame => n,Set(AFTER=1)\n")
    assert "AFTER" not in phone.variables
    assert len(log.texts(Level.WARNING)) == 1


@pytest.mark.parametrize(
    "step",
    [
        "SpeechLoadGrammar(x,/y)", "SpeechUnloadGrammar(x)", "SpeechActivateGrammar(x)", "SpeechDeactivateGrammar(x)",
        "SpeechStart()",
        "SpeechBackground(question)", "SpeechProcessingSound(x)", "SpeechDestroy()",
    ],
)  # fmt: skip
async def test_without_speech_create_the_call_ends(system: System, engine: Engine, step: str) -> None:
    with LogCapture() as log:
        phone = await Phone(system).run(f"[default]\nexten => s,1,{step}\nsame => n,Set(AFTER=1)\n")
    assert "AFTER" not in phone.variables
    assert log.texts(Level.WARNING) == [f"{step.partition('(')[0]} on Phone/1: SpeechCreate() has not been run"]


async def test_an_unknown_engine_sets_error(system: System) -> None:
    with LogCapture() as log:
        phone = await Phone(system).run("[default]\nexten => s,1,SpeechCreate(none)\nsame => n,Set(STATUS=${SPEECH(status)})\n")
    assert (phone.variables["ERROR"], phone.variables["STATUS"]) == ("1", "0")
    assert len(log.texts(Level.WARNING)) == 1


async def test_an_engine_that_fails_ends_the_call(system: System, engine: Engine) -> None:
    engine.fault = "out of memory"
    phone = Phone(system)
    with LogCapture() as log:
        phone.start(PREPARED + "same => n,SpeechBackground(question,5)\nsame => n,Set(AFTER=1)\n")
        phone.meanwhile(say(phone))
        await phone.end()
    assert "AFTER" not in phone.variables
    assert any("out of memory" in text for text in log.texts(Level.WARNING))


async def test_a_caller_who_hangs_up_is_not_recognised(system: System, engine: Engine) -> None:
    phone = Phone(system)
    phone.start(PREPARED + "same => n,SpeechBackground(question,5)\nsame => n,Set(AFTER=1)\n")
    await phone.after(0.5)
    phone.hang_up()
    await phone.end()
    assert "AFTER" not in phone.variables
    assert engine.heard == []


async def test_names_of_engines_are_taken_once(system: System, engine: Engine) -> None:
    engines: SpeechEngines = system.services["speech engines"]
    with pytest.raises(ValueError, match="Fake"):
        engines.register(Engine())
    engines.unregister(engine)
    assert engines.find("") is None


# -- AGI -----------------------------------------------------------------------------------------------------------------


async def agi(system: System, monkeypatch: pytest.MonkeyPatch, *requests: str, speaks: bool = False, keys: str = "") -> list[str]:
    inside = ScriptInside(list(requests))

    async def start(*_: Any, **__: Any) -> ScriptInside:
        return inside

    monkeypatch.setattr(apps, "start_local", start)
    phone = Phone(system)
    phone.start("[default]\nexten => s,1,Answer()\nsame => n,AGI(it)\n")
    if speaks:
        phone.meanwhile(say(phone))
    if keys:

        async def press() -> None:
            await phone.after(1.0)
            await phone.press(keys)

        phone.meanwhile(press())
    await phone.end()
    return [line for _, lines in inside.transcript for line in lines]


async def test_agi_recognises(system: System, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = await agi(
        system, monkeypatch, "SPEECH CREATE fake", "SPEECH LOAD GRAMMAR a /g/a", "SPEECH ACTIVATE GRAMMAR a",
        "SPEECH SET beam 3", "SPEECH RECOGNIZE question 5000", "SPEECH DEACTIVATE GRAMMAR a", "SPEECH UNLOAD GRAMMAR a",
        "SPEECH DESTROY",
        speaks=True,
    )  # fmt: skip
    recognised = answers.pop(4)
    assert answers == ["200 result=1"] * 7
    assert recognised.startswith("200 result=1 (speech) endpos=")
    assert recognised.endswith(
        'results=2 score0=870 text0="yes please" grammar0=answers score1=310 text1="yeast" grammar1=answers'
    )
    assert engine.heard[0][1:3] == ({"a": "/g/a"}, {"beam": "3"})


async def test_agi_hears_digits_and_the_end_of_the_time(system: System, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = await agi(system, monkeypatch, "SPEECH CREATE fake", "SPEECH RECOGNIZE question 1000", keys="5")
    assert answers[1].startswith("200 result=1 (digit) digit=5 endpos=")
    answers = await agi(system, monkeypatch, "SPEECH CREATE fake", "SPEECH RECOGNIZE question 1000 8000")
    assert answers[1] == "200 result=1 (timeout) endpos=16000"


async def test_agi_without_an_engine(system: System, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = await agi(
        system, monkeypatch, "SPEECH CREATE none", "SPEECH SET a b", "SPEECH LOAD GRAMMAR a /b", "SPEECH RECOGNIZE question 1",
        "SPEECH CREATE fake", "SPEECH CREATE fake", "SPEECH LOAD GRAMMAR a /missing", "SPEECH ACTIVATE GRAMMAR a",
    )  # fmt: skip
    assert answers == ["200 result=0"] * 4 + ["200 result=1"] + ["200 result=0"] * 3


# -- pocketsphinx --------------------------------------------------------------------------------------------------------


async def test_pocketsphinx_understands_a_recorded_prompt(tmp_path: Path) -> None:
    """A voice that espeak-ng makes, by a grammar; what is no grammar is refused."""
    pytest.importorskip("pocketsphinx")
    from globstar.media.prompts import resampled, synthesise

    rate, samples = synthesise("sales", "en")
    voice = np.asarray(resampled(samples, rate, 8000), dtype=np.int16)
    grammar = tmp_path / "departments.gram"
    grammar.write_text("#JSGF V1.0;\ngrammar departments;\npublic <department> = sales | support | accounting;\n")
    bad = tmp_path / "bad.gram"
    bad.write_text("this is not a grammar")
    async with media_system(tmp_path, modules=[*MODULES, "app_exec", "res_speech_pocketsphinx"]) as system:
        phone = Phone(system)
        phone.start(
            f"[default]\nexten => s,1,SpeechCreate(pocketsphinx)\nsame => n,TryExec(SpeechLoadGrammar(bad,{bad}))\n"
            f"same => n,Set(TRIED=${{TRYSTATUS}})\nsame => n,SpeechLoadGrammar(departments,{grammar})\n"
            "same => n,SpeechActivateGrammar(departments)\nsame => n,SpeechBackground(,5)\n" + RESULTS
        )

        async def answer() -> None:
            await phone.after(0.5)
            await phone.speak(voice)
            await phone.keep_silent()

        phone.meanwhile(answer())
        await asyncio.wait_for(phone.end(), 3600)
    assert results(phone) == ["1", "1", "sales", "1000", "departments"]
    assert phone.variables["TRIED"] == "FAILED"
