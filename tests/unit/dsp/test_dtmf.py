"""DTMF made and found again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globstar.dsp import g711
from globstar.dsp.dtmf import DIGITS, FREQUENCIES, DigitBegan, DigitEnded, DtmfDetector, digit_tone
from globstar.dsp.level import mix
from globstar.dsp.tones import ToneGenerator, TonePart, tone


def dialled(digits, on_ms, off_ms, *, low_dbm0=-10.0, high_dbm0=-10.0, rate=8000):
    pieces = []
    for digit in digits:
        low, high = FREQUENCIES[digit]
        count = on_ms * rate // 1000
        pieces.append(
            mix(
                ToneGenerator((TonePart(low),), rate, low_dbm0).render(count),
                ToneGenerator((TonePart(high),), rate, high_dbm0).render(count),
            )
        )
        pieces.append(bytes(2 * (off_ms * rate // 1000)))
    return b"".join(pieces)


def detect(audio, detector=None, frame=160):
    detector = detector or DtmfDetector()
    events = []
    for start in range(0, len(audio), 2 * frame):
        events += detector.receive(audio[start : start + 2 * frame])
    return events + detector.flush()


def digits_of(events):
    return "".join(event.digit for event in events if isinstance(event, DigitBegan))


@pytest.mark.parametrize(("on_ms", "off_ms"), [(40, 40), (50, 50), (80, 60), (300, 100)])
def test_q24_all_sixteen_digits(on_ms, off_ms):
    assert digits_of(detect(dialled(DIGITS, on_ms, off_ms))) == DIGITS


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_digits_survive_g711(law):
    audio = dialled("147*#", 60, 60)
    coded = getattr(g711, f"linear_to_{law}")(audio)
    assert digits_of(detect(getattr(g711, f"{law}_to_linear")(coded))) == "147*#"


@pytest.mark.parametrize("digit", DIGITS)
def test_a_long_digit_is_one_digit_of_about_its_length(digit):
    events = detect(digit_tone(digit, 500).render(4000) + bytes(1600))
    assert [type(event) for event in events] == [DigitBegan, DigitEnded]
    assert abs(events[1].duration_ms - 500) < 30


def test_the_same_digit_twice_is_two():
    assert digits_of(detect(dialled("55", 60, 60))) == "55"


def test_a_short_drop_out_does_not_split_a_digit():
    tone_part = digit_tone("5").render(800)
    events = detect(tone_part + bytes(2 * 100) + tone_part + bytes(1600))
    assert digits_of(events) == "5"


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(-10, -10, True), (-10, -6, True), (-5, -13, True), (-10, -3, False), (-3, -15, False)],
)
def test_twist_is_allowed_to_8_db_and_reverse_twist_to_4_db(low, high, found):
    assert (digits_of(detect(dialled("1", 100, 60, low_dbm0=low, high_dbm0=high))) == "1") is found


def test_relaxed_detection_takes_more_reverse_twist():
    audio = dialled("1", 100, 60, low_dbm0=-15.5, high_dbm0=-9)
    assert digits_of(detect(audio)) == ""
    assert digits_of(detect(audio, DtmfDetector(relax=True))) == "1"


@pytest.mark.parametrize("level", [-3, -20, -30])
def test_levels(level):
    assert digits_of(detect(dialled("9", 80, 60, low_dbm0=level, high_dbm0=level))) == "9"


def test_a_whisper_is_no_digit():
    assert detect(dialled("9", 80, 60, low_dbm0=-60, high_dbm0=-60)) == []


@pytest.mark.parametrize("text", ["350+440", "480+620", "440", "697", "1209", "697+770", "1004", "941+1400"])
def test_other_tones_are_no_digits(text):
    assert detect(tone(text).render(8000)) == []


def test_noise_is_no_digit():
    noise = np.random.default_rng(7).normal(0, 6000, 8000 * 20).clip(-32768, 32767).astype("<i2").tobytes()
    assert detect(noise) == []


def test_digits_are_found_in_noise_20_db_below():
    audio = np.frombuffer(dialled("0123456789", 80, 80), "<i2")
    noise = np.random.default_rng(8).normal(0, 500, len(audio))
    assert digits_of(detect((audio + noise).astype("<i2").tobytes())) == "0123456789"


@pytest.mark.parametrize("rate", [16000, 48000])
def test_other_rates(rate):
    assert digits_of(detect(dialled("1A#", 60, 60, rate=rate), DtmfDetector(rate), rate // 50)) == "1A#"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=8))
def test_frame_lengths_do_not_matter(lengths):
    audio = dialled("48D", 60, 60)
    detector, events, position, index = DtmfDetector(), [], 0, 0
    while position < len(audio) and index < 5000:
        size = 2 * (lengths[index % len(lengths)] or 1)
        events += detector.receive(audio[position : position + size])
        position += size
        index += 1
    assert events + detector.flush() == detect(audio)


@given(st.binary(max_size=2000))
def test_any_bytes_are_taken(data):
    detect(data, frame=77)
