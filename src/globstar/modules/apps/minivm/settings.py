"""minivm.conf: accounts by address, templates of mails, zones, and how messages are recorded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from globstar.base.log import Logger
from globstar.config import Category, ConfigFile, Variable
from globstar.config.options import Options, Report, handles, option
from globstar.config.values import boolean, decibels, integer, string
from globstar.core.zones import read_zone_message

logger = Logger("app_minivm")

#: What names the section of a template.
TEMPLATE_PREFIX = "template-"
_ADDRESS = re.compile(r"([A-Za-z0-9_+][A-Za-z0-9._+-]*)@([A-Za-z0-9_][A-Za-z0-9._-]*)")
_EMAIL_BODY = (
    "Dear ${MVM_NAME},\n\nyou have a message of ${MVM_DUR} (number ${MVM_COUNTER}) from ${MVM_CALLERID}, left on ${MVM_DATE}.\n"
)
_PAGER_BODY = "${MVM_DUR} message from ${MVM_CALLERID}, ${MVM_DATE}\n"


def split_address(text: str) -> tuple[str, str] | None:
    """User and domain of ``user@domain``; None where that is none, or no safe name of a folder."""
    found = _ADDRESS.fullmatch(text.strip())
    return (found[1], found[2]) if found is not None and ".." not in text else None


def _unescaped(text: str) -> str:
    """``\\n``, ``\\t`` and ``\\r`` of bodies in a configuration file."""
    return text.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "")


class TemplateOptions(Options):
    """A section ``[template-NAME]``."""

    fromaddress: str = option(string, "", help="Name of the sender.", aliases=("fromstring",))
    fromemail: str = option(string, "", help="Address of the sender.")
    subject: str = option(string, "", help="Subject; variables are replaced.")
    messagebody: str = option(_unescaped, "", help="Body; variables are replaced.")
    templatefile: str = option(string, "", help="File that holds the body, in the configuration folder.")
    charset: str = option(string, "UTF-8", help="Character set of subject and body.")
    locale: str = option(string, "", help="Locale of the names of days and months, like sv_SE.UTF-8.")
    dateformat: str = option(string, "%A, %B %d, %Y at %r", help="strftime format of MVM_DATE.")
    attachmedia = option(boolean, True, help="Attach the recording.")


@dataclass(frozen=True, slots=True)
class Template:
    """How a mail looks."""

    name: str
    options: TemplateOptions


class AccountOptions(Options):
    """A section ``[user@domain]``."""

    fullname: str = option(string, "", help="Name of the owner.")
    email: str = option(string, "", help="Address that gets messages; the account's own if empty.")
    pager: str = option(string, "", help="Address that gets short messages.")
    accountcode: str = option(string, "", help="For MINIVMACCOUNT().")
    pincode: str = option(string, "", help="For MINIVMACCOUNT().", secret=True)
    timezone: str = option(string, "", help="Zone of [zonemessages] for times.")
    language: str = option(string, "", help="Language of the prompts.")
    etemplate: str = option(string, "", help="Template of mails.")
    ptemplate: str = option(string, "", help="Template of pager mails.")
    serveremail: str = option(string, "", help="Address of the sender.")
    externnotify: str = option(string, "", help="Program that is run for every message.")
    volgain = option(decibels, 0.0, unit="dB", help="Gain of attached recordings.")
    review = option(boolean, False, help="Let callers listen to, record anew or discard their message.")

    @handles("setvar", help="NAME=value, for MINIVMACCOUNT() and templates; may be repeated.")
    def _setvar(self, text: str) -> None:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ValueError("expected NAME=value")
        self.__dict__.setdefault("variables", {})[name.strip()] = value.strip()

    @handles("options", help="Several options at once: name=value|name=value.")
    def _several(self, text: str) -> None:
        for part in text.split("|"):
            if part.strip():
                name, _, value = (piece.strip() for piece in part.partition("="))
                if name.lower() not in _IN_OPTIONS:
                    raise ValueError(f"'{name}' is none of {', '.join(_IN_OPTIONS)}")
                info = next(info for info in self.describe() if info.name == name.lower())
                assert info.read is not None
                self.__dict__[info.attribute] = info.read(value)


_IN_OPTIONS = ("review", "language", "timezone", "serveremail", "externnotify", "volgain", "etemplate", "ptemplate")


class GeneralOptions(Options):
    """``[general]``."""

    format: str = option(string, "wav", help="Formats to record in, separated by |; the first is attached.")
    minmessage = option(integer(0), 0, unit="s", help="Shorter messages are discarded.")
    maxmessage = option(integer(0), 0, unit="s", help="Longest message; 0: no limit.")
    maxsilence = option(integer(0), 0, unit="s", help="Silence that ends a message; 0: none does.")
    silencethreshold = option(integer(0), 256, help="Mean level below which it is silence.")
    maxgreet = option(integer(0), 0, unit="s", help="Longest greeting; 0: no limit.")
    mailcmd: str = option(string, "/usr/sbin/sendmail -t", help="Program that takes a mail on its standard input.")
    externnotify: str = option(string, "", help="Program that is run for every message.")
    logfile: str = option(string, "", help="File that gets a line for every message.")
    serveremail: str = option(string, "asterisk", help="Address of the sender.")
    review = option(boolean, False, help="Let callers listen to, record anew or discard their message.")
    pbxskip = option(boolean, False, help="No [PBX]: in front of the usual subject.")
    fromstring: str = option(string, "", help="Name of the sender.", aliases=("emailfromstring",))
    emailaddress: str = option(string, "", help="Address of the sender of mails.", aliases=("emailaaddress",))
    emailsubject: str = option(string, "", help="Subject of mails.")
    emailbody: str = option(_unescaped, _EMAIL_BODY, help="Body of mails.")
    emailcharset: str = option(string, "UTF-8", help="Character set of mails.", aliases=("charset",))
    emaildateformat: str = option(string, "%A, %B %d, %Y at %r", help="strftime format of MVM_DATE.")
    pagerfromstring: str = option(string, "", help="Name of the sender of pager mails.")
    pageraddress: str = option(string, "", help="Address of the sender of pager mails.")
    pagersubject: str = option(string, "New VM ${MVM_COUNTER}", help="Subject of pager mails.")
    pagerbody: str = option(_unescaped, _PAGER_BODY, help="Body of pager mails.")
    pagercharset: str = option(string, "UTF-8", help="Character set of pager mails.")

    def email_template(self) -> Template:
        """The template of mails that name no other."""
        subject = (
            self.emailsubject or f"{'' if self.pbxskip else '[PBX]: '}New message in mailbox ${{MVM_USERNAME}}@${{MVM_DOMAIN}}"
        )
        options = TemplateOptions(
            fromaddress=self.fromstring, fromemail=self.emailaddress, subject=subject, messagebody=self.emailbody,
            charset=self.emailcharset, dateformat=self.emaildateformat,
        )  # fmt: skip
        return Template("email-default", options)

    def pager_template(self) -> Template:
        """The template of pager mails that name no other."""
        options = TemplateOptions(
            fromaddress=self.pagerfromstring or self.fromstring, fromemail=self.pageraddress, subject=self.pagersubject,
            messagebody=self.pagerbody, charset=self.pagercharset, dateformat=self.emaildateformat, attachmedia=False,
        )  # fmt: skip
        return Template("pager-default", options)


@dataclass(frozen=True, slots=True)
class Account:
    """A mailbox, or an address that has none (``is_configured`` is False then)."""

    user: str
    domain: str
    options: AccountOptions
    is_configured: bool = True

    @property
    def address(self) -> str:
        """``user@domain``."""
        return f"{self.user}@{self.domain}"

    @property
    def variables(self) -> dict[str, str]:
        """What ``setvar`` set."""
        found: dict[str, str] = self.options.__dict__.get("variables", {})
        return found


@dataclass(slots=True)
class MinivmSettings:
    """The whole file. ``zones``: time zone and format of spoken times by name."""

    general: GeneralOptions = field(default_factory=GeneralOptions)
    accounts: dict[str, Account] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    zones: dict[str, tuple[str, str]] = field(default_factory=dict)

    def find(self, address: str) -> Account | None:
        """The account of an address; one that is not configured gets its mail there. None for what is no address."""
        parts = split_address(address)
        if parts is None:
            return None
        known = self.accounts.get("@".join(parts).lower())
        return known or Account(*parts, AccountOptions(), is_configured=False)


def read_minivm(config: ConfigFile | None) -> MinivmSettings:
    """Read minivm.conf; what cannot be used is logged by file and line."""
    settings = MinivmSettings()
    report = Report()
    for category in config or ():
        name = category.name
        if name.lower() == "general":
            settings.general = GeneralOptions.read(category, report)
        elif name.lower() == "zonemessages":
            for variable in category:
                settings.zones[variable.name] = read_zone_message(variable, report)
        elif name.lower().startswith(TEMPLATE_PREFIX):
            template = Template(name[len(TEMPLATE_PREFIX) :], TemplateOptions.read(category, report))
            settings.templates[template.name] = template
        else:
            _read_account(settings, category, report)
    for warning in report.warnings:
        logger.log(warning.level, str(warning))
    for account in settings.accounts.values():
        for name in (account.options.etemplate, account.options.ptemplate):
            if name and name not in settings.templates:
                logger.warning(f"minivm.conf: account {account.address} names the template '{name}', which there is not")
        zone = account.options.timezone
        if zone and zone not in settings.zones:
            logger.warning(f"minivm.conf: account {account.address} names the zone '{zone}', which there is not")
    return settings


def _read_account(settings: MinivmSettings, category: Category, report: Report) -> None:
    parts = split_address(category.name)
    if parts is None:
        report(Variable(category.name, "", file=category.file, line=category.line), f"[{category.name}] is no user@domain")
        return
    account = Account(*parts, AccountOptions.read(category, report))
    settings.accounts[account.address.lower()] = account
