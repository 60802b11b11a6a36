"""The prompt of consoles: ``ASTERISK_PROMPT`` of the environment, with Asterisk's codes."""

from __future__ import annotations

import grp
import os
import pwd
import re
import socket
import time

_CODE = re.compile(r"%(?:C(\d+)(?:;(\d+))?|l([123])|(.))", re.DOTALL)


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # as in containers
        return str(os.geteuid())


def _group() -> str:
    try:
        return grp.getgrgid(os.getegid()).gr_name
    except KeyError:
        return str(os.getegid())


def prompt_text(pattern: str | None, *, system_name: str = "", is_remote: bool = True) -> str:
    """The prompt as it is now; without a pattern the host's name.

    ``%d`` date, ``%t`` time, ``%h`` and ``%H`` the host's full and short name, ``%s`` system name, ``%u`` user, ``%g`` group,
    ``%l1`` to ``%l3`` load averages, ``%#`` a # on the server's own console and > on others, ``%Cn[;n]`` colours of text and
    ground, ``%%`` a percent sign. Other codes are left out.
    """
    if not pattern:
        return f"{os.uname().nodename}*CLI> "

    def put(found: re.Match[str]) -> str:
        text, ground, load, letter = found.groups()
        if text is not None:
            return f"\033[{text}{f';{ground}' if ground else ''}m"
        if load is not None:
            return f"{os.getloadavg()[int(load) - 1]:.2f}"
        match letter:
            case "d":
                return time.strftime("%Y-%m-%d")
            case "t":
                return time.strftime("%H:%M:%S")
            case "h":
                return socket.gethostname()
            case "H":
                return socket.gethostname().partition(".")[0]
            case "s":
                return system_name
            case "u":
                return _user()
            case "g":
                return _group()
            case "#":
                return ">" if is_remote else "#"
            case "%":
                return "%"
            case _:
                return ""

    coloured = _CODE.sub(put, pattern)
    return f"{coloured}\033[0m" if "\033[" in coloured else coloured
