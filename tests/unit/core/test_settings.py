"""asterisk.conf and modules.conf."""

from __future__ import annotations

from globstar.base.log import Level
from globstar.config import MemorySource
from globstar.core.settings import read_modules_config, read_settings
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
    assert "no effect" in log.texts(Level.WARNING)[0]


def test_modules_conf() -> None:
    text = "[modules]\nautoload=no\nload => app_dial.so\nload => chan_pjsip.so\nnoload => app_x.so\nrequire=res_y.so\n"
    config = read_modules_config(MemorySource({"modules.conf": text}))
    assert not config.autoload
    assert config.load == ["app_dial.so", "chan_pjsip.so"]
    assert config.noload == ["app_x.so"]
    assert config.require == ["res_y.so"]
    assert read_modules_config(MemorySource({})).autoload
