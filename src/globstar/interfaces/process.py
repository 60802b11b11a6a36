"""The life of the server process: settings, daemon, signals, log, system, console."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import faulthandler
import grp
import os
import pwd
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from globstar.base.log import Logger, hub
from globstar.config.errors import ConfigError
from globstar.config.source import FileSource
from globstar.core.boot import boot, shut_down
from globstar.core.calllog import CallLog
from globstar.core.cli import complete_line, run_command
from globstar.core.events import LogChannelChanged
from globstar.core.loader import ModuleError
from globstar.core.logfiles import LogSetup
from globstar.core.settings import Directories, Files, Options, read_settings
from globstar.core.system import System
from globstar.demo import demo_folders, demo_options, write_demo
from globstar.interfaces.ami.server import ManagerServer
from globstar.interfaces.background import Background, go_to_background
from globstar.interfaces.cli.commands import register_commands
from globstar.interfaces.cli.server import ControlServer
from globstar.interfaces.collector import Collector
from globstar.interfaces.notify import ServiceManager

logger = Logger("asterisk")

#: Set in a process that ``core restart`` began: it is in the background already.
RESTARTED = "GLOBSTAR_RESTARTED"
#: Of ``highpriority``: SCHED_RR with this priority, as Asterisk's.
_REALTIME_PRIORITY = 10
_PR_SET_DUMPABLE = 4


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
    if introduction and not options.quiet:
        print(introduction, flush=True)
    if in_background and introduction:
        in_background = False
    if options.highpriority:
        _raise_priority()
    try:
        _become_user(options, Path(directories.astrundir))
    except (KeyError, OSError) as error:
        reason = "there is no such user or group" if isinstance(error, KeyError) else str(error)
        sys.stderr.write(f"cannot run as {':'.join(filter(None, (options.runuser, options.rungroup)))}: {reason}\n")
        return 1
    background = go_to_background() if in_background and not os.environ.pop(RESTARTED, "") else Background()
    _set_file_limit(options.maxfiles)
    if options.dumpcore:
        _allow_core_dumps()
    server = Server(arguments, directories, options, files, FileSource(directories.astetcdir, options.execincludes))
    server.background = background
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
        ("forceblackbackground", arguments.black or None),
        ("lightbackground", arguments.white or None),
        ("timestamp", arguments.timestamp or None),
        ("cache_record_files", arguments.record_tmp or None),
        ("alwaysfork", arguments.always_fork or None),
        ("quiet", arguments.quiet or None),
        ("dumpcore", arguments.dump_core or None),
        ("highpriority", arguments.realtime or None),
    ):
        if value is not None:
            setattr(options, attribute, value)
    if options.autosystemname and not options.systemname:
        options.systemname = os.uname().nodename


def _become_user(options: Options, run_directory: Path) -> None:
    """Give up root for ``runuser`` and ``rungroup``, who get the folder for the control socket.

    Nothing happens where we are they already. Raises ``KeyError`` for unknown names and ``OSError`` where it is not allowed.
    """
    entry = pwd.getpwnam(options.runuser) if options.runuser else None
    gid = grp.getgrnam(options.rungroup).gr_gid if options.rungroup else entry.pw_gid if entry is not None else os.getgid()
    uid = entry.pw_uid if entry is not None else os.getuid()
    if (uid, gid) == (os.getuid(), os.getgid()):
        return
    if os.geteuid() == 0:
        run_directory.mkdir(parents=True, exist_ok=True)
        os.chown(run_directory, uid, gid)
    os.setgid(gid)
    if entry is not None:
        os.initgroups(options.runuser, gid)
        os.setuid(uid)


def _raise_priority() -> None:
    """``highpriority``, -p. Programs that the server starts run as usual."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(_REALTIME_PRIORITY))
    except OSError as error:
        sys.stderr.write(f"the priority cannot be raised: {error.strerror}\n")


def _allow_core_dumps() -> None:
    """``dumpcore``, -g: a crash leaves a core file, and what Python was doing on stderr."""
    faulthandler.enable()
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    if not hard:
        sys.stderr.write("core dumps are not allowed here (ulimit -H -c is 0)\n")
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # changing the user has taken it away


def _set_file_limit(wanted: int) -> None:
    """``maxfiles``; without it (0) as many as the system allows without asking, for every call needs sockets."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)) if wanted else (hard, hard))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"maxfiles = {wanted}: {error}; the limit stays at {hard}\n")


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
        self.log.palette = options.palette(is_coloured=not options.nocolor and sys.stderr.isatty())
        self.log.muted = arguments.mute
        self.log.timestamp = options.timestamp
        self.log.is_interactive = bool(arguments.console or options.console)
        self.manager = ServiceManager()
        self.exit_status = 0
        self.background = Background()

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
        calls = system.services["call log"] = CallLog(system)
        calls.start()
        self.log.start()
        self.log.on_state = self._tell_of_logs(system)
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
            calls.stop()
            self.log.close()
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
            self.manager.ready()
            self.background.settle()
            await self._serve(system)
        finally:
            collector.stop()
            self.manager.stopping()
            await control.stop()
            await manager.stop()
            await shut_down(system)
            pid_file.unlink(missing_ok=True)
            self.manager.close()
            calls.stop()
            self.log.close()
        if system.services.get("restart"):
            os.environ[RESTARTED] = "1"
            os.execv(sys.executable, [sys.executable, "-m", "globstar", *sys.argv[1:]])
        return self.exit_status

    async def _serve(self, system: System) -> None:
        arguments = self.arguments
        if not (arguments.console or self.options.console):
            print("Globstar Ready.", flush=True) if not self.options.quiet else None
            await system.stop_requested.wait()
            return

        # Line editing is imported by those who have a console: it takes a good part of the start.
        from globstar.interfaces.cli.console import interact
        from globstar.interfaces.cli.prompt import prompt_text

        async def run(line: str) -> str:
            return await run_command(system, line)

        async def complete(line: str) -> list[str]:
            return complete_line(system, line)

        def prompt() -> str:
            return prompt_text(os.environ.get("ASTERISK_PROMPT"), system_name=self.options.systemname, is_remote=False)

        banner = not self.options.quiet
        console = asyncio.ensure_future(interact(run, complete, prompt=prompt, banner=banner))
        stopped = asyncio.ensure_future(system.stop_requested.wait())
        await asyncio.wait({console, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if console.done() and not sys.stdin.isatty():
            await stopped
        console.cancel()
        stopped.cancel()

    @staticmethod
    def _tell_of_logs(system: System) -> Callable[[str, OSError | ValueError | None], None]:
        """Listeners hear what becomes of log files in the loop's thread, and after what has gone wrong is told in the log."""
        loop = asyncio.get_running_loop()

        def tell(name: str, error: OSError | ValueError | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(system.bus.publish, LogChannelChanged(name, error))

        return tell

    def _handle_signals(self, system: System) -> None:
        """TERM and INT end the server in good order, HUP reloads, USR1, USR2 and XFSZ begin new log files."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, system)
        loop.add_signal_handler(signal.SIGHUP, self._reload, system)
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGXFSZ):
            loop.add_signal_handler(number, self._rotate, system)

    def _stop(self, system: System) -> None:
        system.services["restart"] = False
        system.stop_requested.set()

    def _reload(self, system: System) -> None:
        if not system.is_booted:
            logger.notice("a reload by signal is left out: the server is starting and reads its configuration anyway")
            return

        async def run() -> None:
            self.manager.reloading()
            try:
                await run_command(system, "core reload")
            finally:
                self.manager.reloaded()

        system.tasks.start(run(), name="reload by signal")

    def _rotate(self, system: System) -> None:
        system.tasks.start(system.run_blocking(self.log.rotate), name="log rotation by signal")
