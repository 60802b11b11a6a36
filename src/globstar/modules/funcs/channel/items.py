"""CHANNEL(item): what a channel knows of itself, and what may be changed."""

from __future__ import annotations

from collections.abc import Callable

from globstar.core import events
from globstar.core.channel import Channel, SoftHangup
from globstar.core.format import MediaType
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.modules.funcs.channel.values import (
    AMA_FLAGS,
    TRANSFER_CAPABILITIES,
    format_groups,
    hangup_handler,
    parse_groups,
    parse_names,
)

#: The greatest number of forwardings of a call, unless CHANNEL(max_forwards) says another.
DEFAULT_MAX_FORWARDS = 20
_BRIDGE_FEATURES = frozenset("TKHWX")

Reader = Callable[[Channel], str]
Writer = Callable[[Channel, str], None]


def _tone_zone(channel: Channel) -> str:
    if not channel.tone_zone:
        raise FunctionError(f"{channel.name} has no tone zone of its own")
    return channel.tone_zone


def _data(key: str, default: str = "") -> Reader:
    return lambda channel: str(channel.data.get(key, default))


_READERS: dict[str, Reader] = {
    "name": lambda c: c.name,
    "channame": lambda c: c.name,
    "uniqueid": lambda c: c.unique_id,
    "linkedid": lambda c: c.linked_id,
    "callid": lambda c: c.call_id,
    "tenantid": _data("tenantid"),
    "state": lambda c: c.state_text,
    "channeltype": lambda c: c.tech.name,
    "checkhangup": lambda c: str(int(bool(c.soft_hangup & ~SoftHangup.ASYNC_GOTO))),
    "context": lambda c: c.context,
    "exten": lambda c: c.extension,
    "lastcontext": lambda c: c.last_context,
    "lastexten": lambda c: c.last_extension,
    "language": lambda c: c.language,
    "musicclass": lambda c: c.music_class,
    "tonezone": _tone_zone,
    "parkinglot": lambda c: c.parking_lot,
    "accountcode": lambda c: c.account_code,
    "peeraccount": lambda c: c.peer_account,
    "userfield": lambda c: c.user_field,
    "amaflags": lambda c: str(c.ama_flags),
    "hangupsource": lambda c: c.hangup_source,
    "onhold": lambda c: str(int(c.hold_state)),
    "callgroup": lambda c: format_groups(c.call_group),
    "pickupgroup": lambda c: format_groups(c.pickup_group),
    "namedcallgroup": lambda c: ", ".join(sorted(c.named_call_groups)),
    "namedpickupgroup": lambda c: ", ".join(sorted(c.named_pickup_groups)),
    "audioreadformat": lambda c: str(c.read_format),
    "audiowriteformat": lambda c: str(c.write_format),
    "audionativeformat": lambda c: str(c.native_formats.of_media(MediaType.AUDIO)),
    "videonativeformat": lambda c: str(c.native_formats.of_media(MediaType.VIDEO)),
    "transfercapability": _data("transfercapability", TRANSFER_CAPABILITIES[0]),
    "secure_bridge_signaling": _data("secure_bridge_signaling"),
    "secure_bridge_media": _data("secure_bridge_media"),
    "max_forwards": _data("max_forwards", str(DEFAULT_MAX_FORWARDS)),
    "after_bridge_goto": _data("after_bridge_goto"),
    "dtmf_features": _data("dtmf_features"),
    "digitdetect": lambda c: c.tech.channel_read(c, "digitdetect") or "",
    "faxdetect": lambda c: c.tech.channel_read(c, "faxdetect") or "",
}


def _set_account_code(channel: Channel, value: str) -> None:
    channel.set_account_code(value)


def _set_language(channel: Channel, value: str) -> None:
    channel.language = value


def _set_music_class(channel: Channel, value: str) -> None:
    channel.music_class = value


def _set_parking_lot(channel: Channel, value: str) -> None:
    channel.parking_lot = value


def _set_peer_account(channel: Channel, value: str) -> None:
    channel.peer_account = value


def _set_user_field(channel: Channel, value: str) -> None:
    channel.user_field = value


def _set_hangup_source(channel: Channel, value: str) -> None:
    channel.hangup_source = value


def _set_tone_zone(channel: Channel, value: str) -> None:
    country = value.strip().lower()
    if country not in channel.system.tones.indications.zones:
        raise FunctionError(f"there is no tone zone '{value}' in indications.conf")
    channel.tone_zone = country


def _set_ama_flags(channel: Channel, value: str) -> None:
    text = value.strip().lower()
    flags = int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else AMA_FLAGS.get(text)
    if flags is None:
        raise FunctionError(f"unknown AMA flags '{value}'")
    channel.ama_flags = flags


def _set_call_group(channel: Channel, value: str) -> None:
    channel.call_group = parse_groups(value)


def _set_pickup_group(channel: Channel, value: str) -> None:
    channel.pickup_group = parse_groups(value)


def _set_named_call_groups(channel: Channel, value: str) -> None:
    channel.named_call_groups = parse_names(value)


def _set_named_pickup_groups(channel: Channel, value: str) -> None:
    channel.named_pickup_groups = parse_names(value)


def _set_transfer_capability(channel: Channel, value: str) -> None:
    wanted = value.strip().upper()
    if wanted not in TRANSFER_CAPABILITIES:
        raise FunctionError(f"unknown transfer capability '{value}'")
    channel.data["transfercapability"] = wanted


def _set_max_forwards(channel: Channel, value: str) -> None:
    text = value.strip()
    if not text.removeprefix("-").isdecimal():
        raise FunctionError(f"'{value}' is no number of forwardings")
    channel.data["max_forwards"] = int(text)


def _set_dtmf_features(channel: Channel, value: str) -> None:
    if not _BRIDGE_FEATURES.issuperset(value):
        raise FunctionError(f"'{value}' holds something else than the features {''.join(sorted(_BRIDGE_FEATURES))}")
    channel.data["dtmf_features"] = value


def _set_tenant(channel: Channel, value: str) -> None:
    channel.data["tenantid"] = value


def _secure(item: str) -> Writer:
    def write(channel: Channel, value: str) -> None:
        channel.data[item] = "1" if value.strip().lower() in ("1", "yes", "true", "on", "y", "t") else "0"

    return write


def _set_after_bridge_goto(channel: Channel, value: str) -> None:
    channel.data["after_bridge_goto"] = value


def _push_handler(channel: Channel, value: str) -> None:
    if value:
        handler = hangup_handler(channel, value)
        channel.hangup_handlers.append(handler)
        channel.system.bus.publish(events.HangupHandlerChanged(channel, "Push", handler))


def _pop_handler(channel: Channel, value: str) -> None:
    if channel.hangup_handlers:
        _popped(channel)
    _push_handler(channel, value)


def _wipe_handlers(channel: Channel, value: str) -> None:
    while channel.hangup_handlers:
        _popped(channel)
    _push_handler(channel, value)


def _popped(channel: Channel) -> None:
    channel.system.bus.publish(events.HangupHandlerChanged(channel, "Pop", channel.hangup_handlers.pop()))


_WRITERS: dict[str, Writer] = {
    "language": _set_language,
    "musicclass": _set_music_class,
    "tonezone": _set_tone_zone,
    "parkinglot": _set_parking_lot,
    "accountcode": _set_account_code,
    "peeraccount": _set_peer_account,
    "userfield": _set_user_field,
    "tenantid": _set_tenant,
    "amaflags": _set_ama_flags,
    "hangupsource": _set_hangup_source,
    "callgroup": _set_call_group,
    "pickupgroup": _set_pickup_group,
    "namedcallgroup": _set_named_call_groups,
    "namedpickupgroup": _set_named_pickup_groups,
    "transfercapability": _set_transfer_capability,
    "secure_bridge_signaling": _secure("secure_bridge_signaling"),
    "secure_bridge_media": _secure("secure_bridge_media"),
    "max_forwards": _set_max_forwards,
    "after_bridge_goto": _set_after_bridge_goto,
    "dtmf_features": _set_dtmf_features,
    "hangup_handler_push": _push_handler,
    "hangup_handler_pop": _pop_handler,
    "hangup_handler_wipe": _wipe_handlers,
}
#: Settings of lines: a technology without them takes them without a word.
_LINE_SETTINGS = frozenset(("txgain", "rxgain", "tdd", "relaxdtmf", "digitdetect", "faxdetect"))


@function("CHANNEL", syntax="CHANNEL(item)")
def channel_item(channel: Channel | None, args: str) -> str:
    """Something that a channel knows of itself.

    To read and write: language, musicclass, tonezone, parkinglot, accountcode, peeraccount, userfield, amaflags (omit, billing,
    documentation or a number), hangupsource, callgroup, pickupgroup, namedcallgroup, namedpickupgroup, transfercapability,
    secure_bridge_signaling, secure_bridge_media, max_forwards, after_bridge_goto, dtmf_features, tenantid. To read: name, state,
    channeltype, uniqueid, linkedid, callid, context, exten, checkhangup, onhold, audioreadformat, audiowriteformat,
    audionativeformat, videonativeformat. To write: hangup_handler_push, hangup_handler_pop, hangup_handler_wipe
    ([[context,]exten,]priority[(arguments)]). Technologies have more of their own: PJSIP digitdetect and faxdetect (whether
    digits and faxes are looked for in the audio), and to write relaxdtmf (by the relax_dtmf_... of dsp.conf).
    """
    if channel is None:
        raise FunctionError("CHANNEL needs a channel")
    reader = _READERS.get(args) or _READERS.get(args.lower())
    if reader is not None:
        return reader(channel)
    value = channel.tech.channel_read(channel, args) if args else None
    if value is None:
        raise FunctionError(f"unknown or unavailable item '{args}' of {channel.name}")
    return value


@channel_item.writer
def _write(channel: Channel | None, args: str, value: str) -> None:
    if channel is None:
        raise FunctionError("CHANNEL needs a channel")
    item = args.lower()
    writer = _WRITERS.get(item)
    if writer is not None:
        writer(channel, value)
    elif not channel.tech.channel_write(channel, args, value) and item not in _LINE_SETTINGS:
        raise FunctionError(f"unknown or unavailable item '{args}' of {channel.name}")
