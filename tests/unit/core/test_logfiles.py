"""logger.conf: channels, levels, formats, rotation."""

from __future__ import annotations

import io
import json
import re
import socket
import sys
import syslog
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from globstar.base import log as base_log
from globstar.base.log import Level, Logger, call_id, hub
from globstar.config import MemorySource
from globstar.config.errors import ConfigError
from globstar.core.logfiles import LogSetup, format_time, parse_levels
from globstar.core.logformat import Palette
from tests.support.switch import LogCapture

WALL = 1_700_000_000.25


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogSetup]:
    before = hub.verbosity
    monkeypatch.setattr(base_log, "_custom", {})
    setup = LogSetup(tmp_path, wall_time=lambda: WALL)
    yield setup
    setup.close()
    hub.verbosity = before


def test_parse_levels() -> None:
    assert parse_levels("notice, warning,verbose(3)") == (Level.NOTICE | Level.WARNING | Level.VERBOSE, 3, [])
    assert parse_levels("verbose(*),nonsense") == (Level.VERBOSE, None, ["nonsense"])
    assert parse_levels("*")[0] & Level.SECURITY


def test_format_time_fractions() -> None:
    assert format_time(WALL, "%q").isdigit()
    assert format_time(WALL, "%S.%3q").endswith(".250")
    assert format_time(WALL, "%S.%1q").endswith(".2")


def test_files_get_their_levels_only(setup: LogSetup, tmp_path: Path) -> None:
    setup.load(MemorySource({"logger.conf": "[general]\ndateformat=%s\n[logfiles]\nerrors => error\nall => *\n"}))
    hub.verbosity = 3
    log = Logger("app_test")
    token = call_id.set("C-0000002a")
    log.error("it broke")
    call_id.reset(token)
    log.verbose(3, "it goes on")
    log.verbose(4, "too much")
    assert (tmp_path / "errors").read_text().splitlines() == [
        line for line in (tmp_path / "all").read_text().splitlines() if "it broke" in line
    ]
    everything = (tmp_path / "all").read_text()
    assert "[C-0000002a]" in everything
    assert "VERBOSE" in everything
    assert "too much" not in everything


def test_json_lines(setup: LogSetup, tmp_path: Path) -> None:
    setup.load(MemorySource({"logger.conf": "[logfiles]\nx.json => [json]warning\n"}))
    Logger("app_test").warning('a "quoted" thing')
    line = json.loads((tmp_path / "x.json").read_text())
    assert line["logmsg"]["message"] == 'a "quoted" thing'
    assert line["logmsg"]["level"] == "WARNING"


@pytest.mark.parametrize(("strategy", "first"), [("rotate", "full.0"), ("sequential", "full.0")])
def test_rotation_loses_nothing(setup: LogSetup, tmp_path: Path, strategy: str, first: str) -> None:
    setup.load(MemorySource({"logger.conf": f"[general]\nrotatestrategy={strategy}\n[logfiles]\nfull => notice\n"}))
    log = Logger("app_test")
    for number in range(3):
        log.notice(f"line {number}")
        setup.rotate()
    log.notice("line 3")
    names = sorted(path.name for path in tmp_path.glob("full*"))
    assert names == ["full", "full.0", "full.1", "full.2"]
    assert "line 2" in (tmp_path / ("full.0" if strategy == "rotate" else "full.2")).read_text()
    assert sum(path.read_text().count("line") for path in tmp_path.glob("full*")) == 4
    assert (tmp_path / first).exists()


def test_a_log_file_that_cannot_be_opened_does_not_stop_the_rest(setup: LogSetup, tmp_path: Path) -> None:
    (tmp_path / "blocked").mkdir()
    setup.load(MemorySource({"logger.conf": "[logfiles]\nblocked => notice\nfine => notice\n"}))
    Logger("app_test").notice("hello")
    assert "hello" in (tmp_path / "fine").read_text()
    assert setup.channels[0].failed


def test_what_becomes_of_a_file_is_told_once(setup: LogSetup, tmp_path: Path) -> None:
    told: list[tuple[str, str | None]] = []
    setup.on_state = lambda name, error: told.append((name, None if error is None else type(error).__name__))
    conf = MemorySource({"logger.conf": "[general]\nrotatestrategy=none\n[logfiles]\nblocked => notice\nfine => notice\n"})
    (tmp_path / "blocked").mkdir()
    setup.load(conf)
    setup.rotate()
    assert told == [(str(tmp_path / "blocked"), "IsADirectoryError")]
    (tmp_path / "blocked").rmdir()
    setup.rotate()
    setup.rotate()
    assert told[1:] == [(str(tmp_path / "blocked"), None)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_told(setup: LogSetup) -> None:
    told: list[tuple[str, int | None]] = []
    setup.on_state = lambda name, error: told.append((name, getattr(error, "errno", None)))
    setup.load(MemorySource({"logger.conf": "[logfiles]\n/dev/full => notice\n"}))
    for _ in range(3):
        Logger("app_test").notice("hello")
    assert told == [("/dev/full", 28)]


def test_a_file_has_a_verbosity_of_its_own(setup: LogSetup, tmp_path: Path) -> None:
    setup.load(MemorySource({"logger.conf": "[logfiles]\ndeep => verbose(4)\nroot => verbose\n"}))
    hub.verbosity = 2
    log = Logger("app_test")
    assert log.is_verbose(4)
    for level in range(1, 6):
        log.verbose(level, f"line {level}")
    assert [line[-1] for line in (tmp_path / "deep").read_text().splitlines()] == ["1", "2", "3", "4"]
    assert [line[-1] for line in (tmp_path / "root").read_text().splitlines()] == ["1", "2"]
    assert setup.remove("deep")
    assert not log.is_verbose(3)


def test_levels_of_one_s_own(setup: LogSetup, tmp_path: Path) -> None:
    conf = "[general]\ncustom_levels=important, audit ,not a name\n[logfiles]\naudit => audit\nmost => *\n"
    setup.load(MemorySource({"logger.conf": conf}))
    log = Logger("app_test")
    log.log("AUDIT", "somebody did something")
    log.log("important", "look")
    assert "] AUDIT[" in (tmp_path / "audit").read_text()
    assert "look" not in (tmp_path / "audit").read_text()
    assert "] IMPORTANT[" in (tmp_path / "most").read_text()
    with pytest.raises(KeyError):
        log.log("nothing", "x")


def test_a_thread_writes_and_a_full_queue_is_told(setup: LogSetup, tmp_path: Path) -> None:
    setup.load(MemorySource({"logger.conf": "[general]\nlogger_queue_limit=5\n[logfiles]\nfull => notice,warning\n"}))
    log = Logger("app_test")
    setup.start()
    with setup._writing:  # the disk is slow
        for number in range(20):
            log.notice(f"line {number}")
    setup.flush()
    lines = (tmp_path / "full").read_text().splitlines()
    assert setup.discarded == 20 - sum("line " in line for line in lines)
    assert setup.discarded >= 14  # one line may be in the thread's hands
    assert [line.rpartition(": ")[2] for line in lines if "WARNING" in line] == [
        "Log queue threshold (5) exceeded.  Discarding new messages.",
        f"Logging resumed.  {setup.discarded} messages discarded.",
    ]
    log.notice("the last line")
    setup.close()
    assert "the last line" in (tmp_path / "full").read_text()


def test_a_reload_keeps_what_was_added_by_hand_and_a_broken_file_changes_nothing(setup: LogSetup, tmp_path: Path) -> None:
    source = MemorySource({"logger.conf": "[logfiles]\nfull => notice\n"})
    setup.load(source)
    setup.add("extra", "notice").is_dynamic = True
    source.files["logger.conf"] = "[logfiles]\nother => [plain]notice\n"  # type: ignore[index]
    setup.load(source)
    assert [channel.name for channel in setup.channels] == ["other", "extra"]
    source.files["logger.conf"] = "[logfiles\n"  # type: ignore[index]
    with pytest.raises(ConfigError):
        setup.load(source)
    Logger("app_test").notice("still there")
    assert "still there" in (tmp_path / "other").read_text()
    assert "still there" in (tmp_path / "extra").read_text()
    assert (tmp_path / "full").read_text() == ""


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        ("[logfiles]\nfull => notice,warnings,error\n", "unknown log level 'warnings'"),
        ("[logfiles]\nfull => [xml]warning\n", "unknown formatter 'xml'"),
        ("[logfiles]\nfull => warning\nsyslog.nowhere => error\n", "unknown syslog facility 'nowhere'"),
        ("[general]\nrotatestrategy=sometimes\n[logfiles]\nfull => warning\n", "bad value 'sometimes'"),
        ("[general]\nusecallids=no\n[logfiles]\nfull => warning\n", "unknown option 'usecallids'"),
    ],
)
def test_mistakes_are_told_with_their_place(setup: LogSetup, tmp_path: Path, conf: str, said: str) -> None:
    with LogCapture() as log:
        setup.load(MemorySource({"logger.conf": conf}))
    assert any(said in text and text.startswith("logger.conf:") for text in log.texts(Level.WARNING))


def test_how_consoles_show_lines(setup: LogSetup) -> None:
    console = io.StringIO()
    setup.console = console
    hub.verbosity = 4
    setup.load(MemorySource({"logger.conf": "[general]\ndateformat=%Y\n[logfiles]\nconsole => warning,verbose\n"}))
    log = Logger("app_test")
    for level in range(1, 5):
        log.verbose(level, "x")
    log.warning("secret=abc")
    setup.muted = True
    log.warning("unseen")
    lines = console.getvalue().splitlines()
    assert lines[:4] == ["x", "  == x", "    -- x", "       > x"]
    assert re.fullmatch(
        r"\[2023\] WARNING\[\d+\]: test_logfiles.py:\d+ test_how_consoles_show_lines: secret=<redacted>", lines[4]
    )
    assert len(lines) == 5


def test_colours_and_time_stamps(setup: LogSetup) -> None:
    console = io.StringIO()
    setup.console, setup.palette, setup.timestamp = console, Palette.DARK, True
    hub.verbosity = 2
    setup.load(MemorySource({"logger.conf": "[general]\ndateformat=%Y\n[logfiles]\nconsole => error,verbose\n"}))
    Logger("app_test").error("x")
    Logger("app_test").verbose(2, "y")
    first, second = console.getvalue().splitlines()
    assert "\033[31;1mERROR\033[0m[" in first
    assert second == "[2023]   == y"
    setup.remove("console")
    setup.add("console", "[plain]error")
    Logger("app_test").error("z")
    assert "\033" not in console.getvalue().splitlines()[2]


@pytest.mark.parametrize(("palette", "code"), [(Palette.LIGHT, "31"), (Palette.BLACK, "31;1;40"), (Palette.DARK, "31;1")])
def test_colours_suit_the_background(setup: LogSetup, palette: Palette, code: str) -> None:
    console = io.StringIO()
    setup.console, setup.palette = console, palette
    setup.load(MemorySource({"logger.conf": "[logfiles]\nconsole => error\n"}))
    Logger("app_test").error("x")
    assert f"\033[{code}mERROR\033[0m[" in console.getvalue()
    assert ("\033[1;37m" in console.getvalue()) == (palette is Palette.DARK)


def test_syslog(setup: LogSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, str]] = []
    monkeypatch.setattr(syslog, "syslog", lambda priority, text: sent.append((priority, text)))
    setup.load(MemorySource({"logger.conf": "[logfiles]\nsyslog.local3 => error,security\n"}))
    log = Logger("app_test")
    log.error("two\nlines\0")
    log.security('SecurityEvent="x"')
    assert [priority for priority, _ in sent] == [syslog.LOG_LOCAL3 | syslog.LOG_ERR, syslog.LOG_LOCAL3 | syslog.LOG_INFO]
    assert sent[0][1].endswith("two | lines?")


def test_json_has_the_call_and_ids_may_be_left_out(setup: LogSetup, tmp_path: Path) -> None:
    conf = "[general]\nuse_callids={}\n[logfiles]\nx => [json]notice\ny => notice\n"
    for text in ("yes", "no"):
        setup.load(MemorySource({"logger.conf": conf.format(text)}))
        token = call_id.set("C-0000002a")
        Logger("app_test").notice("grüße \udc80")
        call_id.reset(token)
    first, second = map(json.loads, (tmp_path / "x").read_text().splitlines())
    assert first["identifiers"]["callid"] == "C-0000002a"
    assert "callid" not in second["identifiers"]
    assert first["logmsg"]["message"] == "grüße \udc80"
    assert [("[C-0000002a]" in line) for line in (tmp_path / "y").read_text(errors="replace").splitlines()] == [True, False]


def test_the_host_s_name_and_time_stamps_of_rotation(setup: LogSetup, tmp_path: Path) -> None:
    conf = "[general]\nappendhostname=yes\nrotatestrategy=timestamp\n[logfiles]\nfull => notice\n"
    setup.load(MemorySource({"logger.conf": conf}))
    for number in range(3):
        Logger("app_test").notice(f"line {number}")
        setup.rotate()  # all within one second
    host = socket.gethostname()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"full.{host}", *(f"full.{host}.{int(WALL)}{ending}" for ending in ("", "-1", "-2"))]
    assert sum(path.read_text().count("line") for path in tmp_path.iterdir()) == 3


@pytest.mark.parametrize(("strategy", "named"), [("rotate", "full"), ("sequential", "full.0"), ("none", "")])
def test_a_command_after_rotation(setup: LogSetup, tmp_path: Path, strategy: str, named: str) -> None:
    command = f"echo ${{filename}} > {tmp_path}/said"
    conf = f"[general]\nrotatestrategy={strategy}\nexec_after_rotate={command}\n[logfiles]\nfull => notice\n"
    setup.load(MemorySource({"logger.conf": conf}))
    Logger("app_test").notice("a line")
    setup.rotate()
    for thread in threading.enumerate():
        if thread.name == "after log rotation":
            thread.join(60)
    said = (tmp_path / "said").read_text().strip() if (tmp_path / "said").exists() else ""
    assert said == (str(tmp_path / named) if named else "")


def test_compressed_files_are_counted(setup: LogSetup, tmp_path: Path) -> None:
    (tmp_path / "full.0.gz").write_text("old")
    (tmp_path / "full.3.xz").write_text("older")
    setup.load(MemorySource({"logger.conf": "[general]\nrotatestrategy=rotate\n[logfiles]\nfull => notice\n"}))
    Logger("app_test").notice("a line")
    setup.rotate()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "full.0", "full.1.gz", "full.4.xz"]


def test_a_prompt_may_take_the_place_of_stderr(setup: LogSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.load(MemorySource({}))
    prompt = io.StringIO()
    monkeypatch.setattr(sys, "stderr", prompt)
    Logger("app_test").notice("above the prompt")
    assert "above the prompt" in prompt.getvalue()


@pytest.mark.parametrize(("conf", "lines"), [("full => notice\n", ["    -- x"]), ("console => warning\n", ["    -- x", "w"])])
def test_a_console_of_the_server_shows_verbose_lines(setup: LogSetup, conf: str, lines: list[str]) -> None:
    console = io.StringIO()
    setup.console, setup.is_interactive = console, True
    hub.verbosity = 3
    setup.load(MemorySource({"logger.conf": f"[logfiles]\n{conf}"}))
    for level in (3, 4):
        Logger("app_test").verbose(level, "x")
    Logger("app_test").warning("w")
    assert [line.rpartition(": ")[2] for line in console.getvalue().splitlines()] == lines
