"""Sound File Playback Application."""

from __future__ import annotations

from collections.abc import Sequence

from globstar.base.log import Logger
from globstar.core import say
from globstar.core.channel import Channel, ChannelState
from globstar.core.cli import CliUsage, cli_command
from globstar.core.playback import SoundMissing, play, was_stopped
from globstar.core.registry import application
from globstar.core.say_languages.base import SayFault
from globstar.core.say_rules import RuleLanguage, read_rules
from globstar.core.saying import choose_sounds
from globstar.core.system import System
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("app_playback")

#: In the system's services: the mode of say.conf, ``old`` (the built-in languages) or ``new`` (its rules).
_MODE = "say mode"
#: In the system's services: the sections of say.conf by language.
_RULES = "say rules"
#: Prefixes of say.conf for what is built in by another name.
_KINDS = {"num": "number", "enum": "ordinal", "digit": "digits", "char": "alpha"}


def _use(system: System, mode: str) -> None:
    """Say things by the rules of say.conf or not. Raises ConfigError."""
    config = system.configuration.read("say.conf")
    rules = read_rules(config) if config is not None else {}
    languages = {code: RuleLanguage(code, found, say.built_in_language(code)) for code, found in rules.items()}
    say.use_rules(languages if mode == "new" else {})
    system.services[_MODE], system.services[_RULES] = mode, languages


def _configured_mode(system: System) -> str:
    config = system.configuration.read("say.conf")
    mode = (config.get("general", "mode") if config is not None else None) or "old"
    if mode.strip().lower() not in ("old", "new"):
        logger.warning(f"say.conf: mode is old or new, not '{mode}'; it stays old")
        return "old"
    return mode.strip().lower()


def load(system: System) -> None:
    """Read say.conf."""
    _use(system, _configured_mode(system))


def reload(system: System) -> None:
    """Read say.conf again; the mode is what it says."""
    load(system)


def unload(system: System) -> None:
    """The built-in languages again."""
    say.use_rules({})
    for name in (_MODE, _RULES):
        system.services.pop(name, None)


def _rules_of(system: System, code: str) -> RuleLanguage | None:
    """The section of say.conf for a language."""
    languages: dict[str, RuleLanguage] = system.services.get(_RULES, {})
    key = code.lower()
    while key and key not in languages:
        key = key.rpartition("_")[0]
    return languages.get(key)


@cli_command("say load", usage="say load [new|old]", complete=lambda system, args: ("new", "old"))
def say_load(system: System, args: list[str]) -> str:
    """Set or show how numbers and dates are said: new by the rules of say.conf, old by the built-in languages."""
    if len(args) > 1 or (args and args[0] not in ("new", "old")):
        raise CliUsage
    if not args:
        return f"say mode is [{system.services[_MODE]}]\n"
    old = system.services[_MODE]
    _use(system, args[0])
    return f"setting say mode from {old} to {args[0]}\n"


@application("Playback", syntax="Playback(filename[&filename2...][,options])")
async def playback(channel: Channel, data: str) -> int | None:
    """Play sound files.

    The call is answered first, unless the option noanswer is given. With skip nothing is played on a call that is not
    answered. With say the first part of a name says how to say the rest (number:12, digits:123, alpha:abc ...), with mix
    only of names that are no sound files. Names go without extension. PLAYBACKSTATUS is SUCCESS, or FAILED if any file could
    not be played.
    """
    arguments = split_arguments(data)
    names = argument(arguments, 0)
    if not names:
        logger.warning("Playback requires an argument (filename)")
        return -1
    options = ",".join(arguments[1:]).lower()
    if "skip" in options and channel.state is not ChannelState.UP:
        channel.set_variable("PLAYBACKSTATUS", "SUCCESS")
        return None
    if "noanswer" not in options:
        await channel.answer()
    failed = False
    was_stopped(channel)
    try:
        for name in names.split("&"):
            is_said = "say" in options or ("mix" in options and not _is_sound(channel, name))
            sounds = _said(channel, name) if is_said else (name,)
            if sounds is None:
                failed = True
                continue
            for sound in sounds:
                try:
                    await play(channel, sound)
                except SoundMissing as missing:
                    logger.warning(f"Playback failed on {channel.name} for {names}: {missing}")
                    failed = True
                    break
                if was_stopped(channel):
                    return None
    finally:  # a caller who hangs up meanwhile is no failure of the sound
        channel.set_variable("PLAYBACKSTATUS", "FAILED" if failed else "SUCCESS")
    return None


def _is_sound(channel: Channel, name: str) -> bool:
    """Whether a name is that of a sound file, here or elsewhere."""
    return "://" in name or channel.system.sounds.exists(name, channel.language)


def _said(channel: Channel, text: str) -> Sequence[str] | None:
    """The sounds of ``kind:text``; None, with a warning, where that is nothing to say.

    It is said by a rule of say.conf, whatever its mode is, else as built in: by the kind's name there or in say.conf.
    """
    kind, colon, rest = text.partition(":")
    if colon:
        try:
            rules = _rules_of(channel.system, channel.language)
            said = rules.say(text) if rules is not None else None
            if said is not None:
                return said
            return choose_sounds(channel, lambda language: say.say(_KINDS.get(kind.lower(), kind), rest, language))
        except SayFault as fault:
            logger.warning(f"cannot say '{text}': {fault}")
            return None
    logger.warning(f"cannot say '{text}'")
    return None
