"""Get Asterisk Version/Build Info."""

from __future__ import annotations

import getpass
import os
import platform
import time

from globstar import ASTERISK_VERSION
from globstar.core.channel import Channel
from globstar.core.registry import function


def _number() -> str:
    """The version as six digits: 23.4.1 is 230401."""
    return "".join(f"{int(part):02d}" for part in ASTERISK_VERSION.split(".")[:3])


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return str(os.getuid())


@function("VERSION", syntax="VERSION([info])")
def version(channel: Channel | None, args: str) -> str:
    """The version of Asterisk whose behaviour this server has.

    ``info`` asks for something else: ASTERISK_VERSION_NUM (as a number of six digits), BUILD_USER, BUILD_HOSTNAME, BUILD_MACHINE,
    BUILD_OS, BUILD_DATE, BUILD_KERNEL. There is no build: these tell of the machine that the server runs on and of its start.
    """
    match args.strip().upper():
        case "ASTERISK_VERSION_NUM":
            return _number()
        case "BUILD_USER":
            return _user()
        case "BUILD_HOSTNAME":
            return platform.node()
        case "BUILD_MACHINE":
            return platform.machine()
        case "BUILD_OS":
            return platform.system()
        case "BUILD_KERNEL":
            return platform.release()
        case "BUILD_DATE":
            started = channel.system.started_wall if channel is not None else time.time()
            return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(started))
    return ASTERISK_VERSION
