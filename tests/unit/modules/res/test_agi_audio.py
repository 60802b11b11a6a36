"""The audio that a script gets at descriptor 3 of EAGI."""

from __future__ import annotations

import os
from unittest.mock import Mock

from globstar.base.log import Level
from globstar.modules.res.agi.local import LocalScript
from tests.support.switch import LogCapture

#: 20 ms of signed linear at 192 kHz, samples of which the first octet is even and the second odd
FRAME = bytes(value for count in range(3840) for value in (2 * (count % 100), 2 * (count % 90) + 1))


def test_what_a_slow_script_misses_is_counted_and_tears_no_sample() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    script = LocalScript("slow.py", Mock(), Mock(), Mock(), Mock(), write_end)
    for _ in range(40):
        script.write_audio(FRAME)
    with LogCapture() as log:
        script.close()
    heard = b""
    while part := os.read(read_end, 65536):
        heard += part
    os.close(read_end)
    assert 0 < script.lost_audio == 40 * len(FRAME) - len(heard)
    assert all(octet % 2 == place % 2 for place, octet in enumerate(heard))
    assert log.texts(Level.NOTICE) == [f"AGI script slow.py was too slow for {script.lost_audio} octets of audio"]


def test_a_script_that_closes_its_descriptor_goes_on_without_audio() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    script = LocalScript("deaf.py", Mock(), Mock(), Mock(), Mock(), write_end)
    script.write_audio(FRAME)
    os.close(read_end)
    script.write_audio(FRAME)
    script.write_audio(FRAME)
    assert script.lost_audio == 0
    script.close()
