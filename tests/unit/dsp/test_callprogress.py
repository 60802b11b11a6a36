"""Call progress by ear: the tones of zones, fax and modem answers, voice, and what is none of them."""

from __future__ import annotations

import numpy as np
import pytest

from globstar.dsp.callprogress import Progress, ProgressDetector
from globstar.dsp.g711 import linear_to_ulaw, ulaw_to_linear
from globstar.dsp.tones import parse_tones, tone

ZONES = {
    "us": {"dial": "350+440", "busy": "480+620/500,0/500", "congestion": "480+620/250,0/250", "ring": "440+480/2000,0/4000"},
    # one frequency for all: only the timing tells
    "de": {"dial": "425", "busy": "425/480,0/480", "congestion": "425/240,0/240", "ring": "425/1000,0/4000"},
    # a dial tone that begins as congestion does
    "it": {
        "dial": "425/200,0/200,425/600,0/1000", "busy": "425/500,0/500", "congestion": "425/200,0/200", "ring": "425/1000,0/4000"
    },
    "uk": {
        "dial": "350+440", "busy": "400/375,0/375", "congestion": "400/400,0/350,400/225,0/525",
        "ring": "400+450/400,0/200,400+450/400,0/2000"
    },
    # a dial tone that stutters first
    "xx": {
        "dial": "!425/100,!0/100,!425/100,!0/100,425", "busy": "425/480,0/480", "congestion": "425/240,0/240",
        "ring": "425/1000,0/4000"
    },
    # modulated tones, of the same carrier as those that are not
    "in": {
        "dial": "400*25", "busy": "400/750,0/750", "congestion": "400/250,0/250", "ring": "400*25/400,0/200,400*25/400,0/2000"
    },
}  # fmt: skip
SIT = "!950/330,!1400/330,!1800/330,0"


def scan(zone: str, sound: bytes, **options: object) -> tuple[Progress | None, float]:
    """What was found, and after how many seconds."""
    detector = ProgressDetector({name: parse_tones(text) for name, text in ZONES[zone].items()}, **options)  # type: ignore[arg-type]
    sound = ulaw_to_linear(linear_to_ulaw(sound))
    for start in range(0, len(sound), 320):
        found = detector.receive(sound[start : start + 320])
        if found is not None:
            return found, start / 16000
    return None, len(sound) / 16000


def heard(text: str, seconds: float = 12.0, *, start: float = 0.0) -> bytes:
    return tone(text).render(round(8000 * (seconds + start)))[round(8000 * start) * 2 :]


@pytest.mark.parametrize("zone", list(ZONES))
@pytest.mark.parametrize(
    ("name", "progress"),
    [
        ("dial", Progress.DIALTONE), ("busy", Progress.BUSY), ("congestion", Progress.BUSY), ("ring", Progress.RINGING),
    ],
)  # fmt: skip
@pytest.mark.parametrize("start", [0.0, 0.13])
def test_zones(zone: str, name: str, progress: Progress, start: float) -> None:
    found, seconds = scan(zone, heard(ZONES[zone][name], start=start))
    assert found is progress
    assert seconds < 7


def test_a_higher_threshold_takes_longer() -> None:
    quick = scan("us", heard(ZONES["us"]["busy"]))[1]
    slow = scan("us", heard(ZONES["us"]["busy"]), threshold=4)
    assert slow[0] is Progress.BUSY
    assert slow[1] > quick + 2


def test_special_information_tones() -> None:
    for segments in (SIT, "!914/274,!1371/274,!1777/380,0", "!985/380,!1429/380,!1777/380,0"):
        assert scan("us", heard(segments, 3))[0] is Progress.SIT
    assert scan("us", heard("!1800/330,!1400/330,!950/330,0", 3))[0] is None


@pytest.mark.parametrize(
    ("text", "options", "progress"),
    [
        ("2100", {"finds_fax": True}, Progress.FAX),
        ("2100", {}, Progress.MODEM),
        ("2225", {"finds_fax": True}, Progress.MODEM),
        ("1100/500,0/3000", {"finds_fax": True}, Progress.FAX),
        ("1100/500,0/3000", {}, None),
        ("400", {}, Progress.UNOBTAINABLE),
        ("941+1336/100,0/100", {}, Progress.DTMF),
        ("300+900/200,0/200", {}, None),
        ("0", {"finds_voice": True}, None),
    ],
)
def test_others(text: str, options: dict[str, object], progress: Progress | None) -> None:
    assert scan("us", heard(text, 8), **options)[0] is progress


def test_voice_only_where_it_is_looked_for() -> None:
    rng = np.random.default_rng(5)
    # bursts of noise that has been through a filter: no tone holds most of it
    voice = np.convolve(rng.normal(0, 4000, 24000), np.ones(4) / 4, "same").astype("<i2").tobytes()
    assert scan("us", voice)[0] is None
    found, seconds = scan("us", voice, finds_voice=True)
    assert found is Progress.VOICE
    assert seconds == pytest.approx(0.2, abs=0.1)
    assert scan("us", voice, finds_voice=True, threshold=5)[1] == pytest.approx(1.0, abs=0.1)
