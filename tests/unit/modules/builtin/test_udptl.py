"""udptl.conf."""

from __future__ import annotations

from pathlib import Path

from globstar.base.log import Level
from globstar.core.cli import run_command
from tests.support.switch import LogCapture, running_system

#: as recorded from Asterisk without a udptl.conf
DEFAULTS = (
    "UDPTL Global options\n--------------------\nudptlstart:      4000\nudptlend:        4999\nudptlfecentries: 0\n"
    "udptlfecspan:    0\nuse_even_ports:  No\nudptlchecksums: Yes\n"
)


async def test_the_defaults(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        assert await run_command(system, "udptl show config") == DEFAULTS


async def test_what_has_no_effect_is_told(tmp_path: Path) -> None:
    text = "[general]\nudptlstart=6000\nudptlend=6099\nudptlfecspan=3\nuse_even_ports=yes\nt38faxudpec=fec\n[globals]\nx=1\n"
    with LogCapture() as log:
        async with running_system(tmp_path, {"udptl.conf": text}) as system:
            shown = await run_command(system, "udptl show config")
    assert "udptlstart:      6000\nudptlend:        6099\n" in shown
    told = "\n".join(log.texts(Level.WARNING))
    assert "option 'udptlfecspan' has no effect: packets of faxes are passed on as they come" in told
    assert "udptl.conf:6: option 't38faxudpec' has no effect: t38_udptl_ec of an endpoint is meant" in told
    assert "udptl.conf:7: unknown section [globals] has no effect" in told
    assert "use_even_ports" not in told


async def test_a_range_that_is_none(tmp_path: Path) -> None:
    with LogCapture() as log:
        async with running_system(tmp_path, {"udptl.conf": "[general]\nudptlstart=6000\nudptlend=5000\n"}) as system:
            assert await run_command(system, "udptl show config") == DEFAULTS
    assert any("udptl.conf:3: udptlend 5000 is not above udptlstart 6000" in text for text in log.texts(Level.ERROR))
