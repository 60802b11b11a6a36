"""Transfers, parking and pickup with SIPp as phones, by REFER and by a manager client; Master.csv says who talked to whom."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.interop.support.office import Office, Peer, cdr_rows
from tests.interop.support.scenario import Scenario
from tests.interop.support.sipp import Sipp
from tests.support.loopback import HOST, free_port, wait_until
from tests.support.server import GlobstarProcess

DIALPLAN = """\
exten => 101,1,Dial(PJSIP/bob,90,TtKk)
exten => 102,1,Dial(PJSIP/carol,90)
exten => 111,1,Dial(PJSIP/bob,90)
exten => 600,1,Answer()
 same => n,Wait(90)
"""
FILES = {
    "features.conf": "[general]\npickupexten=*8\ntransferannouncesound=\n[featuremap]\nblindxfer => #1\natxfer => *2\n",
    "res_parking.conf": "[general]\n[default]\nparkext => 700\nparkpos => 701-720\ncontext => phones\nparkingtime => 60\n",
}
GROUPS = "call_group=1\npickup_group=1\n"


class Floor:
    """The server of this module with alice, bob and carol; the last two are SIPps that wait for calls."""

    def __init__(self, server: GlobstarProcess, office: Office, ports: dict[str, int], manager: int) -> None:
        self.server, self.office, self.ports, self.manager = server, office, ports, manager

    def callee(self, stack: ExitStack, directory: Path, name: str, scenario: Scenario) -> Sipp:
        """Start a phone that waits."""
        return stack.enter_context(Sipp(scenario, directory, port=self.ports[name]))

    def caller(self, stack: ExitStack, directory: Path, name: str, number: str, scenario: Scenario) -> Sipp:
        """Start a phone that calls."""
        scenario.user = name
        return stack.enter_context(Sipp(scenario, directory, remote=self.office.port, number=number))

    def channel(self, name: str) -> str:
        """The channel of a phone, once it talks: it is in a bridge."""
        found: dict[str, str] = {}

        def talks() -> bool:
            found.update({channel: channel for channel in self.bridges() if channel.startswith(f"PJSIP/{name}-")})
            return bool(found)

        wait_until(talks, 10, f"{name} talks")
        return next(iter(found))

    def bridges(self) -> dict[str, str]:
        """The bridge of each channel that is answered and in one."""
        channels = [line.split("!") for line in self.server.cli("core show channels concise").splitlines()]
        return {each[0]: each[-2] for each in channels if each[4] == "Up" and each[-2]}

    def talk_together(self, *beginnings: str) -> None:
        """Until the channels whose names begin like this are in one bridge."""

        def bridges() -> list[set[str]]:
            found = self.bridges()
            return [{found[channel] for channel in found if channel.startswith(beginning)} for beginning in beginnings]

        wait_until(lambda: bool(set.intersection(*bridges())), 10, f"{beginnings} talk together")

    def ask(self, action: str, **headers: str) -> None:
        """One action of a manager client, which must succeed."""
        with closing(socket.create_connection((HOST, self.manager), 5)) as connection:
            stream = connection.makefile("rw", encoding="utf-8", newline="")
            stream.readline()
            for name, fields in (
                ("Login", {"Username": "m", "Secret": "golden", "Events": "off"}),
                (action, headers),
            ):
                stream.write("".join(f"{key}: {value}\r\n" for key, value in {"Action": name, **fields}.items()) + "\r\n")
                stream.flush()
                answer = "".join(iter(stream.readline, "\r\n"))
                assert "Response: Success" in answer, answer

    def rows(self, count: int, since: int) -> list[tuple[str, str, str, str, str]]:
        """Source, destination, phones of both channels and disposition of the records of this test, in order of their starts."""
        wait_until(lambda: len(cdr_rows(self.server)) >= since + count, 10, f"{count} records")
        found = [(row[1], row[2], _phone(row[5]), _phone(row[6]), row[14]) for row in cdr_rows(self.server)[since:]]
        assert len(found) == count, found
        return sorted(found)


def _phone(channel: str) -> str:
    return channel.rpartition("-")[0].partition("/")[2]


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    ports = {name: free_port(2) for name in ("bob", "carol")}
    manager = free_port(1)
    members = [Peer("alice"), *(Peer(name, port=port) for name, port in ports.items()), Peer("dave")]
    files = {
        **FILES,
        "manager.conf": f"[general]\nenabled=yes\nport={manager}\nbindaddr={HOST}\n[m]\nsecret=golden\nread=all\nwrite=all\n",
    }
    office = Office(list(members), contexts={"phones": DIALPLAN}, files=files)
    configuration = office.configuration()
    text = configuration["pjsip.conf"]
    for name in ("alice", "bob", "carol", "dave"):
        text = text.replace(
            f"[{name}]\ntype=endpoint\n", f"[{name}]\ntype=endpoint\n{GROUPS}callerid={name.title()} <{name}>\n", 1
        )
    office.files["pjsip.conf"] = text
    server = office.start(tmp_path_factory.mktemp("matrix") / "server")
    yield Floor(server, office, ports, manager)
    problems = server.finish()
    assert not problems, f"{problems}\n{server.log_tail()}"


def waits() -> Scenario:
    """A phone that answers and is hung up."""
    return Scenario("callee").ringing().answer(free_port(2)).hung_up()


def talks() -> Scenario:
    """A phone that calls, and hangs up when the test says so."""
    return Scenario("dave").invite(free_port(2)).answered().held().bye()


def refer(scenario: Scenario, target: str, port: int) -> Scenario:
    """Ask for a blind transfer, and hear how it goes: trying, ringing, answered."""
    scenario.request("REFER", in_dialog=True, extra=f"Refer-To: <sip:{target}@{HOST}:{port}>\n").expect(202)
    for _ in range(3):
        scenario.expect_request("NOTIFY").reply(200, "OK")
    return scenario


def test_blind_transfer_by_refer(floor: Floor, tmp_path: Path) -> None:
    """Alice sends bob to carol; bob hangs up in the end."""
    since = len(cdr_rows(floor.server))
    with ExitStack() as stack:
        carol = floor.callee(stack, tmp_path / "c", "carol", waits())
        bob = floor.callee(stack, tmp_path / "b", "bob", waits())
        steps = Scenario("alice").invite(free_port(2)).answered().held()
        alice = floor.caller(stack, tmp_path / "a", "alice", "101", refer(steps, "102", floor.office.port).bye())
        floor.channel("alice")
        alice.go_on()
        alice.passed()
        wait_until(lambda: floor.server.channel_count() == 2, 10, "bob talks to carol")
        floor.server.cli(f"channel request hangup {floor.channel('carol')}")
        bob.passed()
        carol.passed()
    assert floor.rows(2, since) == [
        ("alice", "101", "alice", "bob", "ANSWERED"), ("bob", "102", "bob", "carol", "ANSWERED"),
    ]  # fmt: skip


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_blind_transfer_by_a_manager(floor: Floor, tmp_path: Path, who: str) -> None:
    """One of the two is sent away, the other one to carol."""
    since = len(cdr_rows(floor.server))
    with ExitStack() as stack:
        carol = floor.callee(stack, tmp_path / "c", "carol", waits())
        bob = floor.callee(stack, tmp_path / "b", "bob", waits())
        steps = Scenario("alice").invite(free_port(2)).answered().hung_up()
        alice = floor.caller(stack, tmp_path / "a", "alice", "101", steps)
        floor.ask("BlindTransfer", Channel=floor.channel(who), Context="phones", Exten="102")
        (alice if who == "alice" else bob).passed()
        floor.server.cli(f"channel request hangup {floor.channel('carol')}")
        for phone in (alice, bob, carol):
            phone.passed()
    first = ("alice", "101" if who == "alice" else "102", "alice", "bob", "ANSWERED")
    other = "bob" if who == "alice" else "alice"
    assert floor.rows(2, since) == sorted([first, (other, "102", other, "carol", "ANSWERED")])


def test_attended_transfer_by_a_manager(floor: Floor, tmp_path: Path) -> None:
    """Alice consults carol and is hung up: bob and carol talk."""
    since = len(cdr_rows(floor.server))
    with ExitStack() as stack:
        carol = floor.callee(stack, tmp_path / "c", "carol", waits())
        bob = floor.callee(stack, tmp_path / "b", "bob", waits())
        alice = floor.caller(
            stack, tmp_path / "a", "alice", "101", Scenario("alice").invite(free_port(2)).answered().hung_up()
        )  # fmt: skip
        floor.ask("Atxfer", Channel=floor.channel("alice"), Context="phones", Exten="102")
        floor.talk_together("PJSIP/alice-", "Local/102@phones-")
        floor.talk_together("PJSIP/carol-", "Local/102@phones-")
        floor.server.cli(f"channel request hangup {floor.channel('alice')}")
        alice.passed()
        wait_until(lambda: "PJSIP/alice" not in floor.server.cli("core show channels concise"), 10, "alice is out")
        assert "PJSIP/bob" in floor.server.cli("core show channels concise")
        floor.server.cli(f"channel request hangup {floor.channel('carol')}")
        bob.passed()
        carol.passed()
    wait_until(lambda: floor.server.channel_count() == 0, 10, "all is over")

    rows = floor.rows(4, since)  # one also for each side of the Local channel
    assert ("alice", "101", "alice", "bob", "ANSWERED") in rows
    assert ("carol", "ANSWERED") in [row[3:] for row in rows], rows
    assert all(row[4] == "ANSWERED" for row in rows), rows


def test_parking_by_refer_and_retrieval(floor: Floor, tmp_path: Path) -> None:
    """Alice parks bob, dave takes him out and hangs up."""
    since = len(cdr_rows(floor.server))
    with ExitStack() as stack:
        bob = floor.callee(stack, tmp_path / "b", "bob", waits())
        steps = Scenario("alice").invite(free_port(2)).answered().held()
        steps.request(
            "REFER", in_dialog=True, extra=f"Refer-To: <sip:700@{HOST}:{floor.office.port}>\nRefer-Sub: false\n"
        ).expect(200).held().bye()  # fmt: skip
        alice = floor.caller(stack, tmp_path / "a", "alice", "101", steps)
        floor.channel("alice")
        alice.go_on()
        wait_until(lambda: "Channel             :  PJSIP/bob" in floor.server.cli("parking show default"), 10, "bob is parked")
        alice.go_on()
        alice.passed()
        dave = floor.caller(stack, tmp_path / "d", "dave", "701", talks())
        floor.channel("dave")
        dave.go_on()
        dave.passed()
        bob.passed()
    assert floor.rows(4, since) == [
        ("alice", "101", "alice", "bob", "ANSWERED"), ("bob", "", "bob", "", "ANSWERED"), ("bob", "", "bob", "dave", "ANSWERED"),
        ("dave", "701", "dave", "", "ANSWERED"),
    ]  # fmt: skip


def test_group_pickup(floor: Floor, tmp_path: Path) -> None:
    """Bob rings, dave takes the call."""
    since = len(cdr_rows(floor.server))
    with ExitStack() as stack:
        bob = floor.callee(stack, tmp_path / "b", "bob", Scenario("bob").ringing().cancelled())
        alice = floor.caller(
            stack, tmp_path / "a", "alice", "111", Scenario("alice").invite(free_port(2)).answered().hung_up()
        )  # fmt: skip
        wait_until(lambda: "!Ringing!" in floor.server.cli("core show channels concise"), 10, "bob rings")
        dave = floor.caller(stack, tmp_path / "d", "dave", "*8", talks())
        floor.channel("dave")
        dave.go_on()
        for phone in (bob, dave, alice):
            phone.passed()
    assert sorted(floor.rows(3, since)) == [  # which phone is done first is theirs
        ("alice", "111", "alice", "bob", "ANSWERED"), ("alice", "111", "alice", "dave", "ANSWERED"),
        ("bob", "*8", "bob", "", "NO ANSWER"),
    ]  # fmt: skip
