"""Metrics, read with prometheus_client's own parser."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from globstar.base.log import Level
from globstar.core import events
from globstar.core.cli import run_command
from globstar.core.dialing import Origination, originate
from globstar.core.services import EndpointReport
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from globstar.media.experience import mean_opinion
from globstar.modules.res.prometheus.exposition import Metric, render
from tests.support.loopback import free_port
from tests.support.switch import LogCapture, running_system

PJSIP = """\
[transport-udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}
[alice]
type=endpoint
aors=alice
allow=ulaw
[alice]
type=aor
contact=sip:alice@127.0.0.1:{phone}
[bob]
type=endpoint
aors=bob
[bob]
type=aor
max_contacts=1
"""
MODULES = "[modules]\nautoload=no\n" + "".join(
    f"load={name}\n" for name in ("res_rtp_asterisk", "chan_pjsip", "res_prometheus", "pbx_config", "app_wait", "bridge_simple")
)


@asynccontextmanager
async def switch(root: Path, conf: str, phone: int = 9) -> AsyncIterator[tuple[System, str]]:
    port = free_port()
    files = {
        "http.conf": f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={port}\nprefix=pbx\n",
        "prometheus.conf": conf, "modules.conf": MODULES, "pjsip.conf": PJSIP.format(port=free_port(), phone=phone),
        "extensions.conf": "[default]\nexten => 1,1,Answer()\n same => n,Wait(600)\n",
    }  # fmt: skip
    async with running_system(root, files, prepare=register_commands) as system:
        yield system, f"http://127.0.0.1:{port}/pbx/metrics"


async def fetch(url: str, method: str = "GET", **options: object) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, session.request(method, url, **options) as response:  # type: ignore[arg-type]
        return response.status, await response.text(), response.headers.get("WWW-Authenticate", "")


Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    """Every sample by its name and its labels without eid. The parser adds ``_total`` to the names of counters."""
    return {
        (sample.name.removesuffix("_total"), tuple(sorted((k, v) for k, v in sample.labels.items() if k != "eid"))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_of_an_idle_server(tmp_path: Path) -> None:
    async with switch(tmp_path, "[general]\nenabled=yes\n") as (system, url):
        status, text, _ = await fetch(url)
        assert status == 200
        kinds = {family.name: family.type for family in text_string_to_metric_families(text)}
        assert kinds["asterisk_core_uptime_seconds"] == kinds["asterisk_calls_sum"] == "counter"
        assert kinds["asterisk_channels_count"] == "gauge"
        assert all(
            sample.labels["eid"] == system.entity_id
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        )
        found = samples(text)
        for name, value in {
            "asterisk_calls_count": 0, "asterisk_calls_sum": 0, "asterisk_channels_count": 0, "asterisk_bridges_count": 0,
            "asterisk_endpoints_count": 2, "asterisk_rtp_sessions_count": 0, "asterisk_rtp_ended_streams_sum": 0,
        }.items():  # fmt: skip
            assert found[(name, ())] == value
        alice = (("id", "PJSIP/alice"), ("resource", "alice"), ("tech", "PJSIP"))
        bob = (("id", "PJSIP/bob"), ("resource", "bob"), ("tech", "PJSIP"))
        assert found[("asterisk_endpoints_state", alice)] == 2
        assert found[("asterisk_endpoints_state", bob)] == 1
        assert found[("asterisk_endpoints_channels_count", alice)] == 0
        assert any(name == "asterisk_core_scrape_time_ms" for name, _ in found)
        properties = next(dict(labels) for name, labels in found if name == "asterisk_core_properties")
        assert properties["version"].startswith("23.")
        assert "=> Prometheus Metrics URI" in await run_command(system, "http show status")


@pytest.fixture
def phone() -> Iterator[socket.socket]:
    """The socket of a phone, for :func:`answer`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.setblocking(False)
        yield phone


async def answer(phone: socket.socket) -> None:
    """Answer the INVITE that comes."""
    loop = asyncio.get_running_loop()
    data, source = await asyncio.wait_for(loop.sock_recvfrom(phone, 65536), 45)
    lines = data.decode().split("\r\n")
    kept = [line for line in lines if line.partition(":")[0] in ("Via", "From", "Call-ID", "CSeq")]
    to = next(line for line in lines if line.startswith("To:"))
    port = phone.getsockname()[1]
    body = f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
    head = ["SIP/2.0 200 OK", *kept, f"{to};tag=x", f"Contact: <sip:alice@127.0.0.1:{port}>", "Content-Type: application/sdp"]
    head.append(f"Content-Length: {len(body)}")
    phone.sendto("\r\n".join([*head, "", body]).encode(), source)


async def test_channels_and_their_streams(tmp_path: Path, phone: socket.socket) -> None:
    async with switch(tmp_path, "[general]\nenabled=yes\n", phone.getsockname()[1]) as (system, url):
        call = Origination(dial_string="PJSIP/alice", context="default", extension="1")
        task = system.tasks.start(originate(system, call), name="call")
        await answer(phone)
        result = await asyncio.wait_for(task, 45)
        channel = result.channel
        assert channel is not None
        name = channel.name
        found = samples((await fetch(url))[1])
        labels = (("id", channel.unique_id), ("linkedid", channel.linked_id), ("name", name), ("type", "PJSIP"))
        assert found[("asterisk_channels_count", ())] == 1
        assert found[("asterisk_channels_state", labels)] == channel.state.value
        assert ("asterisk_channels_duration_seconds", labels) in found
        for direction in ("rx", "tx"):
            directed = tuple(sorted((*labels, ("direction", direction))))
            assert found[("asterisk_channels_rtp_lost_packets", directed)] == 0
            assert found[("asterisk_channels_rtp_jitter_seconds", directed)] == 0
            assert 4.3 < found[("asterisk_channels_rtp_mos", directed)] <= 4.5
        assert found[("asterisk_rtp_sessions_count", ())] == 1
        session = system.services["rtp"].sessions[0]
        session.receiver.received = 50
        gone = asyncio.Event()
        undo = system.bus.subscribe(events.ChannelHungUp, lambda event: gone.set())
        channel.request_hangup()
        await asyncio.wait_for(gone.wait(), 45)
        undo()
        found = samples((await fetch(url))[1])
        assert found[("asterisk_channels_count", ())] == 0
        assert found[("asterisk_rtp_packets_sum", (("direction", "rx"),))] == 50
        assert found[("asterisk_rtp_ended_streams_sum", ())] == 1


async def test_authentication(tmp_path: Path) -> None:
    conf = '[general]\nenabled=yes\nauth_username=scraper\nauth_password=s3cret\nauth_realm=My "PBX"\n'
    async with switch(tmp_path, conf) as (system, url):
        status, text, challenge = await fetch(url)
        assert (status, challenge) == (401, "Basic realm=\"My 'PBX'\"")
        assert "asterisk_" not in text
        for wrong in ("Basic !!!", "Basic c2NyYXBlcjp4", "Bearer s3cret", "Basic", "Digest x", "Basic \u00e4"):
            assert (await fetch(url, headers={"Authorization": wrong}))[0] == 401
        assert (await fetch(url, headers={"Authorization": "Basic c2NyYXBlcjpzM2NyZXQ="}))[0] == 200
        shown = await run_command(system, "prometheus show status")
        assert "Authentication:  Basic, user scraper" in shown
        assert "s3cret" not in shown
        assert "Scrapes:         1\n  Refused:         7\n" in shown
        assert json.loads(await run_command(system, "prometheus show status --json"))["Refused"] == 7


async def test_methods_other_paths_and_what_is_off(tmp_path: Path) -> None:
    async with switch(tmp_path, "[general]\nenabled=yes\nuri=/scrape/here/\ncore_metrics_enabled=no\n") as (system, url):
        assert (await fetch(url))[0] == 404
        url = url.replace("metrics", "scrape/here")
        assert (await fetch(url, "POST"))[0] == 405
        assert (await fetch(url, "HEAD"))[:2] == (200, "")
        assert "asterisk_core" not in (await fetch(url))[1]
        system.configuration.source.files["prometheus.conf"] = "[general]\nenabled=no\n"  # type: ignore[attr-defined]
        assert "successfully" in await run_command(system, "module reload res_prometheus")
        assert (await fetch(url))[0] == 404
        assert "Enabled:         No" in await run_command(system, "prometheus show status")
        assert "asterisk_calls_count{" in await run_command(system, "prometheus show metrics")
        assert "asterisk_calls_count" in json.loads(await run_command(system, "prometheus show metrics --json"))
        assert system.services["rtp"].on_close is None
        await system.loader.unload("res_prometheus")
        assert "prometheus" not in system.services


@pytest.mark.parametrize(
    ("conf", "level", "said"),
    [
        ("[general]\nenabled=yes\nauth_username=x\n", Level.ERROR, "belong together"),
        ("[general]\nenabled=maybe\n", Level.WARNING, "bad value"),
        ("[globals]\nenabled=yes\n", Level.WARNING, "section [globals] is unknown"),
    ],
)
async def test_mistakes(tmp_path: Path, conf: str, level: Level, said: str) -> None:
    with LogCapture() as log:
        async with switch(tmp_path, conf) as (_, url):
            assert (await fetch(url))[0] == 404
    assert any(said in text for text in log.texts(level))


def test_hostile_names_are_escaped() -> None:
    metric = Metric("asterisk_x", "gauge", "A\nhelp \\ text")
    metric.add(1.5, name='a"b\\c\nd\udc80', type_="t")
    family = next(iter(text_string_to_metric_families(render([metric, Metric("empty", "gauge", "")], {"eid": "e"}))))
    assert family.name == "asterisk_x"
    assert family.samples[0].labels == {"eid": "e", "name": 'a"b\\c\nd?', "type": "t"}
    assert family.samples[0].value == 1.5


@pytest.mark.parametrize(("score", "wanted"), [(0, 1.0), (50, 2.58), (93.2, 4.41), (100, 4.5), (-5, 1.0)])
def test_g107_mean_opinion(score: float, wanted: float) -> None:
    assert mean_opinion(score) == pytest.approx(wanted, abs=0.02)


async def test_thousands_of_endpoints_hold_up_nobody(tmp_path: Path) -> None:
    async with switch(tmp_path, "[general]\nenabled=yes\n") as (system, url):
        turns = 0

        class Many:
            def reports(self) -> list[EndpointReport]:
                return [EndpointReport("PJSIP", f"e{number}", number % 2 == 0, 0) for number in range(2000)]

        def turn() -> None:
            nonlocal turns
            turns += 1
            handle[0] = system.loop.call_soon(turn)

        system.services["endpoints"] = Many()
        service = system.services["prometheus"]
        handle = [system.loop.call_soon(turn)]
        metrics = await service.metrics()
        handle[0].cancel()
        assert turns >= 10
        found = samples(await service.text(metrics))
        assert found[("asterisk_endpoints_count", ())] == 2000
        assert found[("asterisk_endpoints_state", (("id", "PJSIP/e1999"), ("resource", "e1999"), ("tech", "PJSIP")))] == 1
        assert (await fetch(url))[0] == 200
