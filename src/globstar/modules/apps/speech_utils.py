"""Dialplan Speech Applications."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelState
from globstar.core.functions import FunctionError
from globstar.core.numbers import leading_float, leading_integer
from globstar.core.registry import application, function
from globstar.core.speech import (
    Heard,
    Listener,
    Listening,
    ResultsType,
    Speech,
    SpeechFault,
    SpeechResult,
    attach_speech,
    destroy_speech,
    find_engine,
    speech_of,
)  # fmt: skip
from globstar.dialplan.arguments import argument, parse_options, split_arguments

REQUIRES = ("res_speech",)

logger = Logger("app_speech_utils")

_OPTIONS = {"n": False, "p": False}
#: What an application returns to end the call, as all do that find no speech object or fail.
_HANG_UP = -1


def _needs_speech(channel: Channel, application_name: str) -> Speech | None:
    speech = speech_of(channel)
    if speech is None:
        logger.warning(f"{application_name} on {channel.name}: SpeechCreate() has not been run")
    return speech


# -- applications --------------------------------------------------------------------------------------------------------


@application("SpeechCreate", syntax="SpeechCreate(engine_name)")
def speech_create(channel: Channel, data: str) -> None:
    """Prepare the channel for the recognition of speech.

    ``engine_name`` is an engine that a module offers; without it the first one is taken. ERROR is 1 where there is none.
    """
    engine = find_engine(channel.system, data.strip())
    if engine is None:
        logger.warning(f"SpeechCreate on {channel.name}: there is no speech engine '{data.strip()}'")
        channel.set_variable("ERROR", "1")
        return
    channel.set_variable("ERROR", "")
    attach_speech(channel, engine)


@application("SpeechLoadGrammar", syntax="SpeechLoadGrammar(grammar_name,path)")
async def speech_load_grammar(channel: Channel, data: str) -> int | None:
    """Make a grammar known to this channel by a name.

    The call ends where that fails; TryExec() keeps it.
    """
    name, _, path = data.partition(",")
    speech = _needs_speech(channel, "SpeechLoadGrammar")
    if speech is None:
        return _HANG_UP
    if not name.strip() or not path.strip():
        logger.warning("SpeechLoadGrammar requires arguments (grammar_name,path)")
        return _HANG_UP
    try:
        await speech.load_grammar(channel, name.strip(), path.strip())
    except SpeechFault as fault:
        logger.warning(f"SpeechLoadGrammar on {channel.name}: {fault}")
        return _HANG_UP
    return None


@application("SpeechUnloadGrammar", syntax="SpeechUnloadGrammar(grammar_name)")
def speech_unload_grammar(channel: Channel, data: str) -> int | None:
    """Forget a grammar that was loaded.

    The call ends where there is none of that name; TryExec() keeps it.
    """
    speech = _needs_speech(channel, "SpeechUnloadGrammar")
    return None if speech is not None and _done(channel, speech.unload_grammar(data.strip()), data) else _HANG_UP


@application("SpeechActivateGrammar", syntax="SpeechActivateGrammar(grammar_name)")
def speech_activate_grammar(channel: Channel, data: str) -> int | None:
    """Listen for what a grammar describes; several can be active.

    The call ends where there is none of that name; TryExec() keeps it.
    """
    speech = _needs_speech(channel, "SpeechActivateGrammar")
    return None if speech is not None and _done(channel, speech.activate_grammar(data.strip()), data) else _HANG_UP


@application("SpeechDeactivateGrammar", syntax="SpeechDeactivateGrammar(grammar_name)")
def speech_deactivate_grammar(channel: Channel, data: str) -> int | None:
    """Listen for what a grammar describes no longer.

    The call ends where it is not active; TryExec() keeps it.
    """
    speech = _needs_speech(channel, "SpeechDeactivateGrammar")
    return None if speech is not None and _done(channel, speech.deactivate_grammar(data.strip()), data) else _HANG_UP


def _done(channel: Channel, is_known: bool, grammar: str) -> bool:
    if not is_known:
        logger.warning(f"{channel.name} has no grammar '{grammar.strip()}' for this")
    return is_known


@application("SpeechStart", syntax="SpeechStart()")
def speech_start(channel: Channel, data: str) -> int | None:
    """Be ready for speech, and forget what was understood before.

    SpeechBackground() does this by itself where it was not done. The call ends without SpeechCreate(); TryExec() keeps it.
    """
    speech = _needs_speech(channel, "SpeechStart")
    if speech is None:
        return _HANG_UP
    speech.start()
    return None


@application("SpeechProcessingSound", syntax="SpeechProcessingSound(sound_file)")
def speech_processing_sound(channel: Channel, data: str) -> int | None:
    """The sound that is heard while the engine thinks; it is played over and over.

    The call ends without SpeechCreate(); TryExec() keeps it.
    """
    speech = _needs_speech(channel, "SpeechProcessingSound")
    if speech is None:
        return _HANG_UP
    speech.processing_sound = data.strip()
    return None


@application("SpeechDestroy", syntax="SpeechDestroy()")
def speech_destroy(channel: Channel, data: str) -> int | None:
    """End what SpeechCreate() began; its grammars and results are gone.

    The call ends without SpeechCreate(); TryExec() keeps it.
    """
    if _needs_speech(channel, "SpeechDestroy") is None:
        return _HANG_UP
    destroy_speech(channel)
    return None


@application("SpeechBackground", syntax="SpeechBackground(sound_file[&sound_file2[&...]][,timeout[,options]])")
async def speech_background(channel: Channel, data: str) -> int | None:
    """Play sounds until the caller speaks or dials, and understand it.

    The sounds stop as soon as the caller begins. ``timeout`` is in seconds from their end; without it the caller has all the
    time. Results are in SPEECH_TEXT() and the other SPEECH functions; digits are a result with a score of 1000 and the grammar
    dtmf, ended by SPEECH_DTMF_TERMINATOR (#) or after SPEECH_DTMF_MAXLEN of them. Option n does not answer the channel; p
    understands what was said so far when the time runs out. The call ends without SpeechCreate() and when the engine fails;
    TryExec() keeps it.
    """
    arguments = split_arguments(data, 3)
    speech = _needs_speech(channel, "SpeechBackground")
    if speech is None:
        return _HANG_UP
    options = parse_options(argument(arguments, 2), _OPTIONS, logger.warning)
    if channel.state is not ChannelState.UP and "n" not in options:
        await channel.answer()
    terminator = channel.get_variable("SPEECH_DTMF_TERMINATOR")
    listening = Listening(
        sounds=[name for name in argument(arguments, 0).split("&") if name],
        timeout=max(leading_float(argument(arguments, 1)), 0.0),
        terminator="#" if terminator is None else terminator[:1],
        digits_limit=max(leading_integer(channel.get_variable("SPEECH_DTMF_MAXLEN") or "0"), 0),
        takes_partial="p" in options,
    )
    try:
        heard = await Listener(channel, speech, listening).listen()
    except SpeechFault as fault:
        logger.warning(f"SpeechBackground on {channel.name}: {fault}")
        return _HANG_UP
    return _HANG_UP if heard is Heard.HANGUP else None


# -- functions -----------------------------------------------------------------------------------------------------------


def _speech(channel: Channel | None) -> Speech:
    speech = speech_of(channel) if channel is not None else None
    if speech is None:
        raise FunctionError("there is no speech object: SpeechCreate() has not been run")
    return speech


def _result(channel: Channel | None, args: str) -> SpeechResult | None:
    """The result that ``[nbest/]result`` names."""
    before, slash, after = args.partition("/")
    if slash:
        return _speech(channel).find_result(leading_integer(after), leading_integer(before))
    return _speech(channel).find_result(leading_integer(args))


@function("SPEECH", syntax="SPEECH(argument)")
def speech(channel: Channel | None, args: str) -> str:
    """What there is of speech recognition.

    ``status`` is 1 once SpeechCreate() was successful, ``spoke`` 1 when the caller has spoken, ``results`` the number of results.
    """
    found = speech_of(channel) if channel is not None else None
    match args.strip().lower():
        case "status":
            return "1" if found is not None else "0"
        case "spoke":
            return "1" if found is not None and found.has_spoken else "0"
        case "results":
            return str(len(found.results)) if found is not None else "0"
    raise FunctionError(f"SPEECH has no '{args}'")


@function("SPEECH_TEXT", syntax="SPEECH_TEXT([nbest_number/]result_number)")
def speech_text(channel: Channel | None, args: str) -> str:
    """The words of a result, counted from 0."""
    result = _result(channel, args)
    return result.text if result is not None else ""


@function("SPEECH_SCORE", syntax="SPEECH_SCORE([nbest_number/]result_number)")
def speech_score(channel: Channel | None, args: str) -> str:
    """How certain a result is, 0 to 1000."""
    result = _result(channel, args)
    return str(result.score) if result is not None else ""


@function("SPEECH_GRAMMAR", syntax="SPEECH_GRAMMAR([nbest_number/]result_number)")
def speech_grammar(channel: Channel | None, args: str) -> str:
    """The grammar that a result comes from; dtmf for digits."""
    result = _result(channel, args)
    return result.grammar if result is not None else ""


@function("SPEECH_ENGINE", syntax="SPEECH_ENGINE(name)")
def speech_engine(channel: Channel | None, args: str) -> str:
    """A setting of the engine for this channel, as it was written."""
    return _speech(channel).settings.get(args.strip(), "")


@speech_engine.writer
def set_speech_engine(channel: Channel | None, args: str, value: str) -> None:
    """Change a setting of the engine for this channel."""
    _speech(channel).settings[args.strip()] = value


@function("SPEECH_RESULTS_TYPE", syntax="SPEECH_RESULTS_TYPE()")
def speech_results_type(channel: Channel | None, args: str) -> str:
    """What the engine is asked for: ``normal``, or ``nbest`` for several hypotheses of each utterance."""
    return _speech(channel).results_type.value


@speech_results_type.writer
def set_speech_results_type(channel: Channel | None, args: str, value: str) -> None:
    """Ask the engine for something else."""
    try:
        _speech(channel).results_type = ResultsType(value.strip().lower())
    except ValueError as error:
        raise FunctionError(f"SPEECH_RESULTS_TYPE is normal or nbest, not '{value}'") from error
