"""voicemail.conf: users, zones, options; counts of messages and who is told of them."""

from __future__ import annotations

import asyncio
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, decibels, integer, string
from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.mailboxes import NOTHING, MailboxState, mailbox_name
from globstar.core.realtime.engine import RealtimeFault
from globstar.core.services import DeliveredSound
from globstar.core.system import System
from globstar.core.zones import read_zone_message
from globstar.modules.apps.voicemail import realtime
from globstar.modules.apps.voicemail.delivery import deliver_sound
from globstar.modules.apps.voicemail.store import FOLDERS, URGENT, Mailbox

logger = Logger("app_voicemail")


class UserOptions(Options):
    """What may be set for all mailboxes and for one."""

    language: str = option(string, "", help="Language of the prompts.")
    tz: str = option(string, "", help="Zone of [zonemessages] for the time of messages.")
    saycid = option(boolean, False, help="Say the caller's number before a message.")
    sayduration = option(boolean, True, help="Say the length of a message.")
    saydurationm = option(integer(0), 2, unit="min", help="Shortest length that is said.")
    review = option(boolean, False, help="Let callers listen to, record anew or discard their message.")
    tempgreetwarn = option(boolean, False, help="Remind of a temporary greeting.")
    messagewrap = option(boolean, False, help="After the last message comes the first.")
    operator = option(boolean, False, help="0 leads to extension o.")
    envelope = option(boolean, True, help="Say when a message came before playing it.")
    moveheard = option(boolean, True, help="Move messages that were heard to the folder Old.")
    forcename = option(boolean, False, help="New users must record their name.")
    forcegreetings = option(boolean, False, help="New users must record greetings.")
    hidefromdir = option(boolean, False, help="Leave out of the directory.")
    exitcontext: str = option(string, "", help="Context of extension a and o when leaving a message.")
    minsecs = option(integer(0), 0, unit="s", help="Shorter messages are discarded.")
    maxsecs = option(integer(0), 0, unit="s", help="Longest message; 0: no limit.", aliases=("maxmessage",))
    maxmsg = option(integer(1, 9999), 100, help="Most messages in a folder.")
    backupdeleted = option(integer(0), 0, help="Deleted messages to keep in the folder Deleted.")
    volgain = option(decibels, 0.0, unit="dB", help="Gain of what is attached to mails, which are not sent yet; AMI shows it.")
    nextaftercmd = option(boolean, True, help="Go to the next message after deleting or saving one.")
    leaveurgent = option(boolean, True, help="Offer to mark a message urgent.")


class GeneralOptions(UserOptions):
    """``[general]`` of voicemail.conf."""

    format: str = option(string, "wav", help="Formats to record in, separated by |.")
    maxsilence = option(integer(0), 0, unit="s", help="Silence that ends a message; 0: none does.")
    silencethreshold = option(integer(0), 128, help="Mean level below which it is silence.")
    maxgreet = option(integer(0), 0, unit="s", help="Longest greeting; 0: no limit.")
    skipms = option(integer(1), 3000, unit="ms", help="How far keys wind.")
    maxlogins = option(integer(1), 3, help="Tries to log in.")
    minpassword = option(integer(0), 0, help="Shortest new password.")
    passwordlocation: str = option(string, "spooldir", help="Accepted; new passwords always go to the spool folder.")
    searchcontexts = option(boolean, False, help="Look for a mailbox in every context.")
    aliasescontext: str = option(string, "", help="Section of other names of mailboxes (`100@phones => 100@default`).")
    externnotify: str = option(string, "", help="Program to run when messages come or go.")
    externpass: str = option(string, "", help="Program to run when a password was changed.")
    listen_control_forward_key: str = option(string, "#", name="listen-control-forward-key", help="Winds forward.")
    listen_control_reverse_key: str = option(string, "*", name="listen-control-reverse-key", help="Winds back.")
    listen_control_pause_key: str = option(string, "0", name="listen-control-pause-key", help="Pauses.")
    listen_control_restart_key: str = option(string, "2", name="listen-control-restart-key", help="Begins anew.")
    listen_control_stop_key: str = option(string, "13456789", name="listen-control-stop-key", help="Stops.")
    vm_password: str = option(string, "vm-password", name="vm-password", help="Prompt that asks for the password.")
    vm_login: str = option(string, "vm-login", name="vm-login", help="Prompt that asks for the mailbox.")
    vm_mismatch: str = option(string, "vm-mismatch", name="vm-mismatch", help="Passwords do not match.")
    vm_newpassword: str = option(string, "vm-newpassword", name="vm-newpassword", help="Asks for a new password.")
    vm_reenterpassword: str = option(string, "vm-reenterpassword", name="vm-reenterpassword", help="Asks for it again.")
    vm_passchanged: str = option(string, "vm-passchanged", name="vm-passchanged", help="The password was changed.")
    vm_invalid_password: str = option(string, "vm-invalid-password", name="vm-invalid-password", help="Not allowed.")
    vm_pls_try_again: str = option(string, "vm-pls-try-again", name="vm-pls-try-again", help="Asks for another try.")


#: Options for mail, IMAP, ODBC, ADSI and polling, which come with a later release; accepted without a word when they name
#: what happens anyway, else with one.
_LATER = frozenset(
    {
        "attach", "cidinternalcontexts", "sendvoicemail", "delete", "deletevoicemail", "callback", "dialout", "pbxskip",
        "serveremail", "fromstring", "mailcmd", "emailsubject", "emailbody", "emaildateformat", "pagerfromstring",
        "pagersubject", "pagerbody", "pagerdateformat",
        "charset",
        "attachfmt", "attachextrecs", "externpassnotify", "externpasscheck", "usedirectory", "odbcstorage",
        "odbctable", "odbc_audio_on_disk", "adsifdn", "adsisec", "adsiver", "pollmailboxes", "pollfreq", "smdienable", "smdiport",
        "imapserver", "imapport", "imapflags", "imapfolder", "imapgreetings", "greetingsfolder", "greetingfolder",
        "imapparentfolder", "imapopentimeout", "imapclosetimeout", "imapreadtimeout", "imapwritetimeout", "imap_poll_logout",
        "expungeonhangup", "authuser", "authpassword", "locale", "tps_queue_high", "tps_queue_low",
        "forward_urgent_auto", "vm-newuser", "vm-prepend-timeout", "vm-incorrect",
    }
)  # fmt: skip
#: Options that Directory() reads.
_OF_DIRECTORY = frozenset({"directoryintro", "alias"})


@dataclass(slots=True)
class MailboxUser:
    """One mailbox of voicemail.conf."""

    context: str
    number: str
    password: str
    name: str
    email: str
    pager: str
    options: UserOptions
    #: voicemail.conf has a hyphen before the password: the user cannot change it
    password_is_fixed: bool = False
    #: it is a row of realtime, not a line of voicemail.conf
    is_realtime: bool = False

    def __repr__(self) -> str:
        return f"<MailboxUser {self.number}@{self.context}, password redacted>"


@dataclass(slots=True)
class MessageCounts:
    """New (with urgent ones), old and urgent messages of a mailbox."""

    new: int
    old: int
    urgent: int


class VoicemailService:
    """All mailboxes of one system; service ``voicemail``."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.options = GeneralOptions()
        self.users: dict[tuple[str, str], MailboxUser] = {}
        #: zone name: time zone and message format
        self.zones: dict[str, tuple[str, str]] = {}
        #: other names of mailboxes: ``100@phones`` of ``100@default``
        self.aliases: dict[str, str] = {}
        #: zones that mailboxes name and ``[zonemessages]`` lacks, which was told
        self._missing_zones: set[str] = set()
        self.root = Path(system.directories.astspooldir) / "voicemail"

    def load(self) -> None:
        """Read voicemail.conf; raises ``ConfigError`` and changes nothing if it is broken."""
        config = self.system.configuration.read("voicemail.conf")
        report = Report()
        options = GeneralOptions()
        users: dict[tuple[str, str], MailboxUser] = {}
        zones: dict[str, tuple[str, str]] = {}
        aliases: dict[str, str] = {}
        if config is not None:
            general = config.category("general")
            if general is not None:
                options = GeneralOptions.read(general, report, ignore=_LATER | _OF_DIRECTORY)
                for variable in general:
                    if variable.name.lower() in _LATER:
                        report(variable, f"option '{variable.name}' is not supported yet and has no effect")
            for category in config.categories:
                if category.name.lower() == "general":
                    continue
                for variable in category:
                    if category.name.lower() == "zonemessages":
                        zones[variable.name] = read_zone_message(variable, report)
                    elif category.name == options.aliasescontext:
                        aliases[mailbox_name(variable.name)] = mailbox_name(variable.value)
                    else:
                        user = self._read_user(category.name, variable.name, variable.value, options, report, variable)
                        users[user.context, user.number] = user
        for warning in report.warnings:
            logger.log(warning.level, str(warning))
        mailed = sum(bool(user.email or user.pager) for user in users.values())
        if mailed:
            logger.warning(f"voicemail.conf: {mailed} mailboxes have an address; messages are not sent by mail yet")
        kept = {key: user for key, user in self.users.items() if user.is_realtime and realtime.is_mapped(self)}
        self.options, self.users, self.zones, self.aliases = options, {**kept, **users}, zones, aliases
        self._missing_zones.clear()
        for user in users.values():
            self.zone_of(user)

    async def load_realtime(self) -> None:
        """Read the mailboxes of realtime; those of voicemail.conf go before them."""
        found = await realtime.read_all(self)
        users = {key: user for key, user in self.users.items() if not user.is_realtime}
        for user in found:
            users.setdefault((user.context, user.number), user)
        self.users = users

    def _read_user(
        self, context: str, number: str, text: str, general: GeneralOptions, report: Report, variable: object
    ) -> MailboxUser:
        parts = [part.strip() for part in text.split(",", 4)] + [""] * 4
        password = self._password(context, number, parts[0].removeprefix("-"))
        chosen = self._read_options(context, number, parts[4].split("|") if parts[4] else [], general)
        return MailboxUser(context, number, password, parts[1], parts[2], parts[3], chosen, parts[0].startswith("-"))

    def make_user(
        self,
        context: str,
        number: str,
        password: str,
        name: str,
        email: str,
        pager: str,
        options: list[tuple[str, str]],
        *,
        is_realtime: bool,
    ) -> MailboxUser:
        """A mailbox that stands elsewhere than in voicemail.conf."""
        chosen = self._read_options(context, number, [f"{key}={value}" for key, value in options], self.options)
        fixed, secret = password.startswith("-"), password.removeprefix("-")
        return MailboxUser(context, number, secret, name, email, pager, chosen, fixed, is_realtime)

    def _read_options(self, context: str, number: str, entries: list[str], general: GeneralOptions) -> UserOptions:
        chosen = UserOptions(**{name: getattr(general, name) for name in _USER_FIELDS})
        if entries:
            for entry in entries:
                name, equals, value = entry.partition("=")
                if name.strip().lower() in _OF_DIRECTORY:
                    continue
                info = next((i for i in UserOptions.describe() if name.strip().lower() in (i.name, *i.aliases)), None)
                if not equals or info is None or info.read is None:
                    known = name.strip().lower() in _LATER
                    what = f"option '{name.strip()}' is not supported yet" if known else f"unknown option '{entry}'"
                    logger.warning(f"mailbox {number}@{context}: {what}")
                    continue
                try:
                    setattr(chosen, info.attribute, info.read(value.strip()))
                except ValueError as error:
                    logger.warning(f"mailbox {number}@{context}: {name}: {error}")
        return chosen

    def _password(self, context: str, number: str, configured: str) -> str:
        """The password that the user set, where passwords are kept in the spool; else the configured one."""
        secret = self.root / context / number / "secret.conf"
        if secret.is_file():
            match = re.search(r"^\s*password\s*=>?\s*(\S+)", secret.read_text(), re.MULTILINE)
            if match:
                return match[1]
        return configured

    def find(self, mailbox: str) -> MailboxUser | None:
        """The mailbox called ``100@context``; context ``default`` if none is named."""
        number, at, context = mailbox.partition("@")
        found = self.users.get((context or "default", number))
        if found is None and not at and self.options.searchcontexts:
            found = next((user for (_, name), user in self.users.items() if name == number), None)
        if found is None and (alias := self.aliases.get(mailbox_name(mailbox))):
            number, _, context = alias.partition("@")
            found = self.users.get((context, number))
        return found

    def names(self, user: MailboxUser) -> list[str]:
        """``100@default`` and its aliases; one that is a mailbox itself is none."""
        name = f"{user.number}@{user.context}"
        aliases = (alias for alias, mailbox in self.aliases.items() if mailbox == name)
        return [name, *(alias for alias in aliases if self.find(alias) is user)]

    async def look_up(self, mailbox: str) -> MailboxUser | None:
        """As :meth:`find`, with a mailbox of realtime as its row is now."""
        found = self.find(mailbox)
        if not realtime.is_mapped(self) or (found is not None and not found.is_realtime):
            return found
        number, at, context = self.aliases.get(mailbox_name(mailbox), mailbox).partition("@")
        if not at and not self.options.searchcontexts:
            context = "default"
        try:
            read = await realtime.read_one(self, number, context or ("default" if at else ""))
        except RealtimeFault as fault:
            logger.debug(1, f"mailbox {mailbox} is used as it was read last: {fault}")
            return found
        if found is not None and (read is None or (read.context, read.number) != (found.context, found.number)):
            self.users.pop((found.context, found.number), None)
        if read is not None:
            self.users[read.context, read.number] = read
        return read

    def zone_of(self, user: MailboxUser) -> tuple[str, str]:
        """Time zone and form in which times are said to a user; both are empty without ``tz``: the machine's, the usual one.

        A ``tz`` that ``[zonemessages]`` lacks is as none, which is told once.
        """
        name = user.options.tz
        if name and name not in self.zones and name not in self._missing_zones:
            self._missing_zones.add(name)
            logger.warning(
                f"mailbox {user.number}@{user.context}: tz: [zonemessages] of voicemail.conf has no zone '{name}'; "
                "times are the machine's"
            )
        return self.zones.get(name, ("", ""))

    def mailbox(self, user: MailboxUser) -> Mailbox:
        """The folders of a user."""
        return Mailbox(self.root, user.context, user.number)

    def recorded_name(self, mailbox: str) -> str | None:
        """The sound in which the owner of a mailbox says its name; None without one."""
        user = self.find(mailbox)
        name = str(self.mailbox(user).path / "greet") if user is not None else ""
        return name if name and self.system.sounds.exists(name) else None

    async def deliver(self, address: str, sound: Path, message: DeliveredSound) -> bool:
        """See SoundDelivery."""
        return await deliver_sound(self, address, sound, message)

    def message_count(self, mailbox: str, folder: str) -> int:
        """See MessageStore."""
        user = self.find(mailbox)
        if user is None or "/" in folder or folder.startswith("."):
            return 0
        return self.mailbox(user).count(folder)

    def keep_password(self, user: MailboxUser, password: str) -> None:
        """Write a new password to the mailbox's folder, so that voicemail.conf stays as its owner wrote it."""
        path = self.mailbox(user).folder("") / "secret.conf"
        path.write_text(f"[general]\npassword={password}\n")
        path.chmod(0o600)
        user.password = password

    def counts(self, user: MailboxUser) -> MessageCounts:
        """The messages of a mailbox (reads the disk)."""
        box = self.mailbox(user)
        urgent = box.count(URGENT)
        return MessageCounts(box.count(FOLDERS[0]) + urgent, box.count(FOLDERS[1]), urgent)

    async def announce(self, user: MailboxUser, channel: Channel | None = None) -> None:
        """Tell those who wait for messages (MWI) and ``externnotify`` how many there are."""
        counts = await self.system.run_blocking(self.counts, user)
        for mailbox in self.names(user):
            self.system.mailboxes.update(mailbox, counts.new, counts.old, counts.urgent, channel=channel)
        await self._run("externnotify", self.options.externnotify, user, counts.new, counts.old, counts.urgent)

    async def count_all(self) -> None:
        """Let those who wait for messages know what waits since the last run."""

        def count() -> list[tuple[str, MailboxState]]:
            found: list[tuple[str, MailboxState]] = []
            for user in users:
                state = NOTHING
                if (self.root / user.context / user.number).is_dir():
                    counts = self.counts(user)
                    state = MailboxState(counts.new, counts.old, counts.urgent)
                found.extend((name, state) for name in self.names(user))
            return found

        users = list(self.users.values())
        self.system.mailboxes.learn(await self.system.run_blocking(count))

    async def change_password(self, user: MailboxUser, password: str) -> None:
        """Change a password for good and tell ``externpass``."""
        if user.is_realtime:
            await realtime.keep_password(self, user, password)
            user.password = password
        else:
            await self.system.run_blocking(self.keep_password, user, password)
        self.system.bus.publish(events.VoicemailPasswordChanged(user.context, user.number, password))
        await self._run("externpass", self.options.externpass, user, password)

    async def _run(self, option_name: str, program: str, user: MailboxUser, *arguments: object) -> None:
        """Run one of the programs of voicemail.conf with context, mailbox and ``arguments``; nobody waits for its end."""
        if not program:
            return
        command = [*shlex.split(program), user.context, user.number, *map(str, arguments)]
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
        except OSError as error:
            logger.warning(f"{option_name}: {error}")
            return
        self.system.tasks.start(process.wait(), name=option_name)


_USER_FIELDS = tuple(info.attribute for info in UserOptions.describe())
