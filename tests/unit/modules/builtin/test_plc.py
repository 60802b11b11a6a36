"""codecs.conf: concealment, and sections that nobody reads."""

from __future__ import annotations

from pathlib import Path

from globstar.base.log import Level
from globstar.core.translate import PlcSettings
from tests.support.switch import LogCapture, running_system

TEXT = """\
[general]
[plc]
genericplc=no
genericplc_on_equal_codecs=maybe
[spex]
quality=3
[thrifty]
type=opus
bitrate=16000
[silk8]
type=silk
samprate=8000
[celt44]
type=celt
"""


async def test_what_nobody_reads_is_told(tmp_path: Path) -> None:
    with LogCapture(Level.WARNING) as log:
        async with running_system(tmp_path, {"codecs.conf": TEXT}) as system:
            assert system.translation.plc == PlcSettings(False, False)
    told = [text for text in log.texts(Level.WARNING) if text.startswith("codecs.conf")]
    assert told == [
        "codecs.conf:4: bad value 'maybe' of option 'genericplc_on_equal_codecs': expected yes or no",
        "codecs.conf:10: [silk8] has no effect: SILK is passed from phone to phone as it comes, nothing here encodes it",
        "codecs.conf:13: [celt44] has no effect: CELT is no codec of this server; Opus has taken its place",
        "codecs.conf:1: unknown section [general] has no effect",
        "codecs.conf:5: unknown section [spex] has no effect; did you mean 'speex'?",
    ]


async def test_the_defaults_without_a_file(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        assert system.translation.plc == PlcSettings(True, False)
