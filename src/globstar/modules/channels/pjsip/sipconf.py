"""sip.conf and users.conf of chan_sip as objects of pjsip.conf, with a report of what was mapped, changed or lost.

Mapping is pure: configuration files in, categories and notes out. Each category carries the file and line of the section that
it came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from globstar.config import ConfigFile, Variable
from globstar.config.file import Category
from globstar.config.values import is_false, is_true
from globstar.modules.channels.pjsip.sipconf_options import DROPPED, GENERAL, PEER, NoCounterpart, Rule

#: options of a peer that are read together
_TOGETHER = frozenset(
    (
        "type", "host", "port", "defaultip", "defaultuser", "username", "secret", "md5secret", "remotesecret", "insecure",
        "qualify", "qualifyfreq", "transport", "cid_number", "fullname", "hassip", "hasvoicemail", "hasmanager", "hasiax",
        "hash323",
    )
)  # fmt: skip
#: options of [general] that make transports, and other things that several options decide together
_NETWORK = frozenset(
    (
        "bindaddr", "udpbindaddr", "bindport", "tcpenable", "tcpbindaddr", "tlsenable", "tlsbindaddr", "tlscertfile",
        "tlsprivatekey", "tlscafile", "tlscapath", "tlsdontverifyserver", "tlscipher", "tlsclientmethod", "externip",
        "externaddr", "externhost", "localnet", "register", "allowguest", "pjsip_map", "qualify", "qualifyfreq",
        "transport", "externtcpport", "externtlsport",
    )
)  # fmt: skip
#: sections of users.conf whose options mean nothing to SIP
_USERS_ONLY = frozenset(
    (
        "hasagent", "hasdirectory", "hasdahdi", "vmsecret", "userbase", "allow_aliases", "allow_an_extns", "alternateexts",
        "macaddress", "autoprov", "label", "linenumber", "linekeys", "cid_number", "email", "vmpassword", "callwaiting",
        "threewaycalling", "callwaitingcallerid", "transfer", "hassip",
    )
)  # fmt: skip
_REGISTER = re.compile(
    r"(?:(?P<peer>[^?/@]+)\?)?(?:(?P<transport>udp|tcp|tls|ws|wss)://)?(?P<account>.+)@(?P<host>[^@/~]+?)"
    r"(?:/(?P<extension>[^~]*))?(?:~(?P<expiry>[0-9]+))?\Z"
)
_LEVELS = {"mapped": "DEBUG", "changed": "NOTICE", "dropped": "WARNING"}


@dataclass(frozen=True, slots=True)
class Note:
    """What became of one option: ``mapped``, ``changed`` (nearly the same) or ``dropped``."""

    file: str
    line: int
    action: str
    text: str

    @property
    def level(self) -> str:
        """Under which level it is logged."""
        return _LEVELS[self.action]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


@dataclass(slots=True)
class Mapping:
    """What sip.conf became."""

    categories: list[Category] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """How many notes of each kind."""
        return {action: sum(note.action == action for note in self.notes) for action in _LEVELS}

    def __str__(self) -> str:
        """The objects as a pjsip.conf, with what was not mapped as comments at the top."""
        lost = [f"; {note.action}: {note}" for note in self.notes if note.action != "mapped"]
        return "\n".join(["; made from sip.conf", *lost, "", *map(str, self.categories)])


def map_sip_conf(sip: ConfigFile, users: ConfigFile | None = None, *, with_transports: bool = True) -> Mapping:
    """Map both files; ``with_transports`` False leaves [general]'s addresses out as pjsip.conf has its own."""
    return _Mapper(sip, users, with_transports).run()


@dataclass(slots=True)
class Registrar:
    """A ``register =>`` line, taken apart."""

    user: str
    domain: str
    secret: str
    auth_user: str
    host: str
    extension: str
    expiry: str
    transport: str
    peer: str


def parse_register(text: str) -> Registrar:
    """Read ``[peer?][transport://]user[@domain][:secret[:authuser]]@host[:port][/extension][~expiry]``; raises ValueError."""
    found = _REGISTER.fullmatch(text.strip())
    if found is None:
        raise ValueError("expected user[:secret[:authuser]]@host[:port][/extension]")
    account = found["account"]
    user, _, rest = account.partition(":")
    secret, _, auth_user = rest.rpartition(":") if rest.count(":") else (rest, "", "")
    if not user:
        raise ValueError("there is no user")
    name, _, domain = user.partition("@")
    return Registrar(
        name, domain, secret, auth_user, found["host"], found["extension"] or "", found["expiry"] or "",
        found["transport"] or "", found["peer"] or "",
    )  # fmt: skip


class _Mapper:
    """One run."""

    def __init__(self, sip: ConfigFile, users: ConfigFile | None, with_transports: bool) -> None:
        self.sip = sip
        self.users = users
        self.with_transports = with_transports
        self.mapping = Mapping()
        self.general: list[Variable] = [variable for category in sip.categories_named("general") for variable in category]
        self.where = next(iter(sip.categories_named("general")), Category("general", file=sip.name, line=1))

    # -- small things ------------------------------------------------------------------------------------------------

    def note(self, where: Variable | Category, action: str, text: str) -> None:
        """Report."""
        self.mapping.notes.append(Note(where.file, where.line, action, text))

    def category(self, name: str, kind: str, where: Variable | Category, *pairs: tuple[str, str]) -> Category:
        """Add an object; empty values are left out."""
        made = Category(name, file=where.file, line=where.line)
        for option, value in (("type", kind), *pairs):
            if value:
                made.variables.append(Variable(option, value, file=where.file, line=where.line))
        self.mapping.categories.append(made)
        return made

    def setting(self, name: str, default: str = "") -> str:
        """The last value of an option of [general]."""
        return next((v.value.strip() for v in reversed(self.general) if v.name.lower() == name), default)

    def is_on(self, name: str) -> bool:
        """Whether an option of [general] is true."""
        return is_true(self.setting(name, "no"))

    def apply(self, rule: Rule, variable: Variable, made: Category) -> None:
        """Add what a rule makes of an option."""
        try:
            pairs = rule.read(variable.value)
        except NoCounterpart as error:
            self.note(variable, "dropped", f"{variable.name}: {error}")
            return
        for option, value in pairs:
            made.variables.append(Variable(option, value, file=variable.file, line=variable.line))
        shown = ", ".join(f"{option}={value}" for option, value in pairs)
        extra = f" ({rule.note})" if rule.note else ""
        self.note(variable, "changed" if rule.note else "mapped", f"{variable.name}={variable.value} is {shown}{extra}")

    # -- the whole ---------------------------------------------------------------------------------------------------

    def run(self) -> Mapping:
        """Map everything."""
        stack = {
            kind: Category(kind, file=self.where.file, line=self.where.line) for kind in ("global", "system", "aor", "endpoint")
        }
        for variable in self.general:
            name = variable.name.lower()
            if name in GENERAL:
                self.apply(GENERAL[name], variable, stack[GENERAL[name].object])
            elif name in PEER:
                self.apply(PEER[name], variable, stack["endpoint"])
            elif name in DROPPED:
                self.note(variable, "dropped", f"{variable.name}: {DROPPED[name]}")
            elif name not in _NETWORK:
                self.note(variable, "dropped", f"{variable.name}: there is no such option of chan_sip")
        if self.with_transports:
            self.transports()
        # chan_sip looks for the user of From first, and then for a peer's address.
        order = Variable("endpoint_identifier_order", "username,ip,anonymous", file=self.where.file, line=self.where.line)
        stack["global"].variables.append(order)
        for kind in ("global", "system"):
            if stack[kind].variables:
                made = self.category(kind, kind, self.where)
                made.variables += stack[kind].variables
        for category in self.sip:
            if category.name.lower() not in ("general", "authentication"):
                self.peer(category, list(category), stack)
        self.user_sections(stack)
        for number, variable in enumerate(v for v in self.general if v.name.lower() == "register"):
            self.registration(variable, number)
        if is_true(self.setting("allowguest", "no")):
            self.guests(stack["endpoint"])
        return self.mapping

    def user_sections(self, stack: dict[str, Category]) -> None:
        """Sections of users.conf with ``hassip``, their own or that of its [general]."""
        if self.users is None:
            return
        defaults = [v for category in self.users.categories_named("general") for v in category]
        for category in self.users:
            if category.name.lower() == "general":
                continue
            own = list(category)
            given = {variable.name.lower() for variable in own}
            merged = [v for v in defaults if v.name.lower() not in given] + own
            last = {variable.name.lower(): variable for variable in merged}
            if "hassip" not in last or not is_true(last["hassip"].value):
                continue
            name, number = last.get("fullname"), last.get("cid_number")
            if "callerid" not in last and (name is not None or number is not None):
                where = name or number
                assert where is not None
                shown = f'"{name.value if name else ""}" <{number.value if number else category.name}>'
                merged.append(Variable("callerid", shown, file=where.file, line=where.line))
            voicemail = last.get("hasvoicemail")
            if voicemail is not None and is_true(voicemail.value) and "mailbox" not in last:
                merged.append(Variable("mailbox", category.name, file=voicemail.file, line=voicemail.line))
            merged = [v for v in merged if v.name.lower() not in _USERS_ONLY]
            self.peer(category, merged, stack)

    # -- transports --------------------------------------------------------------------------------------------------

    def transports(self) -> None:
        """udp always, tcp and tls when they are enabled."""
        shared = [("local_net", v.value.strip()) for v in self.general if v.name.lower() == "localnet"]
        address = self.setting("externaddr") or self.setting("externip") or self.setting("externhost")
        if address:
            host, _, port = address.partition(":")
            shared += [("external_signaling_address", host), ("external_media_address", host)]
            if port:
                shared.append(("external_signaling_port", port))
            note = " by name" if self.setting("externhost") == address else ""
            self.note(self.at("externaddr", "externip", "externhost"), "mapped", f"the external address is {host}{note}")
        udp = self.setting("udpbindaddr") or self.setting("bindaddr") or "0.0.0.0"
        self.category("transport-udp", "transport", self.at("udpbindaddr", "bindaddr"),
                      ("protocol", "udp"), ("bind", self.bind(udp, "5060")), *shared)  # fmt: skip
        if self.is_on("tcpenable"):
            tcp = self.setting("tcpbindaddr") or udp
            self.category("transport-tcp", "transport", self.at("tcpenable"),
                          ("protocol", "tcp"), ("bind", self.bind(tcp, "5060")), *shared)  # fmt: skip
        if self.is_on("tlsenable"):
            tls = self.setting("tlsbindaddr") or udp
            host = tls if tls.count(":") == 1 else self.bind(tls.partition(":")[0] if tls.count(":") == 1 else tls, "", "5061")
            self.category(
                "transport-tls", "transport", self.at("tlsenable"), ("protocol", "tls"), ("bind", host),
                ("cert_file", self.setting("tlscertfile")),
                ("priv_key_file", self.setting("tlsprivatekey") or self.setting("tlscertfile")),
                ("ca_list_file", self.setting("tlscafile")), ("ca_list_path", self.setting("tlscapath")),
                ("cipher", self.setting("tlscipher")), ("method", self.setting("tlsclientmethod")),
                ("verify_server", "no" if self.is_on("tlsdontverifyserver") else "yes"), *shared,
            )  # fmt: skip

    def at(self, *names: str) -> Variable | Category:
        """Where the first of some options of [general] stands, else the section."""
        return next((v for v in self.general if v.name.lower() in names), self.where)

    def bind(self, address: str, default: str, port: str = "") -> str:
        """An address with its port."""
        port = port or self.setting("bindport") or default
        if address in ("::", "[::]"):
            return f"[::]:{port}"
        if address.startswith("[") or address.count(":") == 1:
            return address
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    # -- peers -------------------------------------------------------------------------------------------------------

    def peer(self, category: Category, variables: list[Variable], stack: dict[str, Category]) -> None:
        """A section with ``type=peer``, ``user`` or ``friend`` (users.conf: without one)."""
        last = {variable.name.lower(): variable for variable in variables}

        def text(name: str, default: str = "") -> str:
            return last[name].value.strip() if name in last else default

        kind = text("type", "friend").lower()
        if kind not in ("peer", "user", "friend"):
            self.note(last.get("type", category), "dropped", f"[{category.name}]: type={kind} is none of peer, user, friend")
            return
        name = category.name
        host = text("host", "dynamic" if kind != "user" else "")
        is_dynamic = host.lower() == "dynamic"
        aor = self.category(name, "aor", category) if host else None
        if aor is not None:
            aor.variables += stack["aor"].variables
            self.reach(aor, name, last, is_dynamic, host)
        endpoint = self.category(name, "endpoint", category, ("aors", name if host else ""))
        auths = self.secrets(name, kind, is_dynamic, last)
        for option, value in auths:
            endpoint.variables.append(Variable(option, value, file=category.file, line=category.line))
        self.inherit(endpoint, stack["endpoint"], set(last))
        for variable in variables:
            option = variable.name.lower()
            if option in PEER:
                self.apply(PEER[option], variable, endpoint)
            elif option in ("supportpath", "defaultexpiry", "minexpiry", "maxexpiry") and aor is not None:
                self.apply(GENERAL[option], variable, aor)
            elif option in DROPPED:
                self.note(variable, "dropped", f"[{name}] {variable.name}: {DROPPED[option]}")
            elif option not in _TOGETHER:
                self.note(variable, "dropped", f"[{name}] {variable.name}: there is no such option of chan_sip")
        transport = text("transport").split(",")[0].strip().lower()
        if transport in ("udp", "tcp", "tls") and self.with_transports:
            enabled = transport == "udp" or self.is_on(f"{transport}enable")
            if enabled and "," not in text("transport"):
                endpoint.variables.append(
                    Variable("transport", f"transport-{transport}", file=last["transport"].file, line=last["transport"].line)
                )
        if not is_dynamic and host:
            self.category(f"{name}-identify", "identify", last.get("host", category), ("endpoint", name), ("match", host))
        if kind == "peer" and not is_dynamic:
            endpoint.variables.append(Variable("identify_by", "ip", file=category.file, line=category.line))

    def inherit(self, endpoint: Category, general: Category, given: set[str]) -> None:
        """What [general] says and the section does not."""
        set_here = {"codecs"} if given & {"allow", "disallow"} else set()
        for variable in general.variables:
            if variable.name in ("allow", "disallow") and "codecs" in set_here:
                continue
            endpoint.variables.append(variable)

    def reach(self, aor: Category, name: str, last: dict[str, Variable], is_dynamic: bool, host: str) -> None:
        """Contacts and qualify of an aor."""
        where = last.get("host") or Variable(name, "", file=aor.file, line=aor.line)

        def add(option: str, value: str, source: Variable = where) -> None:
            aor.variables.append(Variable(option, value, file=source.file, line=source.line))

        if is_dynamic:
            add("max_contacts", "1")
            add("remove_existing", "yes")
            if "defaultip" in last:
                self.note(last["defaultip"], "changed", f"[{name}] defaultip is a second, fixed contact")
                add("contact", f"sip:{name}@{last['defaultip'].value.strip()}", last["defaultip"])
        else:
            user = last.get("defaultuser") or last.get("username")
            port = last["port"].value.strip() if "port" in last else ""
            address = f"{user.value.strip()}@" if user is not None else ""
            params = self.uri_params(last)
            add("contact", f"sip:{address}{host}{f':{port}' if port else ''}{params}")
        qualify = last["qualify"].value if "qualify" in last else self.setting("qualify", "no")
        where = last.get("qualify", where)
        if not is_false(qualify):
            frequency = last["qualifyfreq"].value.strip() if "qualifyfreq" in last else self.setting("qualifyfreq", "60")
            add("qualify_frequency", frequency, where)
            if qualify.strip().isdecimal():
                add("qualify_timeout", f"{int(qualify) / 1000:g}", where)
            if "qualify" in last:
                self.note(where, "mapped", f"[{name}] qualify={qualify} asks every {frequency} s")

    def uri_params(self, last: dict[str, Variable]) -> str:
        """``;transport=`` of a fixed contact."""
        transport = last["transport"].value.split(",")[0].strip().lower() if "transport" in last else ""
        return f";transport={transport}" if transport in ("tcp", "tls", "ws", "wss") else ""

    def secrets(self, name: str, kind: str, is_dynamic: bool, last: dict[str, Variable]) -> list[tuple[str, str]]:
        """Auth objects, and what of the endpoint names them."""
        insecure = {word.strip().lower() for word in last["insecure"].value.split(",")} if "insecure" in last else set()
        where = last.get("secret") or last.get("md5secret") or last.get("remotesecret")
        if where is None:
            return []
        user = last.get("defaultuser") or last.get("username")
        username = user.value.strip() if user is not None else name
        found: list[tuple[str, str]] = []
        is_open = "invite" in insecure or "very" in insecure
        if is_open and is_dynamic:
            self.note(last["insecure"], "changed", f"[{name}] insecure=invite is left out: who registers must prove who it is")
            is_open = False
        if "secret" in last or "md5secret" in last:
            source = last.get("secret") or last["md5secret"]
            pair = ("password", source.value) if "secret" in last else ("md5_cred", source.value)
            style = ("auth_type", "userpass" if "secret" in last else "md5")
            inbound_user = name if is_dynamic or kind != "peer" else username
            if not is_open:
                self.category(name, "auth", source, style, ("username", inbound_user), pair)
                found.append(("auth", name))
            else:
                self.note(last["insecure"], "mapped", f"[{name}] insecure: its calls are taken without a challenge")
            if not is_dynamic and kind != "user" and "remotesecret" not in last:
                self.category(f"{name}-out", "auth", source, style, ("username", username), pair)
                found.append(("outbound_auth", f"{name}-out"))
        if "remotesecret" in last:
            source = last["remotesecret"]
            pairs = (("auth_type", "userpass"), ("username", username), ("password", source.value))
            self.category(f"{name}-out", "auth", source, *pairs)
            found.append(("outbound_auth", f"{name}-out"))
        return found

    def guests(self, general: Category) -> None:
        """``allowguest=yes`` that somebody wrote: calls of strangers start in the context of [general]."""
        made = self.category("anonymous", "endpoint", self.at("allowguest"))
        made.variables += general.variables
        self.note(
            self.at("allowguest"), "changed", "allowguest=yes: strangers' calls are taken by the endpoint 'anonymous'; "
            "the default of chan_sip, guests without being told so, is not taken over"
        )  # fmt: skip

    # -- registrations -----------------------------------------------------------------------------------------------

    def registration(self, variable: Variable, number: int) -> None:
        """A ``register =>`` line."""
        try:
            line = parse_register(variable.value)
        except ValueError as error:
            self.note(variable, "dropped", f"register: {error}")
            return
        name = f"register-{line.host.partition(':')[0]}-{line.user}" if number else f"register-{line.host.partition(':')[0]}"
        if any(category.name == name for category in self.mapping.categories):
            name = f"{name}-{number}"
        peer = line.peer or self.peer_of(line.host)
        auth = ""
        if line.secret:
            auth = f"{name}-auth"
            user = line.auth_user or line.user
            self.category(auth, "auth", variable, ("auth_type", "userpass"), ("username", user), ("password", line.secret))
        secure = line.transport == "tls"
        params = f";transport={line.transport}" if line.transport in ("tcp", "tls", "ws", "wss") else ""
        self.category(
            name, "registration", variable, ("server_uri", f"sip:{line.host}{params}"),
            ("client_uri", f"sip:{line.user}@{line.domain or line.host}"), ("contact_user", line.extension or "s"),
            ("outbound_auth", auth), ("expiration", line.expiry or self.setting("defaultexpiry")),
            ("transport", "transport-tls" if secure and self.with_transports and self.is_on("tlsenable") else ""),
            ("line", "yes" if peer else ""), ("endpoint", peer),
        )  # fmt: skip
        self.note(variable, "mapped", f"register is the registration '{name}'" + (f" of endpoint '{peer}'" if peer else ""))

    def peer_of(self, host: str) -> str:
        """The peer whose host is the registrar, so that its calls are told by the line parameter."""
        bare = host.partition(":")[0].lower()
        for category in self.sip:
            if (category.get("host") or "").strip().lower() == bare:
                return category.name
        return ""


def mapping_report(mapping: Mapping, actions: Iterable[str] = ("changed", "dropped", "mapped")) -> str:
    """The notes as ``sip show mapping`` prints them."""
    wanted = list(actions)
    lines = [f"{note.action:<8} {note}" for action in wanted for note in mapping.notes if note.action == action]
    counts = mapping.counts()
    objects: dict[str, int] = {}
    for category in mapping.categories:
        kind = category.get("type") or ""
        objects[kind] = objects.get(kind, 0) + 1
    made = ", ".join(f"{count} {kind}" for kind, count in sorted(objects.items()))
    total = f"{counts['mapped']} mapped, {counts['changed']} changed, {counts['dropped']} dropped"
    return "\n".join([*lines, "", f"Objects: {made or 'none'}", f"Options: {total}"]) + "\n"
