"""What is said about faults in configuration files."""

from __future__ import annotations

from globstar.config import ConfigError, ConfigFileMissing, ConfigWarning


def test_text_names_file_and_line() -> None:
    assert str(ConfigError("a.conf", 3, "bad")) == "a.conf:3: bad"
    assert str(ConfigFileMissing("a.conf", 0, "no such file")) == "a.conf: no such file"
    assert str(ConfigWarning("a.conf", 3, "odd")) == "a.conf:3: odd"
    assert str(ConfigWarning("a.conf", 0, "odd", "NOTICE")) == "a.conf: odd"
