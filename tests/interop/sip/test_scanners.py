"""SIPVicious against an instance: it learns nothing, is ignored, and a phone goes on; fail2ban understands our log.

The scanners speak from 127.0.0.1, as they cannot be told otherwise, the phone from 127.0.0.66: they are two sources.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.support.office import Office, Phone
from tests.interop.support.programs import require
from tests.interop.support.scenario import Scenario
from tests.interop.support.sipp import Sipp
from tests.support.loopback import HOST, free_port, wait_until
from tests.support.server import GlobstarProcess

PHONE = "127.0.0.66"
FILTER = Path("/etc/fail2ban/filter.d/asterisk.conf")
#: without the loopback network among those that are never dropped
DEFENCE = "[watch]\ntype=defence\nallow=192.0.2.1\n{options}\n"
LOGGER = "[general]\ndateformat=%F %T\n[logfiles]\nfull => notice,warning,error\nsecurity => security,notice\n"
DIALPLAN = "exten => 610,1,Answer()\n same => n,Hangup()\n"


class Watched(Office):
    """An office whose defence counts loopback addresses, too."""

    options = ""

    def configuration(self) -> dict[str, str]:
        files = super().configuration()
        files["pjsip.conf"] += DEFENCE.format(options=self.options)
        files["logger.conf"] = LOGGER
        return files


@pytest.fixture
def office() -> Watched:
    return Watched([Phone("100", "right1"), Phone("101", "right2")], contexts={"phones": DIALPLAN})


@pytest.fixture
def server(office: Watched, tmp_path: Path) -> Iterator[GlobstarProcess]:
    server = office.start(tmp_path / "server")
    yield server
    problems = server.finish()
    assert not problems, f"{problems}\n{server.log_tail()}"


def scan(program: str, office: Office, tmp_path: Path, *arguments: str) -> str:
    """Run a scanner to its end and return what it printed."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [require(program), "-x", HOST, *arguments, "-p", str(office.port), HOST],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
    )
    return done.stdout + done.stderr


def counter(server: GlobstarProcess, name: str) -> int:
    found = re.search(rf"^{re.escape(name)} *: (\d+)", server.cli("pjsip show defence"), re.MULTILINE)
    assert found is not None, name
    return int(found[1])


def registered_call(office: Office, tmp_path: Path, name: str) -> None:
    """A call of a phone with its password, from another address than the scanner's."""
    scenario = Scenario(name, user="100").invite(free_port(2), auth=True).answered().hung_up()
    with Sipp(
        scenario, tmp_path, remote=office.port, number="610", user="100", password="right1", arguments=("-i", PHONE)
    ) as sipp:
        sipp.passed()


def test_svmap_finds_no_server(server: GlobstarProcess, office: Watched, tmp_path: Path) -> None:
    printed = scan("svmap", office, tmp_path)
    assert "found nothing" in printed
    assert "Globstar" not in printed
    wait_until(lambda: counter(server, "scanners"), 10, "the scanner is seen")
    assert counter(server, "scanners") == 1
    assert HOST in server.cli("pjsip show defence")
    registered_call(office, tmp_path, "call")


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS"])
def test_svwar_enumerates_nothing(server: GlobstarProcess, office: Watched, tmp_path: Path, method: str) -> None:
    printed = scan("svwar", office, tmp_path, "-e", "95-105", "--force", "-m", method, "--maximumtime", "2")
    assert not re.search(r"\b10[01]\b.*\|", printed), printed
    wait_until(lambda: counter(server, "sources dropped"), 10, "it is dropped")
    assert counter(server, "sources dropped") == 1
    registered_call(office, tmp_path, "call")


def test_svwar_cannot_tell_names_apart_without_its_own_name(tmp_path: Path) -> None:
    """With scanners not known by name and nobody dropped, every name gets the same answer."""
    office = Watched([Phone("100", "right1"), Phone("101", "right2")], contexts={"phones": DIALPLAN})
    office.options = "scanners=nobody\nunknown=0\nfailures=0"
    server = office.start(tmp_path / "server")
    try:
        printed = scan("svwar", office, tmp_path, "-e", "98-103", "--force", "--maximumtime", "3")
        told = {name for name in ("98", "99", "100", "101", "102", "103") if re.search(rf"\| {name} +\|", printed)}
        assert told in (set(), {"98", "99", "100", "101", "102", "103"}), printed
    finally:
        problems = server.finish()
    assert not problems, f"{problems}\n{server.log_tail()}"


def test_svcrack_is_dropped_before_it_gets_far(tmp_path: Path) -> None:
    """The right password is among those tried, but too late; a phone calls meanwhile."""
    office = Watched([Phone("100", "right1"), Phone("101", "word-40")], contexts={"phones": DIALPLAN})
    office.options = "scanners=nobody"
    server = office.start(tmp_path / "server")
    words = tmp_path / "words"
    words.write_text("".join(f"word-{number}\n" for number in range(60)))
    try:
        printed = scan("svcrack", office, tmp_path, "-u", "101", "-d", str(words), "--maximumtime", "3")
        assert "word-40" not in printed
        registered_call(office, tmp_path, "call")
        assert "wrong password" in server.cli("pjsip show defence")
        wait_until(lambda: counter(server, "ignored") > 0, 10, "what comes later is ignored")
        read = re.search(r"^ *requests +: (\d+)", server.cli("pjsip show settings"), re.MULTILINE)
        assert read is not None
        assert int(read[1]) < 60, "what is ignored is not even read"
    finally:
        problems = server.finish()
    assert not problems, f"{problems}\n{server.log_tail()}"


def test_fail2ban_finds_the_source(server: GlobstarProcess, office: Watched, tmp_path: Path) -> None:
    """Debian's filter matches a wrong password and an unknown account, and names the right address."""
    fail2ban = require("fail2ban-regex")
    assert FILTER.is_file(), "the package of fail2ban brings its filters"
    for name, user in (("wrong", "100"), ("unknown", "nobody")):
        scenario = Scenario(name, user=user).invite(free_port(2), auth=True).refused(401, provisional=False)
        with Sipp(scenario, tmp_path, remote=office.port, number="610", user=user, password="guess") as sipp:
            sipp.passed()
    log = server.paths["astlogdir"] / "security"

    def told(text: str) -> int:
        return text.count('"ChallengeResponseFailed"') + text.count('"InvalidAccountID"')

    wait_until(lambda: log.is_file() and told(log.read_text()) >= 3 and '"InvalidAccountID"' in log.read_text(), 10, "the log")
    events = log.read_text()
    log = tmp_path / "security"  # as it is now: it may grow yet
    log.write_text(events[: events.rindex("\n") + 1])
    events = log.read_text()
    done = subprocess.run([fail2ban, "-v", str(log), str(FILTER)], capture_output=True, text=True, timeout=60, check=False)
    matched = re.search(r"Lines: \d+ lines, \d+ ignored, (\d+) matched, (\d+) missed", done.stdout)
    assert matched is not None, done.stdout + done.stderr
    assert int(matched[1]) >= told(events) >= 3
    addresses = set(re.findall(r"^\|\s+(\d+\.\d+\.\d+\.\d+)\s", done.stdout, re.MULTILINE))
    assert addresses == {HOST}, done.stdout
