"""RTCP reports of one stream (RFC 3550 section 6.4)."""

from __future__ import annotations

from globstar.media.reports import Reports
from globstar.proto.rtp import ReceiverReport, ReportBlock, RtpReceiver, RtpSender, SenderReport, ntp_time, parse_compound

OURS, THEIRS, OTHER = 1, 2, 3


def sender_report(ssrc: int, middle: int) -> SenderReport:
    return SenderReport(ssrc, middle << 16, 0, 0, 0, ())


def block_of(reports: Reports, remote_ssrc: int, now: float) -> ReportBlock:
    """What we report of a stream of which three packets came."""
    receiver = RtpReceiver()
    for number in range(3):
        receiver.receive(number, 160 * number, 160, 8000, number / 50)
    (report, *_) = parse_compound(reports.build(RtpSender(OURS, 0, 0), receiver, remote_ssrc, 8000, now, 0.0))
    (block,) = report.blocks  # type: ignore[union-attr]
    return block


def test_the_last_report_is_that_of_the_stream_whatever_other_sources_say() -> None:
    reports = Reports("name")
    reports.receive((sender_report(THEIRS, 7), sender_report(OTHER, 9)), OURS, THEIRS, 8000, 1.0, 0.0)
    reports.receive((sender_report(OTHER, 10),), OURS, THEIRS, 8000, 2.0, 0.0)
    block = block_of(reports, THEIRS, 3.0)
    assert (block.ssrc, block.last_sr, block.delay_since_last_sr) == (THEIRS, 7, 2 * 65536)


def test_a_report_before_the_first_packet_counts_if_it_is_of_the_stream_that_follows() -> None:
    reports = Reports("name")
    reports.receive((sender_report(THEIRS, 7),), OURS, 0, 8000, 1.0, 0.0)
    assert block_of(reports, THEIRS, 2.0).last_sr == 7
    other = block_of(reports, OTHER, 2.0)
    assert (other.last_sr, other.delay_since_last_sr) == (0, 0)


def lossy(numbers: list[int], former: RtpReceiver | None = None, clock_rate: int = 8000) -> RtpReceiver:
    """A source of which these packets came."""
    receiver = RtpReceiver()
    if former is not None:
        receiver.succeed(former)
    for number in numbers:
        receiver.receive(number, 160 * number, 160, clock_rate, number / 50)
    return receiver


def test_losses_of_an_interval_are_told_from_those_of_the_source_before() -> None:
    reports, sender = Reports("name"), RtpSender(OURS, 0, 0)
    first = lossy([0, 1, 12])
    reports.build(sender, first, THEIRS, 8000, 1.0, 0.0)
    reports.build(sender, lossy([0, 1, 5], first), OTHER, 8000, 2.0, 0.0)
    assert (reports.spreads.rx_losses.minimum, reports.spreads.rx_losses.maximum) == (3, 10)


def test_losses_that_the_peer_reports_are_counted_over_our_sources() -> None:
    reports = Reports("name")
    for ssrc, lost, total in ((OURS, 5, 5), (OURS, 7, 7), (OTHER, 0, 7), (OTHER, 4, 11), (OTHER, -2, 7)):
        if ssrc == OTHER and reports.named_ssrc != OTHER:
            reports.source_begins()
        block = ReportBlock(ssrc, 0, lost, 0, 0, 0, 0)
        reports.receive((ReceiverReport(THEIRS, (block,)),), ssrc, THEIRS, 8000, 1.0, 0.0)
        assert reports.remote_lost == total
    assert reports.spreads.tx_losses.maximum == 5


def test_jitter_is_told_in_seconds_of_the_clock_that_the_peer_sends_by() -> None:
    """Whatever we send: with asymmetric_rtp_codec that may have another clock."""
    receiver = RtpReceiver()
    now = 0.0
    for number in range(200):
        now += 0.02
        receiver.receive(number, 960 * number, 160, 48000, now + 0.01 * (number % 2))
    reports = Reports("name")
    reports.build(RtpSender(OURS, 0, 0), receiver, THEIRS, 8000, 1.0, 0.0)
    assert 0.009 < reports.spreads.rx_jitters.last < 0.011


def test_a_round_trip_longer_than_we_have_sent_reports_is_none() -> None:
    """Some phones name their own time in the place of ours."""
    reports, sender = Reports("name"), RtpSender(OURS, 0, 0)

    def told(seconds_ago: float, now: float) -> int:
        last = ntp_time(now - seconds_ago) >> 16 & 0xFFFFFFFF
        block = ReportBlock(OURS, 0, 0, 0, 0, last, 0)
        reports.receive((ReceiverReport(THEIRS, (block,)),), OURS, THEIRS, 8000, 1.0, now)
        return reports.spreads.round_trips.count

    assert told(0.1, 1000.0) == 0, "no report was sent yet"
    reports.build(sender, RtpReceiver(), THEIRS, 8000, 1.0, 1000.0)
    assert told(0.1, 1003.0) == 1
    assert told(500.0, 1003.0) == 1
    assert told(-5.0, 1003.0) == 2, "clocks may step"
    assert (reports.spreads.round_trips.minimum, round(reports.spreads.round_trips.maximum, 3)) == (0, 0.1)
