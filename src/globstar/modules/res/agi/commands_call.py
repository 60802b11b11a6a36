"""Commands about the call itself and where it goes on."""

from __future__ import annotations

import inspect

from globstar.base.log import Logger
from globstar.config.values import is_true
from globstar.core.agi import AgiDialogue, AgiUsage, agi_command
from globstar.core.channel import Channel, ChannelGone
from globstar.core.numbers import leading_float
from globstar.core.pbx import resolve_priority
from globstar.core.services import MusicOnHold

logger = Logger("res_agi")


@agi_command("ANSWER", most=None, runs_dead=False)
async def answer(agi: AgiDialogue, words: list[str]) -> str:
    """Answer the call.

    The result is 0, also for a call that was answered before, or -1 if the call ended.
    """
    await agi.channel.answer()
    return "200 result=0"


@agi_command("ASYNCAGI BREAK", most=None)
def asyncagi_break(agi: AgiDialogue, words: list[str]) -> str:
    """End AGI(agi:async) on this channel.

    The call goes on in the dialplan.
    """
    return "200 result=0"


@agi_command("CHANNEL STATUS", syntax="[<channelname>]", most=1, runs_dead=False)
def channel_status(agi: AgiDialogue, words: list[str]) -> str:
    """The state of a channel.

    Of this one, or of the one that is named: 0 down, 1 reserved, 2 off hook, 3 digits dialled, 4 ring (a call comes in),
    5 ringing (the other end rings), 6 up, 7 busy; -1 if there is no such channel.
    """
    channel = agi.system.channels.get(words[0]) if words else agi.channel
    return f"200 result={int(channel.state) if channel is not None else -1}"


@agi_command("HANGUP", syntax="[<channelname>]", most=1)
def hangup(agi: AgiDialogue, words: list[str]) -> str:
    """Hang up a channel.

    This one, or the one that is named. The result is 1, or -1 if there is no such channel.
    """
    channel = agi.system.channels.get(words[0]) if words else agi.channel
    if channel is None:
        return "200 result=-1"
    channel.request_hangup()
    return "200 result=1"


@agi_command("NOOP", most=None)
def noop(agi: AgiDialogue, words: list[str]) -> str:
    """Do nothing.

    Any text may follow.
    """
    return "200 result=0"


@agi_command("EXEC", syntax="<application> <options>", least=1, most=None)
async def exec_(agi: AgiDialogue, words: list[str]) -> str:
    """Run an application of the dialplan.

    The options are one word: with blanks they stand in quotes. The result is what the application returns, or -2 if
    there is no such application.
    """
    channel = agi.channel
    name, data = words[0], words[1] if len(words) > 1 else ""
    spec = agi.system.applications.get(name)
    if spec is None:
        near = agi.system.applications.nearest(name)
        logger.warning(f"Could not find application ({name})" + (f"; did you mean {near}?" if near else ""))
        return "200 result=-2"
    logger.verbose(3, f"AGI Script Executing Application: ({name}) Options: ({data})")
    shown = channel.application, channel.application_data
    channel.application, channel.application_data = spec.name, data
    module = agi.system.loader.modules.get(spec.module)
    if module is not None:
        module.use_count += 1
    try:
        result = spec.run(channel, data)
        if inspect.isawaitable(result):
            result = await result
    except ChannelGone:
        result = -1
    finally:
        if module is not None:
            module.use_count -= 1
        channel.application, channel.application_data = shown
    if result == -1 and channel.hangup_cause:
        agi.end_call()  # the application said why the call is over
    return f"200 result={_code(result)}"


def _code(result: object) -> int:
    """What an application returned as a number: nothing is 0, a digit that it was left with is its character."""
    if isinstance(result, int):
        return int(result)
    return ord(result) if isinstance(result, str) and len(result) == 1 else 0


@agi_command("SET AUTOHANGUP", syntax="<time>", least=1, most=1, runs_dead=False)
def set_autohangup(agi: AgiDialogue, words: list[str]) -> str:
    """Hang up at a time.

    In so many seconds, with decimals; 0 takes it back.
    """
    seconds = leading_float(words[0])
    if seconds != seconds:
        raise AgiUsage
    agi.channel.set_absolute_timeout(max(seconds, 0.0))
    return "200 result=0"


@agi_command("SET MUSIC", syntax="on|off [<class>]", least=1, most=2, runs_dead=False)
def set_music(agi: AgiDialogue, words: list[str]) -> str:
    """Play music to the caller, or stop it.

    While the script thinks and other commands run; the class is the channel's own or the default one unless given.
    """
    music = agi.system.service("music on hold", MusicOnHold)  # type: ignore[type-abstract]
    if music is not None:
        if is_true(words[0]):
            music.start(agi.channel, words[1] if len(words) > 1 else "")
        elif words[0].lower() == "off":
            music.stop(agi.channel)
    return "200 result=0"


# -- where the dialplan goes on ------------------------------------------------------------------------------------------


def _next_priority(channel: Channel) -> int:
    return channel.goto_target[2] if channel.goto_target is not None else channel.priority + 1


@agi_command("SET CONTEXT", syntax="<desired context>", least=1, most=1, runs_dead=False)
def set_context(agi: AgiDialogue, words: list[str]) -> str:
    """The context in which the dialplan goes on.

    After the script has ended.
    """
    channel = agi.channel
    channel.goto_target = (words[0], channel.extension, _next_priority(channel))
    channel.context = words[0]
    return "200 result=0"


@agi_command("SET EXTENSION", syntax="<new extension>", least=1, most=1, runs_dead=False)
def set_extension(agi: AgiDialogue, words: list[str]) -> str:
    """The extension at which the dialplan goes on.

    After the script has ended.
    """
    channel = agi.channel
    channel.goto_target = (channel.context, words[0], _next_priority(channel))
    channel.extension = words[0]
    return "200 result=0"


@agi_command("SET PRIORITY", syntax="<priority>", least=1, most=1, runs_dead=False)
def set_priority(agi: AgiDialogue, words: list[str]) -> str:
    """The priority at which the dialplan goes on.

    A number or a label, after the script has ended.
    """
    channel = agi.channel
    priority = resolve_priority(channel, channel.context, channel.extension, words[0])
    if priority is None:
        logger.notice(f"{channel.context},{channel.extension} has no label '{words[0]}'")
        raise AgiUsage
    channel.goto_target = (channel.context, channel.extension, priority)
    return "200 result=0"
