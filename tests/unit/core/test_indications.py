"""Tone zones as indications.conf gives them."""

import json

import pytest

from globstar.config import MemorySource, read_config
from globstar.core.indications import IndicationFault, Indications
from globstar.dsp.tones import ToneFault, TonePart


def load(text):
    zones = Indications()
    return zones, zones.load(read_config("indications.conf", MemorySource({"indications.conf": text})))


def recorded(shared, command):
    for entry in json.loads((shared / "vectors" / "calls" / "g10_misc_idle.json").read_text())["observed"]["cli"]:
        if entry["command"] == command:
            return entry["output"].rstrip("\n").split("\n")
    pytest.skip(f"'{command}' was not recorded")


def test_asterisk_indication_show(shared):
    zones, problems = load((shared / "vectors" / "calls" / "config" / "indications.conf").read_text())
    assert problems == []
    assert zones.show() == recorded(shared, "indication show")
    assert zones.show_zones(["us"]) == recorded(shared, "indication show us")


def test_without_a_file_there_is_the_zone_us():
    zones = Indications()
    assert zones.find("ring") == "440+480/2000,0/4000"
    assert zones.zone("nowhere").country == "us"
    assert zones.zone().ring_cadence == (2000, 4000)


ZONES = """
[general]
country = de
[us]
description = United States
dial = 350+440
ring = 440+480/2000,0/4000
stutter = !350/100,440
[de]
description = Germany
ringcadence = 1000,4000
dial = 425
busy => 425/480,0/480
[at]
alias = de
ring = 420/1000,0/5000
"""


def test_zones_names_and_fall_back_to_the_default_zone():
    zones, problems = load(ZONES)
    assert problems == []
    assert zones.default_country == "de"
    assert zones.find("dial") == "425"
    assert zones.find("DIAL", "US") == "350+440"
    assert zones.find("busy", "us") == "425/480,0/480"
    assert zones.find("ringing", "at") == "420/1000,0/5000"
    assert zones.find("busy", "at") == "425/480,0/480"
    assert zones.zone("at").ring_cadence == (1000, 4000)
    assert zones.find("record") is None


def test_what_to_play_is_a_name_or_a_tone_list():
    zones, _ = load(ZONES)
    assert zones.resolve("busy") == (TonePart(425, 0, 480), TonePart(0, 0, 480))
    assert zones.resolve(" 1400/500,0/15000 ") == (TonePart(1400, 0, 500), TonePart(0, 0, 15000))
    with pytest.raises(ToneFault):
        zones.resolve("nonsense")


def test_every_fault_is_named_with_its_line_and_the_rest_is_used():
    zones, problems = load("[general]\ncountry=xx\nland=us\n[us]\ndial=foo\nringcadence=1,b\nbusy=480/500\n[yy]\nalias=zz\n")
    assert [problem.partition(": ")[0] for problem in problems] == [f"indications.conf:{line}" for line in (3, 5, 6, 9, 2)]
    assert zones.default_country == "us"
    assert zones.find("busy") == "480/500"
    assert zones.find("dial") is None


def test_an_empty_file_leaves_the_zone_us():
    zones, problems = load("[general]\n")
    assert problems == []
    assert zones.find("dial") == "350+440"


def test_add_and_remove():
    zones, _ = load(ZONES)
    zones.add("us", "Alarm", "900/100")
    assert zones.find("alarm", "us") == "900/100"
    zones.remove("us", "alarm")
    assert zones.find("alarm", "us") is None
    zones.remove("us")
    assert [zone.country for zone in zones] == ["de", "at"]
    for arguments in (("us",), ("de",), ("de", "alarm"), ("xx", "dial")):
        with pytest.raises(IndicationFault):
            zones.remove(*arguments)
    zones.add("XX", "dial", "440")
    assert zones.find("dial", "xx") == "440"
    zones.remove("xx")
    with pytest.raises(ToneFault):
        zones.add("de", "dial", "bad")
    with pytest.raises(IndicationFault):
        zones.show_zones(["xx"])
