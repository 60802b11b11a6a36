"""VoiceMail(): greet the caller and record a message."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from globstar.base.log import Logger
from globstar.core import say
from globstar.core.channel import Channel, ChannelGone
from globstar.core.party import format_caller_id
from globstar.core.pbx import caller_number, leads, plan_of
from globstar.core.playback import play_all
from globstar.core.recordgain import read_gain, recording_gain
from globstar.core.recording import RecordEnd, RecordResult, record
from globstar.core.registry import application
from globstar.core.soundfile import SoundFault
from globstar.core.switches import settled
from globstar.core.testevents import tell_state
from globstar.dialplan.arguments import ParsedOptions, argument, parse_options, split_arguments
from globstar.modules.apps.voicemail.service import MailboxUser, VoicemailService
from globstar.modules.apps.voicemail.store import URGENT, MessageInfo

logger = Logger("app_voicemail")

_OPTIONS = {"b": False, "d": True, "e": False, "g": True, "s": False, "S": False, "t": True, "u": False, "U": False, "P": False}
_DIGITS = "0123456789*#ABCD"
#: How often the caller is asked what to do with the message, and seconds to answer.
_ASK_TIMES = 3
_KEY_WAIT = 6.0


@application("VoiceMail", syntax="VoiceMail(mailbox[@context][&mailbox2...][,options])")
async def voicemail(channel: Channel, data: str) -> int | str | None:
    """Let the caller leave a message in one or more mailboxes.

    The greeting is the busy one with b, the unavailable one with u, or the instructions alone; s plays no instructions, S
    none unless there is no greeting, t(x) no beep or the sound x instead. During the greeting # skips the rest, * leads to
    the extension a, 0 to o where the mailbox has an operator, and with d(context) a digit dials an extension there. e
    answers the call after the greeting only. U marks the message urgent, P as priority. g(#) records louder by so many dB.
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
    users = []
    for name in arguments[0].split("&"):
        user = await service.look_up(name)
        if user is not None:
            users.append(user)
        else:
            logger.warning(f"No entry in voicemail config file for '{name}'")
    if not users:
        channel.set_variable("VMSTATUS", "FAILED")
        return None
    if "e" not in options:
        await channel.answer()
    visit = _Visit(service, channel, users, options, read_gain(options, lambda problem: logger.warning(f"VoiceMail: {problem}")))
    status = "FAILED"
    try:
        status = await visit.run()
    finally:
        channel.set_variable("VMSTATUS", status)
    return -1 if channel.soft_hangup else visit.dialled


@dataclass(slots=True)
class _Visit:
    """One caller who leaves a message; ``dialled`` is the digit with which an extension was begun instead. ``gain`` is in dB."""

    service: VoicemailService
    channel: Channel
    users: list[MailboxUser]
    options: ParsedOptions
    gain: float = 0.0
    dialled: str | None = None

    @property
    def user(self) -> MailboxUser:
        """Whose greeting is heard."""
        return self.users[0]

    @property
    def language(self) -> str:
        """The language to speak to the caller."""
        return self.user.options.language or self.channel.language

    async def play(self, *names: str, stop_on: str = "") -> str | None:
        """Play prompts."""
        return await play_all(self.channel, names, stop_on=stop_on, language=self.language)

    async def run(self) -> str:
        """Greet, record, keep; the status."""
        run, box = self.channel.system.run_blocking, self.service.mailbox(self.user)
        await run(box.folder, "tmp")
        await run(box.folder, "INBOX")
        tell_state(self.channel.system, "START", self.channel, Message="vm_exec", Mailbox=self.user.number)
        key = await self._greet()
        if key is not None and key != "#":
            tell_state(self.channel.system, "REDIRECT", self.channel, Key=key)
            await self._leave_by(key)
            return "USEREXIT"
        await self.channel.answer()
        counts = await run(self.service.counts, self.user)
        if counts.new >= self.user.options.maxmsg:
            await self.play("vm-mailboxfull")
            return "FAILED"
        beep = self.options.get("t") if "t" in self.options else "beep"
        if beep:
            await self.play(beep)
        return await _record(self)

    async def _greet(self) -> str | None:
        """Play the greeting and the instructions; the key that ended them, if any."""
        options, user, channel = self.options, self.user, self.channel
        keys = "#" + "".join(await self.exits())
        folder = self.service.mailbox(user).path
        kind = "busy" if "b" in options else "unavail" if "u" in options else ""
        sounds = channel.system.sounds
        greeting = next((str(folder / name) for name in ("temp", kind) if name and sounds.exists(str(folder / name))), None)
        key: str | None = None
        if greeting is not None:
            key = await self.play(greeting, stop_on=keys)
        elif kind:
            state = "vm-isonphone" if kind == "busy" else "vm-isunavail"
            key = await self.play("vm-theperson", *say.say_digits(user.number, self.language), state, stop_on=keys)
        if key is None and "s" not in options and not ("S" in options and greeting is not None):
            key = await self.play("vm-intro", stop_on=keys)
        return key

    async def exits(self) -> dict[str, tuple[str, str]]:
        """The keys that leave the greeting: the context and extension that each leads to, or begins."""
        channel, user = self.channel, self.user
        context = user.options.exitcontext or channel.context
        found: dict[str, tuple[str, str]] = {}
        if "d" in self.options:
            plan, dialled = plan_of(channel), self.options.get("d") or channel.context
            number = caller_number(channel)
            digits = await settled(lambda: [digit for digit in _DIGITS if plan.can_match(dialled, digit, number)])
            found.update({digit: (dialled, digit) for digit in digits})
        if await self.has_operator():
            found["0"] = (context, "o")
        if await leads(channel, context, "a"):
            found["*"] = (context, "a")
        return found

    async def has_operator(self) -> bool:
        """Whether 0 leads to somebody."""
        context = self.user.options.exitcontext or self.channel.context
        return bool(self.user.options.operator) and await leads(self.channel, context, "o")

    async def _leave_by(self, key: str) -> None:
        context, extension = (await self.exits())[key]
        if extension == key:
            self.channel.context = context
            self.dialled = key  # the executor collects the rest, as after Background()
        else:
            self.channel.goto(context, extension, 1)

    def go_to_operator(self) -> None:
        """The caller pressed 0 while recording."""
        self.channel.goto(self.user.options.exitcontext or self.channel.context, "o", 1)


async def _record(visit: _Visit) -> str:
    """Record, let the caller review, store in every mailbox."""
    service, channel, user = visit.service, visit.channel, visit.user
    system = channel.system
    box = service.mailbox(user)
    stem = box.temporary(secrets.token_hex(4))
    urgent = "U" in visit.options
    started = system.wall_time()
    result = RecordResult(RecordEnd.HANGUP, "", 0, 0)
    try:
        result = await _record_once(visit, stem)
        kept = await _is_long_enough(visit, result)
        told = False
        if kept and result.end is RecordEnd.DIGIT and result.digit == "0":
            kept = await visit.play("vm-saveoper", stop_on="1") == "1" or await channel.wait_for_digit(_KEY_WAIT) == "1"
            visit.go_to_operator()
        elif kept and user.options.review and result.end is not RecordEnd.HANGUP:
            result, urgent, told = await _review(visit, stem, result, urgent)
            kept = result.end is not RecordEnd.FAILED
    except SoundFault as fault:
        logger.error(f"cannot record a message for {user.number}@{user.context}: {fault}")
        return "FAILED"
    except ChannelGone:  # while the caller was asked what to do with it: it is kept
        kept, told = True, True
    if not kept:
        await system.run_blocking(_discard, stem)
        return "FAILED"
    info = _describe(channel, user, started, result.duration_ms)
    info.flag = "Urgent" if urgent else "PRIORITY" if "P" in visit.options else ""
    folder = URGENT if urgent else "INBOX"
    await _copy_to_others(service, channel, visit.users[1:], stem, info, folder)
    message = await system.run_blocking(box.store, stem, info, folder, user.options.maxmsg)
    if message is None:
        await system.run_blocking(_discard, stem)
        return "FAILED"
    logger.verbose(3, f"Recorded a message of {info.duration} s for {user.number}@{user.context}")
    channel.set_variable("VM_MESSAGEFILE", str(message))
    await service.announce(user, channel)
    if not channel.soft_hangup and not told and channel.goto_target is None:
        with suppress(ChannelGone):  # the message is kept whether the caller hears that or not
            await visit.play("auth-thankyou")
    return "SUCCESS"


async def _record_once(visit: _Visit, stem: Path) -> RecordResult:
    general, sounds = visit.service.options, visit.channel.system.sounds
    writers = [sounds.create(str(stem), name) for name in general.format.split("|") if name]
    with recording_gain(visit.channel, visit.gain):
        return await record(
            visit.channel, writers, maximum_seconds=visit.user.options.maxsecs, silence_seconds=general.maxsilence,
            silence_threshold=general.silencethreshold, stop_on="#" + ("0" if await visit.has_operator() else ""),
        )  # fmt: skip


async def _review(visit: _Visit, stem: Path, result: RecordResult, urgent: bool) -> tuple[RecordResult, bool, bool]:
    """1 keeps the recording, 2 plays it, 3 records anew, 4 marks it urgent or not, 0 keeps it and leads to the operator.

    Gives the last recording, whether it is urgent, and whether the caller was told that it is kept.
    """
    channel = visit.channel
    asked = 0
    while asked < _ASK_TIMES:
        names = ["vm-review"]
        if visit.user.options.leaveurgent:
            names.append("vm-review-nonurgent" if urgent else "vm-review-urgent")
        if await visit.has_operator():
            names.append("vm-reachoper")
        key = await visit.play(*names, stop_on=_DIGITS) or await channel.wait_for_digit(_KEY_WAIT)
        asked = 0 if key is not None else asked + 1
        if key == "1":
            await visit.play("vm-msgsaved")
            return result, urgent, True
        if key == "2":
            await visit.play(str(stem), stop_on=_DIGITS)
        elif key == "3":
            await visit.play("beep")
            again = await _record_once(visit, stem)
            result = again if await _is_long_enough(visit, again) else replace(again, end=RecordEnd.FAILED)
            if result.end in (RecordEnd.HANGUP, RecordEnd.FAILED):
                return result, urgent, True
        elif key == "4" and visit.user.options.leaveurgent:
            urgent = not urgent
            await visit.play("vm-marked-urgent" if urgent else "vm-marked-nonurgent")
        elif key == "0" and await visit.has_operator():
            visit.go_to_operator()
            return result, urgent, True
        elif key is not None:
            await visit.play("vm-sorry")
    return result, urgent, False


async def _is_long_enough(visit: _Visit, result: RecordResult) -> bool:
    if result.end is RecordEnd.FAILED:
        return False
    user = visit.user
    spoken_ms = result.duration_ms - (result.silence_ms if result.end is RecordEnd.SILENCE else 0)
    if spoken_ms >= user.options.minsecs * 1000:
        return True
    with suppress(ChannelGone):  # too short it stays
        await visit.play("vm-tooshort")
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
        await channel.system.run_blocking(box.store_copy, stem, info, folder, user.options.maxmsg)
        await service.announce(user, channel)


def _discard(stem: Path) -> None:
    for file in stem.parent.glob(f"{stem.name}.*"):
        file.unlink(missing_ok=True)
