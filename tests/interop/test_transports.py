"""Transports of the real server against programs of others: openssl for TLS, SIPp over IPv6, a WebSocket client of aiohttp."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.interop.support.office import TAKES_ALL
from tests.interop.support.programs import require
from tests.interop.support.scenario import Scenario
from tests.interop.support.sipp import Sipp
from tests.support.certificates import Authority
from tests.support.loopback import HOST, free_port, wait_until
from tests.support.server import GlobstarProcess

ENDPOINT = "[alice]\ntype=endpoint\ncontext=main\ndisallow=all\nallow=ulaw\naors=alice\n\n[alice]\ntype=aor\nmax_contacts=9\n\n"


@dataclass
class Rig:
    """The server with all its transports."""

    server: GlobstarProcess
    authority: Authority
    ports: dict[str, int]
    client: tuple[Path, Path]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    directory = tmp_path_factory.mktemp("transports")
    authority = Authority(directory)
    cert, key = authority.issue("server", "localhost", HOST)
    client = authority.issue("client", common_name="client")
    ports = {name: free_port() for name in ("tls", "strict", "only13", "six", "http", "https")}
    pair = f"cert_file={cert}\npriv_key_file={key}\n"
    text = (
        f"{TAKES_ALL}[tls]\ntype=transport\nprotocol=tls\nbind={HOST}:{ports['tls']}\n{pair}\n"
        f"[strict]\ntype=transport\nprotocol=tls\nbind={HOST}:{ports['strict']}\n{pair}"
        f"ca_list_file={authority.path}\nrequire_client_cert=yes\nmethod=tlsv1_2\n\n"
        f"[only13]\ntype=transport\nprotocol=tls\nbind={HOST}:{ports['only13']}\n{pair}method=tlsv1_3\n\n"
        f"[udp6]\ntype=transport\nprotocol=udp\nbind=[::1]:{ports['six']}\n\n"
        f"[tcp6]\ntype=transport\nprotocol=tcp\nbind=[::1]:{ports['six']}\n\n"
        f"[ws]\ntype=transport\nprotocol=ws\nbind={HOST}\n\n[wss]\ntype=transport\nprotocol=wss\nbind={HOST}\n\n" + ENDPOINT
    )
    files = {
        "modules.conf": "[modules]\nautoload=yes\n",
        "pjsip.conf": text,
        "extensions.conf": "[main]\nexten => 100,1,Answer()\n same => n,Wait(20)\n",
        "http.conf": (
            f"[general]\nenabled=yes\nbindaddr={HOST}\nbindport={ports['http']}\ntlsenable=yes\n"
            f"tlsbindaddr={HOST}:{ports['https']}\ntlscertfile={cert}\ntlsprivatekey={key}\n"
        ),
    }
    server = GlobstarProcess(directory / "server", files)
    server.wait_booted()
    yield Rig(server, authority, ports, client)
    problems = server.finish()
    assert not problems, problems


def options(transport: str, call: str) -> bytes:
    return (
        f"OPTIONS sip:{HOST} SIP/2.0\r\nVia: SIP/2.0/{transport} client.invalid;branch=z9hG4bK{call};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:alice@{HOST}>;tag=a\r\nTo: <sip:{HOST}>\r\nCall-ID: {call}\r\n"
        f"CSeq: 1 OPTIONS\r\nContact: <sip:alice@client.invalid>\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def s_client(port: int, request: bytes, *arguments: str) -> str:
    """What openssl's client prints: the session, and what the server answered."""
    command = [require("openssl"), "s_client", "-connect", f"{HOST}:{port}", "-servername", "localhost", *arguments]
    program = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
    )  # fmt: skip
    assert program.stdin is not None
    assert program.stdout is not None
    timer = threading.Timer(45, program.kill)
    timer.start()
    output = b""
    try:
        program.stdin.write(request)
        while piece := program.stdout.read(4096):
            output += piece
            if b"SIP/2.0 200" in output and output.endswith(b"\r\n\r\n"):
                break
    except BrokenPipeError:
        output += program.stdout.read()
    finally:
        timer.cancel()
        program.kill()
        program.wait()
        program.stdin.close()
        program.stdout.close()
    return output.decode(errors="replace")


@pytest.mark.parametrize(("name", "version", "works"), [
    ("tls", "-tls1_2", True), ("tls", "-tls1_3", True), ("tls", "-tls1_1", False),
    ("only13", "-tls1_3", True), ("only13", "-tls1_2", False), ("strict", "-tls1_3", False),
])  # fmt: skip
def test_tls_versions(rig: Rig, name: str, version: str, works: bool) -> None:
    client = ("-cert", str(rig.client[0]), "-key", str(rig.client[1]))
    output = s_client(rig.ports[name], options("TLS", f"v{name}{version}"), version, "-cipher", "ALL:@SECLEVEL=0", *client)
    assert ("SIP/2.0 200 OK" in output) is works, output


def test_tls_the_server_is_who_it_says(rig: Rig) -> None:
    """openssl verifies chain and host name; the answer's Via is TLS with the port that we came from."""
    output = s_client(
        rig.ports["tls"], options("TLS", "verify"), "-CAfile", str(rig.authority.path), "-verify_return_error",
        "-verify_hostname", "localhost",
    )  # fmt: skip
    assert "Verify return code: 0 (ok)" in output
    assert "Via: SIP/2.0/TLS client.invalid;rport=" in output


def test_tls_client_certificates(rig: Rig) -> None:
    """Without one, or with one of a stranger, nobody gets in."""
    port = rig.ports["strict"]

    def failed() -> int:
        found = re.search(r"failed_handshakes: (\d+)", rig.server.cli("pjsip show transport strict"))
        assert found is not None
        return int(found[1])

    before = failed()
    shown = ("-cert", str(rig.client[0]), "-key", str(rig.client[1]))
    assert "SIP/2.0 200 OK" in s_client(port, options("TLS", "with"), *shown)
    assert "SIP/2.0" not in s_client(port, options("TLS", "without"))
    stranger = Authority(rig.authority.folder, "stranger").issue("stranger-client")
    assert "SIP/2.0" not in s_client(port, options("TLS", "strange"), "-cert", str(stranger[0]), "-key", str(stranger[1]))
    wait_until(lambda: failed() >= before + 2, 10, "two refusals")
    assert failed() == before + 2


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_rfc5118_a_call_over_ipv6(rig: Rig, tmp_path: Path, transport: str) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError as error:
            pytest.skip(f"no IPv6 here: {error}")
    scenario = Scenario(f"six-{transport}").invite(free_port(2)).answered().bye()
    scenario.user = "alice"
    with Sipp(scenario, tmp_path, remote=rig.ports["six"], number="100", transport=transport, host="::1") as sipp:
        sipp.passed()
        answer = next(message for message in sipp.received() if message.status == 200)
        assert ";received=::1" in answer.header("Via")
        assert f"<sip:[::1]:{rig.ports['six']}" in answer.header("Contact")


@pytest.mark.parametrize("secure", [False, True])
async def test_rfc7118_a_websocket_client(rig: Rig, secure: bool) -> None:
    context = ssl.create_default_context(cafile=str(rig.authority.path))
    url = f"https://localhost:{rig.ports['https']}/ws" if secure else f"http://{HOST}:{rig.ports['http']}/ws"
    transport = "WSS" if secure else "WS"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, protocols=("sip",), ssl=context) as socket_,
    ):
        assert socket_.protocol == "sip"
        await socket_.send_bytes(options(transport, "w1"))
        answer = str((await asyncio.wait_for(socket_.receive(), 45)).data)
        assert answer.startswith("SIP/2.0 200 OK\r\n")
        assert f"Via: SIP/2.0/{transport} client.invalid;rport=" in answer
    text = rig.server.cli("http show status")
    assert "/ws => Asterisk HTTP WebSocket\n" in text
