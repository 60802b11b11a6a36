"""Lost sound is made up for."""

from __future__ import annotations

import numpy as np
import pytest

from globstar.dsp.plc import LossConcealer


def voice(rate: int, seconds: float, pitch: float = 120.0) -> np.ndarray:
    """A voiced sound: a pitch with falling harmonics."""
    times = np.arange(int(rate * seconds)) / rate
    harmonics = [np.sin(2 * np.pi * pitch * n * times + n) / n for n in range(1, 12) if pitch * n < rate / 2.2]
    return np.rint(3000 * np.sum(harmonics, axis=0)).astype("<i2")


def ratio_db(wanted: np.ndarray, got: np.ndarray) -> float:
    noise = wanted.astype(float) - got
    return float(10 * np.log10(np.sum(wanted.astype(float) ** 2) / max(np.sum(noise**2), 1e-9)))


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000, 32000, 44100, 48000, 96000, 192000])
def test_the_voice_goes_on_over_a_lost_packet(rate: int) -> None:
    sound = voice(rate, 0.3)
    frame = rate // 50
    concealer = LossConcealer(rate)
    out = [concealer(sound[start : start + frame].tobytes()) for start in range(0, 8 * frame, frame)]
    assert b"".join(out) == sound[: 8 * frame].tobytes()
    made = np.frombuffer(concealer.conceal(frame), "<i2")
    assert made.size == frame
    assert ratio_db(sound[8 * frame : 8 * frame + frame // 2], made[: frame // 2]) > 12
    after = concealer(sound[9 * frame : 10 * frame].tobytes())
    assert len(after) == 2 * frame
    assert after[-frame:] == sound[9 * frame : 10 * frame].tobytes()[-frame:]


@pytest.mark.parametrize("pitch", [70.0, 95.0, 120.0, 160.0, 195.0])
def test_there_is_no_click_at_the_seams(pitch: float) -> None:
    """No step between samples is much larger than the voice itself makes."""
    sound = voice(8000, 0.4, pitch)
    concealer = LossConcealer(8000)
    out = [concealer(sound[start : start + 160].tobytes()) for start in range(0, 1280, 160)]
    out += [concealer.conceal(160), concealer(sound[1440:1600].tobytes())]
    steps = np.abs(np.diff(np.frombuffer(b"".join(out), "<i2").astype(int)))
    own = np.abs(np.diff(sound.astype(int))).max()
    assert steps.max() < 1.6 * own


def test_a_long_loss_fades_to_silence() -> None:
    sound = voice(8000, 0.2)
    concealer = LossConcealer(8000)
    concealer(sound.tobytes())
    energies = [float(np.mean(np.frombuffer(concealer.conceal(80), "<i2").astype(float) ** 2)) for _ in range(8)]
    assert energies[0] > energies[2] > energies[4] > 0
    assert energies[6] == energies[7] == 0


@pytest.mark.parametrize("size", [0, 1, 40, 159, 160, 400])
def test_any_length_in_the_same_length_out(size: int) -> None:
    sound = voice(8000, 0.2)
    concealer = LossConcealer(8000)
    for piece in (sound[:size], sound[size : 2 * size]):
        assert len(concealer(piece.tobytes())) == 2 * piece.size
        assert len(concealer.conceal(size)) == 2 * size


def test_nothing_is_made_of_nothing() -> None:
    concealer = LossConcealer(8000)
    assert concealer.conceal(160) == bytes(320)
    assert len(concealer(bytes(320))) == 320


def test_loud_sound_does_not_wrap_around() -> None:
    square = np.where(np.arange(1600) // 40 % 2, 32767, -32768).astype("<i2")
    concealer = LossConcealer(8000)
    concealer(square.tobytes())
    made = np.frombuffer(concealer.conceal(160), "<i2").astype(int)
    assert abs(made[:80]).min() > 32000 * 0.9 or abs(np.diff(made[:80])).max() <= 65535
    assert np.sign(made[0]) == np.sign(int(square[1600 - 80]))
