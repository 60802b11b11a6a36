"""core show license, core show warranty."""

from __future__ import annotations

from globstar import __version__
from globstar.core.cli import CliUsage, cli_command
from globstar.core.system import System

_LICENSE = f"""\
Globstar {__version__} is free software under the Apache License, Version 2.0. You may use it, change it and pass it on,
changed or not, in whole or in part, as long as you keep its notices and say what you changed; contributors license their
patents to you.

The whole text stands in the file LICENSE, and at https://www.apache.org/licenses/LICENSE-2.0.

The libraries that it uses have licenses of their own.
"""
_WARRANTY = """\
Unless the law demands or somebody has agreed in writing to more, this program is provided AS IS, WITHOUT WARRANTIES OR
CONDITIONS OF ANY KIND, either express or implied: none of title, of non-infringement, of merchantability, or of fitness for a
particular purpose. Whether it is right for what you use it for is yours to judge, and so is the risk of doing so.

Sections 7 and 8 of the Apache License, Version 2.0 have the words that count.
"""


@cli_command("core show license")
def show_license(system: System, args: list[str]) -> str:
    """Show the license."""
    if args:
        raise CliUsage
    return f"\n{_LICENSE}\n"


@cli_command("core show warranty")
def show_warranty(system: System, args: list[str]) -> str:
    """Show what is not warranted."""
    if args:
        raise CliUsage
    return f"\n{_WARRANTY}\n"
