"""iLBC's native coder: quality, concealment, the bits of a frame, and payloads that no encoder makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sound_quality import original

_ilbc = pytest.importorskip("globstar.dsp._ilbc", reason="the native module was not built")

from tests.support.ilbc import SIZES, decode, encode, high_passed, likeness, loudness, samples  # noqa: E402

MODES = sorted(SIZES)
AUDIO = original(8000)


def voice(seconds: float, pitch: float = 120.0) -> bytes:
    """A steady buzz."""
    times = np.arange(int(8000 * seconds)) / 8000
    return np.rint(3000 * sum(np.sin(2 * np.pi * pitch * n * times + n) / n for n in range(2, 10))).astype("<i2").tobytes()


@pytest.mark.parametrize("mode", MODES)
def test_quality(mode: int) -> None:
    payloads = encode(AUDIO, mode)
    assert {len(payload) for payload in payloads} == {SIZES[mode]}
    assert likeness(high_passed(AUDIO), decode(payloads, mode)) > (12.5 if mode == 20 else 11.5)
    buzz = voice(1.0)
    assert likeness(high_passed(buzz), decode(encode(buzz, mode), mode), skip=1600) > 15


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("level", [0, 1, 30, 15000])
def test_loudness_is_kept_from_silence_to_full_scale(mode: int, level: int) -> None:
    noise = np.clip(np.random.default_rng(5).normal(0, max(level, 0.1), 8000) if level else np.zeros(8000), -32768, 32767)
    sent = noise.astype("<i2").tobytes()
    heard = decode(encode(sent, mode), mode)
    if level < 2:
        assert np.abs(heard).max() <= 16
    else:
        assert 0.6 < loudness(heard[800:]) / loudness(high_passed(sent)[800:]) < 1.2


@pytest.mark.parametrize("mode", MODES)
def test_silence_after_speech_is_silent(mode: int) -> None:
    heard = decode(encode(AUDIO + bytes(16000), mode), mode)
    assert np.abs(heard[-4000:]).max() <= 16


@pytest.mark.parametrize("mode", MODES)
def test_a_coder_of_its_own_for_each_stream(mode: int) -> None:
    first, second = _ilbc.FrameEncoder(mode), _ilbc.FrameEncoder(mode)
    size = 16 * mode
    mixed = []
    for start in range(0, len(AUDIO) - size + 1, size):
        mixed.append(first.encode(AUDIO[start : start + size]))
        second.encode(bytes(size))
    assert mixed == encode(AUDIO, mode)


@pytest.mark.parametrize("mode", MODES)
def test_rfc3951_3_8_the_first_class_of_bits_begins_with_the_spectrum_and_the_last_bit_is_for_empty_frames(mode: int) -> None:
    """Six, seven and seven bits of the first frequencies; the place of the state after all of them."""
    payloads = encode(AUDIO, mode)
    bits = [f"{int.from_bytes(payload, 'big'):0{8 * len(payload)}b}" for payload in payloads]
    assert {row[-1] for row in bits} == {"0"}
    place = slice(20, 22) if mode == 20 else slice(40, 43)
    assert {int(row[place], 2) for row in bits} <= set(range(1, 4 if mode == 20 else 6))
    # of the frequencies only what does not change is the same for frames of one sound
    steady = [f"{int.from_bytes(payload, 'big'):0{8 * len(payload)}b}" for payload in encode(voice(1.0), mode)[5:]]
    assert len({row[:6] for row in steady}) <= 3


@pytest.mark.parametrize("mode", MODES)
def test_rfc3951_3_8_what_a_lost_bit_costs_depends_on_its_class(mode: int) -> None:
    """The most important bits come first: the ones that may be lost with least harm are at the end."""
    payloads = encode(AUDIO, mode)
    clean = decode(payloads, mode)
    harm = []
    for place in (range(48), range(8 * SIZES[mode] - 100, 8 * SIZES[mode] - 4)):
        flipped = []
        for number, payload in enumerate(payloads):
            bit = place[number * 7 % len(place)]
            data = bytearray(payload)
            data[bit // 8] ^= 0x80 >> bit % 8
            flipped.append(bytes(data))
        harm.append(likeness(clean, decode(flipped, mode)))
    assert harm[1] > harm[0] + 6


@pytest.mark.parametrize("mode", MODES)
def test_rfc3951_4_5_an_empty_frame_is_concealed_like_a_lost_one(mode: int) -> None:
    payloads = encode(AUDIO, mode)
    empty = payloads[9][:-1] + bytes([payloads[9][-1] | 1])
    nowhere = int.from_bytes(payloads[9], "big")
    first = 8 * SIZES[mode] - (22 if mode == 20 else 43)
    nowhere &= ~((3 if mode == 20 else 7) << first)
    lost = decode([*payloads[:9], None, *payloads[10:]], mode)
    for payload in (empty, nowhere.to_bytes(SIZES[mode], "big")):
        assert np.array_equal(decode([*payloads[:9], payload, *payloads[10:]], mode), lost)
    assert not np.array_equal(lost, decode(payloads, mode))


@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_a_lost_frame_sounds_on_and_what_follows_recovers(mode: int, enhanced: bool) -> None:
    payloads = encode(voice(1.0), mode)
    whole = decode(payloads, mode, enhanced=enhanced)
    lossy = decode([None if number == 12 else payload for number, payload in enumerate(payloads)], mode, enhanced=enhanced)
    size = 8 * mode
    lost = slice(12 * size, 13 * size)
    assert 0.5 < loudness(lossy[lost]) / loudness(whole[lost]) < 1.5
    assert likeness(whole[lost], lossy[lost]) > 3  # the pitch goes on
    assert likeness(whole[15 * size :], lossy[15 * size :]) > 20
    # no click where it begins and ends
    steps = np.abs(np.diff(lossy[lost.start - 40 : lost.stop + 40])).max()
    assert steps < 1.5 * np.abs(np.diff(whole)).max()


@pytest.mark.parametrize("mode", MODES)
def test_a_long_loss_fades_away(mode: int) -> None:
    payloads: list[bytes | None] = list(encode(voice(0.5), mode))
    sound = decode([*payloads, *[None] * 20], mode)
    gone = sound[len(payloads) * 8 * mode :]
    blocks = [loudness(gone[start : start + 480]) for start in range(0, gone.size - 479, 480)]
    assert blocks[0] > 500
    assert blocks[1] > blocks[2] > blocks[3]
    assert max(np.abs(gone[-480:])) < 5


@pytest.mark.parametrize("mode", MODES)
def test_a_loss_before_the_first_frame_is_silence(mode: int) -> None:
    assert not np.any(decode([None, None, None], mode))


@pytest.mark.parametrize("mode", MODES)
def test_rfc3951_4_6_the_enhancer_is_late_by_a_half_or_a_whole_block_and_changes_little(mode: int) -> None:
    delay = 40 if mode == 20 else 80
    payloads = encode(AUDIO, mode)
    plain, enhanced = decode(payloads, mode), decode(payloads, mode, enhanced=True)
    assert plain.size == enhanced.size
    shifts = [likeness(plain, enhanced[shift:]) for shift in range(2 * delay)]
    assert int(np.argmax(shifts)) == delay
    assert 10 < max(shifts) < 25  # about a twentieth of the energy may change
    # what repeats exactly needs no change
    buzz = encode(voice(1.0, 100.0), mode)
    assert likeness(decode(buzz, mode)[1600:], decode(buzz, mode, enhanced=True)[1600 + delay :]) > 15


@settings(max_examples=60, deadline=None)
@given(data=st.data(), mode=st.sampled_from(MODES), enhanced=st.booleans())
def test_any_bytes_are_a_stream(data: st.DataObject, mode: int, enhanced: bool) -> None:
    payload = st.none() | st.binary(min_size=SIZES[mode], max_size=SIZES[mode])
    payloads = data.draw(st.lists(payload, max_size=8))
    heard = decode([*payloads], mode, enhanced=enhanced)
    assert heard.size == len(payloads) * 8 * mode


@pytest.mark.parametrize("mode", MODES)
def test_a_stream_is_heard_again_after_noise_from_the_network(mode: int) -> None:
    """Bytes by chance make filters ring; the frames after them are decoded as ever."""
    random = np.random.default_rng(11)
    noise = [random.bytes(SIZES[mode] - 1) + bytes([int(random.integers(0, 128)) * 2]) for _ in range(300)]
    speech = encode(AUDIO, mode)
    heard = decode([*noise, *speech], mode)[len(noise) * 8 * mode :]
    assert likeness(decode(speech, mode)[3200:], heard[3200:]) > 30


@pytest.mark.parametrize("mode", MODES)
def test_lengths_that_are_no_frame(mode: int) -> None:
    decoder, encoder = _ilbc.FrameDecoder(mode), _ilbc.FrameEncoder(mode)
    for size in (0, 1, SIZES[mode] - 1, SIZES[mode] + 1, SIZES[50 - mode], 2 * SIZES[mode]):
        with pytest.raises(ValueError, match=f"{SIZES[mode]} bytes"):
            decoder.decode(bytes(size))
    for size in (0, 2, 16 * mode - 2, 16 * mode + 2):
        with pytest.raises(ValueError, match=f"{16 * mode} bytes"):
            encoder.encode(bytes(size))


@pytest.mark.parametrize("mode", [0, 10, 25, 40, -20])
def test_lengths_of_frames_that_there_are_not(mode: int) -> None:
    with pytest.raises(ValueError, match="20 or 30"):
        _ilbc.FrameEncoder(mode)
    with pytest.raises(ValueError, match="20 or 30"):
        _ilbc.FrameDecoder(mode)


def test_extremes_do_not_upset_the_encoder() -> None:
    for mode in MODES:
        square, click = np.repeat((32767, -32768), 120), np.eye(1, 240, 100)[0] * 32767
        for frame in (np.tile((32767, -32768), 120), np.full(240, -32768), click, square):
            sent = np.tile(frame, 20).astype("<i2").tobytes()
            heard = decode(encode(sent, mode), mode)
            assert heard.size == len(sent) // 2 // (8 * mode) * 8 * mode
    assert samples(b"\x01\x00").tolist() == [1.0]
