"""sla.conf: what is read, and what is said about the rest."""

from __future__ import annotations

from globstar.base.log import Level
from globstar.config import MemorySource, read_config
from globstar.modules.apps.sla.settings import SlaSettings, read_sla
from tests.support.switch import LogCapture

CONF = """
[general]
attemptcallerid=yes
[station](!)
type=station
autocontext=keys
trunk=line1
trunk=line2,ringdelay=5,ringtimeout=30
[s1](station)
device=Test/s1
hold=private
ringtimeout=20
ringdelay=2
[line1]
type=trunk
device=Test/out
autocontext=line1
ringtimeout=60
barge=no
hold=private
[line2]
type=trunk
device=Local/disa@line2
"""


def read(text: str) -> SlaSettings:
    return read_sla(read_config("sla.conf", MemorySource({"sla.conf": text})))


def test_everything_is_read() -> None:
    settings = read(CONF)
    assert settings.tells_caller
    one, two = settings.trunks["line1"], settings.trunks["line2"]
    assert (one.device, one.autocontext, one.ring_timeout, one.may_barge, one.is_private) == (
        "Test/out",
        "line1",
        60,
        False,
        True,
    )
    assert (two.ring_timeout, two.may_barge, two.is_private) == (0, True, False)
    [station] = settings.stations.values()
    assert (station.ring_timeout, station.ring_delay, station.is_private) == (20, 2, True)
    assert [(line.trunk, line.ring_delay, line.ring_timeout) for line in station.lines] == [("line1", 0, 0), ("line2", 5, 30)]


def test_what_is_wrong_is_told_by_line_and_left_out() -> None:
    bad = """[general]
attempt=yes
[line1]
type=trunk
device=Test
[line2]
type=trunk
device=Test/x
hold=closed
barge=perhaps
colour=red
[other]
a=1
[s1]
type=station
device=Test/s1
trunk=line9
trunk=line2,ringdelay=x,when=now
trunk=line2
ringtimeout=soon
"""
    with LogCapture() as log:
        settings = read(bad)
    lines = [text.partition(": ")[0].removeprefix("sla.conf:") for text in log.texts(Level.WARNING)]
    assert lines == ["2", "3", "9", "10", "11", "12", "20", "17", "18", "18", "19"]
    assert list(settings.trunks) == ["line2"]
    assert [line.trunk for line in settings.stations["s1"].lines] == ["line2"]


def test_no_file_is_no_lines() -> None:
    assert not read_sla(None).trunks
