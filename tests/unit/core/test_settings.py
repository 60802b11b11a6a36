"""asterisk.conf and modules.conf."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource
from globstar.core.logformat import Palette
from globstar.core.settings import Directories, Files, Options, read_modules_config, read_settings
from tests.support.switch import LogCapture


def test_directories_and_options() -> None:
    text = """
[directories]
astetcdir => /x/etc
[options]
verbose = 3
systemname = sw1
maxcalls = 10
[files]
astctlpermissions = 0600
"""
    directories, options, files = read_settings(MemorySource({"asterisk.conf": text}))
    assert directories.astetcdir == "/x/etc"
    assert (options.verbose, options.systemname, options.maxcalls) == (3, "sw1", 10)
    assert files.astctlpermissions == "0600"


def test_without_a_file_there_are_defaults() -> None:
    directories, options, _ = read_settings(MemorySource({}))
    assert directories.astetcdir == "/etc/asterisk"
    assert options.defaultlanguage == "en"


def test_unknown_options_are_told_once_with_place_and_nearest_name() -> None:
    with LogCapture() as log:
        read_settings(MemorySource({"asterisk.conf": "[options]\nverbos = 3\nmaxcalls = many\n"}))
    warnings = log.texts(Level.WARNING)
    assert len(warnings) == 2
    assert "asterisk.conf:2" in warnings[0]
    assert "verbose" in warnings[0]
    assert "asterisk.conf:3" in warnings[1]


def test_options_without_effect_say_so() -> None:
    with LogCapture() as log:
        read_settings(MemorySource({"asterisk.conf": "[options]\ncache_pools = yes\n"}))
    assert "option 'cache_pools' has no effect: memory is not pooled" in log.texts(Level.WARNING)[0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", (Palette.NONE, Palette.DARK)), ("lightbackground=yes", (Palette.NONE, Palette.LIGHT)),
        ("forceblackbackground=yes", (Palette.NONE, Palette.BLACK)),
        ("forceblackbackground=yes\nlightbackground=yes", (Palette.NONE, Palette.LIGHT)),
    ],
)  # fmt: skip
def test_colours_of_consoles(text: str, wanted: tuple[Palette, Palette]) -> None:
    options = read_settings(MemorySource({"asterisk.conf": f"[options]\n{text}\n"}))[1]
    assert (options.palette(is_coloured=False), options.palette(is_coloured=True)) == wanted


def test_every_option_of_asterisk_is_known(shared: Path) -> None:
    with (shared / "compat" / "config_files.tsv").open(encoding="utf-8") as lines:
        names = {row["option"] for row in csv.DictReader(lines, delimiter="\t") if row["file"] == "asterisk.conf"}
    known = {name for kind in (Directories, Options, Files) for info in kind.describe() for name in (info.name, *info.aliases)}
    missing = {name for name in names if name.lower() not in known}
    with LogCapture() as log:
        read_settings(MemorySource({"asterisk.conf": "[options]\n" + "".join(f"{name} = x\n" for name in missing)}))
    assert [text for text in log.texts(Level.WARNING) if "has no effect: " not in text] == []
    assert len(missing) < 12


def test_modules_conf() -> None:
    text = "[modules]\nautoload=no\nload => app_dial.so\nload => chan_pjsip.so\nnoload => app_x.so\nrequire=res_y.so\n"
    config = read_modules_config(MemorySource({"modules.conf": text}))
    assert not config.autoload
    assert config.load == ["app_dial.so", "chan_pjsip.so"]
    assert config.noload == ["app_x.so"]
    assert config.require == ["res_y.so"]
    assert read_modules_config(MemorySource({})).autoload
