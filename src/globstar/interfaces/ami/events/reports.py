"""Events about RTCP reports."""

from __future__ import annotations

from collections.abc import Iterator

from globstar.core import events
from globstar.core.manager import ManagerEvent, Permission, channel_fields, manager_event
from globstar.core.rtcp_fields import report_fields
from globstar.proto.sip.flow import bracket


def _place(address: tuple[str, int]) -> str:
    return f"{bracket(address[0])}:{address[1]}"


@manager_event(events.RtcpSent)
def rtcp_sent(event: events.RtcpSent) -> Iterator[ManagerEvent]:
    ssrc, kind, *rest = report_fields(event.report)
    fields = [*channel_fields(event.channel), ssrc, kind, ("To", _place(event.to)), *rest]
    yield ManagerEvent("RTCPSent", Permission.REPORTING, fields)


@manager_event(events.RtcpReceived)
def rtcp_received(event: events.RtcpReceived) -> Iterator[ManagerEvent]:
    ssrc, kind, *rest = report_fields(event.report)
    fields = [*channel_fields(event.channel), ssrc, kind, ("From", _place(event.source))]
    if event.round_trip is not None:
        fields.append(("RTT", f"{event.round_trip:.4f}"))
    yield ManagerEvent("RTCPReceived", Permission.REPORTING, [*fields, *rest])
