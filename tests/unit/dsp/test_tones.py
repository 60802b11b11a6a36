"""The tone language and its sound, measured by FFT.

Invariant of the fuzz test: any text is either parsed, and then printed to an equal list, or raises ToneFault.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.dsp.level import PEAK_0DBM0
from globstar.dsp.tones import ToneFault, ToneGenerator, TonePart, milliwatt, parse_tones, tone


def spectrum(data, rate=8000):
    """Frequencies whose level is within 30 dB of the strongest, in Hz, one second of audio giving 1 Hz resolution."""
    wave = np.frombuffer(data, "<i2").astype(float)
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2
    peaks = [i for i in range(1, len(power) - 1) if power[i] == power[i - 1 : i + 2].max() and power[i] > power.max() / 1000]
    return [round(i * rate / len(wave)) for i in peaks]


def level_dbm0(data):
    wave = np.frombuffer(data, "<i2").astype(float)
    return 20 * np.log10(np.sqrt((wave**2).mean()) * np.sqrt(2) / PEAK_0DBM0)


def drain(generator, samples=160):
    frames = []
    while (frame := generator.next_frame(samples)) is not None:
        frames.append(frame)
    return b"".join(frames)


def test_asterisk_list_of_parts():
    assert parse_tones("440+480/2000,!350/100,0/4000,1000*50") == (
        TonePart(440, 480, 2000),
        TonePart(350, 0, 100, is_once=True),
        TonePart(0, 0, 4000),
        TonePart(1000, 50, 0, is_modulated=True),
    )


def test_bar_separates_as_comma_does_and_midi_notes_are_frequencies():
    assert parse_tones("M69/100|0/50") == (TonePart(440, 0, 100), TonePart(0, 0, 50))


@pytest.mark.parametrize("text", ["", ",", "abc", "440/", "440/x", "440+", "M128", "-5", "999999", "440/-3", "440++480"])
def test_what_is_no_tone_list(text):
    with pytest.raises(ToneFault):
        parse_tones(text)


@given(st.text(alphabet="!0123456789+*/,|M x", max_size=30) | st.text(max_size=20))
def test_any_text_is_parsed_or_refused(text):
    try:
        parts = parse_tones(text)
    except ToneFault:
        return
    assert all(part.duration_ms >= 0 and 0 <= part.first_hz <= 96000 for part in parts)
    if "M" not in text and "m" not in text:
        assert parse_tones(",".join(map(str, parts))) == parts


def test_dial_tone_holds_its_two_frequencies_at_the_level_asked_for():
    audio = tone("350+440").render(8000)
    assert spectrum(audio) == [350, 440]
    assert level_dbm0(audio) == pytest.approx(-10 + 3.01, abs=0.1)


def test_milliwatt_is_1004_hz_at_0_dbm0():
    audio = milliwatt().render(8000)
    assert spectrum(audio) == [1004]
    assert level_dbm0(audio) == pytest.approx(0, abs=0.02)


def test_modulation_makes_side_bands():
    assert spectrum(tone("1000*100").render(8000)) == [900, 1000, 1100]


@pytest.mark.parametrize("rate", [16000, 48000])
def test_other_rates(rate):
    assert spectrum(tone("1400", rate).render(rate), rate) == [1400]


def test_frames_join_without_a_click():
    whole = tone("440").render(1600)
    generator = tone("440")
    assert b"".join(generator.render(160) for _ in range(10)) == whole


def test_cadence_is_exact_to_the_sample():
    generator = tone("440/100,0/150")
    audio = np.frombuffer(b"".join(generator.render(160) for _ in range(50)), "<i2")
    sounding = [bool(np.abs(audio[i : i + 8]).max()) for i in range(0, len(audio), 8)]  # one entry per millisecond
    assert sounding == ([True] * 100 + [False] * 150) * 4


def test_asterisk_parts_marked_once_are_left_out_of_the_repetition():
    generator = tone("!0/20,440/20,0/20")
    heard = [bool(generator.render(160).strip(b"\0")) for _ in range(6)]
    assert heard == [False, True, False, True, False, True]


def test_a_list_of_parts_marked_once_ends():
    audio = drain(tone("!950/330,!1400/330,!1800/330"))
    assert len(audio) == 2 * 160 * 50  # 990 ms, the last frame filled up
    assert spectrum(audio[: 2 * 2640]) == pytest.approx([950], abs=4)


def test_a_part_without_length_never_ends():
    generator = tone("!1400/20,350")
    assert all(generator.render(160) for _ in range(1000))


def test_parts_shorter_than_a_sample_do_not_hang():
    assert ToneGenerator((TonePart(440, 0, 1, is_once=True),), sample_rate=100).next_frame(160) is None
