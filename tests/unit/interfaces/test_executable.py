"""The executable as administrators use it: names, daemon, several instances, users, signals, systemd, stopping."""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.loopback import wait_until
from tests.support.server import GlobstarProcess, ServerFactory

MODULES = "[modules]\nautoload=no\nload=pbx_config\nload=app_verbose\nload=app_wait\nload=res_clialiases\n"
EXTENSIONS = (
    "[default]\nexten => 100,1,Answer()\n same => n,Wait(600)\nexten => 101,1,Log(NOTICE,secret=hunter2)\n same => n,Hangup()\n"
)
QUICK = {"modules.conf": MODULES, "extensions.conf": EXTENSIONS}
DIRECTORIES = ("astmoddir", "astetcdir", "astvarlibdir", "astdbdir", "astdatadir", "astspooldir", "astrundir", "astlogdir")
#: the program as a file that links may point to
PROGRAM = f"#!{sys.executable}\nimport sys\nfrom globstar.__main__ import main\nsys.exit(main())\n"


def write_configuration(folder: Path, options: str = "", files: str = "", **more: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    settings = "[directories]\n" + "".join(f"{name} => {folder}\n" for name in DIRECTORIES)
    (folder / "asterisk.conf").write_text(f"{settings}[options]\n{options}\n[files]\n{files}\n")
    texts = {**QUICK, "logger.conf": "[logfiles]\nfull => notice,warning,error\n", **more}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder / "asterisk.conf"


def run(*arguments: str, timeout: float = 90) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The program under its three names."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "globstar").write_text(PROGRAM)
    (bin_folder / "globstar").chmod(0o755)
    for name in ("asterisk", "rasterisk"):
        (bin_folder / name).symlink_to("globstar")
    return bin_folder


def wait_ended(pid: int) -> None:
    def is_gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"

    wait_until(is_gone, 10, f"the end of process {pid}")


def test_daemons_side_by_side_under_asterisk_s_names(program: Path, tmp_path: Path) -> None:
    first = write_configuration(tmp_path / "one", files="astctl = one.ctl\nastctlpermissions = 0600")
    second = write_configuration(tmp_path / "two")
    for config in (first, second):
        began = run(str(program / "asterisk"), "-C", str(config))
        assert (began.returncode, began.stderr) == (0, "")

    def ask(config: Path, command: str) -> subprocess.CompletedProcess[str]:
        return run(str(program / "rasterisk"), "-C", str(config), "-x", command)

    pids = []
    for config in (first, second):
        assert "fully booted" in ask(config, "core waitfullybooted").stdout  # the program returned when the server was up
        pids.append(int((config.parent / "asterisk.pid").read_text()))
    assert os.getsid(pids[0]) != os.getsid(0)
    assert stat.S_IMODE((tmp_path / "one" / "one.ctl").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "two" / "asterisk.ctl").stat().st_mode) == 0o660
    assert run(str(program / "asterisk"), "-V").stdout.startswith("Asterisk 23.")
    assert run(str(program / "globstar"), "-V").stdout.startswith("Globstar ")
    assert json.loads(ask(second, "core show channels --json").stdout) == []

    assert ask(first, "core stop now").returncode == 0
    wait_ended(pids[0])
    assert ask(first, "core show version").returncode == 1
    assert ask(second, "core show version").stdout.startswith("Asterisk 23.")
    assert not (tmp_path / "one" / "asterisk.pid").exists()
    assert not (tmp_path / "one" / "one.ctl").exists()
    os.kill(pids[1], signal.SIGTERM)
    wait_ended(pids[1])
    assert not (tmp_path / "two" / "asterisk.pid").exists()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"logger.conf": "[general\n"}, "logger.conf:1"),
        ({"modules.conf": "[modules]\nautoload=no\nrequire=app_nothing\n"}, "app_nothing"),
    ],
)
def test_a_daemon_that_cannot_start_says_so(program: Path, tmp_path: Path, files: dict[str, str], said: str) -> None:
    done = run(str(program / "globstar"), "-C", str(write_configuration(tmp_path / "server", **files)))
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "server" / "asterisk.ctl").exists()


def test_the_unit_for_systemd_is_sound(program: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd here")
    text = (Path(__file__).resolve().parents[3] / "contrib" / "systemd" / "globstar.service").read_text()
    assert "Type=notify" in text
    assert "WatchdogSec=" in text
    unit = tmp_path / "globstar.service"
    unit.write_text(text.replace("/usr/local/bin/globstar", str(program / "globstar")))
    done = run(analyze, "verify", "--man=no", str(unit))
    assert done.stderr.replace("\n", "") == "" or "globstar.service" not in done.stderr


def test_stopping_waits_for_calls_and_is_taken_back(tmp_path: Path) -> None:
    server = GlobstarProcess(tmp_path / "server", QUICK)
    try:
        server.wait_booted()
        _stop_and_take_back(server)
    finally:
        server.process.kill()
        server.process.wait()
        server._output.close()


def _stop_and_take_back(server: GlobstarProcess) -> None:
    assert server.cli("channel originate Local/100@default application Wait 600") == ""
    wait_until(lambda: server.channel_count() == 2, 10, "the call")
    assert "Waiting for inactivity to perform halt" in server.cli("core stop gracefully")
    refused = server.cli("channel originate Local/100@default application Wait 600")
    assert refused == ""
    assert server.channel_count() == 2  # no more calls are taken
    assert server.cli("core abort shutdown") == ""
    server.cli("core stop when convenient")
    server.cli("core abort shutdown")
    server.cli("core restart gracefully")
    server.cli("core stop when convenient")  # the later word counts
    server.cli("channel request hangup all")
    assert server.process.wait(60) == 0
    assert "Traceback" not in server.log()


def test_a_restart_keeps_the_process(globstar_process: ServerFactory) -> None:
    server = globstar_process(QUICK)
    pid = server.pid
    (server.config / "extensions.conf").write_text("[default]\nexten => 1,1,NoOp(after)\n")
    assert server.cli("core restart now") == ""
    wait_until(lambda: "NoOp(after)" in server.run_cli("dialplan show default").stdout, 20, "the server after its restart")
    assert (server.pid, server.process.poll()) == (pid, None)


def test_log_rotation_by_signal_call_logs_and_secrets(globstar_process: ServerFactory) -> None:
    logger = "[general]\nrotatestrategy=rotate\n[logfiles]\nfull => notice,warning,error,verbose(4)\n"
    server = globstar_process({**QUICK, "logger.conf": logger})
    folder = server.paths["astlogdir"]
    for count, number in enumerate((signal.SIGUSR1, signal.SIGUSR2, signal.SIGXFSZ)):
        server.process.send_signal(number)
        wait_until((folder / f"full.{count}").exists, 10, f"the file after {number}")
    server.cli("channel originate Local/101@default application NoOp")
    wait_until(lambda: "secret=<redacted>" in (folder / "full").read_text(), 10, "the line of the dialplan")
    assert "hunter2" not in server.log()
    call = next(line for line in (folder / "full").read_text().splitlines() if "<redacted>" in line).partition("[C-")[2][:8]
    shown = server.cli(f"core show call-log C-{call}")
    assert "secret=<redacted>" in shown
    assert f"lines of call C-{call}" in shown.splitlines()[-1]
    assert server.run_cli("core show call-log nobody").stdout.endswith("failed.\n")


def test_systemd_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        server = GlobstarProcess(tmp_path / "server", QUICK, environment=environment)
        try:
            began = time.monotonic()
            assert listening.recv(4096).decode().splitlines()[:2] == ["READY=1", f"MAINPID={server.pid}"]
            assert listening.recv(4096) == b"WATCHDOG=1"
            assert time.monotonic() - began < 60
            assert "fully booted" in server.cli("core waitfullybooted")
            server.process.send_signal(signal.SIGHUP)
            said: list[str] = []
            while "READY=1" not in said:
                said += listening.recv(4096).decode().splitlines()
            assert "RELOADING=1" in said
            server.process.send_signal(signal.SIGTERM)
            while "STOPPING=1" not in said:
                said += listening.recv(4096).decode().splitlines()
            assert server.process.wait(60) == 0
        finally:
            server.process.kill()
            server.process.wait()
            server._output.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
def can_be_run_by_all() -> bool:
    """Whether the interpreter and this checkout lie in folders that every user may enter."""
    places = (Path(sys.executable).resolve(), Path(sys.prefix), Path(sys.base_prefix), Path(__file__))
    return all(folder.stat().st_mode & 0o001 for place in places for folder in place.absolute().parents)


def test_another_user_and_group(program: Path, tmp_path: Path) -> None:
    """The user nobody, or where nobody may not read the interpreter or the checkout, root by its name."""
    name = "nobody" if can_be_run_by_all() else "root"
    user = pwd.getpwnam(name)
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(0o755)
    config = write_configuration(tmp_path / "server", f"runuser = {name}\ndumpcore = yes")
    text = config.read_text().replace(f"astrundir => {tmp_path}/server", f"astrundir => {tmp_path}/run")
    config.write_text(text)
    shutil.chown(tmp_path / "server", name)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "globstar", "-f", "-C", str(config), "-G", "nogroup"], stdin=subprocess.DEVNULL, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path,
    )  # fmt: skip
    try:

        def ask(command: str) -> str:
            return run(sys.executable, "-m", "globstar", "-C", str(config), "-rx", command).stdout

        wait_until(lambda: "fully booted" in ask("core waitfullybooted") or process.poll() is not None, 20, "the server")
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert f"Uid:\t{user.pw_uid}\t{user.pw_uid}" in status
        assert (tmp_path / "run" / "asterisk.ctl").stat().st_uid == user.pw_uid
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        core = next(line for line in limits.splitlines() if line.startswith("Max core"))
        assert core.split()[4] == core.split()[5]
        shown = ask("core show settings")
        assert f"User name and group:         {name}/nogroup\n" in shown
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        assert f"Dump core on crash:          {'Yes' if hard else 'No'}\n" in shown
        ask("core stop now")
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_what_cannot_be_is_refused(program: Path, tmp_path: Path) -> None:
    config = write_configuration(tmp_path / "server", "runuser = no-such-user")
    done = run(str(program / "globstar"), "-f", "-C", str(config))
    assert done.returncode == 1
    assert done.stderr == "cannot run as no-such-user: there is no such user or group\n"
    done = run(str(program / "globstar"), "-f", "-C", str(config), "-U", "root", "-G", "no-such-group")
    assert (done.returncode, done.stderr) == (1, "cannot run as root:no-such-group: there is no such user or group\n")


def test_options_of_asterisk_conf_for_the_process(program: Path, tmp_path: Path) -> None:
    """Each has its effect: alwaysfork over -f, maxfiles, autosystemname, execincludes, hideconnect, owner of the socket."""
    group = grp.getgrgid(os.getgid()).gr_name
    config = write_configuration(
        tmp_path / "server", options="alwaysfork=yes\nmaxfiles=1234\nautosystemname=yes\nexecincludes=yes\nhideconnect=yes\n"
        "maxcalls=7\nverbose=3\ndebug=2\ndumpcore=yes\nnofork=yes\n",
        files=f"astctlowner = {pwd.getpwuid(os.getuid()).pw_name}\nastctlgroup = {group}\nastctlpermissions = 0640",
        **{
            "extensions.conf": '[default]\n#exec echo "exten => made,1,NoOp()"\n',
            "logger.conf": "[logfiles]\nfull => notice,warning,error,verbose\n",
        },
    )  # fmt: skip
    began = run(str(program / "globstar"), "-f", "-C", str(config))
    assert (began.returncode, began.stderr) == (0, "")
    pid = int((config.parent / "asterisk.pid").read_text())
    try:
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"Max open files +1234 ", limits)
        socket_file = config.parent / "asterisk.ctl"
        assert stat.S_IMODE(socket_file.stat().st_mode) == 0o640
        assert socket_file.group() == group

        def ask(command: str) -> str:
            return run(str(program / "globstar"), "-C", str(config), "-x", command).stdout

        settings = ask("core show settings")
        assert re.search(rf"System name: +{re.escape(os.uname().nodename)}\n", settings)
        assert re.search(r"Maximum calls: +7 ", settings)
        assert re.search(r"Maximum open file handles: +1234\n", settings)
        assert re.search(r"Debug level: +2\n", settings)
        assert "'made' =>" in ask("dialplan show default")
        assert "Remote UNIX connection" not in (config.parent / "full").read_text()
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_ended(pid)
