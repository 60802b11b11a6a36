"""A flood of calls with three manager clients, one of which does not read: the other two miss nothing and see one order."""

from __future__ import annotations

import re
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.interop.support.office import Office, Phone
from tests.interop.test_ami_clients import MANAGER
from tests.support.loopback import HOST, free_port, wait_until

CALLS = 2000
#: Calls that are begun in a second; each is two channels and some forty events.
RATE = 500
DIALPLAN = "exten => 9,1,Answer()\nsame => n,Hangup()\n"
#: What a stalled client may keep waiting (4 MiB), and what 2000 calls may leave behind for the allocator.
MEMORY = 96 * 1024 * 1024


class Listener(threading.Thread):
    """Reads everything that a client is told."""

    def __init__(self, port: int, user: str) -> None:
        super().__init__(daemon=True)
        self.client = socket.create_connection((HOST, port), 60)
        self.client.settimeout(None)  # however long nothing happens
        self.client.sendall(f"Action: Login\r\nUsername: {user}\r\nSecret: s3cret\r\n\r\n".encode())
        self.data = bytearray()
        self.hung_up = self.answered = 0

    def run(self) -> None:
        # counted as they come: who looks at everything again and again keeps the processor from those that read
        while chunk := self.client.recv(1 << 20):
            before = len(self.data)
            self.data += chunk
            self.hung_up += self._new(b"Event: Hangup\r\n", before)
            self.answered += self._new(b"Event: OriginateResponse\r\n", before)

    def _new(self, words: bytes, before: int) -> int:
        """How often the words end behind a place."""
        return self.data.count(words, max(0, before - len(words) + 1))

    def messages(self) -> list[dict[str, str]]:
        blocks = self.data.decode().split("\r\n\r\n")[:-1]  # what is behind the last may be half of one
        return [
            dict(line.partition(": ")[::2] for line in block.split("\r\n")) for block in blocks if block.startswith("Event: ")
        ]


@pytest.mark.timeout(600)
def test_nothing_is_lost_or_out_of_order_in_a_flood(tmp_path: Path) -> None:
    port = free_port()
    made = Office([Phone("100", "secret-of-100")], contexts={"phones": DIALPLAN})
    made.files["manager.conf"] = MANAGER.format(host=HOST, port=port).replace("enabled=yes", "enabled=yes\neventnumbers=yes")
    server = made.start(tmp_path / "server")
    try:
        listeners = [Listener(port, "admin") for _ in range(2)]
        for listener in listeners:
            listener.start()
        stalled = socket.socket()
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect((HOST, port))
        stalled.sendall(b"Action: Login\r\nUsername: slow\r\nSecret: s3cret\r\n\r\n")
        wait_until(lambda: "3 users connected" in server.cli("manager show connected"), 10, "three clients")
        before, work_before = server.resident_bytes(), server.cpu_seconds()

        caller = socket.create_connection((HOST, port), 60)
        caller.sendall(b"Action: Login\r\nUsername: admin\r\nSecret: s3cret\r\nEvents: off\r\n\r\n")
        originate = b"Action: Originate\r\nChannel: Local/9@phones/n\r\nApplication: Wait\r\nData: 0.01\r\n"
        originate += b"Async: true\r\nActionID: %d\r\n\r\n"
        began = time.monotonic()
        for number in range(CALLS):
            caller.sendall(originate % number)
            ahead = began + number / RATE - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)  # the rate of the flood
        wait_until(lambda: all(one.answered == CALLS for one in listeners), 120, "all calls to end")
        worked = server.cpu_seconds() - work_before
        server.wait_idle(60)
        wait_until(lambda: all(one.hung_up >= 2 * CALLS for one in listeners), 60, "the last events")
        grown = server.resident_bytes() - before

        first, second = ([m for m in one.messages() if "SequenceNumber" in m] for one in listeners)
        numbers = [int(message["SequenceNumber"]) for message in first]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))  # nothing lost
        common = max(int(first[0]["SequenceNumber"]), int(second[0]["SequenceNumber"]))
        tails = [[m for m in seen if int(m["SequenceNumber"]) >= common] for seen in (first, second)]
        length = min(map(len, tails))  # both have the last hang-up; what came after it may be on its way to one
        assert tails[0][:length] == tails[1][:length]
        assert sum(m["Event"] == "Hangup" for m in tails[0][:length]) >= 2 * CALLS
        _check_order(first)
        assert any(m["Event"] == "ManagerClientCutOff" and m["AccountID"] == "slow" for m in first)
        assert all(m["Response"] == "Success" for m in first if m["Event"] == "OriginateResponse")
        # processor time, as the work of others on the machine is none of the server's: a slow processor keeps up, too
        assert worked < 3 * CALLS / RATE, f"{CALLS} calls were {worked:.1f} s of work"
        assert grown < MEMORY, f"{grown / 1e6:.0f} MB more"
        stalled.close()
    finally:
        server.finish()


def _check_order(messages: list[dict[str, str]]) -> None:
    """Each channel begins with Newchannel, ends with Hangup, and is told of in between only."""
    stories: dict[str, list[str]] = {}
    for message in messages:
        if re.match(r"Local/", message.get("Channel", "")):
            stories.setdefault(message["Channel"], []).append(message["Event"])
    assert len(stories) == 2 * CALLS
    for name, story in stories.items():
        told = [event for event in story if event != "OriginateResponse"]
        assert told[0] == "Newchannel", (name, story)
        assert told[-1] == "Hangup", (name, story)
        assert told.count("Newchannel") == told.count("Hangup") == 1
