"""AGI with scripts that others wrote the languages and libraries for: processes, FastAGI servers, audio, hang-ups."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from panoramisk.fast_agi import Application
from pystrix.agi import core as pystrix_core
from pystrix.agi.fastagi import FastAGIServer

from globstar.base.log import Level
from globstar.core.format import slin, slin16
from globstar.core.frame import Frame, FrameType
from globstar.core.system import System
from globstar.modules.res.agi import dialogue, local, script
from tests.support.calls import Call, load_dialplan
from tests.support.loopback import wait_until
from tests.support.server import ServerFactory
from tests.support.switch import LogCapture, running_system

PYTHON = """#!/usr/bin/env python3
import os, signal, sys, time
def command(line):
    sys.stdout.write(line + "\\n")
    sys.stdout.flush()
    return sys.stdin.readline().rstrip("\\n")
environment = {}
while True:
    line = sys.stdin.readline().rstrip("\\n")
    if not line:
        break
    name, _, value = line.partition(": ")
    environment[name] = value
"""
PERL = """#!/usr/bin/perl
use strict; use warnings;
$| = 1;
my %environment;
while (<STDIN>) { chomp; last unless length; $environment{$1} = $2 if /^(\\w+): (.*)$/; }
sub command { print "$_[0]\\n"; my $answer = <STDIN>; chomp $answer; return $answer; }
command("ANSWER");
command("SET VARIABLE SCRIPT perl");
my $answer = command("GET VARIABLE EXTEN");
$answer =~ /\\((.*)\\)/ and command("SET VARIABLE PLACE $1");
command('SET VARIABLE ARGS "' . $environment{agi_arg_1} . '"');
"""
SHELL = """#!/bin/sh
while read -r line && [ -n "$line" ]; do
  case $line in agi_arg_1:*) arg=${line#agi_arg_1: };; esac
done
command() { printf '%s\\n' "$1"; read -r answer; }
command ANSWER
command 'SET VARIABLE SCRIPT shell'
command 'GET VARIABLE EXTEN'
place=${answer#*\\(}
command "SET VARIABLE PLACE ${place%)}"
command "SET VARIABLE ARGS \\"$arg\\""
"""
NODE = """#!/usr/bin/env node
const lines = require('readline').createInterface({input: process.stdin});
const environment = {};
const commands = ['ANSWER', 'SET VARIABLE SCRIPT node', 'GET VARIABLE EXTEN'];
let started = false, answers = [];
function next() {
  if (answers.length === 3) {
    commands.push('SET VARIABLE PLACE ' + /\\((.*)\\)/.exec(answers[2])[1]);
    commands.push('SET VARIABLE ARGS "' + environment.agi_arg_1 + '"');
  }
  if (answers.length === commands.length) process.exit(0);
  process.stdout.write(commands[answers.length] + '\\n');
}
lines.on('line', line => {
  if (started) { answers.push(line); next(); }
  else if (line) { const [name, ...value] = line.split(': '); environment[name] = value.join(': '); }
  else { started = true; next(); }
});
"""
SCRIPTS = {
    "python": PYTHON + """
command("ANSWER")
command("SET VARIABLE SCRIPT python")
command("SET VARIABLE PLACE " + command("GET VARIABLE EXTEN").partition("(")[2].rstrip(")"))
command('SET VARIABLE ARGS "%s"' % environment["agi_arg_1"])
""",
    "perl": PERL, "shell": SHELL, "node": NODE,
}  # fmt: skip

AGI = "exten => s,1,AGI({script})\n same => n,NoOp(after)\n same => n,Hangup()\nexten => h,1,NoOp(${{AGISTATUS}})\n"


def install(folder: Path, scripts: dict[str, str]) -> None:
    """Write programs into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in scripts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


@asynccontextmanager
async def switch(tmp_path: Path, **scripts: str) -> AsyncIterator[System]:
    """A switch whose AGI directory has ``scripts``."""
    async with running_system(tmp_path) as system:
        install(Path(system.directories.astagidir), scripts)
        yield system
        await wait_for(lambda: not any("agi/" in name for name in system.tasks.names()))


async def wait_for(is_so: Callable[[], bool], seconds: float = 45) -> None:
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 - the world outside of the loop sets no event
            await asyncio.sleep(0.01)


async def run(system: System, script: str) -> Call:
    load_dialplan(system, "[default]\n" + AGI.format(script=script))
    return await Call(system).run()


@pytest.mark.parametrize("language", list(SCRIPTS))
async def test_script_in(tmp_path: Path, language: str) -> None:
    async with switch(tmp_path, **{language: SCRIPTS[language]}) as system:
        call = await run(system, f'{language},"one, two"')
    assert call.tech.answers == 1
    assert call.variables == {"SCRIPT": language, "PLACE": "s", "ARGS": "one, two", "AGISTATUS": "SUCCESS"}
    assert call.steps[1] == "NoOp(after)"


async def test_a_process_is_given_arguments_directories_and_a_place_for_complaints(tmp_path: Path) -> None:
    text = (
        PYTHON
        + """
command('SET VARIABLE ARGV "%s"' % "|".join(sys.argv[1:]))
command("SET VARIABLE FOLDER " + os.environ["AST_AGI_DIR"])
sys.stderr.write("a complaint\\n")
sys.exit(3)
"""
    )
    async with switch(tmp_path, it=text) as system:
        with LogCapture(Level.NOTICE | Level.VERBOSE) as log:
            call = await run(system, "it,a b,,c")
            await wait_for(lambda: "it: a complaint" in log.texts(Level.NOTICE))
        folder = system.directories.astagidir
    assert call.variables == {"ARGV": "a b||c", "FOLDER": folder, "AGISTATUS": "SUCCESS"}


async def test_exit_status_is_logged_and_changes_nothing(tmp_path: Path) -> None:
    async with switch(tmp_path, it="#!/bin/sh\nexit 3\n") as system:
        from globstar.base.log import hub

        hub.verbosity = 3
        with LogCapture(Level.VERBOSE) as log:
            call = await run(system, "it")
            await wait_for(lambda: any(text.endswith("completed, returning 3") for text in log.texts(Level.VERBOSE)))
        hub.verbosity = 0
    assert call.variables["AGISTATUS"] == "SUCCESS"


async def test_what_cannot_be_run(tmp_path: Path) -> None:
    async with switch(tmp_path, plain="no program\n") as system:
        (Path(system.directories.astagidir) / "plain").chmod(0o644)
        with LogCapture() as log:
            assert (await run(system, "plain")).variables["AGISTATUS"] == "FAILURE"
            assert (await run(system, "nothing")).variables["AGISTATUS"] == "NOTFOUND"
    assert "Permission denied" in log.texts(Level.WARNING)[0]
    assert "There is no AGI script" in log.texts(Level.WARNING)[1]


# -- hang-up -------------------------------------------------------------------------------------------------------------

#: Notes SIGHUP, says that it is there, and goes on with what can be done without a call.
AFTER_HANGUP = (
    PYTHON
    + """
got = []
signal.signal(signal.SIGHUP, lambda *_: got.append("HUP"))
command("SET VARIABLE READY yes")
command("WAIT FOR DIGIT -1")
deadline = time.monotonic() + PATIENCE
while not got and time.monotonic() < deadline:
    time.sleep(0.01)  # polled: the signal comes between two instructions
command("SET VARIABLE SIGNALS %s" % ("".join(got) or "none"))
command("SET VARIABLE DEAD %s" % command("STREAM FILE beep 1")[:3])
"""
)


async def hang_up_within(system: System, before: str = "") -> Call:
    load_dialplan(system, "[default]\n" + AGI.format(script="it").replace("exten => s,1,", f"exten => s,1,{before}\n same => n,"))
    call = Call(system).start()
    await wait_for(lambda: "READY" in call.variables)
    call.hang_up()
    return await call.end()


async def test_after_a_hangup_the_script_gets_sighup_and_goes_on(tmp_path: Path) -> None:
    async with switch(tmp_path, it=AFTER_HANGUP.replace("PATIENCE", "30")) as system:
        call = await hang_up_within(system, "NoOp()")
    assert call.variables == {"READY": "yes", "SIGNALS": "HUP", "DEAD": "511", "AGISTATUS": "HANGUP"}
    assert call.steps[-1] == "NoOp(HANGUP)"
    assert "NoOp(after)" not in call.steps


async def test_agisighup_no(tmp_path: Path) -> None:
    async with switch(tmp_path, it=AFTER_HANGUP.replace("PATIENCE", "1")) as system:
        call = await hang_up_within(system, "Set(AGISIGHUP=no)")
    assert call.variables["SIGNALS"] == "none"


async def test_agiexitonhangup(tmp_path: Path) -> None:
    async with switch(tmp_path, it=AFTER_HANGUP.replace("PATIENCE", "1")) as system:
        call = await hang_up_within(system, "Set(AGIEXITONHANGUP=yes)")
    assert "SIGNALS" not in call.variables
    assert call.variables["AGISTATUS"] == "HANGUP"


async def test_a_script_in_the_h_extension(tmp_path: Path) -> None:
    text = (
        PYTHON
        + """
command("SET VARIABLE DEAD %s" % command("ANSWER")[:3])
command("SET VARIABLE PLACE " + command("GET VARIABLE EXTEN").partition("(")[2].rstrip(")"))
"""
    )
    async with switch(tmp_path, it=text) as system:
        load_dialplan(system, "[default]\nexten => s,1,Hangup()\nexten => h,1,AGI(it)\n same => n,NoOp(${AGISTATUS})\n")
        call = await Call(system).run()
    assert call.variables == {"DEAD": "511", "PLACE": "h", "AGISTATUS": "SUCCESS"}
    assert call.steps[-1] == "NoOp(SUCCESS)"


# -- scripts that break the rules ----------------------------------------------------------------------------------------


async def test_a_script_that_hangs_is_left_alone_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialogue, "DEAD_PATIENCE", 0.2)
    monkeypatch.setattr(local, "END_PATIENCE", 0.2)
    monkeypatch.setattr(local, "TERMINATE_PATIENCE", 0.2)
    text = (
        PYTHON
        + """
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
command("SET VARIABLE READY %d" % os.getpid())
time.sleep(600)  # a script that hangs, and is ended by the server
"""
    )
    async with switch(tmp_path, it=text) as system:
        with LogCapture() as log:
            call = await hang_up_within(system, "NoOp()")
            pid = int(call.variables["READY"])
            await wait_for(lambda: not Path(f"/proc/{pid}").exists())
    assert call.variables["AGISTATUS"] == "HANGUP"
    assert [text.rpartition(" ")[2] for text in log.texts(Level.WARNING)] == ["alone", "SIGTERM", "SIGKILL"]


async def test_a_line_without_an_end(tmp_path: Path) -> None:
    text = PYTHON + "while True: sys.stdout.write('x' * 65536)\n"
    async with switch(tmp_path, it=text) as system:
        with LogCapture() as log:
            call = await run(system, "it")
    assert call.variables == {"AGISTATUS": "FAILURE"}
    assert call.steps[1] == "NoOp(after)"
    assert "a line of more than 65536 bytes" in log.texts(Level.WARNING)[0]


async def test_a_script_that_does_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "UNREAD_PATIENCE", 0.2)
    text = PYTHON + "while True: sys.stdout.write('BOGUS\\n' * 1000)\n"
    async with switch(tmp_path, it=text) as system:
        with LogCapture() as log:
            call = await run(system, "it")
    assert call.variables == {"AGISTATUS": "FAILURE"}
    assert call.steps[1] == "NoOp(after)"
    assert "it does not read its answers" in log.texts(Level.WARNING)[0]


# -- EAGI ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wanted", "format"), [("", slin), ("slin", slin), ("slin16", slin16)])
async def test_eagi_hears_the_caller(tmp_path: Path, wanted: str, format: Any) -> None:
    text = (
        PYTHON
        + """
command("SET VARIABLE ENHANCED " + environment["agi_enhanced"])
heard = b""
while len(heard) < 6400:
    heard += os.read(3, 6400 - len(heard))
command("SET VARIABLE SAMPLES %s" % ",".join(str(n) for n in sorted(set(heard[i] for i in range(0, 6400, 2)))))
"""
    )
    async with switch(tmp_path, it=text) as system:
        load_dialplan(system, f"[default]\nexten => s,1,Set(EAGI_AUDIO_FORMAT={wanted})\n same => n,EAGI(it)\n")
        call = Call(system)
        call.channel.raw_read_format = call.channel.read_format = format
        call.start()
        size = format.sample_rate // 50 * 2
        frame = Frame(FrameType.VOICE, 0, b"\x07\x00" * (size // 2), format=format, samples=size // 2)
        while not call.ended.done():
            call.channel.deliver(frame)
            await asyncio.sleep(0.005)
        await call.end()
    assert (call.variables["ENHANCED"], call.variables["SAMPLES"]) == ("1.0", "7")


async def test_eagi_hears_the_caller_after_a_recording(tmp_path: Path) -> None:
    """What a command records it records as the caller speaks; the script's own format is that of before."""
    text = (
        PYTHON
        + """
command("RECORD FILE %s/said wav # 100" % os.path.dirname(sys.argv[0]))
heard = b""
while len(heard) < 1600:
    heard += os.read(3, 1600 - len(heard))
command("SET VARIABLE LOUD %d" % max(abs(n) for n in memoryview(heard).cast("h")[400:]))
"""
    )
    async with switch(tmp_path, it=text) as system:
        load_dialplan(system, "[default]\nexten => s,1,EAGI(it)\n")
        call = Call(system)
        call.channel.raw_read_format = call.channel.read_format = slin16
        call.start()
        frame = Frame(FrameType.VOICE, 0, b"\x00\x10" * 320, format=slin16, samples=320)
        while not call.ended.done():
            call.channel.deliver(frame)
            await asyncio.sleep(0.005)
        await call.end()
    assert int(call.variables["LOUD"]) == pytest.approx(4096, rel=0.05)


# -- FastAGI -------------------------------------------------------------------------------------------------------------


async def test_fastagi_with_panoramisk(tmp_path: Path, port: Callable[..., int]) -> None:
    answers: list[Any] = []

    async def greet(request: Any) -> None:
        answers.append(request.headers["agi_network"])
        for command in ("ANSWER", "GET VARIABLE EXTEN", "SET VARIABLE", "BOGUS", "EXEC NoOp x"):
            answers.append(await request.send_command(command))
            if command == "SET VARIABLE":  # the library reads one line of the usage, there are three more
                while not (await request.reader.readline()).startswith(b"520 End"):
                    continue
        await request.send_command(f"SET VARIABLE FROM {request.headers['agi_arg_1']}")

    application = Application()
    application.add_route("greet", greet)
    number = port()
    server = await asyncio.start_server(application.handler, "127.0.0.1", number)
    async with server, switch(tmp_path) as system:
        call = await run(system, f"agi://127.0.0.1:{number}/greet,panoramisk")
    assert call.variables == {"FROM": "panoramisk", "AGISTATUS": "SUCCESS"}
    assert answers[0] == "yes"
    assert [answer["status_code"] for answer in answers[1:]] == [200, 200, 520, 510, 200]
    assert answers[2]["result"] == ("1", "s")


@pytest.mark.leaks_threads  # pystrix serves each connection in a thread that ends on its own
async def test_fastagi_with_pystrix(tmp_path: Path, port: Callable[..., int]) -> None:
    def handle(agi: Any, args: Any, kwargs: Any, match: Any, path: str) -> None:
        agi.execute(pystrix_core.Answer())
        agi.execute(pystrix_core.SetVariable("PATH", path))
        agi.execute(pystrix_core.SetVariable("GIVEN", kwargs["colour"][0]))
        agi.execute(pystrix_core.SetVariable("PLACE", agi.execute(pystrix_core.GetVariable("EXTEN"))))
        agi.execute(pystrix_core.DatabasePut("fam", "key", "a value"))
        agi.execute(pystrix_core.SetVariable("STORED", agi.execute(pystrix_core.DatabaseGet("fam", "key"))))

    number = port()
    server = FastAGIServer(interface="127.0.0.1", port=number)
    server.register_script_handler(None, handle)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        async with switch(tmp_path) as system:
            call = await run(system, f"agi://127.0.0.1:{number}/menu?colour=red")
    finally:
        await asyncio.to_thread(server.shutdown)
        thread.join()
        server.server_close()
    assert call.tech.answers == 1
    assert call.variables == {
        "PATH": "menu", "GIVEN": "red", "PLACE": "s", "STORED": "a value", "AGISTATUS": "SUCCESS",
    }  # fmt: skip


class Names:
    """The service ``dns`` with records of the test's own."""

    def __init__(self, **records: tuple[Any, ...]) -> None:
        self.records = records

    async def query(self, kind: str, name: str) -> tuple[Any, ...]:
        return self.records.get(f"{kind}_{name}".replace(".", "_"), ())


async def server_of(port: int, said: list[str], name: str) -> asyncio.Server:
    """A FastAGI server that says who it is, waits for the call's end, and keeps what it is told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"SET VARIABLE SERVER {name}\n".encode())
        said.extend((await reader.read()).decode().splitlines())
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", port)


async def test_hagi_takes_the_next_server_and_address_and_is_told_of_a_hangup(
    tmp_path: Path, port: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogue, "DEAD_PATIENCE", 0.3)
    closed, second = port(), port()
    said: list[str] = []
    async with await server_of(second, said, "second"), switch(tmp_path) as system:
        system.services["dns"] = Names(
            SRV__agi__tcp_example_org=((10, 5, second, "b.example.org"), (5, 5, closed, "a.example.org")),
            A_a_example_org=("127.0.0.1",), A_b_example_org=("127.0.0.2", "127.0.0.1"),
        )  # fmt: skip
        load_dialplan(system, "[default]\n" + AGI.format(script="hagi://example.org/it"))
        call = Call(system).start()
        await wait_for(lambda: call.variables.get("SERVER") == "second")
        call.hang_up()
        await call.end()
        await wait_for(lambda: bool(said))
    assert said[:2] == ["agi_network: yes", "agi_network_script: it"]
    assert said[-1] == "HANGUP"
    assert call.variables["AGISTATUS"] == "HANGUP"


async def test_fastagi_that_is_not_there(tmp_path: Path, port: Callable[..., int]) -> None:
    async with switch(tmp_path) as system:
        with LogCapture() as log:
            call = await run(system, f"agi://127.0.0.1:{port()}/x")
            other = await run(system, "agi://")
    assert call.variables["AGISTATUS"] == other.variables["AGISTATUS"] == "FAILURE"
    assert "NoOp(after)" in call.steps
    assert "cannot be reached" in log.texts(Level.WARNING)[0]


def test_the_running_server_runs_a_script(globstar_process: ServerFactory, tmp_path: Path) -> None:
    """Under the loop that the server has, with the descriptors that it has."""
    program = tmp_path / "it"
    program.write_text(PYTHON + "command('EXEC NoOp one')\ncommand('SET VARIABLE GLOBAL(RAN) yes')\n")
    program.chmod(0o755)
    steps = ["Answer()", f"AGI({program})", "NoOp(status ${AGISTATUS})"]
    text = "[default]\nexten => s,1," + "\n same => n,".join(steps) + "\n"
    server = globstar_process({"extensions.conf": text})
    before = len(os.listdir(f"/proc/{server.pid}/fd"))
    for _ in range(5):  # each ends with its script, however long a busy machine takes to start one
        server.cli("channel originate Local/s@default application Wait 60")
    server.wait_idle(30)
    wait_until(lambda: server.log().count('"status SUCCESS") in new stack') == 5, 10, "five scripts that have ended well")
    assert "RAN=yes" in server.cli("dialplan show globals")
    wait_until(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) <= before + 2, 10, "their descriptors are closed")
