"""The RTCP side of a session: reports made, reports read (RFC 3550 section 6.4)."""

from __future__ import annotations

from globstar.media.experience import experience
from globstar.media.statistics import RunningStat
from globstar.proto.rtp import (
    Bye,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    RtpReceiver,
    RtpSender,
    SenderReport,
    SourceDescription,
    build_compound,
    ntp_time,
    round_trip,
)


class Spreads:
    """Series of figures that the reports of both sides bring; *rx* is what we receive, *tx* what the peer tells of ours."""

    __slots__ = ("round_trips", "rx_jitters", "rx_losses", "rx_scores", "tx_jitters", "tx_losses", "tx_scores")

    def __init__(self) -> None:
        self.round_trips = RunningStat()
        self.rx_jitters = RunningStat()
        self.tx_jitters = RunningStat()
        self.rx_losses = RunningStat()
        self.tx_losses = RunningStat()
        self.rx_scores = RunningStat()
        self.tx_scores = RunningStat()


#: Those of every session without reports; nothing is added to them.
NO_SPREADS = Spreads()


class Reports:
    """Keeps what RTCP needs between reports, and the figures that it brings."""

    __slots__ = (
        "_began",
        "_last_sr",
        "_last_sr_ssrc",
        "_last_sr_time",
        "_lost_before",
        "_reported_lost",
        "_reported_packets",
        "cname",
        "mid",
        "named_ssrc",
        "received",
        "remote_jitter",
        "remote_lost",
        "sent",
        "spreads",
    )

    def __init__(self, cname: str) -> None:
        self.cname = cname
        #: what our stream is called in a bundle (RFC 9143 section 15); b"" outside of one
        self.mid = b""
        #: the source of ours that the peer's reports have named last; 0 before the first
        self.named_ssrc = 0
        self.sent = 0
        #: when the first report was sent (UTC)
        self._began = 0.0
        self.received = 0
        #: packets of ours that the peer has lost in all, and of our sources before this one
        self.remote_lost = self._lost_before = 0
        self.remote_jitter = 0.0
        #: the figures of the reports, which few calls live to see
        self.spreads = NO_SPREADS
        #: of the last report of the peer's stream: the middle of its time, whose it was, and when it came
        self._last_sr = self._last_sr_ssrc = 0
        self._last_sr_time = 0.0
        self._reported_packets = 0
        self._reported_lost = 0

    def _own_spreads(self) -> Spreads:
        if self.spreads is NO_SPREADS:
            self.spreads = Spreads()
        return self.spreads

    def forget_source(self) -> None:
        """The peer's stream is another one now: its reports start anew."""
        self._last_sr = 0

    def source_begins(self) -> None:
        """We send under another SSRC from now on, of which nothing has been sent yet."""
        self._reported_packets = 0
        self._lost_before = self.remote_lost

    def build(
        self,
        sender: RtpSender,
        receiver: RtpReceiver,
        remote_ssrc: int,
        clock_rate: int,
        now: float,
        wall_time: float,
        *,
        is_last: bool = False,
    ) -> bytes:
        """A compound packet: a sender report if we have sent since the last one, else a receiver report; then the name.

        The one that ``is_last`` says goodbye as well (RFC 3550 sections 6.1 and 6.6).
        """
        blocks: tuple[ReportBlock, ...] = ()
        if receiver.is_valid:
            lost = receiver.tally.lost
            figures = receiver.next_report()
            jitter = receiver.jitter / (receiver.clock_rate or clock_rate)
            spreads = self._own_spreads()
            spreads.rx_jitters.add(jitter)
            spreads.rx_losses.add(max(lost - self._reported_lost, 0))
            self._reported_lost = lost
            spreads.rx_scores.add(experience(figures.fraction_lost / 256, spreads.round_trips.last, jitter))
            last_sr = self._last_sr if self._last_sr_ssrc == remote_ssrc else 0
            delay = int((now - self._last_sr_time) * 65536) & 0xFFFFFFFF if last_sr else 0
            block = ReportBlock(
                remote_ssrc,
                figures.fraction_lost,
                figures.cumulative_lost,
                figures.highest_sequence,
                figures.jitter,
                last_sr,
                delay,
            )
            blocks = (block,)
        report: RtcpPacket
        if sender.packets != self._reported_packets:
            report = SenderReport(
                sender.ssrc,
                ntp_time(wall_time),
                sender.rtp_time_at(now),
                sender.packets & 0xFFFFFFFF,
                sender.octets & 0xFFFFFFFF,
                blocks,
            )
        else:
            report = ReceiverReport(sender.ssrc, blocks)
        self._reported_packets = sender.packets
        self._began = self._began or wall_time
        self.sent += 1
        end = (Bye((sender.ssrc,)),) if is_last else ()
        return build_compound((report, SourceDescription.of(sender.ssrc, self.cname, self.mid), *end))

    def receive(
        self, packets: tuple[RtcpPacket, ...], local_ssrc: int, remote_ssrc: int, clock_rate: int, now: float, wall_time: float
    ) -> None:
        """Take in the peer's reports; blocks about other sources than ours are ignored.

        Of the peer's sources (retransmissions have their own) that of its stream counts, ``remote_ssrc`` (0: not known yet).
        """
        self.received += 1
        for packet in packets:
            if isinstance(packet, SenderReport):
                if packet.ssrc == remote_ssrc or not remote_ssrc:
                    self._last_sr, self._last_sr_ssrc, self._last_sr_time = packet.middle_ntp, packet.ssrc, now
            elif not isinstance(packet, ReceiverReport):
                continue
            for block in packet.blocks:
                if block.ssrc == local_ssrc:
                    self.named_ssrc = local_ssrc
                    self._receive_block(block, clock_rate, wall_time)

    def _receive_block(self, block: ReportBlock, clock_rate: int, wall_time: float) -> None:
        self.remote_jitter = block.jitter / clock_rate
        spreads = self._own_spreads()
        spreads.tx_jitters.add(self.remote_jitter)
        lost = self._lost_before + max(block.cumulative_lost, 0)
        spreads.tx_losses.add(max(lost - self.remote_lost, 0))
        self.remote_lost = lost
        took = round_trip(block, ntp_time(wall_time))
        if took is not None and self.sent and took <= wall_time - self._began + 1:  # else it names no report of ours
            spreads.round_trips.add(took)
        spreads.tx_scores.add(experience(block.fraction_lost / 256, spreads.round_trips.last, self.remote_jitter))
