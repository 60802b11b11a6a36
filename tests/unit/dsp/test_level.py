"""Gain, mixing, level and silence."""

import math
import struct

import pytest

from globstar.dsp import level


def pcm(*values):
    return struct.pack(f"<{len(values)}h", *values)


def test_mixing_saturates_instead_of_wrapping():
    assert level.mix(pcm(30000, -30000, 5), pcm(10000, -10000, -7)) == pcm(32767, -32768, -2)


def test_the_shorter_side_of_a_mix_is_followed_by_silence():
    assert level.mix(pcm(1), pcm(2, 3)) == pcm(3, 3)
    assert level.mix(pcm(2, 3), pcm(1)) == pcm(3, 3)
    assert level.mix(b"", pcm(4)) == pcm(4)


def test_subtracting_a_part_gives_the_rest_of_the_mix():
    assert level.subtract(level.mix(pcm(100, -200), pcm(7, 8)), pcm(7, 8)) == pcm(100, -200)


def test_gain_in_decibels():
    assert level.apply_gain(pcm(1000, 30000), level.gain_factor(20)) == pcm(10000, 32767)
    assert level.gain_factor(-6) == pytest.approx(0.501, abs=0.001)


@pytest.mark.parametrize(("steps", "result"), [(0, 900), (1, 900), (3, 2700), (-3, 300), (-1, 900)])
def test_asterisk_volume_steps_multiply_and_divide(steps, result):
    assert level.adjust_volume(pcm(900), steps) == pcm(result)


def test_levels_of_known_signals():
    assert level.mean_level(pcm(100, -300)) == 200
    assert level.rms(pcm(300, -300)) == 300
    assert level.rms_dbfs(bytes(320)) == -math.inf
    assert level.rms_dbfs(pcm(-32768, -32768)) == pytest.approx(0, abs=0.01)
    assert level.mean_level(b"\x01") == 0


def test_zero_dbm0_is_3_17_below_the_mu_law_overload_point():
    assert 20 * math.log10(level.PEAK_0DBM0 / (8159 * 4)) == pytest.approx(-3.17, abs=0.01)


def test_silence_detector_counts_silence_and_noise_in_turn():
    detector = level.SilenceDetector(256)
    quiet, loud = pcm(*[255] * 160), pcm(*[-257] * 160)
    assert [detector.receive(frame) for frame in (quiet, quiet, loud)] == [True, True, False]
    assert (detector.silence_ms, detector.noise_ms) == (0, 20)
    detector.receive(quiet)
    assert (detector.silence_ms, detector.noise_ms, detector.is_silent) == (20, 0, True)
    detector.reset()
    assert detector.silence_ms == 0


def test_silence_detector_knows_the_rate():
    detector = level.SilenceDetector(256, 16000)
    detector.receive(bytes(640))
    assert detector.silence_ms == 20
