"""One event of a channel, as the backends get it."""

from __future__ import annotations

from dataclasses import dataclass

from globstar.core.channel import Channel, SoftHangup
from globstar.core.logfiles import format_time

#: The kinds of events in the order of their numbers, from 1.
KINDS = (
    "CHAN_START", "CHAN_END", "HANGUP", "ANSWER", "APP_START", "APP_END", "BRIDGE_ENTER", "BRIDGE_EXIT", "PARK_START",
    "PARK_END", "BLINDTRANSFER", "ATTENDEDTRANSFER", "USER_DEFINED", "LINKEDID_END", "PICKUP", "FORWARD", "LOCAL_OPTIMIZE",
    "LOCAL_OPTIMIZE_BEGIN", "STREAM_BEGIN", "STREAM_END", "DTMF",
)  # fmt: skip
#: The number of each kind, as databases that keep numbers have it.
NUMBERS = {kind: number for number, kind in enumerate(KINDS, 1)}


@dataclass(slots=True)
class CelEvent:
    """What happened to a channel. ``time`` is UTC seconds, ``date_format`` that of cel.conf ("" for plain seconds)."""

    kind: str
    time: float
    user_defined: str
    cid_name: str
    cid_num: str
    cid_ani: str
    cid_rdnis: str
    cid_dnid: str
    exten: str
    context: str
    channel: str
    app: str
    app_data: str
    ama_flags: int
    account_code: str
    peer_account: str
    unique_id: str
    linked_id: str
    user_field: str
    peer: str
    extra: str
    date_format: str = ""

    @property
    def name(self) -> str:
        """The kind, or the name of an event of CELGenUserEvent."""
        return self.user_defined if self.kind == "USER_DEFINED" else self.kind

    @property
    def time_text(self) -> str:
        """The time as cel.conf wants it: ``1795000000.123456`` without a format."""
        return format_time(self.time, self.date_format) if self.date_format else f"{self.time:.6f}"


#: Kinds that come when the channel's dialplan, if it had one, has ended.
LAST_KINDS = ("HANGUP", "CHAN_END", "LINKEDID_END")


def snapshot(
    channel: Channel,
    kind: str,
    time: float,
    peer: str,
    extra: str,
    user_defined: str,
    date_format: str,
    place: tuple[str, str] | None = None,
) -> CelEvent:
    """An event with the channel as it is now; a channel that just began has no ANI, RDNIS and DNID yet.

    ``place``: context and extension, where they are not those in which the channel is, or to which it was sent.
    """
    caller = channel.caller
    name, number = caller.id.name, caller.id.number
    ani = rdnis = dnid = ""
    if kind != "CHAN_START":
        if caller.ani.number.valid:
            ani = caller.ani.number.text
        if channel.is_redirected and channel.redirecting.from_.number.valid:
            rdnis = channel.redirecting.from_.number.text
        dnid = channel.dialed.number
    context, exten = place or (channel.context, channel.extension)
    if place is None and channel.goto_target is not None and channel.soft_hangup & SoftHangup.ASYNC_GOTO:  # on its way there
        context, exten, _ = channel.goto_target
    is_over = kind in LAST_KINDS and (kind != "LINKEDID_END" or channel.is_hung_up)  # one that joins another call goes on
    app, app_data = channel.idle_application if is_over else (channel.application, channel.application_data)
    return CelEvent(
        kind, time, user_defined, name.text if name.valid else "", number.text if number.valid else "", ani, rdnis, dnid,
        exten, context, channel.name, app, app_data, channel.ama_flags, channel.account_code,
        channel.peer_account, channel.unique_id, channel.linked_id, channel.user_field, peer, extra,
        date_format,
    )  # fmt: skip
