"""Sections of codecs.conf."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from globstar.config.options import Options, Report

if TYPE_CHECKING:
    from globstar.base.log import Logger
    from globstar.core.system import System

T = TypeVar("T", bound=Options)


def codec_options(system: System, section: str, kind: type[T], logger: Logger) -> T:
    """The options of a section, the defaults without it; what is wrong there is logged with its place."""
    config = system.configuration.read("codecs.conf")
    category = config.category(section) if config is not None else None
    if category is None:
        return kind()
    report = Report()
    options = kind.read(category, report)
    for warning in report.warnings:
        logger.warning(str(warning))
    return options
