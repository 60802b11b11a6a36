"""RTCP for those who look on: events, ``rtcp set debug`` and ``rtcp set stats``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.rtcp_fields import report_fields
from globstar.core.system import System
from globstar.media.source import address_text
from globstar.proto.rtp import Bye, ReceiverReport, RtcpPacket, SenderReport, SourceDescription, parse_compound

if TYPE_CHECKING:
    from globstar.media.session import RtpSession
    from globstar.media.sockets import Address

logger = Logger("res_rtp_asterisk")


class RtcpWatch:
    """Hears of every RTCP packet of the engine; with no listener and nothing set it only looks whether there are any."""

    def __init__(self, system: System) -> None:
        self._sent = system.bus.listeners(events.RtcpSent)
        self._received = system.bus.listeners(events.RtcpReceived)
        self._bus = system.bus
        #: ``rtcp set debug``: True, or the peer (port 0: any) that is looked at
        self.debug: bool | Address = False
        #: ``rtcp set stats``
        self.stats = False

    def __call__(self, session: RtpSession, what: tuple[RtcpPacket, ...] | bytes) -> None:
        """A compound packet that came, or octets that go out."""
        is_sent = isinstance(what, bytes)
        if not (self.debug or self.stats or (self._sent if is_sent else self._received)):
            return
        packets = parse_compound(what) if isinstance(what, bytes) else what
        peer = session.rtcp_address or ("", 0)
        if self._is_looked_at(peer):
            for packet in packets:
                logger.verbose(0, "\n".join(_describe(packet, peer, is_sent)))
        for packet in packets:
            if isinstance(packet, (SenderReport, ReceiverReport)):
                self._publish(session, peer, packet, is_sent)
        if self.stats:
            logger.verbose(0, _statistics_text(session, peer, is_sent))

    def _is_looked_at(self, peer: Address) -> bool:
        if isinstance(self.debug, bool):
            return self.debug
        return peer[0] == self.debug[0] and self.debug[1] in (0, peer[1])

    def _publish(self, session: RtpSession, peer: Address, report: SenderReport | ReceiverReport, is_sent: bool) -> None:
        channel = session.owner
        if not isinstance(channel, Channel):
            return
        if is_sent:
            if self._sent:
                self._bus.publish(events.RtcpSent(channel, peer, report))
        elif self._received:
            trips = session.reports.spreads.round_trips
            self._bus.publish(events.RtcpReceived(channel, peer, report, trips.last if trips.count else None))


def _describe(packet: RtcpPacket, peer: Address, is_sent: bool) -> list[str]:
    lines = ["", f"RTCP {'to' if is_sent else 'from'} {address_text(peer)}"]
    if isinstance(packet, (SenderReport, ReceiverReport)):
        lines += [f"{name + ':':<30}{value}" for name, value in report_fields(packet)]
    elif isinstance(packet, SourceDescription):
        lines.append(f"{'PT:':<30}202(SDES)")
    elif isinstance(packet, Bye):
        lines.append(f"{'PT:':<30}203(BYE)")
    else:
        lines.append(f"{'PT:':<30}{packet.packet_type}")
    return lines


def _statistics_text(session: RtpSession, peer: Address, is_sent: bool) -> str:
    s = session.statistics()
    if is_sent:
        rows = [
            ("Our SSRC", str(s.local_ssrc)), ("Sent packets", str(s.sent)), ("Sent octets", str(s.sent_octets)),
            ("Received packets", str(s.received)), ("Received octets", str(s.received_octets)),
            ("Cumulative loss", str(s.lost)), ("IA jitter", f"{s.rx_jitter:.4f}"),
        ]  # fmt: skip
    else:
        rows = [
            ("Their SSRC", str(s.remote_ssrc)), ("Reported loss", str(s.remote_lost)),
            ("Reported jitter", f"{s.tx_jitter:.4f}"), ("RTT", f"{s.round_trip:.4f}(sec)"),
        ]  # fmt: skip
    title = f"* {'Sent RTCP to' if is_sent else 'Received RTCP from'} {address_text(peer)}"
    return "\n".join([title, *(f"  {name + ':':<20}{value}" for name, value in rows)])
