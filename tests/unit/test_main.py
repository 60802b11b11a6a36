"""The command line: Asterisk's options, and which configuration and socket they lead to."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from globstar import ASTERISK_VERSION, __main__, __version__
from globstar.__main__ import build_parser, client_settings, find_config, main


def parse(line: str) -> argparse.Namespace:
    return build_parser().parse_args(line.split())


def test_flags_may_stand_together() -> None:
    arguments = parse("-vvvgcdd")
    assert (arguments.verbose, arguments.debug, arguments.console, arguments.dump_core) == (3, 2, True, True)
    assert (arguments.remote, arguments.command, arguments.config) == (False, None, None)


@pytest.mark.parametrize("line", ["-rx stop", "-r -x stop", "-x stop -r"])
def test_remote_command(line: str) -> None:
    arguments = parse(line)
    assert (arguments.remote, arguments.command) == (True, "stop")


def test_options_with_arguments() -> None:
    arguments = parse("-C /x/asterisk.conf -s /run/ctl -U asterisk -G voice -L 4.5 -M 100 -e 64")
    assert (arguments.config, arguments.socket, arguments.user, arguments.group) == (
        "/x/asterisk.conf",
        "/run/ctl",
        "asterisk",
        "voice",
    )
    assert (arguments.max_load, arguments.max_calls, arguments.min_memory) == (4.5, 100, 64)


@pytest.mark.parametrize("letter", list("VcfFrRqnmTtiIpgXBWdv"))
def test_every_flag_of_asterisk_is_known(letter: str) -> None:
    assert any(bool(value) for value in vars(parse(f"-{letter}")).values())


@pytest.mark.parametrize("line", ["-M many", "-L high", "--nonsense", "-x"])
def test_what_is_wrong_is_told(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(line)
    assert ended.value.code == 2
    assert "usage: globstar" in capsys.readouterr().err


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse("-h")
    assert ended.value.code == 0
    assert "an open telephony server" in capsys.readouterr().out.lower()
    assert main(["-V"]) == 0
    assert capsys.readouterr().out == f"Globstar {__version__} (Asterisk {ASTERISK_VERSION})\n"


def test_the_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GLOBSTAR_DEMO_DIR", raising=False)
    assert find_config("/x/asterisk.conf") == Path("/x/asterisk.conf")
    monkeypatch.setenv("GLOBSTAR_DEMO_DIR", str(tmp_path))
    assert find_config(None) is None
    assert find_config("/x/asterisk.conf") == Path("/x/asterisk.conf")


def test_a_client_leaves_the_warnings_of_the_configuration_to_the_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "asterisk.conf").write_text(f"[directories]\nastrundir => {tmp_path}\n[options]\ndontwarn = yes\n[other]\n")
    assert main(["-C", str(tmp_path / "asterisk.conf"), "-rx", "core show version"]) != 0
    told = capsys.readouterr().err
    assert "asterisk.ctl" in told
    assert "dontwarn" not in told
    assert "[other]" not in told


def test_the_control_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert client_settings(None, "/run/own.ctl")[0] == Path("/run/own.ctl")
    (tmp_path / "asterisk.conf").write_text("[directories]\nastrundir => /run/voice\n[files]\nastctl = globstar.ctl\n")
    assert client_settings(tmp_path / "asterisk.conf", None)[0] == Path("/run/voice/globstar.ctl")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "asterisk.conf").write_text(f"[directories]\nastrundir => {tmp_path}/run\n")
    monkeypatch.setenv("GLOBSTAR_DEMO_DIR", str(tmp_path))
    assert client_settings(None, None)[0] == tmp_path / "run" / "asterisk.ctl"


@pytest.mark.parametrize(
    ("line", "called_as"),
    [("-rx help", "globstar"), ("-Rx help", "globstar"), ("-x help", "/usr/sbin/asterisk"), ("-x help", "rasterisk")],
)
def test_who_is_connected_to(line: str, called_as: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Path, str]] = []

    def ask(path: Path, command: str) -> int:
        asked.append((path, command))
        return 7

    monkeypatch.setattr("globstar.interfaces.cli.client.run_remotely", ask)
    monkeypatch.setattr("sys.argv", [called_as])
    assert main([*line.split(), "-s", f"{tmp_path}/ctl"]) == 7
    assert asked == [(tmp_path / "ctl", "help")]


def test_without_r_the_server_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[tuple[argparse.Namespace, Path | None]] = []

    def run(arguments: argparse.Namespace, config: Path | None) -> int:
        started.append((arguments, config))
        return 3

    monkeypatch.setattr("globstar.interfaces.process.run_server", run)
    assert __main__.main(["-f", "-C", f"{tmp_path}/asterisk.conf"]) == 3
    assert started[0][1] == tmp_path / "asterisk.conf"
