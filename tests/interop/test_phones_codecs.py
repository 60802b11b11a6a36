"""baresip phones with different codecs: the tone of each reaches the other, as baresip's own codecs hear and say it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from tests.interop.support.baresip import Baresip
from tests.interop.support.office import Office, Peer, Phone
from tests.support.loopback import wait_until
from tests.support.server import ServerFactory

pytestmark = pytest.mark.leaks_threads  # each phone's reader ends with the phone

DIALPLAN = "exten => _1XX,1,Dial(PJSIP/${EXTEN},90)\n"
TONES = {"100": 440.0, "101": 1000.0}
#: Our name of a codec, baresip's module and its name there.
CODECS = {
    "opus": ("opus", "opus/48000/2"),
    "g722": ("g722", "G722/16000/1"),
    "g726": ("g726", "G726-32/8000/1"),  # in the order of bits that AAL2 has, against RFC 3551
    "gsm": ("gsm", "GSM/8000/1"),
    "slin16": ("l16", "L16/16000/1"),
    "codec2": ("codec2", "CODEC2/8000/1"),
    "amr": ("amr", "AMR/8000/1"),
    "amrwb": ("amr", "AMR-WB/16000/1"),
    "ulaw": ("g711", "PCMU/8000/1"),
    "alaw": ("g711", "PCMA/8000/1"),
}

OPTIONS = {"g726": "g726_non_standard=yes\n"}


def seconds_heard(phone: Baresip) -> Iterator[tuple[np.ndarray, int]]:
    """Every second of what was heard, in steps of a fifth, and its rate; of what goes on while it is written, too."""
    for path in (phone.directory / "recorded").glob("dump-*-dec.wav"):
        data = path.read_bytes()
        if len(data) < 100:
            continue
        channels, rate = int.from_bytes(data[22:24], "little"), int.from_bytes(data[24:28], "little")
        body = data[44 : 44 + (len(data) - 44) // (2 * channels) * 2 * channels]  # its header has no length yet
        samples = np.frombuffer(body, "<i2")[::channels].astype(float)
        for start in range(0, samples.size - rate + 1, rate // 5):
            yield samples[start : start + rate], rate


def loudness(phone: Baresip) -> float:
    """Of the loudest second that was heard."""
    return max((float(np.sqrt(np.mean(part**2))) for part, _ in seconds_heard(phone)), default=0.0)


def share_of_tone(phone: Baresip, hertz: float) -> float:
    """The share of the tone in the purest second that was heard, 0 for silence."""
    return max((_share(part, rate, hertz) for part, rate in seconds_heard(phone)), default=0.0)


def _share(part: np.ndarray, rate: int, hertz: float) -> float:
    if np.sqrt(np.mean(part**2)) < 500:
        return 0.0
    spectrum = np.abs(np.fft.rfft(part * np.hanning(part.size))) ** 2
    frequency = np.fft.rfftfreq(part.size, 1 / rate)
    spectrum[frequency < 20] = 0
    return float(spectrum[np.abs(frequency - hertz) <= 15].sum() / spectrum.sum())


@pytest.mark.parametrize(
    ("first", "second"),
    [("opus", "opus"), ("opus", "g722"), ("g722", "g722"), ("g722", "alaw"), ("opus", "ulaw"), ("gsm", "opus"), ("g726", "g722"),
     ("slin16", "g722"), ("slin16", "slin16"), ("amr", "amrwb"), ("amrwb", "amrwb"), ("amr", "ulaw"), ("codec2", "ulaw")],
)  # fmt: skip
def test_tones_cross(globstar_process: ServerFactory, tmp_path: Path, first: str, second: str) -> None:
    kinds = dict(zip(TONES, (first, second), strict=True))
    phones: list[Phone | Peer] = [
        Phone(name, f"secret-of-{name}", codecs=kind, options=OPTIONS.get(kind, "")) for name, kind in kinds.items()
    ]
    office = Office(phones, {"phones": DIALPLAN})
    server = globstar_process(office.configuration())
    with ExitStack() as stack:
        a, b = (
            stack.enter_context(
                Baresip(
                    tmp_path / name, name, registrar=office.port, password=f"secret-of-{name}", tone=TONES[name],
                    codecs=CODECS[kind][1], codec_modules=(CODECS[kind][0],),
                )
            )
            for name, kind in kinds.items()
        )  # fmt: skip
        a.wait_registered()
        b.wait_registered()
        a.dial("101")
        b.wait_event("CALL_INCOMING")
        b.accept()
        a.wait_event("CALL_ESTABLISHED")
        b.wait_event("CALL_ESTABLISHED")
        is_pure = "codec2" not in (first, second)  # of a pure tone codec2 leaves little, and not where it was

        def is_heard(phone: Baresip, hertz: float) -> bool:
            return share_of_tone(phone, hertz) > 0.9 if is_pure else loudness(phone) > 20

        wait_until(
            lambda: is_heard(a, TONES["101"]) and is_heard(b, TONES["100"]), 30,
            lambda: f"shares {share_of_tone(a, TONES['101'])}, {share_of_tone(b, TONES['100'])}; {loudness(a)}, {loudness(b)}",
            interval=0.1,
        )  # fmt: skip
        a.hangup()
        server.wait_idle()
