"""dsp.conf."""

from __future__ import annotations

from pathlib import Path

from globstar.base.log import Level
from globstar.dsp.dtmf import DtmfSettings
from globstar.modules.builtin.dsp import SERVICE
from tests.support.switch import LogCapture, running_system

TEXT = """\
[default]
silencethreshold=300
dtmf_normal_twist=4.0
dtmf_reverse_twist=2.0
relax_dtmf_normal_twist=8.0
relax_dtmf_reverse_twist=5.0
dtmf_hits_to_begin=3
dtmf_misses_to_end=4
"""


async def test_values(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"dsp.conf": TEXT}) as system:
        assert system.silence_threshold == 300
        assert system.services[SERVICE] == DtmfSettings(3, 4, 4.0, 2.0, 8.0, 5.0)


async def test_without_a_file_and_with_a_wrong_one(tmp_path: Path) -> None:
    async with running_system(tmp_path, {}) as system:
        assert (system.silence_threshold, system.services[SERVICE]) == (256, DtmfSettings())
    with LogCapture(Level.WARNING) as log:
        async with running_system(
            tmp_path, {"dsp.conf": "[defaults]\n[default]\ndtmf_hits_to_begin=0\nsilencetreshold=1\n"}
        ) as system:
            assert system.services[SERVICE].hits == 2
    told = " ".join(record.message for record in log.records)
    assert "dsp.conf:1: unknown section [defaults] has no effect; did you mean 'default'?" in told
    assert "dtmf_hits_to_begin" in told
    assert "silencethreshold" in told
