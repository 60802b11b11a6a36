"""Sequence, timestamp and marker of what we send."""

from __future__ import annotations

from globstar.proto.rtp import RtpSender, parse_packet


def test_numbers_run_on_and_wrap() -> None:
    sender = RtpSender(7, 0xFFFF, 0xFFFFFFFF - 79)
    first = parse_packet(sender.packet(b"a" * 160, 160, 8, 0.0))
    second = parse_packet(sender.packet(b"b" * 160, 160, 8, 0.02))
    assert (first.sequence, first.rtp_time, first.ssrc) == (0xFFFF, 0xFFFFFFFF - 79, 7)
    assert (second.sequence, second.rtp_time) == (0, 80)
    assert (sender.packets, sender.octets) == (2, 320)


def test_rfc3551_4_1_marker_on_the_first_packet_only() -> None:
    sender = RtpSender(7, 0, 0)
    packets = [parse_packet(sender.packet(b"x", 160, 0, index * 0.02)) for index in range(3)]
    assert [packet.marker for packet in packets] == [True, False, False]
    assert parse_packet(sender.packet(b"x", 160, 0, 0.06, marker=True)).marker


def test_timestamp_makes_up_for_a_pause() -> None:
    sender = RtpSender(7, 0, 1000)
    sender.packet(b"x", 160, 0, 0.0)
    packet = parse_packet(sender.packet(b"x", 160, 0, 1.0))
    assert (packet.rtp_time, packet.sequence, packet.marker) == (1000 + 8000, 1, True)


def test_own_jitter_does_not_move_timestamps() -> None:
    sender = RtpSender(7, 0, 0)
    times = [parse_packet(sender.packet(b"x", 160, 0, now)).rtp_time for now in (0.0, 0.10, 0.10, 0.10, 0.11)]
    assert times == [0, 160, 320, 480, 640]


def test_a_long_packet_is_no_pause() -> None:
    sender = RtpSender(7, 0, 0)
    sender.packet(b"x" * 8000, 8000, 0, 0.0)
    assert parse_packet(sender.packet(b"x", 160, 0, 0.5)).rtp_time == 8000


def test_jitter_of_long_packets_does_not_move_timestamps() -> None:
    sender = RtpSender(7, 0, 0, 48000)
    packets = [parse_packet(sender.packet(b"x", 5760, 96, now)) for now in (0.0, 0.121, 0.243, 0.36)]
    assert [(packet.rtp_time, packet.marker) for packet in packets] == [(0, True), (5760, False), (11520, False), (17280, False)]


def test_events_leave_the_clock_alone() -> None:
    sender = RtpSender(7, 5, 0)
    sender.packet(b"x", 160, 0, 0.0)
    event = parse_packet(sender.packet_at(b"evnt", 160, 101, marker=True))
    voice = parse_packet(sender.packet(b"x", 160, 0, 0.02))
    assert (event.sequence, event.rtp_time, event.marker, event.payload_type) == (6, 160, True, 101)
    assert (voice.sequence, voice.rtp_time) == (7, 160)


def test_skipped_audio_passes_time() -> None:
    sender = RtpSender(7, 0, 0)
    sender.packet(b"x", 160, 0, 0.0)
    for index in range(1, 20):
        sender.skip(160, index * 0.02)
    packet = parse_packet(sender.packet(b"x", 160, 0, 0.4))
    assert (packet.rtp_time, packet.sequence) == (3200, 1)


def test_rfc3550_6_4_1_timestamp_of_a_moment() -> None:
    sender = RtpSender(7, 0, 500)
    assert sender.rtp_time_at(9.0) == 500
    sender.packet(b"x", 160, 0, 1.0)
    assert sender.rtp_time_at(1.25) == 2500


def test_change_of_source() -> None:
    sender = RtpSender(7, 0, 0)
    sender.packet(b"x", 160, 0, 0.0)
    sender.change_source(8, 900)
    packet = parse_packet(sender.packet(b"x", 160, 0, 0.02))
    assert (packet.ssrc, packet.sequence, packet.rtp_time, packet.marker) == (8, 900, 160, True)
    assert sender.packets == 1


def test_resume_after_packets_sent_elsewhere() -> None:
    sender = RtpSender(7, 0, 0)
    sender.resume(99, 16000, 160, 5.0)
    packet = parse_packet(sender.packet(b"x", 160, 0, 5.02))
    assert (packet.sequence, packet.rtp_time) == (100, 16160)


def test_another_source_never_has_the_time_of_the_last_packet() -> None:
    sender = RtpSender(1, 0, 1000, 90000)
    assert sender.rtp_time_after(5.0) == 1000, "nothing was sent yet"
    sender.mark_time(5.0, 0xFFFFFFFF)
    assert sender.rtp_time_after(5.0) == 0
    assert sender.rtp_time_after(5.5) == 44999


def test_rfc3550_6_4_1_what_comes_late_does_not_turn_the_clock_back() -> None:
    sender = RtpSender(1, 0, 0, 90000)
    sender.mark_time(1.0, 90000)
    sender.mark_time(1.5, 45000)
    assert sender.rtp_time_at(2.0) == 180000
