"""RTCP reports of one stream (RFC 3550 section 6.4)."""

from __future__ import annotations

from globstar.media.reports import Reports
from globstar.proto.rtp import ReportBlock, RtpReceiver, RtpSender, SenderReport, parse_compound

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
