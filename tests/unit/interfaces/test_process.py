"""The life of the real server process: start, signals, reload, console, refusals, end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.loopback import free_port, wait_until
from tests.support.server import GlobstarProcess, ServerFactory

EXTENSIONS = "[default]\nexten => 100,1,NoOp({})\n"
MODULES = "[modules]\nautoload=no\nload=pbx_config\nload=app_verbose\n"
QUICK = {"modules.conf": MODULES, "extensions.conf": EXTENSIONS.format("first")}


def launch(directory: Path, *arguments: str, text: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [sys.executable, "-m", "globstar", *arguments],
        input=text, capture_output=True, text=True, timeout=90, check=False, cwd=directory, env={**os.environ, **environment},
    )  # fmt: skip


def stop_by(server: GlobstarProcess, number: int) -> int:
    server.process.send_signal(number)
    return server.process.wait(60)


def test_commands_reload_and_a_second_instance(globstar_process: ServerFactory) -> None:
    server = globstar_process(QUICK)
    config = str(server.config / "asterisk.conf")
    assert (server.paths["astrundir"] / "asterisk.pid").read_text() == f"{server.pid}\n"
    assert "Asterisk" in server.cli("core show version")
    assert server.cli("no such command").startswith("No such command")

    # a second one on the same socket is refused and does no harm
    second = launch(server.directory, "-f", "-C", config)
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert "NoOp(first)" in server.cli("dialplan show default")

    # SIGHUP reads the configuration again; a broken file changes nothing and stops nothing
    extensions = server.config / "extensions.conf"
    extensions.write_text("[default\nexten => 100,1,NoOp(broken)\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_log("failed to reload")
    assert "NoOp(first)" in server.cli("dialplan show default")
    extensions.write_text(EXTENSIONS.format("second"))
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "NoOp(second)" in server.cli("dialplan show default"), 10, "the new dialplan", interval=0.1)
    assert "extensions.conf:1" in server.log()  # where the mistake was, without a traceback, which finish() would not forgive

    # a console fed from a pipe
    console = launch(server.directory, "-r", "-C", config, text="dialplan show default\nexit\n")
    assert console.returncode == 0, console.stderr
    assert "NoOp(second)" in console.stdout
    # the fixture ends it by "core stop now"


def test_sigterm_stops_cleanly(globstar_process: ServerFactory, tmp_path: Path) -> None:
    server = GlobstarProcess(tmp_path / "server", QUICK)
    try:
        server.wait_booted()
        assert stop_by(server, signal.SIGTERM) == 0
    finally:
        server.process.kill()
        server.process.wait()
        server._output.close()
    assert list(server.paths["astrundir"].iterdir()) == []
    assert "Traceback" not in server.log()
    after = server.run_cli("core show version")
    assert after.returncode == 1
    assert "Unable to connect" in after.stderr


def test_console_in_the_server(tmp_path: Path) -> None:
    """-c with a pipe: commands run, the server stops by one of them."""
    (tmp_path / "asterisk.conf").write_text("[directories]\n" + "".join(f"{n} => {tmp_path}\n" for n in DIRECTORIES))
    (tmp_path / "modules.conf").write_text(MODULES)
    (tmp_path / "extensions.conf").write_text(EXTENSIONS.format("piped"))
    done = launch(
        tmp_path, "-c", "-n", "-C", str(tmp_path / "asterisk.conf"),
        text="core show version\ndialplan show default\ncore stop now\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("Asterisk") < done.stdout.index("NoOp(piped)")


DIRECTORIES = ("astmoddir", "astetcdir", "astvarlibdir", "astdbdir", "astdatadir", "astspooldir", "astrundir", "astlogdir")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"asterisk.conf": "[directories\n"}, "asterisk.conf:1"),
        ({"logger.conf": "[general\n"}, "logger.conf:1"),
        ({"modules.conf": "[modules]\nautoload=no\nrequire=app_nonsense\n"}, "app_nonsense"),
        ({"asterisk.conf": "[directories]\nastrundir => {root}/file/run\n", "file": ""}, "Not a directory"),
    ],
    ids=["asterisk.conf", "logger.conf", "required module", "run directory"],
)
def test_a_start_that_cannot_be_ends_with_1_and_the_reason(tmp_path: Path, files: dict[str, str], said: str) -> None:
    settings = "[directories]\n" + "".join(f"{name} => {tmp_path}\n" for name in DIRECTORIES)
    for name, text in {"asterisk.conf": settings, "modules.conf": MODULES, **files}.items():
        (tmp_path / name).write_text(text.replace("{root}", str(tmp_path)))
    done = launch(tmp_path, "-f", "-C", str(tmp_path / "asterisk.conf"))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "asterisk.ctl").exists()


def test_without_configuration_the_demo_starts(tmp_path: Path) -> None:
    port = free_port(2)
    recorded = tmp_path / "recorded" / "en" / "digits"
    recorded.mkdir(parents=True)
    (recorded / "1.gsm").write_bytes(bytes(33))  # so that no prompt need be spoken
    environment = {
        **os.environ,
        "GLOBSTAR_DEMO_DIR": str(tmp_path / "demo"),
        "GLOBSTAR_DEMO_BIND": f"127.0.0.1:{port}",
        "GLOBSTAR_DEMO_RECORDED_SOUNDS": str(tmp_path / "recorded"),
        "PYTHONUNBUFFERED": "1",
    }

    def cli(command: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "globstar", "-rx", command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout

    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "globstar", "-f"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: "fully booted" in cli("core waitfullybooted") or process.poll() is not None, 30, "the demo")
            shown = (tmp_path / "output").read_text()
            assert f"at port {port} of this machine" in shown
            passwords = (tmp_path / "demo" / "demo-passwords").read_text().split()
            assert passwords[:3:2] == ["100", passwords[2]]
            assert passwords[1] in shown
            assert "600" in cli("dialplan show 600@phones") or "Echo" in cli("dialplan show")
            cli("core stop now")
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
    assert "Traceback" not in (tmp_path / "output").read_text()
