"""Commands of speech recognition."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.agi import AgiDialogue, agi_command
from globstar.core.numbers import leading_integer
from globstar.core.speech import (
    Heard,
    Listener,
    Listening,
    Speech,
    SpeechFault,
    attach_speech,
    destroy_speech,
    find_engine,
    speech_of,
)  # fmt: skip

logger = Logger("res_agi")

DONE = "200 result=1"
#: Asterisk's answer where a channel has no speech object, and where something fails.
NOT_DONE = "200 result=0"


def _answer(is_done: bool) -> str:
    return DONE if is_done else NOT_DONE


@agi_command("SPEECH CREATE", syntax="<engine>", least=1, most=1, runs_dead=False)
def speech_create(agi: AgiDialogue, words: list[str]) -> str:
    """Prepare the recognition of speech.

    The result is 1, or 0 if there is no such engine or the channel has one already.
    """
    engine = find_engine(agi.system, words[0])
    if engine is None or speech_of(agi.channel) is not None:
        return NOT_DONE
    attach_speech(agi.channel, engine)
    return DONE


@agi_command("SPEECH SET", syntax="<name> <value>", least=2, most=2, runs_dead=False)
def speech_set(agi: AgiDialogue, words: list[str]) -> str:
    """Change a setting of the engine.

    The result is 1, or 0 where SPEECH CREATE was not successful.
    """
    speech = speech_of(agi.channel)
    if speech is None:
        return NOT_DONE
    speech.settings[words[0]] = words[1]
    return DONE


@agi_command("SPEECH DESTROY", most=0)
def speech_destroy(agi: AgiDialogue, words: list[str]) -> str:
    """Give up the recognition of speech.

    The result is 1, or 0 where SPEECH CREATE was not successful.
    """
    return _answer(destroy_speech(agi.channel))


@agi_command("SPEECH LOAD GRAMMAR", syntax="<grammar name> <path to grammar>", least=2, most=2, runs_dead=False)
async def speech_load_grammar(agi: AgiDialogue, words: list[str]) -> str:
    """Load a grammar.

    The result is 1, or 0 where it cannot be read or SPEECH CREATE was not successful.
    """
    speech = speech_of(agi.channel)
    if speech is None:
        return NOT_DONE
    try:
        await speech.load_grammar(agi.channel, words[0], words[1])
    except SpeechFault as fault:
        logger.warning(f"SPEECH LOAD GRAMMAR on {agi.channel.name}: {fault}")
        return NOT_DONE
    return DONE


@agi_command("SPEECH UNLOAD GRAMMAR", syntax="<grammar name>", least=1, most=1)
def speech_unload_grammar(agi: AgiDialogue, words: list[str]) -> str:
    """Forget a grammar.

    The result is 1, or 0 where there is none of that name or SPEECH CREATE was not successful.
    """
    speech = speech_of(agi.channel)
    return _answer(speech is not None and speech.unload_grammar(words[0]))


@agi_command("SPEECH ACTIVATE GRAMMAR", syntax="<grammar name>", least=1, most=1, runs_dead=False)
def speech_activate_grammar(agi: AgiDialogue, words: list[str]) -> str:
    """Listen for what a grammar describes.

    The result is 1, or 0 where there is none of that name or SPEECH CREATE was not successful.
    """
    speech = speech_of(agi.channel)
    return _answer(speech is not None and speech.activate_grammar(words[0]))


@agi_command("SPEECH DEACTIVATE GRAMMAR", syntax="<grammar name>", least=1, most=1, runs_dead=False)
def speech_deactivate_grammar(agi: AgiDialogue, words: list[str]) -> str:
    """Listen for what a grammar describes no longer.

    The result is 1, or 0 where it is not active or SPEECH CREATE was not successful.
    """
    speech = speech_of(agi.channel)
    return _answer(speech is not None and speech.deactivate_grammar(words[0]))


@agi_command("SPEECH RECOGNIZE", syntax="<prompt> <timeout> [<offset>]", least=2, most=3, runs_dead=False)
async def speech_recognize(agi: AgiDialogue, words: list[str]) -> str:
    """Play a prompt and recognise what is said or dialled.

    ``timeout`` is in ms from the end of the prompt (0 or -1: none), ``offset`` the sample of the prompt to begin with. The
    result is 1 with the results, the digit, or that the time ran out; 0 where SPEECH CREATE was not successful or the engine
    fails.
    """
    speech = speech_of(agi.channel)
    if speech is None:
        return NOT_DONE
    milliseconds = leading_integer(words[1])
    listening = Listening(
        sounds=[words[0]] if words[0] else [],
        timeout=max(milliseconds, 0) / 1000,
        terminator="",
        digits_limit=1,
        offset=max(leading_integer(words[2]), 0) if len(words) > 2 else 0,
    )
    listener = Listener(agi.channel, speech, listening)
    try:
        heard = await listener.listen()
    except SpeechFault as fault:
        logger.warning(f"SPEECH RECOGNIZE on {agi.channel.name}: {fault}")
        return NOT_DONE
    if heard is Heard.SPEECH:
        return f"200 result=1 (speech) endpos={listener.position} results={len(speech.results)}{_results(speech)}"
    if heard is Heard.DIGITS:
        return f"200 result=1 (digit) digit={speech.results[0].text} endpos={listener.position}"
    return f"200 result=1 ({heard.value}) endpos={listener.position}"


def _results(speech: Speech) -> str:
    parts = []
    for number, result in enumerate(speech.results):
        text = result.text.replace('"', "'")
        parts.append(f' score{number}={result.score} text{number}="{text}" grammar{number}={result.grammar}')
    return "".join(parts)
