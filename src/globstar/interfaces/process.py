"""The life of the server process: settings, daemon, signals, log, system, console."""

from __future__ import annotations

import argparse
import asyncio
import grp
import os
import pwd
import resource
import signal
import sys
from pathlib import Path

from globstar.base.log import Logger, hub
from globstar.config.errors import ConfigError
from globstar.config.source import FileSource
from globstar.core.boot import boot, shut_down
from globstar.core.cli import complete_line, run_command
from globstar.core.loader import ModuleError
from globstar.core.logfiles import LogSetup
from globstar.core.settings import Directories, Files, Options, read_settings
from globstar.core.system import System
from globstar.demo import demo_folders, demo_options, write_demo
from globstar.interfaces.ami.server import ManagerServer
from globstar.interfaces.cli.commands import register_commands
from globstar.interfaces.cli.server import ControlServer
from globstar.interfaces.collector import Collector

logger = Logger("asterisk")


def run_server(arguments: argparse.Namespace, config: Path | None) -> int:
    """Start the server as the command line says and run it to its end; returns the exit status."""
    introduction = ""
    if config is None:
        folder, data = demo_folders()
        introduction = write_demo(folder, data, **demo_options()).describe()
        config = folder / "asterisk.conf"
    if arguments.config and not config.is_file():
        sys.stderr.write(f"{config} cannot be read; the built-in defaults are used\n")
    try:
        directories, options, files = read_settings(FileSource(config.parent), config.name)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not (config.is_file() and directories.given()):
        directories.astetcdir = str(config.parent)
    _apply_arguments(arguments, options)
    in_background = options.alwaysfork or not (
        arguments.no_fork or options.nofork or arguments.console or options.console or arguments.verbose or arguments.debug
    )
    if introduction and not arguments.quiet:
        print(introduction, flush=True)
    if in_background and introduction:
        in_background = False
    try:
        _become_user(options)
    except (KeyError, PermissionError) as error:
        sys.stderr.write(f"cannot run as {options.runuser or options.rungroup}: {error}\n")
        return 1
    if in_background:
        _go_to_background()
    _set_file_limit(options.maxfiles)
    server = Server(arguments, directories, options, files, FileSource(directories.astetcdir, options.execincludes))
    return _loop_runner(server)


def _loop_runner(server: Server) -> int:
    try:
        import uvloop
    except ImportError:
        return asyncio.run(server.run())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(server.run())


def _apply_arguments(arguments: argparse.Namespace, options: Options) -> None:
    """The command line wins over asterisk.conf."""
    options.verbose = max(options.verbose, arguments.verbose)
    options.debug = max(options.debug, arguments.debug)
    for attribute, value in (
        ("maxcalls", arguments.max_calls),
        ("maxload", arguments.max_load),
        ("minmemfree", arguments.min_memory),
        ("runuser", arguments.user),
        ("rungroup", arguments.group),
        ("execincludes", arguments.exec_includes or None),
        ("nocolor", arguments.no_colour or None),
        ("timestamp", arguments.timestamp or None),
        ("cache_record_files", arguments.record_tmp or None),
        ("alwaysfork", arguments.always_fork or None),
    ):
        if value is not None:
            setattr(options, attribute, value)
    if options.autosystemname and not options.systemname:
        options.systemname = os.uname().nodename


def _become_user(options: Options) -> None:
    if options.rungroup:
        os.setgid(grp.getgrnam(options.rungroup).gr_gid)
    if options.runuser:
        entry = pwd.getpwnam(options.runuser)
        os.initgroups(options.runuser, entry.pw_gid)
        if not options.rungroup:
            os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)


def _set_file_limit(wanted: int) -> None:
    """``maxfiles``; without it (0) as many as the system allows without asking, for every call needs sockets."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)) if wanted else (hard, hard))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"maxfiles = {wanted}: {error}; the limit stays at {hard}\n")


def _go_to_background() -> None:
    """Detach from the terminal, as a daemon does."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


class Server:
    """One server process: a system, its control socket, its log and perhaps a console."""

    def __init__(
        self, arguments: argparse.Namespace, directories: Directories, options: Options, files: Files, source: FileSource
    ) -> None:
        self.arguments = arguments
        self.directories = directories
        self.options = options
        self.files = files
        self.source = source
        self.log = LogSetup(Path(directories.astlogdir))
        self.log.colour = not options.nocolor and sys.stderr.isatty()
        self.log.muted = arguments.mute
        self.exit_status = 0

    async def run(self) -> int:
        """Boot, serve, stop. The exit status is 1 if the boot fails."""
        hub.verbosity, hub.debug_level = self.options.verbose, self.options.debug
        try:
            self.log.load(self.source)
        except ConfigError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        system = System(directories=self.directories, options=self.options)
        system.services["log"] = self.log
        register_commands(system)
        collector = Collector(asyncio.get_running_loop())
        manager = ManagerServer(system)
        control = ControlServer(system, Path(self.directories.astrundir) / self.files.astctl)
        pid_file = Path(self.directories.astrundir) / "asterisk.pid"
        try:
            await control.start(int(self.files.astctlpermissions, 8), self.files.astctlowner, self.files.astctlgroup)
            pid_file.write_text(f"{os.getpid()}\n")
        except (OSError, ValueError, KeyError) as error:
            sys.stderr.write(f"the control socket cannot be made: {error}\n")
            await control.stop()
            await shut_down(system)
            return 1
        self._handle_signals(system)
        try:
            try:
                await boot(system, self.source)
            except (ModuleError, ConfigError) as error:
                logger.error(f"the server does not start: {error}")
                sys.stderr.write(f"{error}\n")
                return 1
            await manager.start()
            collector.start()
            system.watchdog.start()
            logger.notice("Globstar is ready")
            await self._serve(system)
        finally:
            collector.stop()
            await control.stop()
            await manager.stop()
            await shut_down(system)
            pid_file.unlink(missing_ok=True)
            self.log.close()
        if system.services.get("restart"):
            os.execv(sys.executable, [sys.executable, "-m", "globstar", *sys.argv[1:]])
        return self.exit_status

    async def _serve(self, system: System) -> None:
        arguments = self.arguments
        if arguments.command is not None:
            print(await run_command(system, arguments.command), end="", flush=True)
        if not (arguments.console or self.options.console):
            print("Globstar Ready.", flush=True) if not arguments.quiet else None
            await system.stop_requested.wait()
            return

        # Line editing is imported by those who have a console: it takes a good part of the start.
        from globstar.interfaces.cli.console import interact

        async def run(line: str) -> str:
            return await run_command(system, line)

        async def complete(line: str) -> list[str]:
            return complete_line(system, line)

        banner = not arguments.quiet
        console = asyncio.ensure_future(interact(run, complete, name=os.uname().nodename, banner=banner))
        stopped = asyncio.ensure_future(system.stop_requested.wait())
        await asyncio.wait({console, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if console.done() and not sys.stdin.isatty():
            await stopped
        console.cancel()
        stopped.cancel()

    def _handle_signals(self, system: System) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, system.stop_requested.set)

        def hang_up() -> None:
            system.tasks.start(run_command(system, "core reload"), name="reload by signal")

        loop.add_signal_handler(signal.SIGHUP, hang_up)
        loop.add_signal_handler(signal.SIGUSR2, self.log.rotate)
