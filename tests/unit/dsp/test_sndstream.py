"""libsndfile's codecs as packet streams."""

import numpy as np
import pytest

from globstar.dsp.sndstream import StreamDecoder, StreamEncoder
from globstar.dsp.tones import tone


def snr_db(original, coded, skip=800):
    a = np.frombuffer(original, "<i2").astype(float)[skip:]
    b = np.frombuffer(coded, "<i2").astype(float)[skip:]
    return 10 * np.log10((a**2).sum() / ((a - b) ** 2).sum())


@pytest.mark.parametrize(("subtype", "block_bytes", "block_samples", "floor"), [("GSM610", 33, 160, 20), ("VOX_ADPCM", 1, 2, 25)])
def test_round_trip_packet_by_packet(subtype, block_bytes, block_samples, floor):
    audio = tone("440").render(8000)
    encode, decode = StreamEncoder(subtype, block_samples), StreamDecoder(subtype, block_bytes, block_samples)
    packets = [encode(audio[start : start + 320]) for start in range(0, len(audio), 320)]
    assert {len(packet) for packet in packets} == {160 // block_samples * block_bytes}
    frames = [decode(packet) for packet in packets]
    assert {len(frame) for frame in frames} == {320}
    assert snr_db(audio, b"".join(frames)) > floor


def test_samples_are_gathered_until_a_frame_is_full():
    audio = tone("440").render(800)
    encode, whole = StreamEncoder("GSM610", 160), StreamEncoder("GSM610", 160)
    pieces = [encode(audio[start : start + 200]) for start in range(0, len(audio), 200)]
    assert b"".join(pieces) == whole(audio)
    assert pieces[0] == b""


def test_two_streams_do_not_disturb_each_other():
    audio = tone("440").render(1600)
    encode = StreamEncoder("GSM610", 160)
    packets = [encode(audio[start : start + 320]) for start in range(0, len(audio), 320)]
    one, other, alone = (StreamDecoder("GSM610", 33, 160) for _ in range(3))
    mixed = b"".join(one(packet) + other(packets[0]) for packet in packets)
    expected = b"".join(alone(packet) for packet in packets)
    assert b"".join(mixed[start : start + 320] for start in range(0, len(mixed), 640)) == expected


@pytest.mark.parametrize("size", [0, 1, 32, 34, 65, 100])
def test_payloads_of_odd_length_give_whole_frames_only(size):
    decode = StreamDecoder("GSM610", 33, 160)
    assert len(decode(b"\xd5" * size)) == size // 33 * 320
