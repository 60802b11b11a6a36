"""Connections over time: keep-alives, slow peers, IPv6, answers after a connection is gone, reload, names through a server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.core.system import System
from globstar.modules.channels.pjsip.contacts import ContactStatus
from globstar.modules.channels.pjsip.supplements import transport_management
from tests.support.loopback import free_port
from tests.support.name_server import NameServer
from tests.support.sip_phone import phone_section
from tests.support.switch import LogCapture, running_system
from tests.unit.modules.channels.pjsip.test_transports import message
from tests.unit.net.waiting import until


@asynccontextmanager
async def switch(root: Path, *sections: str, files: dict[str, str] | None = None) -> AsyncIterator[System]:
    texts = {"pjsip.conf": "".join(sections), "extensions.conf": "[default]\nexten => 1,1,Answer()\n same => n,Wait(9)\n"}
    async with running_system(root, texts | (files or {})) as system:
        yield system


def transport(name: str, protocol: str, port: int, *lines: str, host: str = "127.0.0.1") -> str:
    return "\n".join([f"[{name}]", "type=transport", f"protocol={protocol}", f"bind={host}:{port}", *lines, ""])


async def test_rfc5626_3_5_1_keep_alives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """keep_alive_interval sends CRLF CRLF on every connection; 0 sends none."""
    port = free_port()
    text = "[global]\ntype=global\nkeep_alive_interval={}\n" + transport("tcp", "tcp", port) + phone_section("alice")
    async with switch(tmp_path, text.format(1)) as system:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(reader.readexactly(4), 45) == b"\r\n\r\n"
        writer.write(b"\r\n")
        shown = await run_command(system, "pjsip show transport-monitors")
        host, own = writer.get_extra_info("sockname")
        assert shown.startswith(f"TCP   tcp                  {host}:{own}\n\n1 connections\n lookups: ")
        assert "\n0 connections\n" in await run_command(system, "pjsip show transport-monitors like TLS")
        assert "ECDHE-RSA-AES128-GCM-SHA256" in await run_command(system, "pjsip list ciphers")
        text = await run_command(system, "pjsip show transport tcp")
        assert re.search(r" keep_alives: [1-9]\d*\n", text)
        writer.close()
        await until(lambda: system.services["pjsip"].transports.get("tcp").carrier.describe()["connections"] == 0)
        (management,) = [
            one for one in system.services["pjsip"].supplements if type(one).__name__ == "TransportManagement"
        ]  # fmt: skip
        assert management._keep_alive is None


async def test_slow_peers_are_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that sends a message byte by byte, and one that sends nothing but line ends; a peer between messages stays."""
    monkeypatch.setattr(transport_management, "PATIENCE", 0.3)
    monkeypatch.setattr(transport_management, "ROUND", 0.05)
    port = free_port()
    async with switch(tmp_path, transport("tcp", "tcp", port), phone_section("alice")) as system:
        good, slow, dull, late = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        for one in (good, late):
            one[1].write(message("OPTIONS", port, "TCP", call=f"c{id(one)}"))
            assert (await asyncio.wait_for(one[0].readuntil(b"\r\n\r\n"), 45)).startswith(b"SIP/2.0 200")
        late[1].write(b"OPTIONS sip:")

        async def drip(writer: asyncio.StreamWriter, piece: bytes) -> None:
            while True:
                writer.write(piece)
                await asyncio.sleep(0.02)

        drips = [asyncio.ensure_future(drip(slow[1], b"X")), asyncio.ensure_future(drip(dull[1], b"\r\n\r\n"))]
        for one in (slow, dull, late):
            try:
                await asyncio.wait_for(one[0].read(), 45)
            except ConnectionError:
                continue
        for task in drips:
            task.cancel()
        good[1].write(message("OPTIONS", port, "TCP", call="again"))
        assert (await asyncio.wait_for(good[0].readuntil(b"\r\n\r\n"), 45)).startswith(b"SIP/2.0 200")
        for one in (good, slow, dull, late):
            one[1].close()
        assert system.services["pjsip"].transports.get("tcp").carrier.describe()["refused"] == 0


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
async def test_rfc5118_ipv6(tmp_path: Path, protocol: str) -> None:
    """A phone on ::1: answers come back with received and rport, our own requests have brackets in Via and Contact."""
    port, own = free_port(), free_port()
    bob = phone_section("bob", contact=f"sip:bob@[::1]:{own}\\;transport={protocol}")
    sections = [transport("four", protocol, port), transport("six", protocol, port, host="[::]"), phone_section("alice"), bob]
    got: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    class Phone(asyncio.DatagramProtocol, asyncio.Protocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            got.put_nowait(data)

        def data_received(self, data: bytes) -> None:
            got.put_nowait(data)

    async with switch(tmp_path, *sections) as system:
        if protocol == "udp":
            out, _ = await loop.create_datagram_endpoint(Phone, local_addr=("::1", own), remote_addr=("::1", port))
            send = out.sendto
        else:
            listener = await loop.create_server(Phone, "::1", own)
            stream, _ = await loop.create_connection(Phone, "::1", port)
            send = stream.write
        request = message("REGISTER", own, protocol.upper()).replace(b"127.0.0.1:", b"[::1]:")
        send(request)
        answer = (await asyncio.wait_for(got.get(), 45)).decode()
        assert answer.startswith("SIP/2.0 200 ")
        assert f"Via: SIP/2.0/{protocol.upper()} [::1]:{own};rport=" in answer
        assert ";received=::1;" in answer
        assert f"<sip:alice@[::1]:{own}" in answer
        await run_command(system, "pjsip qualify bob")
        asked = (await asyncio.wait_for(got.get(), 45)).decode()
        assert asked.startswith(f"OPTIONS sip:bob@[::1]:{own}")
        assert f"Via: SIP/2.0/{protocol.upper()} [::1]:{port};rport" in asked
        assert f"@[::1]:{port}" in asked.partition("Contact: ")[2].partition("\r\n")[0]
        if protocol == "udp":
            out.close()
        else:
            stream.close()
            listener.close()


async def test_rfc3261_18_2_2_the_answer_after_the_connection(tmp_path: Path) -> None:
    """Goes to the port of sent-by over a new connection."""
    port, own = free_port(), free_port()
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.put_nowait(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", own)
    async with switch(tmp_path, transport("tcp", "tcp", port), phone_section("alice")) as system:
        driver = system.services["pjsip"]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        sdp = f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {own} RTP/AVP 0\r\n"
        writer.write(message("INVITE", own, "TCP", body=sdp))
        await until(lambda: bool(driver.legs))
        writer.close()
        answers = [await asyncio.wait_for(got.get(), 45)]
        while not answers[-1].startswith(b"SIP/2.0 200 "):
            answers.append(await asyncio.wait_for(got.get(), 45))
        for channel in list(system.channels.values()):
            channel.request_hangup()
        await until(lambda: not system.channels)
    server.close()


async def test_allow_reload(tmp_path: Path) -> None:
    """Another address is taken only with allow_reload; other options count at once."""
    first, second = free_port(), free_port()
    files = {"pjsip.conf": transport("a", "tcp", first) + phone_section("alice"), "extensions.conf": ""}
    async with running_system(tmp_path, files) as system:
        driver = system.services["pjsip"]

        async def change(text: str) -> None:
            system.configuration.source.files["pjsip.conf"] = text + phone_section("alice")
            await system.loader.reload("chan_pjsip")

        with LogCapture() as log:
            await change(transport("a", "tcp", second, "tos=0x60"))
        assert any("allow_reload is no" in text for text in log.texts(Level.WARNING))
        assert driver.transports.get("a").carrier.local_address[1] == first
        await change(transport("a", "tcp", first, "external_signaling_address=198.51.100.7"))
        assert driver.transports.get("a").transport.address_for("192.0.2.1") == ("198.51.100.7", first)
        await change(transport("a", "tcp", second, "allow_reload=yes"))
        assert driver.transports.get("a").carrier.local_address[1] == second
        await change(transport("b", "udp", first))
        assert [bound.name for bound in driver.transports] == ["b"]


async def test_rfc3263_through_a_name_server(tmp_path: Path) -> None:
    """resolver_unbound.conf names the server; a contact without a port is found by NAPTR and SRV, over TCP."""
    port, own = free_port(), free_port()
    answered = asyncio.Event()

    async def phone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        kept = [line for line in head if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
        writer.write(("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""])).encode())
        answered.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(phone, "127.0.0.1", own)
    async with NameServer() as names:
        names.zone = {
            ("NAPTR", "trunk.example"): ['1 1 "s" "SIP+D2T" "" _sip._tcp.trunk.example.'],
            ("SRV", "_sip._tcp.trunk.example"): [f"1 0 {free_port()} one.example.", f"2 0 {own} one.example."],
            ("A", "one.example"): ["127.0.0.1"],
        }
        unbound = {"resolver_unbound.conf": f"[general]\nnameserver={names.text}\n"}
        sections = (transport("udp", "udp", port), transport("tcp", "tcp", port))
        async with switch(tmp_path, *sections, phone_section("bob", contact="sip:bob@trunk.example"), files=unbound) as system:
            (contact,) = system.services["pjsip"].contacts.contacts("bob")
            await run_command(system, "pjsip qualify bob")
            await asyncio.wait_for(answered.wait(), 45)
            await until(lambda: contact.status is ContactStatus.AVAILABLE)
            assert [kind for kind, _ in names.asked] == ["NAPTR", "SRV", "A", "AAAA"][: len(names.asked)]
            assert "Questions:            3\n" in await run_command(system, "dns show cache")
    server.close()
