"""The two packings of GSM frames."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.core.riff import gsm_header
from globstar.dsp.msgsm import FRAME_BYTES, PAIR_BYTES, SILENCE_FRAME, frames_to_pair, pair_to_frames
from globstar.dsp.sndstream import StreamDecoder, StreamEncoder
from globstar.dsp.tones import tone


@given(st.binary(min_size=PAIR_BYTES, max_size=PAIR_BYTES))
def test_every_block_survives_the_way_there_and_back(block):
    frames = pair_to_frames(block)
    assert len(frames) == 2 * FRAME_BYTES
    assert frames[0] >> 4 == frames[FRAME_BYTES] >> 4 == 0xD
    assert frames_to_pair(frames) == block


def test_libsndfile_understands_the_packing():
    soundfile = pytest.importorskip("soundfile")
    audio = tone("440").render(3200)
    frames = StreamEncoder("GSM610", 160)(audio)
    packed = b"".join(frames_to_pair(frames[start : start + 66]) for start in range(0, len(frames), 66))
    samples, rate = soundfile.read(io.BytesIO(gsm_header(len(packed)) + packed), dtype="int16")
    assert rate == 8000
    assert samples.astype("<i2").tobytes() == StreamDecoder("GSM610", 33, 160)(frames)


def test_the_silent_frame_is_silent():
    decoded = StreamDecoder("GSM610", 33, 160)(SILENCE_FRAME * 4)
    assert max(abs(sample) for sample in memoryview(decoded).cast("h")) < 64
