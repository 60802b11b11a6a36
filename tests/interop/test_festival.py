"""Speech of a real Festival server, as Festival() asks for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np

from globstar.core.system import System
from globstar.modules.apps.festival import FestivalOptions, speech
from tests.support.loopback import HOST, free_port
from tests.support.switch import running_system

SERVER = """
(define (tts_textasterisk string mode)
 (let ((wholeutt (utt.synth (eval (list 'Utterance 'Text string)))))
 (utt.wave.resample wholeutt 8000)
 (utt.wave.rescale wholeutt 5)
 (utt.send.wave.client wholeutt)))
(set! server_port {port})
(set! server_access_list '("localhost" "127.0.0.1"))
(set! server_log_file "{log}")
"""
PATIENCE = 60.0


async def ready(port: int) -> None:
    """Wait until the server takes connections."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            assert asyncio.get_running_loop().time() < deadline, "festival does not listen"
            await asyncio.sleep(0.1)
        else:
            writer.close()
            await writer.wait_closed()
            return


async def speak(system: System, port: int, text: str) -> float:
    """Seconds of sound, which must not be silence."""
    sound = np.frombuffer(await speech(system, FestivalOptions(host=HOST, port=port), text), "<i2")
    assert int(np.abs(sound.astype(np.int32)).max()) > 2000
    return len(sound) / 8000


async def test_texts_are_spoken(tmp_path: Path) -> None:
    port = free_port()
    script = tmp_path / "server.scm"
    await asyncio.to_thread(script.write_text, SERVER.format(port=port, log=tmp_path / "log"))
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec("festival", "--server", str(script), stdout=null, stderr=null)
    try:
        await ready(port)
        async with running_system(tmp_path, {"modules.conf": "[modules]\nautoload=no\n"}) as system:
            short = await speak(system, port, "Hello")
            long = await speak(system, port, 'This is a "longer" text (quit) with a \\ in it')
        assert 0.2 < short < 2 < long < 8
    finally:
        process.terminate()
        await process.wait()
