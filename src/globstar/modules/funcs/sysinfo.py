"""System information related functions."""

from __future__ import annotations

import os

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function

_MEMORY = {
    "totalram": "MemTotal", "freeram": "MemFree", "bufferram": "Buffers", "totalswap": "SwapTotal", "freeswap": "SwapFree",
}  # fmt: skip


def _memory(field: str) -> str:
    """A line of /proc/meminfo (proc(5)), in kB."""
    with open("/proc/meminfo", encoding="ascii") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if name == field:
                return value.split()[0]
    return ""


def _first_word(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read().split()[0]


@function("SYSINFO", syntax="SYSINFO(parameter)")
def system_information(channel: Channel | None, args: str) -> str:
    """Something about the machine.

    loadavg (of the last minute), numcalls (calls at present), uptime (hours since the machine started), totalram, freeram,
    bufferram, totalswap, freeswap (kB), numprocs (processes).
    """
    if channel is None:
        raise FunctionError("SYSINFO needs a channel")
    item = args.strip().lower()
    try:
        match item:
            case "loadavg":
                return f"{os.getloadavg()[0]:f}"
            case "numcalls":
                return str(sum("pbx" in other.data for other in channel.system.channels.values()))
            case "uptime":
                return str(int(float(_first_word("/proc/uptime")) / 3600))
            case "numprocs":
                return str(sum(name.isdigit() for name in os.listdir("/proc")))
            case _ if item in _MEMORY:
                return _memory(_MEMORY[item])
    except OSError as error:
        raise FunctionError(f"SYSINFO({args}) is not known on this machine: {error}") from error
    raise FunctionError(f"SYSINFO knows no '{args}'")
