"""Resource limits."""

from __future__ import annotations

import resource

from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.system import System

#: The word, the letter, what it is, and which limit.
_LIMITS: tuple[tuple[str, str, str, int], ...] = (
    ("data", "-d", "data segment", resource.RLIMIT_DATA),
    ("lock", "-l", "memory lock", resource.RLIMIT_MEMLOCK),
    ("file", "-f", "file size", resource.RLIMIT_FSIZE),
    ("memory", "-m", "program resident memory", resource.RLIMIT_RSS),
    ("stack", "-s", "program stack size", resource.RLIMIT_STACK),
    ("time", "-t", "CPU time", resource.RLIMIT_CPU),
    ("processes", "-u", "child processes", resource.RLIMIT_NPROC),
    ("virtual", "-v", "virtual memory", resource.RLIMIT_AS),
    ("core", "-c", "core dump file size", resource.RLIMIT_CORE),
    ("descriptors", "-n", "number of file descriptors", resource.RLIMIT_NOFILE),
)


def _text(value: int) -> str:
    return "effectively unlimited" if value == resource.RLIM_INFINITY else f"limited to {value}"


@cli_command(
    "ulimit",
    usage="ulimit {data|lock|file|memory|stack|time|processes|virtual|core|descriptors} [<num>]",
    complete=lambda system, args: [word for word, *_ in _LIMITS] if len(args) <= 1 else [],
)
def ulimit(system: System, args: list[str]) -> str:
    """Show or set a limit of the process.

    Letters serve as well as words: -d, -l, -f, -m, -s, -t, -u, -v, -c and -n. Sizes are bytes, the time is seconds.
    A limit may be raised up to the hard one of the system only.
    """
    if not args:
        limits = {word: resource.getrlimit(which) for word, _, _, which in _LIMITS}
        return CliText("", {word: {"soft": soft, "hard": hard} for word, (soft, hard) in limits.items()})
    if len(args) > 2:
        raise CliUsage
    found = next((limit for limit in _LIMITS if args[0].lower() in limit[:2]), None)
    if found is None:
        raise CliUsage
    word, letter, what, which = found
    soft, hard = resource.getrlimit(which)
    if len(args) == 1:
        return f"{what} ({letter}) is {_text(soft)}."
    if not args[1].isdecimal() and args[1] != "unlimited":
        raise CliUsage
    wanted = resource.RLIM_INFINITY if args[1] == "unlimited" else int(args[1])
    try:
        resource.setrlimit(which, (wanted, hard))
    except (ValueError, OSError, OverflowError) as error:
        raise CliFailure(f"Could not set the limit of {word}: {error}") from error
    return f"{what} ({letter}) is now {_text(wanted)}."
