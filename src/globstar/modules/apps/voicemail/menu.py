"""VoiceMailMain(): listen to messages, sort them, record greetings, change the password."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from globstar.base.log import Logger
from globstar.core import say
from globstar.core.channel import Channel, ChannelGone
from globstar.core.party import parse_caller_id
from globstar.core.pbx import leads
from globstar.core.playback import ControlKeys, SoundMissing, play_all, play_controlled
from globstar.core.recordgain import read_gain, recording_gain
from globstar.core.recording import RecordEnd, record
from globstar.core.registry import application
from globstar.core.say_languages.base import SayFault
from globstar.core.saying import choose_sounds
from globstar.core.soundfile import SoundFault
from globstar.core.testevents import tell_state
from globstar.dialplan.arguments import argument, parse_options, split_arguments
from globstar.dialplan.substitute import substitute
from globstar.modules.apps.voicemail.service import MailboxUser, VoicemailService
from globstar.modules.apps.voicemail.store import FOLDERS, URGENT, Mailbox, read_info

logger = Logger("app_voicemail")

_OPTIONS = {"p": False, "g": True, "r": False, "s": False, "a": True}
_DIGITS = "0123456789*#"
#: Seconds that the caller has for the next key.
_KEY_WAIT = 6.0
#: How often a menu is told before it is left.
_ASK_TIMES = 3


@application("VoiceMailMain", syntax="VoiceMailMain([mailbox][@context][,options])")
async def voicemail_main(channel: Channel, data: str) -> int | None:
    """Let a user listen to and manage the messages of a mailbox.

    Without a mailbox the number is asked for, then the password. Options: s asks for no password; p takes the mailbox as
    a prefix of the number that is asked for; a(n) begins in folder n; r allows listening only; g(#) records greetings louder
    by so many dB. The key * instead of a mailbox number leads to extension a. Without a login the call goes on with the next
    priority.
    """
    tell_state(channel.system, "START", channel, Message="vm_execmain")
    arguments = split_arguments(data)
    service = channel.system.service("voicemail", VoicemailService)
    assert service is not None
    options = parse_options(argument(arguments, 1), _OPTIONS, logger.warning)
    await channel.answer()
    given = argument(arguments, 0)
    number, _, context = given.partition("@")
    if number.startswith("*"):
        number = ""
    prefix = number if "p" in options else ""
    user = await _log_in(service, channel, "" if prefix else number, context, prefix, skip_password="s" in options)
    if user is None:
        return None
    folder = FOLDERS[0]
    chosen = options.get("a")
    if "a" in options and chosen.isdecimal() and int(chosen) < len(FOLDERS):
        folder = FOLDERS[int(chosen)]
        tell_state(channel.system, "AUTOPLAY", channel, Folder=folder)
    tell_state(channel.system, "AUTHENTICATED", channel, Mailbox=user.number, Context=user.context)
    gain = read_gain(options, lambda problem: logger.warning(f"VoiceMailMain: {problem}"))
    session = _Session(service, channel, user, is_read_only="r" in options, gain=gain)
    try:
        await session.set_up_new_user()
        await session.run(folder)
    finally:
        await session.close()
    return None


async def _log_in(
    service: VoicemailService, channel: Channel, number: str, context: str, prefix: str, *, skip_password: bool
) -> MailboxUser | None:
    """Ask for mailbox and password as often as allowed; None if it failed or the caller went elsewhere."""
    general = service.options
    asks_mailbox = not number
    prompt = general.vm_login
    for _ in range(general.maxlogins):
        if asks_mailbox:
            entered = await _read_digits(channel, [prompt], 79)
            if entered is None or not entered:
                return None
            if entered == "*":
                if await leads(channel, channel.context, "a"):
                    channel.goto(channel.context, "a", 1)
                return None
            number = prefix + entered
        user = await service.look_up(f"{number}@{context}" if context else number)
        if user is not None and skip_password:
            return user
        password = await _read_digits(channel, [general.vm_password], 79)
        if password is None:
            return None
        if user is not None and secrets.compare_digest(password.encode(), user.password.encode()):
            return user
        logger.notice(f"wrong mailbox or password for '{number}' on {channel.name}")
        if asks_mailbox:
            prompt = "vm-incorrect-mailbox"
        else:
            await play_all(channel, ["vm-incorrect"])
    await play_all(channel, ["vm-goodbye"])
    return None


async def _read_digits(channel: Channel, prompts: Sequence[str], maximum: int, timeout: float = 5.0) -> str | None:
    """Digits up to # or the time-out; the prompts stop at the first. None if nothing came at all."""
    first = await play_all(channel, prompts, stop_on=_DIGITS)
    digits = ""
    digit = first if first is not None else await channel.wait_for_digit(timeout)
    if digit is None:
        return None
    while digit is not None and digit != "#":
        digits += digit
        if len(digits) >= maximum:
            break
        digit = await channel.wait_for_digit(timeout)
    return digits


@dataclass(slots=True)
class _Session:
    """One user's visit: the open folder, what was heard and what is to go."""

    service: VoicemailService
    channel: Channel
    user: MailboxUser
    is_read_only: bool = False
    #: of what is recorded, dB
    gain: float = 0.0
    folder: str = FOLDERS[0]
    messages: list[Path] = field(default_factory=list)
    current: int = -1
    heard: set[Path] = field(default_factory=set)
    deleted: set[Path] = field(default_factory=set)
    changed: bool = False

    @property
    def box(self) -> Mailbox:
        """The user's folders."""
        return self.service.mailbox(self.user)

    @property
    def language(self) -> str:
        """The language to speak to the user."""
        return self.user.options.language or self.channel.language

    async def say(self, *names: str, stop_on: str = _DIGITS) -> str | None:
        """Play prompts; a key ends them."""
        return await play_all(self.channel, names, stop_on=stop_on, language=self.language)

    def number(self, number: int) -> Sequence[str]:
        """The sounds of a number."""
        return choose_sounds(self.channel, lambda code: say.say_number(number, code), self.language)

    async def open(self, folder: str) -> None:
        """Open a folder; urgent messages come first in the inbox."""
        await self._apply()
        self.folder = folder
        run = self.channel.system.run_blocking
        await run(self.box.folder, folder)
        self.messages = (await run(self.box.messages, URGENT) if folder == FOLDERS[0] else []) + await run(
            self.box.messages, folder
        )
        self.current = -1

    async def _apply(self) -> None:
        """Do to the open folder what the user decided: delete, move what was heard, close gaps."""
        run, box = self.channel.system.run_blocking, self.box
        options = self.user.options
        for stem in self.deleted:
            if options.backupdeleted:
                await run(box.folder, "Deleted")
                await run(box.move, stem, "Deleted", options.backupdeleted)
            else:
                await run(box.delete, stem)
        if self.folder == FOLDERS[0] and options.moveheard:
            for stem in sorted(self.heard - self.deleted):
                await run(box.move, stem, FOLDERS[1], options.maxmsg)
        self.changed = self.changed or bool(self.deleted or self.heard)
        for name in (self.folder, URGENT):
            await run(box.renumber, name)
        self.heard.clear()
        self.deleted.clear()

    async def close(self) -> None:
        """Leave: write what was decided and tell who waits for messages."""
        await self._apply()
        await self.service.announce(self.user, self.channel)

    async def run(self, folder: str) -> None:
        """The main menu until the user leaves; raises ``ChannelGone`` at the hang-up."""
        run = self.channel.system.run_blocking
        for name in (FOLDERS[0], FOLDERS[1], URGENT):
            await run(self.box.folder, name)
        if self.channel.system.sounds.exists(str(self.box.path / "temp")) and self.user.options.tempgreetwarn:
            await self.say("vm-tempgreetactive")
        tell_state(self.channel.system, "INTRO", self.channel, Mailbox=self.user.number)
        counts = await run(self.service.counts, self.user)
        if folder == FOLDERS[0] and not counts.new and counts.old:
            folder = FOLDERS[1]
        await self.open(folder)
        key = await self._say_counts(counts.new, counts.old)
        repeats = 0
        while True:
            if key is None:
                key = await self._instructions()
            if key is None:
                key = await self.channel.wait_for_digit(_KEY_WAIT)
            if key is None:
                repeats += 1
                if repeats >= _ASK_TIMES:
                    break
                continue
            repeats = 0
            if key == "#":
                break
            key = await self._command(key)
        await self.say("vm-goodbye", stop_on="")

    async def set_up_new_user(self) -> None:
        """Who still has the number as password sets the mailbox up first, where the options force that."""
        options, user = self.user.options, self.user
        if user.password != user.number or not (options.forcename or options.forcegreetings):
            return
        tell_state(self.channel.system, "NEWUSER", self.channel, Mailbox=user.number)
        await self.say("vm-newuser")
        if not user.password_is_fixed:
            await self._change_password()
        exists_already = self.channel.system.sounds.exists
        wanted = [("vm-rec-name", "greet")] if options.forcename else []
        wanted += [("vm-rec-unv", "unavail"), ("vm-rec-busy", "busy")] if options.forcegreetings else []
        for prompt, name in wanted:
            if not exists_already(str(self.box.path / name)):
                await self._record_greeting(prompt, name)

    async def _say_counts(self, new: int, old: int) -> str | None:
        names = ["vm-youhave"]
        if new:
            names += [*self.number(new), "vm-INBOX"]
            if old:
                names += ["vm-and"]
            else:
                names += ["vm-message" if new == 1 else "vm-messages"]
        if old:
            names += [*self.number(old), "vm-Old", "vm-message" if old == 1 else "vm-messages"]
        if not new and not old:
            names += ["vm-no", "vm-messages"]
        return await self.say(*names)

    async def _instructions(self) -> str | None:
        """What the keys do here."""
        tell_state(self.channel.system, "BROWSE", self.channel, Folder=self.folder)
        if self.current < 0:
            names = []
            if self.messages:
                names += ["vm-onefor", f"vm-{self.folder}", "vm-messages"]
            return await self.say(*names, "vm-opts")
        names = ["vm-advopts"]
        if self.current > 0:
            names.insert(0, "vm-prev")
        names.append("vm-repeat")
        if self.current < len(self.messages) - 1:
            names.append("vm-next")
        names.append("vm-undelete" if self.messages[self.current] in self.deleted else "vm-delete")
        return await self.say(*names, "vm-toforward", "vm-savemessage", "vm-helpexit")

    async def _command(self, key: str) -> str | None:
        """Do what a key of the main menu says; the next key, if one was pressed meanwhile."""
        tell_state(self.channel.system, "USERPRESS", self.channel, Key=key)
        match key:
            case "1":
                return await self._play(0 if self.current < 0 else self.current)
            case "2":
                return await self._choose_folder()
            case "3":
                return await self._advanced()
            case "4":
                tell_state(self.channel.system, "PREVMSG", self.channel)
                return await self._move_to(self.current - 1, "vm-nomore")
            case "5":
                return await self._play(max(self.current, 0))
            case "6":
                following = self.current + 1
                if following >= len(self.messages) and self.user.options.messagewrap:
                    following = 0
                return await self._move_to(following, "vm-nomore")
            case "7":
                return await self._delete()
            case "8":
                return await self._forward()
            case "9":
                return await self._save()
            case "0":
                return await self._options()
            case _:
                return None

    async def _advanced(self) -> str | None:
        """The menu of key 3: 3 tells all about the message, * leads back."""
        tell_state(self.channel.system, "ADVOPTIONS", self.channel)
        for _ in range(_ASK_TIMES):
            names = ["vm-starmain"] if self.current < 0 else ["vm-tohearenv", "vm-starmain"]
            key = await self.say(*names) or await self.channel.wait_for_digit(_KEY_WAIT)
            if key == "3":
                return await self._envelope(in_full=True)
            if key in ("*", "#"):
                break
        return None

    async def _move_to(self, index: int, otherwise: str) -> str | None:
        if 0 <= index < len(self.messages):
            return await self._play(index)
        return await self.say(otherwise)

    async def _play(self, index: int) -> str | None:
        """Say which message it is and when it came, then play it."""
        if not self.messages:
            return await self.say("vm-youhave", "vm-no", "vm-messages")
        self.current = index
        position = (
            ["vm-first"] if index == 0 else ["vm-last"] if index == len(self.messages) - 1 else []
        )  # in between the number is said
        names = [*position, "vm-message"] if position else ["vm-message", *self.number(index + 1)]
        key = await self.say(*names)
        if key is None and self.user.options.envelope:
            key = await self._envelope(in_full=False)
        if key is not None:
            return key
        stem, general = self.messages[index], self.service.options
        self.heard.add(stem)
        keys = ControlKeys(
            forward=general.listen_control_forward_key, rewind=general.listen_control_reverse_key,
            stop=general.listen_control_stop_key, pause=general.listen_control_pause_key,
            restart=general.listen_control_restart_key, skip_ms=general.skipms,
        )  # fmt: skip
        try:
            tell_state(self.channel.system, "PLAYVOICE", self.channel, Message=stem.name)
            key, _ = await play_controlled(self.channel, str(stem), keys, language=self.language)
        except SoundMissing as missing:
            logger.warning(str(missing))
            return None
        return key

    async def _envelope(self, *, in_full: bool) -> str | None:
        """When the message came, who left it and how long it is."""
        if self.current < 0:
            return None
        info = await self.channel.system.run_blocking(read_info, self.messages[self.current])
        names: list[str] = []
        zone, form = self.service.zone_of(self.user)
        form = substitute(form, self.channel)
        try:
            when, now = float(info.origtime or 0), self.channel.system.wall_time()
            form = form or "'vm-received' Q 'digits/at' IMp"
            names += choose_sounds(
                self.channel, lambda code: say.say_time_form(when, form, now=now, zone=zone, language=code), self.language
            )
        except (SayFault, ValueError) as error:
            logger.warning(f"message of {self.user.number}: {error}")
        if in_full or self.user.options.saycid:
            _, number = parse_caller_id(info.callerid)
            names += ["vm-from", *say.say_digits(number, self.language)] if number else ["vm-unknown-caller"]
        minutes = int(info.duration or 0) // 60 if info.duration.isdecimal() else 0
        if (in_full or self.user.options.sayduration) and minutes >= max(1, self.user.options.saydurationm):
            names += ["vm-duration", *self.number(minutes), "vm-minutes"]
        return await self.say(*names)

    async def _delete(self) -> str | None:
        if self.current < 0 or self.is_read_only:
            return None
        stem = self.messages[self.current]
        if stem in self.deleted:
            self.deleted.discard(stem)
            return await self.say("vm-undeleted")
        self.deleted.add(stem)
        key = await self.say("vm-deleted")
        if key is None and self.user.options.nextaftercmd and self.current < len(self.messages) - 1:
            return await self._play(self.current + 1)
        return key

    async def _choose_folder(self) -> str | None:
        tell_state(self.channel.system, "CHANGEFOLDER", self.channel)
        key = await self._ask_folder("vm-changeto")
        if key is None or not key.isdecimal():
            return None
        await self.open(FOLDERS[int(key)])
        count = len(self.messages)
        names = self.number(count) if count else ["vm-no"]
        return await self.say("vm-youhave", *names, f"vm-{self.folder}", "vm-message" if count == 1 else "vm-messages")

    async def _ask_folder(self, prompt: str) -> str | None:
        """The key of a folder, or # to leave it."""
        key = await self.say(prompt)
        for number, name in enumerate(FOLDERS[:5]):
            if key is not None:
                break
            key = await self.say("vm-press", *self.number(number), "vm-for", f"vm-{name}", "vm-messages")
        if key is None:
            key = await self.say("vm-tocancel")
        return key if key is not None else await self.channel.wait_for_digit(_KEY_WAIT)

    async def _save(self) -> str | None:
        if self.current < 0 or self.is_read_only:
            return None
        tell_state(self.channel.system, "SAVEMSG", self.channel)
        key = await self._ask_folder("vm-savefolder")
        if key is None or not key.isdecimal():
            return None
        stem = self.messages[self.current]
        moved = await self.channel.system.run_blocking(self.box.move, stem, FOLDERS[int(key)], self.user.options.maxmsg)
        if not moved:
            return await self.say("vm-mailboxfull")
        self.changed = True
        self.heard.discard(stem)
        self.deleted.discard(stem)
        del self.messages[self.current]
        self.current = min(self.current, len(self.messages) - 1)
        return await self.say("vm-message", "vm-savedto", f"vm-{FOLDERS[int(key)]}", "vm-messages")

    async def _forward(self) -> str | None:
        """Copy the message to another mailbox."""
        if self.current < 0:
            return None
        tell_state(self.channel.system, "FORWARD", self.channel)
        entered = await _read_digits(self.channel, ["vm-extension"], 79)
        other = await self.service.look_up(f"{entered}@{self.user.context}") if entered else None
        if other is None:
            return await self.say("pbx-invalid")
        stem, box = self.messages[self.current], self.service.mailbox(other)

        def transfer() -> Path | None:
            return box.store_copy(stem, read_info(stem), FOLDERS[0], other.options.maxmsg)

        if not await self.channel.system.run_blocking(transfer):
            return await self.say("vm-mailboxfull")
        await self.service.announce(other, self.channel)
        return await self.say("vm-msgforwarded")

    async def _options(self) -> str | None:
        """Record greetings and the name, change the password."""
        if self.is_read_only:
            return None
        tell_state(self.channel.system, "VMOPTIONS", self.channel)
        greetings = {"1": ("vm-rec-unv", "unavail"), "2": ("vm-rec-busy", "busy"), "3": ("vm-rec-name", "greet")}
        while True:
            key = await self.say("vm-options") or await self.channel.wait_for_digit(_KEY_WAIT)
            if key in greetings:
                await self._record_greeting(*greetings[key])
            elif key == "4":
                await self._temporary_greeting()
            elif key == "5" and self.user.password_is_fixed:
                await self.say("vm-no")
            elif key == "5":
                await self._change_password()
            elif key in ("*", "#", None):
                return None

    async def _temporary_greeting(self) -> None:
        """1 records the greeting that is heard instead of the others, 2 removes it."""
        tell_state(self.channel.system, "TEMPGREETING", self.channel)
        sounds, name = self.channel.system.sounds, str(self.box.path / "temp")
        there = sounds.exists(name)
        prompt = "vm-tempgreeting2" if there else "vm-tempgreeting"
        key = await self.say(prompt) or await self.channel.wait_for_digit(_KEY_WAIT)
        if key == "1":
            await self._record_greeting("vm-rec-temp", "temp")
        elif key == "2" and there:
            await self.channel.system.run_blocking(sounds.delete, name)
            await self.say("vm-tempremoved")

    async def _record_greeting(self, prompt: str, name: str) -> None:
        """Record until #, play it back, keep it when the user says so (1), else discard or record anew (3)."""
        run, sounds = self.channel.system.run_blocking, self.channel.system.sounds
        final = self.box.folder("") / name
        draft = str(self.box.temporary(name))
        try:
            while True:
                await self.say(prompt, "beep", stop_on="")
                if not await self._record_draft(draft):
                    return
                key = await self.say("vm-review") or await self.channel.wait_for_digit(_KEY_WAIT)
                while key == "2":
                    key = await self.say(draft) or await self.say("vm-review") or await self.channel.wait_for_digit(_KEY_WAIT)
                if key == "1":
                    await run(sounds.rename, draft, str(final))
                    await self.say("vm-msgsaved", stop_on="")
                if key != "3":
                    return
        finally:
            await run(sounds.delete, draft)

    async def _record_draft(self, draft: str) -> bool:
        general, sounds = self.service.options, self.channel.system.sounds
        try:
            writers = [sounds.create(draft, extension) for extension in general.format.split("|") if extension]
        except SoundFault as fault:
            logger.error(f"cannot record a greeting of {self.user.number}: {fault}")
            return False
        with recording_gain(self.channel, self.gain):
            result = await record(self.channel, writers, maximum_seconds=general.maxgreet)
        if result.end is RecordEnd.HANGUP:
            raise ChannelGone(self.channel.name)
        return result.end is not RecordEnd.FAILED

    async def _change_password(self) -> None:
        general = self.service.options
        for _ in range(general.maxlogins):
            first = await _read_digits(self.channel, [general.vm_newpassword], 79)
            if first is None:
                return
            if len(first) < max(1, general.minpassword):
                await self.say(general.vm_invalid_password, general.vm_pls_try_again)
                continue
            if await _read_digits(self.channel, [general.vm_reenterpassword], 79) != first:
                await self.say(general.vm_mismatch, general.vm_pls_try_again)
                continue
            await self.service.change_password(self.user, first)
            tell_state(self.channel.system, "PASSWORDCHANGED", self.channel, Mailbox=self.user.number)
            await self.say(general.vm_passchanged)
            return
