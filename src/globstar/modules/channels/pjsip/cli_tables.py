"""Tables of ``pjsip show ...``: the columns stand where Asterisk's header lines put them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from globstar.config.options import REDACTED, Options
from globstar.core.acl import rule_text
from globstar.core.cli import duration_text
from globstar.core.cli_data import CliText
from globstar.core.devicestate import DEVICE_STATE_TEXT
from globstar.core.party import format_caller_id
from globstar.modules.channels.pjsip.contacts import Contact
from globstar.modules.channels.pjsip.readers import shown

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.objects import AorObject, AuthObject, IdentifyObject
    from globstar.modules.channels.pjsip.objects_outbound import RegistrationObject
    from globstar.modules.channels.pjsip.transports import BoundTransport

RULE = "=" * 90

ENDPOINT = " Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>"
ENDPOINT_AUTH = "    I/OAuth:  <AuthId/UserName...........................................................>"
ENDPOINT_AOR = "        Aor:  <Aor............................................>  <MaxContact>"
ENDPOINT_CONTACT = "      Contact:  <Aor/ContactUri..........................> <Hash....> <Status> <RTT(ms)..>"
ENDPOINT_TRANSPORT = "  Transport:  <TransportId........>  <Type>  <cos>  <tos>  <BindAddress..................>"
ENDPOINT_IDENTIFY = "   Identify:  <Identify/Endpoint.........................................................>"
ENDPOINT_MATCH = "        Match:  <criteria.........................>"
ENDPOINT_CHANNEL = "    Channel:  <ChannelId......................................>  <State.....>  <Time.....>"
ENDPOINT_EXTEN = "        Exten: <DialedExten...........>  CLCID: <ConnectedLineCID.......>"
ENDPOINT_HEADER = (
    ENDPOINT, ENDPOINT_AUTH, ENDPOINT_AOR, ENDPOINT_CONTACT, ENDPOINT_TRANSPORT, ENDPOINT_IDENTIFY, ENDPOINT_MATCH,
    ENDPOINT_CHANNEL, ENDPOINT_EXTEN,
)  # fmt: skip
AOR = "      Aor:  <Aor..............................................>  <MaxContact>"
AOR_CONTACT = "    Contact:  <Aor/ContactUri............................> <Hash....> <Status> <RTT(ms)..>"
CONTACT = "  Contact:  <Aor/ContactUri..............................> <Hash....> <Status> <RTT(ms)..>"
AUTH = "  I/OAuth:  <AuthId/UserName.............................................................>"
TRANSPORT = "Transport:  <TransportId........>  <Type>  <cos>  <tos>  <BindAddress....................>"
IDENTIFY = " Identify:  <Identify/Endpoint...........................................................>"
IDENTIFY_MATCH = "        Match:  <criteria...........................>"
CHANNEL = "  Channel:  <ChannelId........................................>  <State.....>  <Time.....>"
CHANNEL_EXTEN = "      Exten: <DialedExten.............>  CLCID: <ConnectedLineCID.......>"
REGISTRATION = " <Registration/ServerURI..............................>  <Auth....................>  <Status.......>"


def place(header: str, *values: str, label: str = "", shift: int = 0) -> CliText:
    """A row: ``values`` at the columns of the header's ``<...>``, after its label (or another one)."""
    columns = [found.start() for found in re.finditer("<", header)]
    line = label or header[: columns[0]].rstrip()
    for index, value in enumerate(values):
        column = columns[index] - (shift if index == 0 else 0)
        line = f"{line:<{column}}" if len(line) < column else f"{line} "
        line += value
    names = [name.rstrip(".") for name in re.findall("<([^>]*)>", header)]
    data = {"object": (label or header[: columns[0]]).strip().rstrip(":")} if header[: columns[0]].strip() else {}
    return CliText(line, {**data, **{name: value.strip() for name, value in zip(names, values, strict=False)}})


def listing(headers: Sequence[str], blocks: Iterable[Sequence[str]], *, spaced: bool = True) -> str:
    """A list of objects with its header and count; ``spaced`` puts an empty line between them."""
    rows = list(blocks)
    if not rows:
        return CliText("No objects found.\n\n", [])
    body = ""
    for block in rows:
        body += "\n".join(block) + "\n" + ("\n" if spaced else "")
    text = "\n" + "\n".join(headers) + f"\n{RULE}\n\n{body}\nObjects found: {len(rows)}\n\n"
    return CliText(text, [_block_data(block) for block in rows])


def _block_data(block: Sequence[str]) -> dict[str, object]:
    """An object with those that belong to it."""
    found = [row.data for row in block if isinstance(row, CliText)]
    return {**found[0], **({"parts": found[1:]} if found[1:] else {})} if found else {"lines": list(block)}


def parameters(pairs: Iterable[tuple[str, str]]) -> str:
    """``ParameterName : ParameterValue``, by name."""
    rows = sorted(pairs)
    width = max(len(name) for name, _ in [*rows, ("ParameterName", "")])
    longest = max(len(value) for _, value in [*rows, ("", "ParameterValue")])
    lines = [f" {'ParameterName':<{width}} : ParameterValue", " " + "=" * (width + longest + 3)]
    lines += [f" {name:<{width}} : {value}" for name, value in rows]
    return "\n".join(lines) + "\n\n"


def option_pairs(options: Options, hidden: Iterable[str] = ("type",)) -> list[tuple[str, str]]:
    """The options of an object as ``pjsip show`` prints them; secrets are not."""
    skipped = set(hidden)
    return [
        (info.name, (REDACTED if value else "") if info.secret else shown(value))
        for info, value in options.items()
        if info.name not in skipped
    ]


def auth_pairs(auth: AuthObject) -> list[tuple[str, str]]:
    """The options of an auth, as in Asterisk with its secrets: whoever may see them may read the file, too."""
    pairs = dict(option_pairs(auth))
    pairs.setdefault("password_digest", "")
    for name in ("supported_algorithms_uas", "supported_algorithms_uac"):
        pairs[name] = pairs.get(name) or "MD5"
    pairs.update({info.name: str(value) for info, value in auth.items() if info.secret and isinstance(value, str)})
    return list(pairs.items())


def registration_pairs(registration: RegistrationObject) -> list[tuple[str, str]]:
    """The options of a registration with another server."""
    pairs = dict(option_pairs(registration, ("type", "security_mechanisms")))
    pairs["support_outbound"] = "yes" if registration.support_outbound else "no"
    return list(pairs.items())


# -- rows ----------------------------------------------------------------------------------------------------------------


def contact_row(contact: Contact, header: str) -> str:
    """One contact."""
    rtt = f"{contact.round_trip * 1000:.3f}" if contact.round_trip is not None else "nan"
    tail = f"{contact.status.value:<8}{rtt:>11}"
    return place(header, f"{contact.aor}/{contact.uri}", contact.hash[:10], tail)


def aor_rows(driver: PjsipDriver, aor: AorObject, header: str, contact_header: str) -> list[str]:
    """An aor with its contacts."""
    rows: list[str] = [place(header, aor.name, str(aor.max_contacts))]
    return rows + [contact_row(contact, contact_header) for contact in driver.contacts.contacts(aor.name)]


def auth_row(auth: AuthObject, label: str, header: str) -> str:
    """One auth."""
    return place(header, f"{auth.name}/{auth.username}", label=label)


def transport_row(bound: BoundTransport, header: str) -> str:
    """One transport."""
    config = bound.config
    return place(header, bound.name, f"{config.protocol:>6}", f"{config.cos:>5}", f"{config.tos:>5}", str(bound.config.bind) if
                 config.bind.port else f"{bound.transport.host}:{bound.transport.port}")  # fmt: skip


def match_text(identify: IdentifyObject) -> str:
    """What an identify object matches, as its parameter shows it: networks with their masks."""
    parts = [rule_text(match.network) + (f":{match.port}" if match.port else "") for match in identify.networks]
    parts += [f"!{rule_text(net)}" for net in identify.excluded]
    parts += [f"{host}:{port}" if port else host for host, port in identify.hosts]
    return ",".join(parts)


def identify_rows(identify: IdentifyObject, header: str, match_header: str) -> list[str]:
    """An identify object with what it matches."""
    rows: list[str] = [place(header, f"{identify.name}/{identify.endpoint}")]
    criteria = [str(match) for match in identify.networks] + [f"!{net}" for net in identify.excluded]
    criteria += [f"{host}:{port}" if port else host for host, port in identify.hosts]
    criteria += identify.match_header
    if identify.match_request_uri:
        criteria.append(identify.match_request_uri)
    return rows + [place(match_header, text, shift=1) for text in criteria]


def channel_rows(channel: Channel, header: str, exten_header: str) -> list[str]:
    """A channel with what it dialled and whom it talks to."""
    party = channel.connected.id
    name = party.name.text if party.name.valid else ""
    number = party.number.text if party.number.valid else ""
    what = f"{channel.name}/{channel.application}" if channel.application else channel.name
    up = duration_text(channel.system.now() - channel.created_at)
    return [
        place(header, what, channel.state_text, f"{up:<11}", shift=1),
        _exten_row(exten_header, channel.extension if not channel.is_outgoing else "", format_caller_id(name, number)),
    ]


def _exten_row(header: str, extension: str, party: str) -> str:
    """Extension and connected party; the second label stands inside the line."""
    line = place(header, extension)
    return f"{line:<{header.index('CLCID:')}}CLCID: {party}"


def endpoint_row(driver: PjsipDriver, endpoint: EndpointObject) -> str:
    """The first line of an endpoint."""
    state = DEVICE_STATE_TEXT[driver.device_state(endpoint.name)]
    limit = str(endpoint.device_state_busy_at) if endpoint.device_state_busy_at else "inf"
    name = f"{endpoint.name}/{endpoint.caller_number}" if endpoint.caller_number else endpoint.name
    return place(ENDPOINT, name, state, f"{len(driver.legs_of(endpoint.name))} of {limit}")


def endpoint_rows(driver: PjsipDriver, endpoint: EndpointObject) -> list[str]:
    """An endpoint with everything that belongs to it."""
    settings = driver.settings
    rows = [endpoint_row(driver, endpoint)]
    for label, names in (("     InAuth:", endpoint.auth), ("    OutAuth:", endpoint.outbound_auth)):
        rows += [auth_row(settings.auths[name], label, ENDPOINT_AUTH) for name in names if name in settings.auths]
    for name in endpoint.aors:
        if name in settings.aors:
            rows += aor_rows(driver, settings.aors[name], ENDPOINT_AOR, ENDPOINT_CONTACT)
    bound = driver.transports.get(endpoint.transport)
    if bound is not None:
        rows.append(transport_row(bound, ENDPOINT_TRANSPORT))
    for identify in settings.identifies.values():
        if identify.endpoint == endpoint.name:
            rows += identify_rows(identify, ENDPOINT_IDENTIFY, ENDPOINT_MATCH)
    for leg in driver.legs_of(endpoint.name):
        if leg.channel is not None:
            rows += channel_rows(leg.channel, ENDPOINT_CHANNEL, ENDPOINT_EXTEN)
    return rows
