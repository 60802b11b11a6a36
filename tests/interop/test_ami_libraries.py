"""Manager clients as their users have them, unmodified: each logs in, places a call, follows it, sends it elsewhere, ends it,
and does all that once more after a reconnect.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.interop.support.node import run_node
from tests.interop.test_ami_clients import office
from tests.support.loopback import HOST, free_port

CALL = {
    "Channel": "Local/1@phones/n", "Context": "phones", "Exten": "1", "Priority": "1", "Async": "true", "Variable": "FOO=bar",
}  # fmt: skip
Fits = Callable[[dict[str, str]], bool]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    server = office(port).start(tmp_path_factory.mktemp("server"))
    yield port
    server.wait_idle()
    assert server.finish() == []


class Seen:
    """The events that a client was told of, from whatever thread."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._queue: queue.Queue[dict[str, str]] = queue.Queue()

    def put(self, event: dict[str, str]) -> None:
        self.names.append(event["Event"])
        self._queue.put(event)

    def until(self, fits: Fits, timeout: float = 45) -> dict[str, str]:
        while True:
            event = self._queue.get(timeout=timeout)
            if fits(event):
                return event

    def named(self, name: str, **fields: str) -> dict[str, str]:
        """The next event of a name with such fields."""
        return self.until(lambda event: event["Event"] == name and all(event.get(key) == value for key, value in fields.items()))


def follow(seen: Seen, act: Callable[..., Any], value: Callable[[Any], str]) -> None:
    """The life of one call, by whatever client: ``act(name, **headers)`` sends an action."""
    act("Originate", **CALL)
    channel = seen.named("OriginateResponse", Response="Success")["Channel"]
    assert value(act("Getvar", Channel=channel, Variable="FOO")) == "bar"
    act("Redirect", Channel=channel, Context="phones", Exten="2", Priority="1")
    seen.named("UserEvent", Where="2")
    act("Hangup", Channel=channel)
    left = {channel, channel[:-1] + ("2" if channel.endswith("1") else "1")}
    while left:  # both halves: else whoever connects next sees the end of the other one
        left.discard(seen.named("Hangup")["Channel"])
    assert seen.names.index("Newchannel") < seen.names.index("Newstate") < seen.names.index("Hangup")


def test_asterisk_ami(port: int) -> None:
    from asterisk.ami import AMIClient, SimpleAction

    for _ in range(2):
        seen = Seen()
        client = AMIClient(address=HOST, port=port)
        assert not client.login(username="admin", secret="s3cret").response.is_error()

        def told(event: Any, seen: Seen = seen, **_: Any) -> None:
            seen.put({"Event": event.name, **event.keys})

        client.add_event_listener(told)

        def act(name: str, client: Any = client, **headers: str) -> Any:
            response = client.send_action(SimpleAction(name, **headers)).response
            assert not response.is_error()
            return response

        follow(seen, act, lambda answer: answer.keys["Value"])
        client.logoff()


def test_pyst2(port: int) -> None:
    from asterisk.manager import Manager

    for _ in range(2):
        seen = Seen()
        client = Manager()
        client.connect(HOST, port)
        client.login("admin", "s3cret")

        def told(event: Any, manager: Any, seen: Seen = seen) -> None:
            seen.put({**event.headers, "Event": event.name})

        client.register_event("*", told)

        def act(name: str, client: Any = client, **headers: str) -> Any:
            response = client.send_action({"Action": name, **headers})
            assert response.headers["Response"] == "Success"
            return response

        follow(seen, act, lambda answer: answer.headers["Value"])
        assert client.ping().headers["Ping"] == "Pong"
        with suppress(
            ValueError
        ):  # pyst2 flushes what it has sent already; its own thread may have seen the end and closed by then
            client.close()


def test_pystrix(port: int) -> None:
    from pystrix.ami import Manager, core

    for _ in range(2):
        seen = Seen()
        client = Manager()

        def told(event: Any, manager: Any, seen: Seen = seen) -> None:
            seen.put(dict(event))

        client.register_callback("", told)
        client.connect(HOST, port)
        challenge = client.send_action(core.Challenge()).result["Challenge"]
        client.send_action(core.Login("admin", "s3cret", challenge=challenge))
        client.monitor_connection()

        def act(name: str, client: Any = client, **headers: str) -> Any:
            match name:
                case "Originate":
                    action = core.Originate_Context(CALL["Channel"], "phones", "1", "1", variables={"FOO": "bar"})
                case "Redirect":
                    action = core.Redirect(headers["Channel"], "phones", "2", "1")
                case "Hangup":
                    action = core.Hangup(headers["Channel"])
                case _:
                    action = core.Getvar(headers["Variable"], channel=headers["Channel"])
            return client.send_action(action)

        follow(seen, act, lambda answer: answer.result["Value"])
        client.close()


def test_pyami_asterisk(port: int) -> None:
    from pyami_asterisk import AMIClient

    async def once() -> list[str]:
        names: list[str] = []
        done = asyncio.Event()
        ended: set[str] = set()
        client = AMIClient(host=HOST, port=port, username="admin", secret="s3cret", reconnect_timeout=0)
        channel = ""

        async def act(**action: str) -> None:
            await client._send_action({**action, "ActionID": f"act-{len(names)}"})

        async def told(event: dict[str, str]) -> None:
            nonlocal channel
            names.append(event.get("Event", ""))
            if "Event" not in event:
                assert event["Message"] == "Originate successfully queued"
            elif event["Event"] == "OriginateResponse":
                channel = event["Channel"]
                await act(Action="Redirect", Channel=channel, Context="phones", Exten="2", Priority="1")
            elif event["Event"] == "UserEvent" and event.get("Where") == "2":
                await act(Action="Hangup", Channel=channel)
            elif event["Event"] == "Hangup":
                ended.add(event["Channel"])
                if {channel, channel[:-1] + ("2" if channel.endswith("1") else "1")} <= ended:
                    done.set()

        client.register_event(patterns=["*"], callbacks=told)
        client.create_action({"Action": "Originate", **CALL}, told)
        task = asyncio.create_task(client.connect_ami())
        await asyncio.wait_for(done.wait(), 60)
        await client.connection_close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return names

    for _ in range(2):
        names = asyncio.run(once())
        assert names.index("Newchannel") < names.index("Newstate") < names.index("Hangup")


@pytest.mark.parametrize("script", ["asterisk_manager.js", "asterisk_ami_client.js"])
def test_node(port: int, script: str) -> None:
    names = run_node(script, str(port), "admin", "s3cret").split()
    assert names.count("OriginateResponse") == 2
    assert names.index("Newchannel") < names.index("Newstate") < names.index("Hangup")
