"""Manager clients against the running server: panoramisk as it is, and one that does not read."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import panoramisk

from tests.interop.support.office import Office, Phone
from tests.support.loopback import HOST, free_port, wait_until

DIALPLAN = (
    "exten => 1,1,Answer()\nsame => n,Wait(60)\n"
    "exten => 2,1,UserEvent(Arrived,Where: ${EXTEN})\nsame => n,Wait(60)\n"
    "exten => flood,1,Set(I=0)\nsame => n(again),Set(TEXT=${REPEAT(x,400)})\nsame => n,Set(I=$[${I} + 1])\n"
    "same => n,Wait(0.001)\nsame => n,GotoIf($[${I} < 2500]?again)\n"
)
MANAGER = """
[general]
enabled=yes
bindaddr={host}
port={port}
[admin]
secret=s3cret
read=all
write=all
[slow]
secret=s3cret
read=all
write=all
writetimeout=300
"""


def office(port: int) -> Office:
    made = Office([Phone("100", "secret-of-100")], contexts={"phones": DIALPLAN})
    made.files["manager.conf"] = MANAGER.format(host=HOST, port=port)
    return made


async def _until(seen: list[Any], name: str, timeout: float = 45) -> Any:
    async def look() -> Any:
        while True:
            for event in seen:
                if event.event == name:
                    return event
            await asyncio.sleep(0.02)

    return await asyncio.wait_for(look(), timeout)


async def _follow_a_call(port: int) -> list[str]:
    seen: list[Any] = []
    manager = panoramisk.Manager(host=HOST, port=port, username="admin", secret="s3cret", ping_delay=1)
    manager.register_event("*", lambda manager, event: seen.append(event))
    await manager.connect()
    await _until(seen, "FullyBooted")
    pong = await manager.send_action({"Action": "Ping"})
    assert pong.response == "Success"
    call = {
        "Action": "Originate",
        "Channel": "Local/1@phones/n",
        "Context": "phones",
        "Exten": "1",
        "Priority": "1",
        "Async": "true",
    }
    queued, answered = await manager.send_action({**call, "Variable": "FOO=bar"})
    assert queued.message == "Originate successfully queued"
    assert (answered.event, answered.response) == ("OriginateResponse", "Success")
    value = await manager.send_action({"Action": "Getvar", "Channel": answered.channel, "Variable": "FOO"})
    assert value.value == "bar"
    listed = await manager.send_action({"Action": "CoreShowChannels"})
    assert [event.event for event in listed].count("CoreShowChannel") == 2
    await manager.send_action(
        {"Action": "Redirect", "Channel": answered.channel, "Context": "phones", "Exten": "2", "Priority": "1"}
    )
    arrived = await _until(seen, "UserEvent")
    assert arrived.where == "2"
    await manager.send_action({"Action": "Hangup", "Channel": answered.channel})
    await _until(seen, "Hangup")
    manager.close()
    return [event.event for event in seen]


def test_panoramisk_follows_redirects_and_ends_a_call(tmp_path: Path) -> None:
    port = free_port()
    server = office(port).start(tmp_path / "server")
    try:
        names = asyncio.run(_follow_a_call(port))
        assert names.index("Newchannel") < names.index("Newstate") < names.index("Hangup")
        server.wait_idle()  # else the second sees the end of the first one's call
        again = asyncio.run(_follow_a_call(port))  # a reconnect
        assert "FullyBooted" in again
        server.wait_idle()
    finally:
        assert server.finish() == []


def _log_in(port: int, user: str) -> socket.socket:
    client = socket.create_connection((HOST, port), 60)
    client.sendall(f"Action: Login\r\nUsername: {user}\r\nSecret: s3cret\r\n\r\n".encode())
    data = b""
    while b"Authentication accepted" not in data:
        data += client.recv(4096)
    return client


def test_a_client_that_does_not_read_is_cut_off_and_others_miss_nothing(tmp_path: Path) -> None:
    port = free_port()
    server = office(port).start(tmp_path / "server")
    try:
        slow = _log_in(port, "slow")
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        good = _log_in(port, "admin")
        good.settimeout(60)
        server.cli("channel originate Local/flood@phones/n application Wait 1")
        data, wanted = bytearray(), {b"Value: 2500\r\n", b"ManagerClientCutOff"}
        while wanted:
            chunk = good.recv(1 << 20)
            assert chunk, "the good client was cut off"
            begin = max(0, len(data) - 30)  # only what is new is looked at: who reads slowly is cut off
            data += chunk
            wanted = {words for words in wanted if data.find(words, begin) < 0}
        numbers = [
            int(block.partition(b"Value: ")[2].split(b"\r\n")[0])
            for block in bytes(data).split(b"\r\n\r\n")
            if b"Variable: I\r\n" in block
        ]
        assert numbers == list(range(2501))
        assert b"AccountID: slow" in data
        wait_until(lambda: "1 users connected" in server.cli("manager show connected"), 10, "the slow client to be gone")
        slow.close()
        good.close()
    finally:
        server.finish()
