"""What the tests of voicemail share: a system with prompts, a caller, and a look at the spool."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from globstar.core.party import PartyId
from globstar.core.system import System
from globstar.media.prompts import prompt_texts
from tests.support.phone import Phone, Samples, media_system, noise, sound

BEEP_SECONDS = 0.1
SPEECH = noise(1.4, 51)

DIALPLAN = """
[main]
exten => 900,1,Answer(,i)
 same => n,VoiceMail(100@default)
 same => n,NoOp(${VMSTATUS})
exten => 901,1,Answer(,i)
 same => n,VoiceMail(100@default,us)
 same => n,NoOp(${VMSTATUS})
exten => 902,1,Answer(,i)
 same => n,VoiceMail(999@default)
 same => n,NoOp(${VMSTATUS})
exten => 903,1,Answer(,i)
 same => n,VoiceMailMain(100@default,s)
exten => 904,1,Answer(,i)
 same => n,VoiceMailMain()
exten => h,1,NoOp(end ${VMSTATUS})
"""


def write_prompts(folder: Path) -> None:
    """Every prompt of voicemail as 0.3 s of a noise of its own, and the beep."""
    names = [name for name in prompt_texts("en") if name.startswith(("vm-", "digits/", "auth-", "pbx-"))]
    for index, name in enumerate(sorted(names)):
        sound(folder, name, noise(0.3, 1000 + index))
    sound(folder, "beep", noise(BEEP_SECONDS, 50))


@asynccontextmanager
async def voicemail_system(root: Path, prompts: Path, config: str) -> AsyncIterator[System]:
    """A running system with voicemail.conf and the prompts of :func:`write_prompts`."""
    (root / "data" / "sounds").mkdir(parents=True)
    (root / "data" / "sounds" / "en").symlink_to(prompts)
    async with media_system(root, {"voicemail.conf": config}) as system:
        yield system


def dial(system: System, extension: str, dialplan: str = DIALPLAN, name: str = "PJSIP/alice-<CH1>") -> Phone:
    """Alice calls."""
    phone = Phone(system, context="main", extension=extension, name=name, caller=PartyId())
    phone.channel.set_caller_id("100", "Alice Example")
    return phone.start(dialplan)


async def speak_after_the_beep(phone: Phone, what: Samples = SPEECH) -> None:
    """Wait for the beep and its end, then speak."""
    await phone.prompt("beep")
    await phone.after(BEEP_SECONDS + 0.04)
    await phone.speak(what)


async def leave(
    system: System, extension: str = "901", what: Samples = SPEECH, *, dialplan: str = DIALPLAN, name: str = "PJSIP/alice-<CH1>"
) -> Phone:
    """Leave a message and hang up."""
    phone = dial(system, extension, dialplan, name)
    await speak_after_the_beep(phone, what)
    return await hang_up(phone)


async def hang_up(phone: Phone) -> Phone:
    """Hang up and wait for the end."""
    phone.hang_up()
    return await phone.end()


def spool(root: Path) -> Path:
    """Where the mailboxes are."""
    return root / "spool" / "voicemail"


def tree(root: Path) -> list[str]:
    """Everything in the spool, folders with a slash."""
    base = spool(root)
    return sorted(f"{path.relative_to(base)}{'/' if path.is_dir() else ''}" for path in base.rglob("*"))


def inbox(root: Path, folder: str = "INBOX", box: str = "100") -> list[str]:
    """The files of a folder."""
    return sorted(path.name for path in (spool(root) / "default" / box / folder).glob("*"))


def read_wav(path: Path) -> Samples:
    """A mono wav file of 8 kHz."""
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (1, 2, 8000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")
