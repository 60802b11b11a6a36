"""manager.conf."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from globstar.config import ConfigFile
from globstar.config.file import Category, Variable
from globstar.config.options import Options, Report, handles, option
from globstar.config.values import address_and_port, boolean, integer, is_true, string
from globstar.core.acl import AccessRules
from globstar.core.manager import NONE, Permission, classes_of_number, read_permissions, unknown_permissions
from globstar.interfaces.ami.filters import FilterSet, read_filter


def _address(text: str) -> str:
    text = text.strip().strip("[]")
    if text:
        ipaddress.ip_address(text)
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))


class ManagerOptions(Options):
    """``[general]``."""

    enabled = option(boolean, False, help="Whether clients are served at all.")
    webenabled = option(boolean, False, help="Whether they are served over HTTP, too.")
    port = option(integer(0, 65535), 5038, help="Port for TCP.")
    bindaddr = option(_address, "0.0.0.0", help="Address for TCP.")
    tlsenable = option(boolean, False, aliases=("sslenable",), help="Whether they are served over TLS, too.")
    tlsbindaddr = option(
        address_and_port, ("", 0), aliases=("sslbindaddr",), help="Address and port for TLS; bindaddr and 5039 unless set."
    )
    tlscertfile = option(string, "", aliases=("sslcert", "tlscert"), help="Certificate.")
    tlsprivatekey = option(string, "", aliases=("sslprivatekey",), help="Its private key, unless the certificate's file has it.")
    tlscipher = option(string, "", aliases=("sslcipher",), help="Ciphers, names of OpenSSL.")
    tlscafile = option(string, "", help="Authorities that sign certificates of clients.")
    tlscapath = option(string, "", aliases=("tlscadir",), help="Folder with such authorities.")
    tlsverifyclient = option(boolean, False, help="Clients must show a certificate.")
    tlsclientmethod = option(string, "", aliases=("sslclientmethod",), help="Accepted for compatibility.")
    tlsdontverifyserver = option(boolean, False, help="Accepted for compatibility.")
    allowmultiplelogin = option(boolean, True, help="Whether a user may log in more than once at a time.")
    displayconnects = option(boolean, True, help="Whether logins and logoffs are logged as verbose lines.")
    timestampevents = option(boolean, False, help="Whether events carry the time.")
    brokeneventsaction = option(
        boolean, False, help="Whether the action Events stays unanswered when single classes are asked for."
    )
    channelvars = option(_names, (), help="Variables that events about channels show.")
    disabledevents = option(_names, (), help="Events that are never sent.")
    debug = option(boolean, False, help="Whether events carry a number.")
    authtimeout = option(integer(1), 30, unit="s", help="How long a client may take to log in.")
    authlimit = option(integer(1), 50, help="Clients at a time that are not logged in yet.")
    httptimeout = option(integer(1), 60, unit="s", help="How long a session over HTTP lasts without a request.")
    eventnumbers = option(boolean, False, help="Whether events carry a number that the action Replay takes (not in Asterisk).")
    replayevents = option(
        integer(0, 1_000_000), 0, help="How many of the last events are kept for the action Replay (not in Asterisk)."
    )


def _check_classes(text: str) -> None:
    """Raise ValueError for words that are no class; the others count."""
    unknown = unknown_permissions(text)
    if unknown:
        raise ValueError(f"there is no class {', '.join(unknown)}; the others count")


class UserOptions(Options):
    """The section of a user."""

    secret = option(string, "", secret=True, help="What the user proves to know.")
    acl = option(_names, (), repeat="extend", help="Named access lists of acl.conf.")
    displayconnects = option(boolean, True, help="As in general, for this user.")
    allowmultiplelogin = option(boolean, True, help="As in general, for this user.")
    writetimeout = option(integer(1), 100, unit="ms", help="How long the client may stop reading before it is cut off.")

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        self.reads = self.writes = NONE
        self.access = AccessRules()
        self.filters = FilterSet()
        self.variables: list[tuple[str, str]] = []

    @handles("read", help="Classes of events.")
    def _read_classes(self, text: str) -> None:
        self.reads = read_permissions(text)
        _check_classes(text)

    @handles("write", help="Classes of actions.")
    def _write_classes(self, text: str) -> None:
        self.writes = read_permissions(text)
        _check_classes(text)

    @handles("permit", "allow", help="Addresses that are let in.")
    def _permit(self, text: str) -> None:
        self.access.add(True, text)

    @handles("deny", help="Addresses that are kept out.")
    def _deny(self, text: str) -> None:
        self.access.add(False, text)

    @handles("setvar", help="A variable of every channel that the user originates; may be repeated.")
    def _setvar(self, text: str) -> None:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ValueError("expected NAME=value")
        self.variables.append((name.strip(), value.strip()))

    def add_filter(self, variable: Variable, report: Report) -> None:
        """Read ``eventfilter`` or ``eventfilter(criteria)``."""
        criteria = variable.name[len("eventfilter") :].strip()
        try:
            if criteria and not (criteria.startswith("(") and criteria.endswith(")")):
                raise ValueError("expected eventfilter(criteria)")
            self.filters.add(read_filter(criteria[1:-1] if criteria else None, variable.value))
        except ValueError as error:
            report(variable, f"bad filter '{variable.name} = {variable.value}': {error}")


@dataclass(slots=True)
class ManagerUser:
    """One user."""

    name: str
    options: UserOptions


@dataclass(slots=True)
class ManagerSettings:
    """All of manager.conf."""

    general: ManagerOptions = field(default_factory=ManagerOptions)
    users: dict[str, ManagerUser] = field(default_factory=dict)


#: Options of TLS for who makes connections.
_NO_CLIENTS = frozenset(("tlsclientmethod", "sslclientmethod", "tlsdontverifyserver"))


def read_manager(config: ConfigFile | None, report: Report) -> ManagerSettings:
    """Read manager.conf; a mistake in a line is reported and the line left out."""
    settings = ManagerSettings()
    for category in config or ():
        if category.name == "general":
            settings.general = ManagerOptions.read(category, report)
            for variable in category:
                if variable.name.lower() in _NO_CLIENTS:
                    report(variable, f"option '{variable.name}' has no effect: the manager makes no connections")
    for category in config or ():
        if category.name != "general" and not category.is_template:
            settings.users[category.name] = ManagerUser(category.name, _read_user(category, settings.general, report))
    return settings


def _read_user(category: Category, general: ManagerOptions, report: Report) -> UserOptions:
    filters = [variable for variable in category if variable.name.lower().startswith("eventfilter")]
    options = UserOptions.read([variable for variable in category if variable not in filters], report)
    for name in ("displayconnects", "allowmultiplelogin"):
        if name not in options.given():
            setattr(options, name, getattr(general, name))
    for variable in filters:
        options.add_filter(variable, report)
    return options


def event_mask(text: str) -> Permission | None:
    """What ``Events`` or ``EventMask`` asks for; None if nothing was said. Unknown classes count for nothing."""
    text = text.strip()
    if not text:
        return None
    if text.isdecimal():
        return classes_of_number(int(text)) if len(text) < 12 else NONE
    if is_true(text):
        return read_permissions("all")
    return read_permissions(text)
