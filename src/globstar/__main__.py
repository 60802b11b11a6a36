"""The program: Asterisk's command line, the composition root, and the life of the process."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from globstar import ASTERISK_VERSION, __version__
from globstar.demo import demo_folders

if TYPE_CHECKING:
    from globstar.core.settings import Options

#: Words in the place of the first option that begin a tool, which needs no server.
TOOLS = {"compat": "globstar.interfaces.compat", "dialplan": "globstar.interfaces.check"}


def build_parser() -> argparse.ArgumentParser:
    """Every option of Asterisk's command line."""
    parser = argparse.ArgumentParser(
        prog="globstar",
        description="An open telephony server, a drop-in for Asterisk.",
        epilog="Tools that need no server: globstar dialplan check DIR; globstar compat report.",
        add_help=False,
    )
    flag, add = "store_true", parser.add_argument
    add("-h", action="help", help="this help")
    add("-V", dest="version", action=flag, help="print the version and exit")
    add("-C", dest="config", metavar="FILE", help="another asterisk.conf")
    add("-c", dest="console", action=flag, help="run with a console")
    add("-f", dest="no_fork", action=flag, help="stay in the foreground")
    add("-F", dest="always_fork", action=flag, help="go to the background in any case")
    add("-r", dest="remote", action=flag, help="connect to a running server")
    add("-R", dest="reconnect", action=flag, help="connect to a running server, again when it is gone")
    add("-x", dest="command", metavar="COMMAND", help="run a command on a running server (as with -r)")
    add("-s", dest="socket", metavar="FILE", help="control socket of the server to connect to")
    add("-v", dest="verbose", action="count", default=0, help="more verbose, several times for more")
    add("-d", dest="debug", action="count", default=0, help="more debug messages")
    add("-q", dest="quiet", action=flag, help="print nothing at the start")
    add("-n", dest="no_colour", action=flag, help="no colours")
    add("-B", dest="black", action=flag, help="colours of the console on black, whatever it is")
    add("-W", dest="white", action=flag, help="colours that can be read on a light background")
    add("-m", dest="mute", action=flag, help="no log lines on the console")
    add("-T", dest="timestamp", action=flag, help="time stamps on the console")
    add("-t", dest="record_tmp", action=flag, help="record to a temporary folder first")
    add("-i", dest="init_crypto", action=flag, help="accepted; keys are asked for when they are used")
    add("-I", dest="internal_timing", action=flag, help="accepted; timing is always internal")
    add("-p", dest="realtime", action=flag, help="run at high priority")
    add("-g", dest="dump_core", action=flag, help="allow a core dump")
    add("-X", dest="exec_includes", action=flag, help="allow #exec in configuration files")
    add("-L", dest="max_load", type=float, metavar="LOAD", help="refuse calls above this load average")
    add("-M", dest="max_calls", type=int, metavar="CALLS", help="most calls at a time")
    add("-e", dest="min_memory", type=int, metavar="MB", help="refuse calls with less free memory")
    add("-U", dest="user", metavar="USER", help="run as this user")
    add("-G", dest="group", metavar="GROUP", help="run as this group")
    return parser


def find_config(given: str | None) -> Path | None:
    """The asterisk.conf to use: the given one, else the first of the usual places.

    None if there is none at all, or if ``GLOBSTAR_DEMO_DIR`` asks for the demo.
    """
    if given:
        return Path(given)
    if os.environ.get("GLOBSTAR_DEMO_DIR"):
        return None
    for folder in ("/etc/globstar", "/etc/asterisk"):
        path = Path(folder) / "asterisk.conf"
        if path.is_file() or (Path(folder) / "extensions.conf").is_file():
            return path
    return None


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and do what it says; returns the exit status."""
    words = sys.argv[1:] if argv is None else argv
    if words and words[0] in TOOLS:
        tool = importlib.import_module(TOOLS[words[0]])
        status: int = tool.main(words[1:])
        return status
    arguments = build_parser().parse_args(argv)
    called_as = Path(sys.argv[0]).name
    if arguments.version:
        # Scripts that call a link named asterisk compare the text.
        is_asterisk = called_as in ("asterisk", "rasterisk")
        print(f"Asterisk {ASTERISK_VERSION}" if is_asterisk else f"Globstar {__version__} (Asterisk {ASTERISK_VERSION})")
        return 0
    remote = arguments.remote or arguments.reconnect or arguments.command is not None or called_as == "rasterisk"
    config = find_config(arguments.config)
    if remote:
        return _connect(arguments, config)
    from globstar.interfaces.process import run_server

    return run_server(arguments, config)


def client_settings(config: Path | None, given: str | None) -> tuple[Path, Options]:
    """The control socket of the server that uses ``config``, and what is set there for its consoles."""
    if config is None:
        demo_config = demo_folders()[0] / "asterisk.conf"
        config = demo_config if demo_config.is_file() else Path("/etc/asterisk/asterisk.conf")
    from globstar.config.source import FileSource
    from globstar.core.settings import read_settings

    directories, options, files = read_settings(FileSource(config.parent), config.name, is_told=False)
    path = Path(given) if given else Path(directories.astrundir) / files.astctl
    return path, options


def _connect(arguments: argparse.Namespace, config: Path | None) -> int:
    path, options = client_settings(config, arguments.socket)
    if arguments.command is not None:
        from globstar.interfaces.cli.client import run_remotely

        return run_remotely(path, arguments.command)
    import asyncio

    from globstar.interfaces.cli.console import remote_console

    options.forceblackbackground |= arguments.black
    options.lightbackground |= arguments.white
    palette = options.palette(is_coloured=not (arguments.no_colour or options.nocolor) and sys.stdout.isatty())

    while True:
        status = asyncio.run(
            remote_console(
                path, arguments.verbose, allow_shell=not options.disable_remote_console_shell, palette=palette.value,
                is_muted=arguments.mute, banner=not arguments.quiet, system_name=options.systemname,
            )
        )  # fmt: skip
        if not (arguments.reconnect and status):
            return status
        import time

        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
