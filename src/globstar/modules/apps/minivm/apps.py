"""MinivmRecord, MinivmGreet, MinivmDelete, MinivmAccMess, MinivmMWI."""

from __future__ import annotations

import csv
import io
import secrets
from pathlib import Path

from globstar.base.log import Logger
from globstar.core import say
from globstar.core.channel import Channel, ChannelGone
from globstar.core.pbx import leads
from globstar.core.playback import play_all
from globstar.core.recordgain import read_gain, recording_gain
from globstar.core.recording import RecordEnd, RecordResult, record
from globstar.core.registry import application
from globstar.core.soundfile import SoundFault
from globstar.core.soundstore import SoundStore
from globstar.dialplan.arguments import ParsedOptions, argument, parse_options, split_arguments
from globstar.modules.apps.minivm.recorder import review
from globstar.modules.apps.minivm.service import MinivmService, service_of
from globstar.modules.apps.minivm.settings import Account

logger = Logger("app_minivm")

#: Keys that leave for an extension, if there is one.
_EXITS = {"0": "o", "*": "a"}
#: Greetings of an account: its file, and what asks for it.
_GREETINGS = {
    "u": ("unavail", "vm-rec-unv"),
    "b": ("busy", "vm-rec-busy"),
    "t": ("temp", "vm-rec-temp"),
    "n": ("greet", "vm-rec-name"),
}


def find_account(channel: Channel, name: str, text: str) -> Account | None:
    """The account that an application is asked for; what is no address is logged."""
    account = service_of(channel.system).settings.find(text)
    if account is None:
        logger.error(f"{name} needs username@domain, not '{text}'")
    return account


def _options(name: str, text: str, table: dict[str, bool]) -> ParsedOptions:
    return parse_options(text, table, lambda problem: logger.warning(f"{name}: {problem}"))


async def _exits(channel: Channel) -> str:
    return "".join([key for key, extension in _EXITS.items() if await leads(channel, channel.context, extension)])


@application("MinivmGreet", syntax="MinivmGreet(username@domain[,options])")
async def minivm_greet(channel: Channel, data: str) -> int:
    """Play the greeting of an account, and how to leave a message.

    A temporary greeting of the account is played whatever the options say. # skips the rest, 0 leads to the extension o, * to a,
    where they exist. Options:

    b, u: the busy, the unavailable greeting; the usual words where the account has none of its own.
    s: no instructions.

    MVM_GREET_STATUS is SUCCESS, USEREXIT or FAILED.
    """
    arguments = split_arguments(data)
    account = find_account(channel, "MinivmGreet", argument(arguments, 0))
    status = "FAILED"
    try:
        if account is None:
            return 0
        options = _options("MinivmGreet", argument(arguments, 1), {"b": False, "s": False, "u": False})
        await channel.answer()
        key = await _greet(channel, account, options)
        status = "SUCCESS"
        if key in _EXITS:
            channel.goto(channel.context, _EXITS[key], 1)
            status = "USEREXIT"
        return 0
    finally:
        channel.set_variable("MVM_GREET_STATUS", status)


async def _greet(channel: Channel, account: Account, options: ParsedOptions) -> str:
    """Play it; the key that ended it, if any."""
    service = service_of(channel.system)
    language = account.options.language or channel.language
    kind = "busy" if "b" in options else "unavail" if "u" in options else ""
    own = service.greeting(account, "temp") or (service.greeting(account, kind) if kind else None)
    sounds: list[str] = []
    if own is not None:
        sounds = [own]
    elif kind:
        name = service.greeting(account, "greet")
        who = [name] if name is not None else say.say_characters(account.user, language)
        intro = "vm-theperson" if name is None else ""
        state = "vm-isonphone" if kind == "busy" else "vm-isunavail"
        sounds = [sound for sound in (intro, *who, state) if sound]
    if "s" not in options:
        sounds.append("vm-intro")
    return await play_all(channel, sounds, stop_on="#" + await _exits(channel), language=language) or ""


@application("MinivmRecord", syntax="MinivmRecord(username@domain[,options])")
async def minivm_record(channel: Channel, data: str) -> int:
    """Record a message for an account, to be sent by MinivmNotify and removed by MinivmDelete.

    An address without an account is served with the defaults. MVM_FILENAME is the file without its extension, MVM_FORMAT its
    formats, MVM_DURATION its length in seconds. # ends the message, 0 leads to the extension o, * to a, where they exist. Who
    hangs up is done, too: the extension h can send it. Options:

    0, *: those keys; they work without, too.
    g(gain): make the recording louder by whole dB.

    MVM_RECORD_STATUS is SUCCESS, USEREXIT (a key led elsewhere) or FAILED (too short, or it could not be recorded).
    """
    arguments = split_arguments(data)
    account = find_account(channel, "MinivmRecord", argument(arguments, 0))
    status = "FAILED"
    try:
        if account is None:
            return 0
        options = _options("MinivmRecord", argument(arguments, 1), {"0": False, "*": False, "g": True})
        await channel.answer()
        status = await _Recording(channel, account, options, await _exits(channel)).run()
        return -1 if channel.soft_hangup else 0
    finally:
        channel.set_variable("MVM_RECORD_STATUS", status)


class _Recording:
    """One message."""

    def __init__(self, channel: Channel, account: Account, options: ParsedOptions, exits: str) -> None:
        self.channel = channel
        self.account = account
        self.service = service_of(channel.system)
        self.exits = exits
        self.stem = self.service.folder(account) / "tmp" / secrets.token_hex(4)
        self.gain = read_gain(options, lambda problem: logger.warning(f"MinivmRecord: {problem}"))

    async def run(self) -> str:
        """Record and keep it; the status."""
        channel, general = self.channel, self.service.settings.general
        await play_all(channel, ["beep"])
        started = channel.system.wall_time()
        try:
            result = await self._record()
            if (self.account.options.review or general.review) and not result.digit.strip("#"):
                result = await self._review(result)
        except SoundFault as fault:
            logger.error(f"a message for {self.account.address} cannot be recorded: {fault}")
            return "FAILED"
        seconds = result.duration_ms // 1000
        if result.end is RecordEnd.FAILED or seconds < general.minmessage or not result.duration_ms:
            await channel.system.run_blocking(channel.system.sounds.delete, str(self.stem))
            logger.verbose(3, f"a message of {seconds} s for {self.account.address} is discarded")
            return "FAILED"
        channel.set_variable("MVM_DURATION", str(seconds))
        channel.set_variable("MVM_FORMAT", general.format)
        channel.set_variable("MVM_FILENAME", str(self.stem))
        self.service.received()
        await channel.system.run_blocking(self.service.log, self._log_line(started, seconds))
        if result.digit in _EXITS:
            channel.goto(channel.context, _EXITS[result.digit], 1)
            return "USEREXIT"
        return "SUCCESS"

    async def _review(self, result: RecordResult) -> RecordResult:
        try:
            return await review(self.channel, self.stem, result, self._record, exits=self.exits)
        except ChannelGone:  # who hangs up while asked what to do with it keeps it
            return result

    async def _record(self) -> RecordResult:
        general, channel = self.service.settings.general, self.channel
        writers = [channel.system.sounds.create(str(self.stem), name) for name in _formats(general.format)]
        with recording_gain(channel, self.gain):
            return await record(
                channel, writers, maximum_seconds=general.maxmessage, silence_seconds=general.maxsilence,
                silence_threshold=general.silencethreshold, stop_on="#" + self.exits,
            )  # fmt: skip

    def _log_line(self, started: float, seconds: int) -> str:
        """User, domain, context, extension, priority, channel, caller, date, epoch, seconds, account code, file, as CSV."""
        channel, account = self.channel, self.account
        number = channel.caller.id.number
        fields = (
            account.user, account.domain, channel.context, channel.extension, str(channel.priority), channel.name,
            number.text if number.valid else "Unknown", channel.system.local_time(started).strftime("%a %b %d %r %Z %Y"),
            str(int(started)), str(seconds), account.options.accountcode, str(self.stem),
        )  # fmt: skip
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(" ".join(field.split()) for field in fields)
        return line.getvalue()


def _formats(text: str) -> list[str]:
    return [name.strip() for name in text.replace(",", "|").split("|") if name.strip()]


@application("MinivmDelete", syntax="MinivmDelete([filename])")
async def minivm_delete(channel: Channel, data: str) -> int:
    """Delete a message in all its formats: the named one, else that of MVM_FILENAME.

    MVM_DELETE_STATUS is SUCCESS or FAILED.
    """
    name = argument(split_arguments(data), 0) or channel.get_variable("MVM_FILENAME") or ""
    status = "FAILED"
    if not name:
        logger.error("MinivmDelete needs a file name, or MVM_FILENAME")
    elif await channel.system.run_blocking(_delete, channel.system.sounds, name):
        status = "SUCCESS"
    else:
        logger.warning(f"MinivmDelete: there is no {name}")
    channel.set_variable("MVM_DELETE_STATUS", status)
    return 0


def _delete(sounds: SoundStore, name: str) -> int:
    count = sounds.delete(name)
    Path(f"{name}.txt").unlink(missing_ok=True)
    return count


@application("MinivmAccMess", syntax="MinivmAccMess(username@domain,options)")
async def minivm_account_message(channel: Channel, data: str) -> int:
    """Record a greeting of an account.

    The caller hears what to say, records it, and keeps it or not. Options, one of them:

    u: the unavailable greeting.
    b: the busy greeting.
    t: the temporary greeting, which takes the place of the others.
    n: the name.

    MVM_ACCMESS_STATUS is SUCCESS or FAILED.
    """
    arguments = split_arguments(data)
    account = find_account(channel, "MinivmAccMess", argument(arguments, 0))
    status = "FAILED"
    try:
        if account is None:
            return 0
        options = _options("MinivmAccMess", argument(arguments, 1), dict.fromkeys(_GREETINGS, False))
        if len(options.letters) != 1:
            logger.error("MinivmAccMess needs one of the options u, b, t and n")
            return 0
        await channel.answer()
        kind, prompt = _GREETINGS[next(iter(options.letters))]
        if await _record_greeting(channel, service_of(channel.system), account, kind, prompt):
            status = "SUCCESS"
        return -1 if channel.soft_hangup else 0
    finally:
        channel.set_variable("MVM_ACCMESS_STATUS", status)


async def _record_greeting(channel: Channel, service: MinivmService, account: Account, kind: str, prompt: str) -> bool:
    """Record beside the present greeting, which is replaced when the new one is kept."""
    sounds, folder = channel.system.sounds, service.folder(account)
    new = folder / "tmp" / secrets.token_hex(4)
    general = service.settings.general

    async def once() -> RecordResult:
        writers = [sounds.create(str(new), name) for name in _formats(general.format)]
        return await record(
            channel, writers, maximum_seconds=general.maxgreet, silence_seconds=general.maxsilence,
            silence_threshold=general.silencethreshold,
        )  # fmt: skip

    is_kept = False
    try:
        await play_all(channel, [prompt, "beep"], language=account.options.language or channel.language)
        result = await review(channel, new, await once(), once)
        is_kept = result.end not in (RecordEnd.FAILED, RecordEnd.HANGUP) and result.duration_ms > 0
    except SoundFault as fault:
        logger.error(f"a greeting of {account.address} cannot be recorded: {fault}")
    finally:
        if is_kept:
            await channel.system.run_blocking(_replace, sounds, str(new), str(folder / kind))
        else:
            await channel.system.run_blocking(sounds.delete, str(new))
    return is_kept


def _replace(sounds: SoundStore, new: str, old: str) -> None:
    sounds.delete(old)
    sounds.rename(new, old)


@application("MinivmMWI", syntax="MinivmMWI(username@domain,urgent,new,old)")
def minivm_mwi(channel: Channel, data: str) -> int:
    """Tell the phones that watch a mailbox how many messages wait there: urgent, new and old ones."""
    arguments = split_arguments(data)
    account = find_account(channel, "MinivmMWI", argument(arguments, 0))
    if account is None:
        return 0
    counts = [argument(arguments, index).strip() for index in (1, 2, 3)]
    if any(not text.isdecimal() or len(text) > 6 for text in counts):
        logger.error("MinivmMWI needs the numbers of urgent, new and old messages")
        return 0
    urgent, new, old = map(int, counts)
    channel.system.mailboxes.update(account.address, new, old, urgent, channel=channel)
    return 0
