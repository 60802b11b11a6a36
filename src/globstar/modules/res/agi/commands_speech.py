"""Commands of speech recognition. There is no engine, so nothing can be made, and what needs one says 0."""

from __future__ import annotations

from globstar.core.agi import AgiDialogue, agi_command

#: Asterisk's answer where a channel has no speech object.
NOT_AVAILABLE = "200 result=0"


@agi_command("SPEECH CREATE", syntax="<engine>", least=1, most=1, runs_dead=False)
def speech_create(agi: AgiDialogue, words: list[str]) -> str:
    """Prepare the recognition of speech.

    The result is 1, or 0 if there is no such engine.
    """
    return NOT_AVAILABLE


@agi_command("SPEECH SET", syntax="<name> <value>", least=2, most=2, runs_dead=False)
def speech_set(agi: AgiDialogue, words: list[str]) -> str:
    """Change a setting of the engine.

    The result is 1, or 0 where SPEECH CREATE was not successful.
    """
    return NOT_AVAILABLE


@agi_command("SPEECH DESTROY", most=0)
def speech_destroy(agi: AgiDialogue, words: list[str]) -> str:
    """Give up the recognition of speech.

    The result is 1, or 0 where SPEECH CREATE was not successful.
    """
    return NOT_AVAILABLE


@agi_command("SPEECH LOAD GRAMMAR", syntax="<grammar name> <path to grammar>", least=2, most=2, runs_dead=False)
def speech_load_grammar(agi: AgiDialogue, words: list[str]) -> str:
    """Load a grammar.

    The result is 1, or 0 where SPEECH CREATE was not successful.
    """
    return NOT_AVAILABLE


@agi_command("SPEECH UNLOAD GRAMMAR", syntax="<grammar name>", least=1, most=1)
def speech_unload_grammar(agi: AgiDialogue, words: list[str]) -> str:
    """Forget a grammar.

    The result is 1, or 0 where SPEECH CREATE was not successful.
    """
    return NOT_AVAILABLE


@agi_command("SPEECH ACTIVATE GRAMMAR", syntax="<grammar name>", least=1, most=1, runs_dead=False)
def speech_activate_grammar(agi: AgiDialogue, words: list[str]) -> str:
    """Listen for what a grammar describes.

    The result is 1, or 0 where SPEECH CREATE was not successful.
    """
    return NOT_AVAILABLE


@agi_command("SPEECH DEACTIVATE GRAMMAR", syntax="<grammar name>", least=1, most=1, runs_dead=False)
def speech_deactivate_grammar(agi: AgiDialogue, words: list[str]) -> str:
    """Listen for what a grammar describes no longer.

    The result is 1, or 0 where SPEECH CREATE was not successful.
    """
    return NOT_AVAILABLE


@agi_command("SPEECH RECOGNIZE", syntax="<prompt> <timeout> [<offset>]", least=2, most=3, runs_dead=False)
def speech_recognize(agi: AgiDialogue, words: list[str]) -> str:
    """Play a prompt and recognise what is said.

    The result is 1 with what was recognised, or 0 where SPEECH CREATE was not successful.
    """
    return NOT_AVAILABLE
