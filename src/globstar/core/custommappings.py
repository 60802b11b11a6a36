"""The mappings of a custom backend that writes files: which file gets which line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from globstar.base.log import Logger
from globstar.config.options import Report
from globstar.core.recordline import Finder, RecordLine, compile_line
from globstar.core.recordmapping import FieldFinder, MappingOptions
from globstar.core.system import System
from globstar.dialplan.substitute import Scope

Mappings = list[tuple[str, RecordLine]]


def read_mappings(
    system: System,
    file: str,
    folder: str,
    find: Finder,
    find_field: FieldFinder,
    scope: Callable[[Any], Scope],
    logger: Logger,
) -> Mappings:
    """The mappings of ``file`` (cdr_custom.conf): lines of the section mappings, and a section for each file that has fields.

    Files are below ``folder`` of the log folder unless their names begin with a slash. What makes no sense is told and left out.
    """
    config = system.configuration.read(file)
    base = Path(system.directories.astlogdir) / folder
    found: Mappings = []
    for category in config.categories if config is not None else ():
        if category.name.lower() == "mappings":
            for variable in category:
                if variable.name and variable.value:
                    found.append((str(base / variable.name), compile_line(variable.value, find, scope)))
                else:
                    logger.notice(f"{variable.file}:{variable.line}: a mapping needs a file and a line")
            continue
        report = Report()
        options = MappingOptions.read(category, report)
        for warning in report.warnings:
            logger.log(warning.level, str(warning))
        try:
            found.append((str(base / category.name), options.line(find_field)))
        except ValueError as error:
            logger.warning(f"{file}: section [{category.name}] is left out: {error}")
    return found
