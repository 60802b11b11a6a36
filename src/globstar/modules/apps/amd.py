"""Answering Machine Detection Application."""

from __future__ import annotations

from dataclasses import fields, replace

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import integer, string
from globstar.core.channel import Channel, ChannelGone, ChannelState
from globstar.core.ear import listen
from globstar.core.playback import FilePlayer, SoundMissing, open_player
from globstar.core.registry import application
from globstar.core.system import System
from globstar.dialplan.arguments import argument, split_arguments
from globstar.dsp.answering import AnswerDetector, Answerer, AnswerOptions, Verdict

logger = Logger("app_amd")

_SERVICE = "amd options"
#: The arguments in their order.
_ARGUMENTS = (
    "initial_silence", "greeting", "after_greeting_silence", "total_analysis_time", "min_word_length", "between_words_silence",
    "maximum_number_of_words", "silence_threshold", "maximum_word_length",
)  # fmt: skip


class AmdOptions(Options):
    """``[general]`` of amd.conf."""

    initial_silence = option(integer(0), 2500, unit="ms", help="Longest silence before the greeting; a machine after it.")
    greeting = option(integer(0), 1500, unit="ms", help="Longest greeting of a person.")
    after_greeting_silence = option(integer(0), 800, unit="ms", help="Silence after the greeting that shows a person.")
    total_analysis_time = option(integer(0), 5000, unit="ms", help="How long to try.")
    min_word_length = option(integer(0), 100, unit="ms", help="Shortest sound that is a word.")
    between_words_silence = option(integer(0), 50, unit="ms", help="Silence after which another word begins.")
    maximum_number_of_words = option(integer(0), 2, help="Most words in the greeting of a person.")
    silence_threshold = option(integer(0), 256, help="Mean level below which there is silence.")
    maximum_word_length = option(integer(0), 5000, unit="ms", help="Longest word of a person.")
    playback_file = option(string, "", help="Sound that is played meanwhile.")


def _read(system: System) -> None:
    report = Report()
    config = system.configuration.read("amd.conf")
    category = next((one for one in config or () if one.name.lower() == "general"), None)
    system.services[_SERVICE] = AmdOptions.read(category, report) if category is not None else AmdOptions()
    for warning in report.warnings:
        logger.warning(str(warning))


def load(system: System) -> None:
    """Read amd.conf."""
    _read(system)


def reload(system: System) -> None:
    """Read it again, for calls to come."""
    _read(system)


def unload(system: System) -> None:
    """Nothing is kept."""
    system.services.pop(_SERVICE, None)


@application(
    "AMD",
    syntax=(
        "AMD([initialSilence[,greeting[,afterGreetingSilence[,totalAnalysisTime[,miniumWordLength[,betweenWordSilence"
        "[,maximumNumberOfWords[,silenceThreshold[,maximumWordLength[,audioFile]]]]]]]]]])"
    ),
)
async def amd(channel: Channel, data: str) -> None:
    """Find out whether a machine or a person answered an outgoing call, by the timing of the greeting.

    What is not given is as amd.conf says; times are in ms. A machine: nothing is heard for initialSilence, the greeting is longer
    than ``greeting``, has more words than maximumNumberOfWords or a word longer than maximumWordLength. A person: silence of
    afterGreetingSilence follows. A word is at least miniumWordLength long, words are parted by betweenWordSilence,
    silenceThreshold is the mean level of silence. audioFile is played meanwhile.

    AMDSTATUS is MACHINE, HUMAN, NOTSURE (after totalAnalysisTime) or HANGUP. AMDCAUSE is the reason with what was measured and
    its limit: TOOLONG, INITIALSILENCE, HUMAN, LONGGREETING, MAXWORDLENGTH, MAXWORDS.
    """
    configured = channel.system.services[_SERVICE]
    assert isinstance(configured, AmdOptions)
    arguments = split_arguments(data)
    options = AnswerOptions(**{field.name: getattr(configured, field.name) for field in fields(AnswerOptions)})
    for index, name in enumerate(_ARGUMENTS):
        text = argument(arguments, index).strip()
        if text.isdecimal():
            options = replace(options, **{name: int(text)})
        elif text:
            logger.warning(f"AMD: '{text}' is no {name}")
    if channel.state is not ChannelState.UP:
        logger.warning(f"AMD: {channel.name} is not answered")
    detector = AnswerDetector(options)
    player: FilePlayer | None = None
    try:
        player = await _start_sound(channel, argument(arguments, 9, configured.playback_file))
        verdict: Verdict | None = await listen(channel, detector.receive)
    except ChannelGone:
        channel.set_variable("AMDSTATUS", "HANGUP")
        channel.set_variable("AMDCAUSE", "")
        raise
    finally:
        if player is not None and channel.generator is player:
            channel.stop_generator()
    verdict = verdict or Verdict(Answerer.NOT_SURE, f"TOOLONG-{detector.total_ms}")
    logger.verbose(3, f"AMD: {channel.name}: {verdict.answerer.value} ({verdict.cause})")
    channel.set_variable("AMDSTATUS", verdict.answerer.value)
    channel.set_variable("AMDCAUSE", verdict.cause)


async def _start_sound(channel: Channel, name: str) -> FilePlayer | None:
    """Begin to play what is heard during the analysis, if anything."""
    if not name:
        return None
    try:
        player = await open_player(channel, name)
    except SoundMissing as missing:
        logger.warning(f"AMD on {channel.name}: {missing}")
        return None
    channel.start_generator(player)
    return player
