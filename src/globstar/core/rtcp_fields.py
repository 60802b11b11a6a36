"""RTCP reports as the manager interface names their parts."""

from __future__ import annotations

from globstar.proto.rtp import ReceiverReport, SenderReport, microseconds_of


def report_fields(report: SenderReport | ReceiverReport) -> list[tuple[str, str]]:
    """A report as AMI names its parts: SSRC, PT, ReportCount, what a sender says of itself, and each block numbered from 0.

    SentNTP is in seconds since 1970.
    """
    is_sender = isinstance(report, SenderReport)
    fields = [("SSRC", f"0x{report.ssrc:08x}"), ("PT", "200(SR)" if is_sender else "201(RR)")]
    fields.append(("ReportCount", str(len(report.blocks))))
    if isinstance(report, SenderReport):
        seconds, rest = divmod(microseconds_of(report.ntp), 1_000_000)
        fields += [
            ("SentNTP", f"{seconds}.{rest:06d}"),
            ("SentRTP", str(report.rtp_time)),
            ("SentPackets", str(report.packets)),
            ("SentOctets", str(report.octets)),
        ]
    for number, block in enumerate(report.blocks):
        fields += [
            (f"Report{number}SourceSSRC", f"0x{block.ssrc:08x}"),
            (f"Report{number}FractionLost", str(block.fraction_lost)),
            (f"Report{number}CumulativeLost", str(block.cumulative_lost)),
            (f"Report{number}HighestSequence", str(block.highest_sequence & 0xFFFF)),
            (f"Report{number}SequenceNumberCycles", str(block.highest_sequence >> 16)),
            (f"Report{number}IAJitter", str(block.jitter)),
            (f"Report{number}LSR", str(block.last_sr)),
            (f"Report{number}DLSR", f"{block.delay_since_last_sr / 65536:.4f}"),
        ]
    return fields
