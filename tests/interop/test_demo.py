"""The built-in demo: started without any configuration, with recorded prompts and with spoken ones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.support.audio import find, level, read_wav, tone_seconds, trimmed
from tests.interop.support.baresip import Baresip
from tests.interop.support.programs import require_sounds
from tests.support.loopback import HOST, free_port, wait_until
from tests.support.server import complaints

#: Seconds for the start, which takes five of processor time, more with prompts to be spoken.
BOOT_TIME = 150.0


class Demo:
    """`globstar -f` with no configuration."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory
        self.port = free_port(2)
        self.environment = {
            **os.environ,
            "GLOBSTAR_DEMO_DIR": str(directory),
            "GLOBSTAR_DEMO_BIND": f"{HOST}:{self.port}",
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        directory.mkdir()
        self._output = (directory / "output.txt").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "globstar", "-f"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def output(self) -> str:
        return (self.directory / "output.txt").read_text(errors="replace")

    def cli(self, command: str, timeout: float = 60) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "globstar", "-rx", command],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return done.stdout if done.returncode == 0 else ""

    def wait_booted(self) -> None:
        def booted() -> bool:
            assert self.process.poll() is None, self.output()
            return "fully booted" in self.cli("core waitfullybooted", BOOT_TIME)

        wait_until(booted, BOOT_TIME, "the demo has started")

    def password(self, number: str) -> str:
        """The password as a person reads it from the terminal."""
        found = re.search(rf"^ +{number} +(\S+) +\d{{4}}$", self.output(), re.MULTILINE)
        assert found is not None, self.output()
        return found[1]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.cli("core stop now")
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._output.close()


@pytest.fixture
def demo(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Demo]:
    started = Demo(tmp_path / "demo", **getattr(request, "param", {}))
    try:
        started.wait_booted()
        yield started
    finally:
        started.stop()
    assert started.process.returncode == 0, started.output()
    assert not complaints(started.output())


def test_a_phone_registers_with_the_printed_password_and_hears_itself(demo: Demo, tmp_path: Path):
    with Baresip(tmp_path / "a", "100", registrar=demo.port, password=demo.password("100"), tone=523) as phone:
        phone.wait_registered()
        phone.dial("600")
        phone.wait_event("CALL_ESTABLISHED")
        echo = trimmed(read_wav(require_sounds() / "demo-echotest.wav"))
        wait_until(lambda: find(phone.hearing(), echo).correlation > 0.98, 60, "what is said first")
        phone.wait_tone(523, 1.0)
        phone.hangup()
        phone.wait_event("CALL_CLOSED")
    heard = phone.heard()
    assert find(heard, echo).correlation > 0.98
    assert tone_seconds(heard, 523) >= 1.0


def test_milliwatt(demo: Demo, tmp_path: Path):
    with Baresip(tmp_path / "a", "101", registrar=demo.port, password=demo.password("101")) as phone:
        phone.wait_registered()
        phone.dial("601")
        phone.wait_event("CALL_ESTABLISHED")
        phone.wait_tone(1004, 1.0)
        phone.hangup()
        phone.wait_event("CALL_CLOSED")
    assert tone_seconds(phone.heard(), 1004) >= 1.0


@pytest.mark.parametrize("demo", [{"GLOBSTAR_DEMO_RECORDED_SOUNDS": "/nonexistent"}], indirect=True)
def test_without_recordings_the_menu_is_spoken(demo: Demo, tmp_path: Path):
    with Baresip(tmp_path / "a", "102", registrar=demo.port, password=demo.password("102")) as phone:
        phone.wait_registered()
        phone.dial("700")
        phone.wait_event("CALL_ESTABLISHED")
        wait_until(lambda: phone.hearing().size >= 20000, 30, "some of the menu")
        assert level(phone.hearing()[8000:20000]) > 300
        phone.press("3")
        spoken = {path.stem: path for path in demo.directory.rglob("*.wav") if path.parent.name == "digits"}
        assert {"0", "1", "2"} <= set(spoken)
        for digit in "12":
            said = trimmed(read_wav(spoken[digit]))
            wait_until(lambda said=said: find(phone.hearing(), said).correlation > 0.98, 30, digit, interval=0.1)  # type: ignore[misc]
        phone.hangup()
        phone.wait_event("CALL_CLOSED")
