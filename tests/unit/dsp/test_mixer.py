"""The arithmetic of conferences: exact sums, exact leaving out, saturation, rates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from globstar.dsp import mixer as mixer_module
from globstar.dsp import mixing
from globstar.dsp.g711 import alaw_to_linear, linear_to_alaw, linear_to_ulaw, ulaw_to_linear
from globstar.dsp.mixer import Encoding, Mixer, decode, encode, encode_others, levels, scaled, without
from tests.conftest import IN_CI

try:
    from globstar.dsp import _mixing
except ImportError:
    _mixing = None  # type: ignore[assignment]

ALL = np.arange(-32768, 32768, dtype="<i2")
LAWS = {Encoding.ULAW: (linear_to_ulaw, ulaw_to_linear), Encoding.ALAW: (linear_to_alaw, alaw_to_linear)}


@pytest.fixture(params=["native", "numpy"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs with both ways of doing it."""
    chosen = _mixing if request.param == "native" else mixing
    if chosen is None:
        assert not IN_CI, "the native module was not built"
        pytest.skip("the native module was not built")  # in CI a skip fails the run
    for name in ("decode", "encode", "encode_others", "levels", "scaled"):
        monkeypatch.setitem(globals(), name, getattr(chosen, name))
    monkeypatch.setattr(mixer_module, "total", chosen.total)


def noise(seed: int, rows: int, samples: int = 160, level: int = 3000) -> npt.NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-level, level, (rows, samples), dtype=np.int16)


def tone(rate: int, frequency: float, seconds: float, level: int = 8000) -> npt.NDArray[np.int16]:
    return np.rint(level * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)).astype(np.int16)


def level_at(samples: npt.NDArray[np.int32], rate: int, frequency: float) -> float:
    """The peak of one frequency."""
    turns = np.exp(-2j * np.pi * frequency * np.arange(len(samples)) / rate)
    return float(abs(np.dot(samples, turns)) * 2 / len(samples))


@pytest.mark.parametrize("law", LAWS)
def test_every_value_is_encoded_as_the_codec_does(law: Encoding) -> None:
    assert encode(law, ALL.astype(np.int32)) == LAWS[law][0](ALL.tobytes())


@pytest.mark.parametrize("law", LAWS)
def test_values_beyond_16_bits_saturate(law: Encoding) -> None:
    beyond = np.array([32768, 40000, 10**6, -32769, -40000, -(10**6)], np.int32)
    limit = np.clip(beyond, -32768, 32767).astype("<i2").tobytes()
    assert encode(law, beyond) == LAWS[law][0](limit)
    assert encode(Encoding.LINEAR, beyond) == limit


@pytest.mark.parametrize("law", LAWS)
def test_payloads_become_rows_in_order(law: Encoding) -> None:
    payloads = [bytes(range(start, start + 160)) for start in (0, 40, 96)]
    rows = decode(law, payloads, 160)
    assert rows.shape == (3, 160)
    assert [row.tobytes() for row in rows] == [LAWS[law][1](payload) for payload in payloads]
    assert decode(Encoding.LINEAR, [rows[1].tobytes()], 160).tolist() == [rows[1].tolist()]


def test_each_hears_exactly_the_others_although_the_sum_is_beyond_16_bits() -> None:
    rows = noise(1, 40, level=32767)
    total = Mixer().totals({8000: rows}, [8000])[8000]
    assert np.abs(total).max() > 32767
    heard = without(total, rows)
    for place in range(len(rows)):
        others = np.delete(rows, place, axis=0).astype(np.int64).sum(axis=0)
        assert heard[place].tolist() == others.tolist()


def test_two_hear_each_other_bit_for_bit() -> None:
    payloads = [bytes(range(160)), bytes(range(95, 255))]
    rows = decode(Encoding.ULAW, payloads, 160)
    heard = encode(Encoding.ULAW, without(Mixer().totals({8000: rows}, [8000])[8000], rows))
    plain = [linear_to_ulaw(ulaw_to_linear(payload)) for payload in payloads]  # both zeros of the law become one
    assert heard == plain[1] + plain[0]


@given(hnp.arrays(np.int16, st.tuples(st.integers(1, 12), st.just(160))))
def test_any_rows_leave_exactly_the_others(rows: npt.NDArray[np.int16]) -> None:
    heard = without(Mixer().totals({8000: rows}, [8000])[8000], rows)
    assert (heard + rows == rows.astype(np.int64).sum(axis=0)).all()


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("count", [1, 128, 129, 300])
def test_many_rows_are_encoded_in_pieces_that_fit_together(encoding: Encoding, count: int) -> None:
    rows = noise(count, count)
    total = Mixer().totals({8000: rows}, [8000])[8000]
    payloads = encode_others(encoding, total, rows)
    assert len(payloads) == count
    assert b"".join(payloads) == encode(encoding, without(total, rows))


def test_silence_where_nobody_speaks() -> None:
    totals = Mixer(interval_ms=40).totals({}, [8000, 48000])
    assert {rate: (len(total), int(np.abs(total).max())) for rate, total in totals.items()} == {8000: (320, 0), 48000: (1920, 0)}


@pytest.mark.parametrize(("source", "heard"), [(8000, 16000), (16000, 8000), (8000, 48000), (48000, 16000), (12000, 44100)])
def test_a_tone_is_heard_at_every_rate_with_its_level(source: int, heard: int) -> None:
    mixer = Mixer()
    sound = tone(source, 1000, 1)
    size = mixer.samples(source)
    steps = []
    for start in range(0, len(sound), size):
        totals = mixer.totals({source: sound[start : start + size].reshape(1, size)}, [source, heard])
        assert totals[source].tolist() == sound[start : start + size].tolist()  # nothing comes back from the other rate
        steps.append(totals[heard])
        assert len(totals[heard]) == mixer.samples(heard)
    whole = np.concatenate(steps)
    assert level_at(whole[heard // 10 :], heard, 1000) == pytest.approx(8000, rel=0.01)


def test_who_speaks_at_one_rate_does_not_hear_itself_from_the_others() -> None:
    """The conversions are of other rates only: leaving oneself out stays exact."""
    mixer = Mixer()
    for step in range(20):
        low, high = noise(step, 2), noise(100 + step, 1, 320)
        totals = mixer.totals({8000: low, 16000: high}, [8000, 16000])
        heard = without(totals[8000], low)
        assert (heard[0] - low[1] == heard[1] - low[0]).all()  # what both hear of the other rate is the same
        assert len(totals[16000]) == 320


def test_a_rate_that_falls_silent_rings_out_and_costs_nothing_then() -> None:
    mixer = Mixer()
    size = mixer.samples(8000)
    sound = tone(8000, 700, 0.02).reshape(1, size)
    first = mixer.totals({8000: sound}, [8000, 16000])[16000]
    second = mixer.totals({}, [8000, 16000])[16000]
    assert np.abs(first).max() > 0
    assert np.abs(second).max() > 0  # the delay of the filter
    assert np.abs(mixer.totals({}, [8000, 16000])[16000]).max() == 0
    assert not mixer._converters


def test_sums_beyond_16_bits_cross_rates_unsaturated() -> None:
    mixer = Mixer()
    sound = tone(8000, 1000, 0.4, 30000)
    heard = []
    for start in range(0, len(sound), 160):
        rows = np.repeat(sound[start : start + 160].reshape(1, 160), 5, axis=0)
        heard.append(mixer.totals({8000: rows}, [16000])[16000])
    assert level_at(np.concatenate(heard)[1600:], 16000, 1000) == pytest.approx(150_000, rel=0.01)


def test_gains_saturate_and_leave_the_others_alone() -> None:
    rows = np.array([[1000, -1000], [20000, -20000], [7, -7]], np.int16)
    made = scaled(rows, np.array([2.0, 2.0, 1.0], np.float32))
    assert made.tolist() == [[2000, -2000], [32767, -32768], [7, -7]]


def test_levels_are_mean_magnitudes() -> None:
    assert levels(np.array([[100, -300], [0, 0], [-32768, -32768]], np.int16)) == [200, 0, 32768]


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.5, -1.0, 1e6, -1e6])
def test_halves_are_rounded_to_even_and_wild_factors_saturate(factor: float) -> None:
    rows = np.array([[0, 1, -1, 3, -3, 32767, -32768]], np.int16)
    wanted = np.clip(np.rint(rows * np.float32(factor)), -32768, 32767)
    assert scaled(rows, np.array([factor], np.float32)).tolist() == wanted.tolist()


@pytest.mark.parametrize("encoding", Encoding)
def test_a_payload_of_another_length_is_refused(encoding: Encoding) -> None:
    good = bytes(160 * encoding.sample_bytes)
    for wrong in (good[:-1], good + b"x", b""):
        with pytest.raises(ValueError, match="has"):
            decode(encoding, [good, wrong], 160)


def test_nobody_at_all() -> None:
    rows = decode(Encoding.ULAW, [], 160)
    assert rows.shape == (0, 160)
    assert encode_others(Encoding.ULAW, np.zeros(160, np.int32), rows) == []
    assert levels(rows) == []


@given(hnp.arrays(np.int16, st.tuples(st.integers(1, 5), st.integers(1, 40))), st.sampled_from(Encoding))
def test_any_rows_give_the_same_natively_and_in_numpy(rows: npt.NDArray[np.int16], encoding: Encoding) -> None:
    sums = mixing.total(rows)
    assert mixer_module.total(rows).tolist() == sums.tolist()
    assert encode_others(encoding, sums, rows) == mixing.encode_others(encoding, sums, rows)
    assert levels(rows) == mixing.levels(rows)
