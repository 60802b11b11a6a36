"""``pjsip show ...`` and ``pjsip list ...``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from globstar.base.regex import BadPattern, compile_regex
from globstar.core.cli import LIKE, CliFailure, CliUsage, cli_command, duration_text
from globstar.core.cli_data import CliText
from globstar.modules.channels.pjsip import cli_tables as tables
from globstar.modules.channels.pjsip.driver import PjsipDriver
from globstar.modules.channels.pjsip.readers import shown_presentation

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.system import System
    from globstar.modules.channels.pjsip.endpoint import EndpointObject

T = TypeVar("T")

#: Options of an endpoint that Asterisk does not list.
_NOT_SHOWN = (
    "type", "security_mechanisms", "acl", "contact_acl", "contact_user",
)  # fmt: skip


def driver_of(system: System) -> PjsipDriver:
    """The driver; without one the command fails."""
    driver = system.service("pjsip", PjsipDriver)
    if driver is None:
        raise CliFailure("chan_pjsip is not loaded")
    return driver


def filtered(objects: Iterable[T], args: list[str], name_of: Callable[[T], str]) -> list[T]:
    """Objects by name; ``like <regular expression>`` keeps those whose name matches."""
    if args and args[0].lower() == "like" and len(args) == 2:
        try:
            pattern = compile_regex(args[1])
        except BadPattern as error:
            raise CliFailure(f"bad regular expression: {error}") from None
        objects = [item for item in objects if pattern.is_in(name_of(item))]
    elif args:
        raise CliUsage
    return sorted(objects, key=name_of)


def _one(table: dict[str, T], args: list[str]) -> T:
    if len(args) != 1:
        raise CliUsage
    found = table.get(args[0])
    if found is None:
        raise _Missing(f"Unable to find object {args[0]}.\n\n")
    return found


class _Missing(Exception):
    """There is no such object; the message is what the command prints."""


def names(kind: str) -> Callable[[System, list[str]], Iterable[str]]:
    """Completion with the names of a kind of object."""

    def complete(system: System, args: list[str]) -> Iterable[str]:
        driver = system.service("pjsip", PjsipDriver)
        return sorted(getattr(driver.settings, kind)) if driver is not None and len(args) == 1 else []

    return complete


def endpoint_pairs(endpoint: EndpointObject) -> list[tuple[str, str]]:
    """The parameters of an endpoint."""
    pairs = tables.option_pairs(endpoint, _NOT_SHOWN)
    pairs.append(("acl", ",".join(endpoint.acl)))
    pairs.append(("contact_acl", ",".join(endpoint.contact_acl)))
    pairs.append(("allow", str(endpoint.formats)))
    from globstar.core.party import format_caller_id

    pairs.append(("callerid", format_caller_id(endpoint.caller_name, endpoint.caller_number, "<unknown>")))
    out = dict(pairs)
    out["callerid_privacy"] = shown_presentation(endpoint.callerid_privacy)
    for name in [name for name in out if name.startswith("codec_prefs_")]:
        out[name] = out[name].replace(": ", ":")
    return list(out.items())


# -- endpoints -----------------------------------------------------------------------------------------------------------


@cli_command("pjsip show endpoints", usage="pjsip show endpoints [like <pattern>]", complete=LIKE)
def show_endpoints(system: System, args: list[str]) -> str:
    """List PJSIP endpoints with what belongs to them."""
    driver = driver_of(system)
    wanted = filtered(driver.settings.endpoints.values(), args, lambda endpoint: endpoint.name)
    return tables.listing(tables.ENDPOINT_HEADER, (tables.endpoint_rows(driver, endpoint) for endpoint in wanted))


@cli_command("pjsip list endpoints", usage="pjsip list endpoints [like <pattern>]", complete=LIKE)
def list_endpoints(system: System, args: list[str]) -> str:
    """List PJSIP endpoints, one a line."""
    driver = driver_of(system)
    wanted = filtered(driver.settings.endpoints.values(), args, lambda endpoint: endpoint.name)
    return tables.listing((tables.ENDPOINT,), ([tables.endpoint_row(driver, endpoint)] for endpoint in wanted), spaced=False)


@cli_command("pjsip show endpoint", usage="pjsip show endpoint <id>", complete=names("endpoints"))
def show_endpoint(system: System, args: list[str]) -> str:
    """Show a PJSIP endpoint with all its parameters."""
    driver = driver_of(system)
    try:
        endpoint = _one(driver.settings.endpoints, args)
    except _Missing as missing:
        return str(missing)
    rows = "\n".join(tables.endpoint_rows(driver, endpoint))
    header = "\n".join(tables.ENDPOINT_HEADER)
    return f"\n{header}\n{tables.RULE}\n\n{rows}\n\n\n{tables.parameters(endpoint_pairs(endpoint))}"


# -- aors and contacts ---------------------------------------------------------------------------------------------------


@cli_command("pjsip show aors", usage="pjsip show aors [like <pattern>]", complete=LIKE)
def show_aors(system: System, args: list[str]) -> str:
    """List PJSIP aors with their contacts."""
    driver = driver_of(system)
    wanted = filtered(driver.settings.aors.values(), args, lambda aor: aor.name)
    blocks = (tables.aor_rows(driver, aor, tables.AOR, tables.AOR_CONTACT) for aor in wanted)
    return tables.listing((tables.AOR, tables.AOR_CONTACT), blocks)


@cli_command("pjsip list aors", usage="pjsip list aors [like <pattern>]", complete=LIKE)
def list_aors(system: System, args: list[str]) -> str:
    """List PJSIP aors, one a line."""
    driver = driver_of(system)
    wanted = filtered(driver.settings.aors.values(), args, lambda aor: aor.name)
    rows = ([tables.place(tables.AOR, aor.name, str(aor.max_contacts))] for aor in wanted)
    return tables.listing((tables.AOR,), rows, spaced=False)


@cli_command("pjsip show aor", usage="pjsip show aor <id>", complete=names("aors"))
def show_aor(system: System, args: list[str]) -> str:
    """Show a PJSIP aor with its contacts and parameters."""
    driver = driver_of(system)
    try:
        aor = _one(driver.settings.aors, args)
    except _Missing as missing:
        return str(missing)
    rows = "\n".join(tables.aor_rows(driver, aor, tables.AOR, tables.AOR_CONTACT))
    ours = tuple(name for name in ("support_gruu", "support_outbound") if not getattr(aor, name))  # Asterisk has them not
    pairs = tables.option_pairs(aor, ("type", "contact", *ours))
    pairs += [("contact", contact.uri) for contact in driver.contacts.contacts(aor.name)]
    header = f"{tables.AOR}\n{tables.AOR_CONTACT}"
    return f"\n{header}\n{tables.RULE}\n\n{rows}\n\n\n{_in_order(pairs)}"


def _in_order(pairs: list[tuple[str, str]]) -> str:
    """Parameters by name; several contacts stay in their own order."""
    contacts = [value for name, value in pairs if name == "contact"]
    text = tables.parameters([pair for pair in pairs if pair[0] != "contact"] + [("contact", value) for value in contacts])
    lines = text.split("\n")
    places = [index for index, line in enumerate(lines) if line.split(" : ")[0].strip() == "contact"]
    for place, value in zip(places, contacts, strict=True):
        lines[place] = lines[place].partition(" : ")[0] + f" : {value}"
    return "\n".join(lines)


@cli_command("pjsip show contacts", usage="pjsip show contacts [like <pattern>]", complete=LIKE)
def show_contacts(system: System, args: list[str]) -> str:
    """List the contacts of PJSIP aors."""
    driver = driver_of(system)
    wanted = filtered(driver.contacts.all(), args, lambda contact: f"{contact.aor}/{contact.uri}")
    return tables.listing((tables.CONTACT,), ([tables.contact_row(c, tables.CONTACT)] for c in wanted), spaced=False)


@cli_command("pjsip list contacts", usage="pjsip list contacts [like <pattern>]", complete=LIKE)
def list_contacts(system: System, args: list[str]) -> str:
    """List the contacts of PJSIP aors."""
    text: str = show_contacts(system, args)
    return text


def _contact_names(system: System, args: list[str]) -> Iterable[str]:
    driver = system.service("pjsip", PjsipDriver)
    return [f"{one.aor}/{one.uri}" for one in driver.contacts.all()] if driver is not None and len(args) == 1 else []


@cli_command("pjsip show contact", usage="pjsip show contact <aor/uri>", complete=_contact_names)
def show_contact(system: System, args: list[str]) -> str:
    """Show one contact, given as aor/uri or by its id."""
    if len(args) != 1:
        raise CliUsage
    driver = driver_of(system)
    contact = driver.contacts.find(args[0])
    if contact is None:
        return f"Unable to find object {args[0]}.\n\n"
    pairs = [
        ("aor", contact.aor),
        ("call_id", contact.call_id),
        ("endpoint", contact.endpoint),
        ("expiration_time", "" if contact.expires_wall is None else str(int(contact.expires_wall))),
        ("path", ",".join(contact.path)),
        ("status", contact.status.value),
        ("uri", contact.uri),
        ("user_agent", contact.user_agent),
        ("via_addr", contact.via_address),
        ("via_port", str(contact.via_port)),
    ]
    row = tables.contact_row(contact, tables.CONTACT)
    return f"\n{tables.CONTACT}\n{tables.RULE}\n\n{row}\n\n\n{tables.parameters(pairs)}"


# -- auths, transports, identifies ---------------------------------------------------------------------------------------


@cli_command("pjsip show auths", usage="pjsip show auths [like <pattern>]", complete=LIKE)
def show_auths(system: System, args: list[str]) -> str:
    """List PJSIP auths."""
    wanted = filtered(driver_of(system).settings.auths.values(), args, lambda auth: auth.name)
    return tables.listing((tables.AUTH,), ([tables.auth_row(auth, "     Auth:", tables.AUTH)] for auth in wanted), spaced=False)


@cli_command("pjsip list auths", usage="pjsip list auths [like <pattern>]", complete=LIKE)
def list_auths(system: System, args: list[str]) -> str:
    """List PJSIP auths."""
    text: str = show_auths(system, args)
    return text


@cli_command("pjsip show auth", usage="pjsip show auth <id>", complete=names("auths"))
def show_auth(system: System, args: list[str]) -> str:
    """Show a PJSIP auth with its secrets."""
    try:
        auth = _one(driver_of(system).settings.auths, args)
    except _Missing as missing:
        return str(missing)
    row = tables.auth_row(auth, "     Auth:", tables.AUTH)
    return f"\n{tables.AUTH}\n{tables.RULE}\n\n{row}\n\n\n{tables.parameters(tables.auth_pairs(auth))}"


@cli_command("pjsip show transports", usage="pjsip show transports [like <pattern>]", complete=LIKE)
def show_transports(system: System, args: list[str]) -> str:
    """List the transports that are bound."""
    wanted = filtered(driver_of(system).transports, args, lambda bound: bound.name)
    return tables.listing((tables.TRANSPORT,), ([tables.transport_row(b, tables.TRANSPORT)] for b in wanted), spaced=False)


@cli_command("pjsip list transports", usage="pjsip list transports [like <pattern>]", complete=LIKE)
def list_transports(system: System, args: list[str]) -> str:
    """List the transports that are bound."""
    text: str = show_transports(system, args)
    return text


@cli_command("pjsip show transport", usage="pjsip show transport <id>", complete=names("transports"))
def show_transport(system: System, args: list[str]) -> str:
    """Show a transport with its parameters and counters."""
    if len(args) != 1:
        raise CliUsage
    bound = driver_of(system).transports.get(args[0])
    if bound is None:
        return f"Unable to find object {args[0]}.\n\n"
    row = tables.transport_row(bound, tables.TRANSPORT)
    counters = "".join(f" {name}: {value}\n" for name, value in bound.carrier.describe().items())
    pairs = tables.option_pairs(bound.config)
    return f"\n{tables.TRANSPORT}\n{tables.RULE}\n\n{row}\n\n\n{tables.parameters(pairs)}{counters}\n"


@cli_command("pjsip show identifies", usage="pjsip show identifies [like <pattern>]", complete=LIKE)
def show_identifies(system: System, args: list[str]) -> str:
    """List what identifies endpoints by address or header."""
    wanted = filtered(driver_of(system).settings.identifies.values(), args, lambda identify: identify.name)
    blocks = (tables.identify_rows(identify, tables.IDENTIFY, tables.IDENTIFY_MATCH) for identify in wanted)
    return tables.listing((tables.IDENTIFY, tables.IDENTIFY_MATCH), blocks)


@cli_command("pjsip list identifies", usage="pjsip list identifies [like <pattern>]", complete=LIKE)
def list_identifies(system: System, args: list[str]) -> str:
    """List what identifies endpoints by address or header."""
    text: str = show_identifies(system, args)
    return text


@cli_command("pjsip show identify", usage="pjsip show identify <id>", complete=names("identifies"))
def show_identify(system: System, args: list[str]) -> str:
    """Show an identify object."""
    try:
        identify = _one(driver_of(system).settings.identifies, args)
    except _Missing as missing:
        return str(missing)
    rows = "\n".join(tables.identify_rows(identify, tables.IDENTIFY, tables.IDENTIFY_MATCH))
    header = f"{tables.IDENTIFY}\n{tables.IDENTIFY_MATCH}"
    pairs = [(name, tables.match_text(identify) if name == "match" else value) for name, value in tables.option_pairs(identify)]
    return f"\n{header}\n{tables.RULE}\n\n{rows}\n\n\n{tables.parameters(pairs)}"


# -- channels ------------------------------------------------------------------------------------------------------------


def _channels(driver: PjsipDriver) -> list[Channel]:
    return sorted((leg.channel for leg in driver.legs if leg.channel is not None), key=lambda channel: channel.name)


@cli_command("pjsip show channels", usage="pjsip show channels [like <pattern>]", complete=LIKE)
def show_channels(system: System, args: list[str]) -> str:
    """List PJSIP channels."""
    wanted = filtered(_channels(driver_of(system)), args, lambda channel: channel.name)
    blocks = [tables.channel_rows(channel, tables.CHANNEL, tables.CHANNEL_EXTEN) for channel in wanted]
    return tables.listing((tables.CHANNEL, tables.CHANNEL_EXTEN), blocks)


@cli_command("pjsip list channels", usage="pjsip list channels [like <pattern>]", complete=LIKE)
def list_channels(system: System, args: list[str]) -> str:
    """List PJSIP channels, one a line."""
    wanted = filtered(_channels(driver_of(system)), args, lambda channel: channel.name)
    rows = ([tables.channel_rows(channel, tables.CHANNEL, tables.CHANNEL_EXTEN)[0]] for channel in wanted)
    return tables.listing((tables.CHANNEL,), rows, spaced=False)


def _channel_names(system: System, args: list[str]) -> Iterable[str]:
    driver = system.service("pjsip", PjsipDriver)
    return [channel.name for channel in _channels(driver)] if driver is not None and len(args) == 1 else []


@cli_command("pjsip show channel", usage="pjsip show channel <channel>", complete=_channel_names)
def show_channel(system: System, args: list[str]) -> str:
    """Show one PJSIP channel."""
    if len(args) != 1:
        raise CliUsage
    channel = next((c for c in _channels(driver_of(system)) if c.name.lower() == args[0].lower()), None)
    if channel is None:
        return f"Unable to find object {args[0]}.\n\n"
    rows = "\n".join(tables.channel_rows(channel, tables.CHANNEL, tables.CHANNEL_EXTEN))
    return f"\n{tables.CHANNEL}\n{tables.CHANNEL_EXTEN}\n{tables.RULE}\n\n{rows}\n\n\n"


@cli_command("pjsip show channelstats")
def show_channel_statistics(system: System, args: list[str]) -> str:
    """Show packets, losses and delays of PJSIP channels."""
    lines = [
        "",
        " " * 45 + "...........Receive......... .........Transmit..........",
        " BridgeId ChannelId ........ UpTime.. Codec.   Count    Lost Pct  Jitter   Count    Lost Pct  Jitter RTT....",
        " " + "=" * 107,
        "",
    ]
    data: list[dict[str, object]] = []
    for channel in _channels(driver_of(system)):
        leg = channel.private
        session = leg.media.session
        one: dict[str, object] = {"channel": channel.name}
        data.append(one)
        bridge = channel.bridge_member.bridge.unique_id[:8] if channel.bridge_member is not None else ""
        name = channel.name.removeprefix("PJSIP/")
        up = duration_text(channel.system.now() - channel.created_at)
        if session is None or session.is_closed or leg.media.stream is None:
            lines.append(f" {bridge:<8} {name:<18} {up} not valid")
            continue
        s = session.statistics()
        one |= {
            "bridge": bridge, "codec": leg.media.write_format.name, "received": s.received, "lost": s.lost,
            "rx_jitter": s.rx_jitter, "sent": s.sent, "remote_lost": s.remote_lost, "tx_jitter": s.tx_jitter, "rtt": s.round_trip,
        }  # fmt: skip
        rx_share = s.lost * 100 // max(s.received + s.lost, 1)
        tx_share = s.remote_lost * 100 // max(s.sent, 1)
        lines.append(
            f" {bridge:<8} {name:<18} {up} {leg.media.write_format.name:<6} "
            f"{s.received:>6}  {s.lost:>6}  {rx_share:>3} {s.rx_jitter:>7.3f} "
            f"{s.sent:>6}  {s.remote_lost:>6}  {tx_share:>3} {s.tx_jitter:>7.3f} {s.round_trip:>7.3f}"
        )
    text = "\n".join([*lines, "", f"Objects found: {len(data)}", "", ""]) if data else "No objects found.\n\n"
    return CliText(text, data)
