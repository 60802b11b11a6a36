"""Dialplan functions of PJSIP: headers, contacts, objects, URIs, digits, codecs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.config.values import is_true
from globstar.core.channel import Channel
from globstar.core.format import FormatCapabilities, MediaType
from globstar.core.functions import FunctionError
from globstar.core.registry import function, write_function
from globstar.dialplan.arguments import argument, split_arguments
from globstar.modules.channels.pjsip import refresh
from globstar.modules.channels.pjsip.cli_show import endpoint_pairs
from globstar.modules.channels.pjsip.cli_tables import option_pairs
from globstar.modules.channels.pjsip.dtmf import set_mode
from globstar.modules.channels.pjsip.leg import Leg
from globstar.modules.channels.pjsip.outgoing import INHERITED
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.message import Message
from globstar.proto.sip.names import canonical_name

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver


def _leg(channel: Channel | None) -> Leg:
    leg = channel.private if channel is not None else None
    if not isinstance(leg, Leg):
        raise FunctionError("this function requires a PJSIP channel")
    return leg


def _driver(channel: Channel | None) -> PjsipDriver:
    from globstar.modules.channels.pjsip.driver import PjsipDriver

    driver = channel.system.service("pjsip", PjsipDriver) if channel is not None else None
    if driver is None:
        raise FunctionError("chan_pjsip is not loaded")
    return driver


def _header(message: Message | None, name: str, number: str) -> str:
    """The n-th header of that name; a trailing ``*`` matches any name that begins so."""
    if message is None:
        raise FunctionError("there is no message yet")
    if name.endswith("*"):
        prefix = name[:-1].lower()
        values = [value for key, value in message.headers if key.lower().startswith(prefix)]
    else:
        values = message.get_all(name)
    index = int(number) if number.isdecimal() else 1
    if not 1 <= index <= len(values):
        raise FunctionError(f"there is no header {name}" + (f" number {index}" if index > 1 else ""))
    return values[index - 1]


def _names(message: Message | None, prefix: str) -> str:
    if message is None:
        return ""
    wanted = prefix.lower()
    seen: dict[str, None] = {}
    for key, _ in message.headers:
        if key.lower().startswith(wanted):
            seen[key] = None
    return ",".join(seen)


@function("PJSIP_HEADER", syntax="PJSIP_HEADER(action,name[,number])")
def pjsip_header(channel: Channel | None, args: str) -> str:
    """Read a header of the INVITE that this call began with, or change those of the INVITE to be sent.

    read (and remove) look at the number-th header of that name, the first by default; a name may end in * to match
    all that begin so. add and update change the headers of an outgoing call and are used in a pre-dial handler
    (Dial options b and B).
    """
    parts = split_arguments(args)
    action, name = argument(parts, 0).strip().lower(), argument(parts, 1).strip()
    leg = _leg(channel)
    if not name:
        raise FunctionError("a header name is needed")
    if action == "read":
        message: Message | None = leg.request
        if message is None and leg.is_caller:
            message = Message(leg.extra_headers)  # what was added to an INVITE that is not sent yet
        return _header(message, name, argument(parts, 2).strip())
    if action == "remove":
        return str(_remove(leg, name))
    raise FunctionError(f"'{action}' cannot be read; use read")


def _remove(leg: Leg, name: str) -> int:
    before = len(leg.extra_headers)
    wanted = canonical_name(name.rstrip("*")).lower()
    is_prefix = name.endswith("*")
    leg.extra_headers = [
        pair for pair in leg.extra_headers if not (pair[0].lower().startswith(wanted) if is_prefix else pair[0].lower() == wanted)
    ]
    return before - len(leg.extra_headers)


@pjsip_header.writer
def set_pjsip_header(channel: Channel | None, args: str, value: str) -> None:
    """See PJSIP_HEADER."""
    parts = split_arguments(args)
    _change(_leg(channel), argument(parts, 0).strip().lower(), argument(parts, 1).strip(), argument(parts, 2).strip(), value)


def _change(leg: Leg, action: str, name: str, number: str, value: str) -> None:
    if not name:
        raise FunctionError("a header name is needed")
    name = canonical_name(name)
    if action == "add":
        leg.extra_headers.append((name, value))
    elif action == "remove":
        _remove(leg, name)
    elif action == "update":
        places = [index for index, pair in enumerate(leg.extra_headers) if pair[0].lower() == name.lower()]
        wanted = int(number) if number.isdecimal() else 1
        if not 1 <= wanted <= len(places):
            raise FunctionError(f"there is no header {name} to update")
        leg.extra_headers[places[wanted - 1]] = (name, value)
    else:
        raise FunctionError(f"'{action}' cannot be written; use add, update or remove")


@function("PJSIP_HEADERS", syntax="PJSIP_HEADERS([prefix])")
def pjsip_headers(channel: Channel | None, args: str) -> str:
    """List the names of the headers of the INVITE that begin with a prefix."""
    return _names(_leg(channel).request, args.strip())


@function("PJSIP_RESPONSE_HEADER", syntax="PJSIP_RESPONSE_HEADER(read,name[,number])")
def pjsip_response_header(channel: Channel | None, args: str) -> str:
    """Read a header of the last response to our INVITE."""
    parts = split_arguments(args)
    if argument(parts, 0).strip().lower() != "read":
        raise FunctionError("the action must be read")
    return _header(_leg(channel).last_response, argument(parts, 1).strip(), argument(parts, 2).strip())


@function("PJSIP_RESPONSE_HEADERS", syntax="PJSIP_RESPONSE_HEADERS([prefix])")
def pjsip_response_headers(channel: Channel | None, args: str) -> str:
    """List the names of the headers of the last response to our INVITE that begin with a prefix."""
    return _names(_leg(channel).last_response, args.strip())


@function("PJSIP_HEADER_PARAM", syntax="PJSIP_HEADER_PARAM(header_name,parameter_type,parameter_name)")
def pjsip_header_param(channel: Channel | None, args: str) -> str:
    """Read a parameter of a header of the INVITE, or of the URI in it; write one of From of an INVITE to be sent.

    The type is header or uri.
    """
    parts = split_arguments(args)
    name, kind, parameter = (argument(parts, index).strip() for index in range(3))
    try:
        address = NameAddr.parse(_header(_leg(channel).request, name, ""))
    except SipParseError as error:
        raise FunctionError(f"{name}: {error}") from None
    params = address.params if kind.lower() == "header" else address.uri.params
    value = params.unquoted(parameter.lower())
    if value is None:
        raise FunctionError(f"{name} has no parameter {parameter}")
    return value


@pjsip_header_param.writer
def set_pjsip_header_param(channel: Channel | None, args: str, value: str) -> None:
    """See PJSIP_HEADER_PARAM."""
    parts = split_arguments(args)
    name, kind, parameter = (argument(parts, index).strip() for index in range(3))
    leg = _leg(channel)
    if canonical_name(name) != "From":
        raise FunctionError("only parameters of From can be written")
    if not parameter or kind.lower() not in ("", "header", "uri"):
        raise FunctionError("expected From,header or uri,name of the parameter")
    if not leg.is_caller or leg.request is not None:
        raise FunctionError("From is written before the call is sent, in a pre-dial handler (Dial option b)")
    is_uri = kind.lower() == "uri"
    kept = [known for known in leg.from_params if known[:2] != (is_uri, parameter)]
    leg.from_params = (*kept, (is_uri, parameter, value))


@write_function("PJSIP_INHERITABLE_HEADER", syntax="PJSIP_INHERITABLE_HEADER(action,name[,number])")
def pjsip_inheritable_header(channel: Channel | None, args: str, value: str) -> None:
    """Add, update or remove a header that the calls get which this channel makes."""
    if channel is None:
        raise FunctionError("this function requires a channel")
    parts = split_arguments(args)
    action, name = argument(parts, 0).strip().lower(), canonical_name(argument(parts, 1).strip())
    if not name:
        raise FunctionError("a header name is needed")
    headers: list[tuple[str, str]] = list(channel.data.get(INHERITED, ()))
    if action in ("remove", "update"):
        headers = [pair for pair in headers if pair[0].lower() != name.lower()]
    if action in ("add", "update"):
        headers.append((name, value))
    elif action != "remove":
        raise FunctionError(f"'{action}' cannot be written; use add, update or remove")
    channel.data[INHERITED] = headers


@function("PJSIP_DIAL_CONTACTS", syntax="PJSIP_DIAL_CONTACTS(endpoint[,aor[,request_user]])")
def pjsip_dial_contacts(channel: Channel | None, args: str) -> str:
    """Give the dial string that calls every contact of an endpoint, or of one of its aors."""
    parts = split_arguments(args)
    name, aor, user = (argument(parts, index).strip() for index in range(3))
    driver = _driver(channel)
    endpoint = driver.settings.endpoints.get(name)
    if endpoint is None:
        raise FunctionError(f"there is no endpoint '{name}'")
    from dataclasses import replace

    found: list[str] = []
    for candidate in (aor,) if aor else endpoint.aors:
        for contact in driver.contacts.contacts(candidate):
            uri = replace(contact.parsed, user=user) if user else contact.parsed
            found.append(f"PJSIP/{name}/{uri}")
    return "&".join(found)


@function("PJSIP_MOH_PASSTHROUGH", syntax="PJSIP_MOH_PASSTHROUGH()")
def pjsip_moh_passthrough(channel: Channel | None, args: str) -> str:
    """Whether this channel is told of hold by re-INVITE instead of hearing music: yes or no."""
    leg = _leg(channel)
    passes = leg.endpoint.moh_passthrough if leg.moh_passthrough is None else leg.moh_passthrough
    return "yes" if passes else "no"


@pjsip_moh_passthrough.writer
def set_pjsip_moh_passthrough(channel: Channel | None, args: str, value: str) -> None:
    """Change it for this channel."""
    _leg(channel).moh_passthrough = is_true(value)


@function("PJSIP_ENDPOINT", syntax="PJSIP_ENDPOINT(name,field)")
def pjsip_endpoint(channel: Channel | None, args: str) -> str:
    """Read a parameter of an endpoint."""
    parts = split_arguments(args)
    name, field = argument(parts, 0).strip(), argument(parts, 1).strip()
    endpoint = _driver(channel).settings.endpoints.get(name)
    if endpoint is None:
        raise FunctionError(f"there is no endpoint '{name}'")
    return _field(dict(endpoint_pairs(endpoint)), name, field)


def _field(pairs: dict[str, str], name: str, field: str) -> str:
    value = pairs.get(field)
    if value is None:
        raise FunctionError(f"'{name}' has no field '{field}'")
    return value


@function("PJSIP_AOR", syntax="PJSIP_AOR(name,field)")
def pjsip_aor(channel: Channel | None, args: str) -> str:
    """Read a parameter of an aor; contact gives the names of its contacts."""
    parts = split_arguments(args)
    name, field = argument(parts, 0).strip(), argument(parts, 1).strip()
    driver = _driver(channel)
    aor = driver.settings.aors.get(name)
    if aor is None:
        raise FunctionError(f"there is no aor '{name}'")
    if field == "contact":
        return ",".join(contact.id for contact in driver.contacts.contacts(name))
    return _field(dict(option_pairs(aor)), name, field)


@function("PJSIP_CONTACT", syntax="PJSIP_CONTACT(name,field)")
def pjsip_contact(channel: Channel | None, args: str) -> str:
    """Read a field of a contact.

    The fields are rtt (microseconds), status, uri, expiration_time, user_agent, path, call_id, via_addr, via_port, endpoint, aor.
    """
    parts = split_arguments(args)
    name, field = argument(parts, 0).strip(), argument(parts, 1).strip()
    contact = _driver(channel).contacts.find(name)
    if contact is None:
        raise FunctionError(f"there is no contact '{name}'")
    status = {"Avail": "Reachable", "Unavail": "Unreachable", "NonQual": "NonQualified"}
    fields = {
        "rtt": str(int((contact.round_trip or 0) * 1_000_000)),
        "status": status.get(contact.status.value, contact.status.value),
        "uri": contact.uri,
        "expiration_time": str(int(contact.expires_wall or 0)),
        "user_agent": contact.user_agent,
        "path": ",".join(contact.path),
        "call_id": contact.call_id,
        "via_addr": contact.via_address,
        "via_port": str(contact.via_port),
        "endpoint": contact.endpoint,
        "aor": contact.aor,
    }
    return _field(fields, name, field)


@function("PJSIP_PARSE_URI", syntax="PJSIP_PARSE_URI(uri,type)")
def pjsip_parse_uri(channel: Channel | None, args: str) -> str:
    """Take a part out of a SIP URI or address."""
    parts = split_arguments(args)
    return _uri_part(argument(parts, 0), argument(parts, 1).strip().lower())


@function("PJSIP_PARSE_URI_FROM", syntax="PJSIP_PARSE_URI_FROM(variable,type)")
def pjsip_parse_uri_from(channel: Channel | None, args: str) -> str:
    """Take a part out of a SIP URI or address that a variable holds."""
    parts = split_arguments(args)
    text = channel.get_variable(argument(parts, 0).strip()) if channel is not None else None
    return _uri_part(text or "", argument(parts, 1).strip().lower())


def _uri_part(text: str, what: str) -> str:
    try:
        address = NameAddr.parse(text.strip())
    except SipParseError as error:
        raise FunctionError(f"'{text}' is no SIP URI: {error}") from None
    uri = address.uri
    if what.endswith("_param"):
        name = {"user": "user", "method": "method", "transport": "transport", "ttl": "ttl", "lr": "lr", "maddr": "maddr"}.get(
            what.removesuffix("_param"), ""
        )
        if not name:
            raise FunctionError(f"'{what}' is no part of a URI")
        if name == "lr":
            return "1" if uri.params.has("lr") else "0"
        return uri.params.get(name) or ("-1" if name == "ttl" else "")
    parts = {
        "display": address.display,
        "scheme": uri.scheme,
        "user": uri.user or "",
        "passwd": uri.password or "",
        "host": uri.host,
        "port": str(uri.port or 0),
    }
    return _field(parts, text, what)


@function("PJSIP_DTMF_MODE", syntax="PJSIP_DTMF_MODE()")
def pjsip_dtmf_mode(channel: Channel | None, args: str) -> str:
    """Read or set how digits travel on this call: rfc4733, inband, info, auto, auto_info or none."""
    return _leg(channel).dtmf_mode


@pjsip_dtmf_mode.writer
def set_pjsip_dtmf_mode(channel: Channel | None, args: str, value: str) -> None:
    """See PJSIP_DTMF_MODE."""
    mode = value.strip().lower()
    mode = "rfc4733" if mode == "rfc2833" else mode
    if mode not in ("rfc4733", "inband", "info", "auto", "auto_info", "none"):
        raise FunctionError(f"'{value}' is no way for digits to travel")
    set_mode(_leg(channel), mode)


@function("PJSIP_MEDIA_OFFER", syntax="PJSIP_MEDIA_OFFER(media)")
def pjsip_media_offer(channel: Channel | None, args: str) -> str:
    """Read or set the codecs that an outgoing call offers (before it is dialled) or a session refresh will offer.

    media is audio, video or text.
    """
    kind = _kind(args)
    return "|".join(format.name for format in _leg(channel).media.formats if format.codec.media is kind)


def _kind(args: str) -> MediaType:
    kind = {"": MediaType.AUDIO, "audio": MediaType.AUDIO, "video": MediaType.VIDEO, "text": MediaType.TEXT}.get(
        args.strip().lower()
    )
    if kind is None:
        raise FunctionError(f"'{args}' is no kind of media; use audio, video or text")
    return kind


@pjsip_media_offer.writer
def set_pjsip_media_offer(channel: Channel | None, args: str, value: str) -> None:
    """See PJSIP_MEDIA_OFFER."""
    kind = _kind(args)
    leg = _leg(channel)
    formats = leg.media.formats.of_media(kind)
    unknown = formats.update_by_string(value.replace("(", "").replace(")", ""))
    wrong = [format.name for format in formats if format.codec.media is not kind and "all" not in value.lower()]
    chosen = formats.of_media(kind)
    if unknown or wrong or (not chosen and kind is MediaType.AUDIO):
        raise FunctionError(f"'{value}' names no codec that can be offered")
    others = [format for format in leg.media.formats if format.codec.media is not kind]
    leg.media.set_formats(FormatCapabilities([*chosen, *others], chosen.framing_ms))


@write_function("PJSIP_SEND_SESSION_REFRESH", syntax="PJSIP_SEND_SESSION_REFRESH([update_type])")
def pjsip_send_session_refresh(channel: Channel | None, args: str, value: str) -> None:
    """Refresh the session with the present offer, by re-INVITE or (update_type or value update) by UPDATE.

    It is sent when no other request is pending. A peer that does not know UPDATE gets a re-INVITE.
    """
    how = (value or args).strip().lower()
    if how not in ("", "invite", "update"):
        raise FunctionError(f"'{how}' is no way to refresh a session; use invite or update")
    if not refresh.ask(_leg(channel), refresh.Refresh(by_update=how == "update")):
        raise FunctionError("there is no session to refresh")
