"""``pjsip_wizard.conf``: one object for what takes an endpoint, an aor, auths, an identify and registrations in pjsip.conf.

Expanding is pure: categories in, categories out, with the file and line of the wizard's own options, so that whatever is said
about the objects points to where the user wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from globstar.config import ConfigFile, Variable
from globstar.config.file import Category
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, string
from globstar.modules.channels.pjsip.readers import one_of

#: what ``kind/option`` may name
KINDS = ("endpoint", "aor", "inbound_auth", "outbound_auth", "identify", "registration", "phoneprov")


class WizardOptions(Options):
    """The options of the wizard itself."""

    type = option(one_of("wizard"), "wizard", help="Kind of this object.")
    transport = option(string, "", help="Transport of the endpoint and the registrations.")
    remote_hosts = option(string, "", help="Hosts that get a contact, a match and perhaps a registration each.")
    outbound_proxy = option(string, "", help="Proxy of the endpoint, the aor and the registrations.")
    sends_auth = option(boolean, False, help="We are challenged: outbound_auth.")
    accepts_auth = option(boolean, False, help="We challenge: inbound_auth.")
    sends_registrations = option(boolean, False, help="We register with every remote host.")
    sends_line_with_registrations = option(boolean, False, help="With a line parameter that leads back to the endpoint.")
    accepts_registrations = option(boolean, False, help="The other side registers.")
    has_phoneprov = option(boolean, False, help="It is a phone that is provisioned.")
    server_uri_pattern = option(string, "sip:${REMOTE_HOST}", help="server_uri of registrations.")
    client_uri_pattern = option(string, "sip:${USERNAME}@${REMOTE_HOST}", help="client_uri of registrations.")
    contact_pattern = option(string, "sip:${REMOTE_HOST}", help="Contacts of the aor.")
    has_hint = option(boolean, False, help="Make a hint.")
    hint_context = option(string, "", help="In this context; the endpoint's without.")
    hint_exten = option(string, "", help="For this extension.")
    hint_application = option(string, "", help="Application that the extension runs.")


@dataclass(frozen=True, slots=True)
class Hint:
    """A hint that a wizard wants in the dialplan."""

    context: str
    exten: str
    device: str
    application: str


@dataclass(slots=True)
class Expansion:
    """What wizards stand for: objects of pjsip.conf and hints."""

    categories: list[Category] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)


def expand(config: ConfigFile, report: Report) -> Expansion:
    """The objects of all wizards of a file; what is wrong goes to ``report``."""
    expansion = Expansion()
    for category in config:
        kind = category.find("type")
        if kind is None or kind.value.strip().lower() != "wizard":
            where = kind or Variable(category.name, "", file=category.file, line=category.line)
            report(where, f"[{category.name}] is no type=wizard and is ignored")
            continue
        _Wizard(category, report).expand(expansion)
    return expansion


class _Wizard:
    """One ``type=wizard``."""

    def __init__(self, category: Category, report: Report) -> None:
        self.category = category
        self.report = report
        self.name = category.name
        self.given: dict[str, list[Variable]] = {kind: [] for kind in KINDS}
        own: list[Variable] = []
        for variable in category:
            kind, slash, name = variable.name.partition("/")
            if not slash:
                own.append(variable)
            elif kind.strip().lower() in self.given:
                renamed = Variable(name.strip(), variable.value, variable.is_object, variable.file, variable.line)
                self.given[kind.strip().lower()].append(renamed)
            else:
                report(variable, f"'{kind}/' is no kind of object; known are {', '.join(KINDS)}")
        self.options = WizardOptions.read(own, report)

    def where(self, name: str) -> Variable:
        """Where an option stands, else the section."""
        return self.category.find(name) or Variable(self.name, "", file=self.category.file, line=self.category.line)

    def tell(self, name: str, message: str) -> None:
        """Report something about an option."""
        self.report(self.where(name), f"[{self.name}] {message}")

    def value(self, kind: str, name: str) -> str:
        """The last value of ``kind/name``, "" without."""
        return next((v.value for v in reversed(self.given[kind]) if v.name.lower() == name), "")

    def hosts(self) -> list[str]:
        """The remote hosts."""
        return [host.strip() for host in self.options.remote_hosts.split(",") if host.strip()]

    def object(self, kind: str, suffix: str, source: str, *defaults: tuple[str, str]) -> Category:
        """An object: what the wizard sets, then what the user gave, which overrides it."""
        made = Category(f"{self.name}{suffix}", file=self.category.file, line=self.category.line)

        def add(name: str, text: str) -> None:
            made.variables.append(Variable(name, text, file=self.category.file, line=self.category.line))

        add("type", kind)
        given = {variable.name.lower() for variable in self.given[source]}
        for name, text in defaults:
            if text and (name not in given or name in ("match", "contact")):
                add(name, text)
        made.variables += self.given[source]
        return made

    def expand(self, into: Expansion) -> None:
        """Make the objects, or tell why there are none."""
        options, hosts = self.options, self.hosts()
        if options.sends_registrations and not hosts:
            self.tell("sends_registrations", "sends_registrations needs remote_hosts; the wizard is ignored")
            return
        if options.sends_auth and not self.value("outbound_auth", "username"):
            self.tell("sends_auth", "sends_auth needs outbound_auth/username; the wizard is ignored")
            return
        if options.accepts_auth and not self.value("inbound_auth", "username"):
            self.tell("accepts_auth", "accepts_auth needs inbound_auth/username; the wizard is ignored")
            return
        if options.accepts_registrations and self.value("aor", "contact"):
            self.tell("accepts_registrations", "with accepts_registrations, aor/contact makes no sense; the wizard is ignored")
            return
        into.categories += self._objects(hosts)
        if options.has_hint:
            if options.hint_exten:
                context = options.hint_context or self.value("endpoint", "context") or "default"
                into.hints.append(Hint(context, options.hint_exten, f"PJSIP/{self.name}", options.hint_application))
            else:
                self.tell("has_hint", "has_hint needs hint_exten")

    def _pattern(self, text: str, host: str) -> str:
        user = self.value("outbound_auth", "username")
        return text.replace("${REMOTE_HOST}", host).replace("${USERNAME}", user)

    def _objects(self, hosts: list[str]) -> Iterator[Category]:
        options, name = self.options, self.name
        inbound, outbound = f"{name}-iauth", f"{name}-oauth"
        if options.accepts_auth:
            yield self.object("auth", "-iauth", "inbound_auth", ("auth_type", "userpass"))
        if options.sends_auth:
            yield self.object("auth", "-oauth", "outbound_auth", ("auth_type", "userpass"))
        contacts = [] if options.accepts_registrations or self.value("aor", "contact") else hosts
        yield self.object(
            "aor", "", "aor",
            *(("contact", self._pattern(options.contact_pattern, host)) for host in contacts),
            ("max_contacts", "1" if options.accepts_registrations else ""),
            ("outbound_proxy", options.outbound_proxy),
        )  # fmt: skip
        yield self.object(
            "endpoint", "", "endpoint",
            ("aors", name), ("auth", inbound if options.accepts_auth else ""),
            ("outbound_auth", outbound if options.sends_auth else ""), ("transport", options.transport),
            ("outbound_proxy", options.outbound_proxy),
        )  # fmt: skip
        if hosts or self.value("identify", "match"):
            matches = [_without_port(host) for host in hosts]
            yield self.object("identify", "-identify", "identify", ("endpoint", name), *(("match", host) for host in matches))
        if options.sends_registrations:
            for number, host in enumerate(hosts):
                line = options.sends_line_with_registrations
                yield self.object(
                    "registration", f"-reg-{number}", "registration",
                    ("server_uri", self._pattern(options.server_uri_pattern, host)),
                    ("client_uri", self._pattern(options.client_uri_pattern, host)),
                    ("outbound_auth", outbound if options.sends_auth else ""), ("transport", options.transport),
                    ("outbound_proxy", options.outbound_proxy), ("line", "yes" if line else ""),
                    ("endpoint", name if line else ""),
                )  # fmt: skip
        if options.has_phoneprov:
            yield self.object("phoneprov", "-phoneprov", "phoneprov", ("endpoint", name))


def _without_port(host: str) -> str:
    """A host of ``match``: ports do not tell peers apart there."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def primitives(expansion: Expansion) -> str:
    """The objects as text for pjsip.conf."""
    return "\n".join(str(category) for category in expansion.categories)
