"""VoiceMail(): greet the caller and record a message."""

from __future__ import annotations

import secrets
from pathlib import Path

from globstar.base.log import Logger
from globstar.core import say
from globstar.core.channel import Channel, ChannelGone
from globstar.core.party import format_caller_id
from globstar.core.pbx import exists
from globstar.core.playback import play, play_all
from globstar.core.recording import RecordEnd, RecordResult, record
from globstar.core.registry import application
from globstar.core.soundfile import SoundFault
from globstar.dialplan.arguments import ParsedOptions, argument, parse_options, split_arguments
from globstar.modules.apps.voicemail.service import MailboxUser, VoicemailService
from globstar.modules.apps.voicemail.store import URGENT, MessageInfo

logger = Logger("app_voicemail")

_OPTIONS = {"b": False, "d": True, "e": False, "g": True, "s": False, "S": False, "t": True, "u": False, "U": False, "P": False}
_DIGITS = "0123456789*#ABCD"


@application("VoiceMail", syntax="VoiceMail(mailbox[@context][&mailbox2...][,options])")
async def voicemail(channel: Channel, data: str) -> int | None:
    """Let the caller leave a message in one or more mailboxes.

    The greeting is the busy one with b, the unavailable one with u, or the instructions alone; s plays no instructions, S
    none unless there is no greeting, t(x) no beep or the sound x instead. During the greeting the keys * and 0 lead to the
    extensions a and o of the exit context, and with d(context) a digit dials an extension there. e plays the greeting
    and leaves. U marks the message urgent, P as priority. g(#) is accepted, recordings keep their level.
    VMSTATUS is SUCCESS, USEREXIT or FAILED.
    """
    arguments = split_arguments(data)
    if not argument(arguments, 0):
        logger.warning("VoiceMail requires an argument (mailbox)")
        channel.set_variable("VMSTATUS", "FAILED")
        return None
    service = channel.system.service("voicemail", VoicemailService)
    assert service is not None
    options = parse_options(argument(arguments, 1), _OPTIONS, logger.warning)
    users = [user for name in arguments[0].split("&") if (user := service.find(name)) is not None]
    if not users:
        logger.warning(f"No entry in voicemail config file for '{arguments[0]}'")
        channel.set_variable("VMSTATUS", "FAILED")
        return None
    await channel.answer()
    try:
        status = await _leave(service, channel, users, options)
    except ChannelGone:
        channel.set_variable("VMSTATUS", "FAILED")
        raise
    channel.set_variable("VMSTATUS", status)
    return -1 if channel.soft_hangup else None


async def _leave(service: VoicemailService, channel: Channel, users: list[MailboxUser], options: ParsedOptions) -> str:
    user = users[0]
    box = service.mailbox(user)
    await channel.system.run_blocking(box.folder, "tmp")
    await channel.system.run_blocking(box.folder, "INBOX")
    language = user.options.language or channel.language
    digit = await _greet(service, channel, user, options, language)
    if digit is not None:
        return _exit(channel, user, options, digit)
    if "e" in options:
        return "SUCCESS"
    counts = await channel.system.run_blocking(service.counts, user)
    if counts.new >= user.options.maxmsg:
        await play_all(channel, ["vm-mailboxfull"], language=language)
        return "FAILED"
    beep = options.get("t") if "t" in options else "beep"
    if beep:
        await play_all(channel, [beep], language=language)
    return await _record(service, channel, users, options, language)


async def _greet(
    service: VoicemailService, channel: Channel, user: MailboxUser, options: ParsedOptions, language: str
) -> str | None:
    """Play the greeting and the instructions; the key that leaves them, if any."""
    stop_on = "#*0" + (_DIGITS if "d" in options else "")
    folder = service.mailbox(user).path
    greeted = False
    kind = "busy" if "b" in options else "unavail" if "u" in options else ""
    for name in ("temp", kind):
        if name and channel.system.sounds.exists(str(folder / name)):
            digit = await play(channel, str(folder / name), stop_on=stop_on, language=language)
            if digit is not None:
                return None if digit == "#" else digit
            greeted = True
            break
    if kind and not greeted:
        sounds = ["vm-theperson", *say.say_digits(user.number, language), "vm-isonphone" if kind == "busy" else "vm-isunavail"]
        digit = await play_all(channel, sounds, stop_on=stop_on, language=language)
        if digit is not None:
            return None if digit == "#" else digit
    if not ("s" in options or ("S" in options and greeted)):
        digit = await play_all(channel, ["vm-intro"], stop_on=stop_on, language=language)
        if digit is not None:
            return None if digit == "#" else digit
    return None


def _exit(channel: Channel, user: MailboxUser, options: ParsedOptions, digit: str) -> str:
    """The caller pressed a key during the greeting: where it leads."""
    context = user.options.exitcontext or channel.context
    if "d" in options:
        context = options.get("d") or channel.context
        if exists(channel, context, digit):
            channel.goto(context, digit, 1)
            return "USEREXIT"
    extension = {"*": "a", "0": "o"}.get(digit, "")
    if extension and (extension == "a" or user.options.operator) and exists(channel, context, extension):
        channel.goto(context, extension, 1)
    return "USEREXIT"


async def _record(
    service: VoicemailService, channel: Channel, users: list[MailboxUser], options: ParsedOptions, language: str
) -> str:
    user, general, system = users[0], service.options, channel.system
    box = service.mailbox(user)
    stem = box.temporary(secrets.token_hex(4))
    formats = [name for name in general.format.split("|") if name]
    try:
        writers = [system.sounds.create(str(stem), name) for name in formats]
    except SoundFault as fault:
        logger.error(f"cannot record a message for {user.number}@{user.context}: {fault}")
        return "FAILED"
    started = system.wall_time()
    wants_operator = user.options.operator and exists(channel, user.options.exitcontext or channel.context, "o")
    result = await record(
        channel, writers, maximum_seconds=user.options.maxsecs, silence_seconds=general.maxsilence,
        silence_threshold=general.silencethreshold, stop_on="#" + ("0" if wants_operator else ""),
    )  # fmt: skip
    if result.end is RecordEnd.DIGIT and result.digit == "0":
        channel.goto(user.options.exitcontext or channel.context, "o", 1)
    if not await _is_long_enough(channel, user, result, language):
        await system.run_blocking(_discard, stem)
        return "FAILED"
    info = _describe(channel, user, started, result.duration_ms)
    info.flag = "Urgent" if "U" in options else ""
    folder = URGENT if "U" in options else "INBOX"
    await _copy_to_others(service, channel, users[1:], stem, info, folder)
    message = await system.run_blocking(box.store, stem, info, folder, user.options.maxmsg)
    if message is None:
        return "FAILED"
    logger.verbose(3, f"Recorded a message of {info.duration} s for {user.number}@{user.context}")
    channel.set_variable("VM_MESSAGEFILE", str(message))
    await service.announce(user)
    if not channel.soft_hangup:
        await play_all(channel, ["auth-thankyou"], language=language)
    return "SUCCESS"


async def _is_long_enough(channel: Channel, user: MailboxUser, result: RecordResult, language: str) -> bool:
    if result.end is RecordEnd.FAILED:
        return False
    spoken_ms = result.duration_ms - (result.silence_ms if result.end is RecordEnd.SILENCE else 0)
    if spoken_ms >= user.options.minsecs * 1000:
        return True
    if not channel.soft_hangup:
        await play_all(channel, ["vm-tooshort"], language=language)
    logger.verbose(3, f"Message for {user.number}@{user.context} was {spoken_ms} ms and is discarded")
    return False


def _describe(channel: Channel, user: MailboxUser, started: float, duration_ms: int) -> MessageInfo:
    system = channel.system
    caller = channel.caller.id
    redirecting = channel.redirecting.from_.number
    when = system.local_time(started)
    return MessageInfo(
        origmailbox=user.number,
        context=channel.context,
        exten=channel.extension,
        rdnis=redirecting.text if redirecting.valid else "unknown",
        priority=str(channel.priority),
        callerchan=channel.name,
        callerid=format_caller_id(caller.name.text, caller.number.text, "Unknown"),
        origdate=when.strftime("%a %b %d %I:%M:%S %p %Z %Y"),
        origtime=str(int(started)),
        msg_id=f"{int(started)}-{secrets.randbelow(10**8):08}",
        duration=str(duration_ms // 1000),
    )


async def _copy_to_others(
    service: VoicemailService, channel: Channel, users: list[MailboxUser], stem: Path, info: MessageInfo, folder: str
) -> None:
    """Give the recording to the further mailboxes of VoiceMail(a&b)."""
    for user in users:
        box = service.mailbox(user)
        copy = box.temporary(secrets.token_hex(4))

        def transfer(box_copy: Path = copy) -> None:
            for file in stem.parent.glob(f"{stem.name}.*"):
                box_copy.with_suffix(file.suffix).write_bytes(file.read_bytes())

        await channel.system.run_blocking(transfer)
        await channel.system.run_blocking(box.store, copy, info, folder, user.options.maxmsg)
        await service.announce(user)


def _discard(stem: Path) -> None:
    for file in stem.parent.glob(f"{stem.name}.*"):
        file.unlink(missing_ok=True)
