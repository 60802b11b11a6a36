"""Pure: the reader of Asterisk's .conf syntax and typed options."""

from __future__ import annotations

from globstar.config.errors import ConfigError, ConfigFileMissing, ConfigWarning
from globstar.config.file import Category, ConfigFile, Variable
from globstar.config.reader import read_config
from globstar.config.source import ConfigSource, FileSource, MemorySource

__all__ = [
    "Category",
    "ConfigError",
    "ConfigFile",
    "ConfigFileMissing",
    "ConfigSource",
    "ConfigWarning",
    "FileSource",
    "MemorySource",
    "Variable",
    "read_config",
]
