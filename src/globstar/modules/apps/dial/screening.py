"""Options P, p, n and N of Dial: the caller says who it is, and the called party decides whether to take the call.

Privacy (P) remembers the decision in the AstDB, family ``privacy``, key ``NAME/CALLER``: ALLOW, DENY, KILL or TORTURE.
Screening (p) asks every time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.digits import ALL_DIGITS
from globstar.core.playback import SoundMissing, play
from globstar.core.recording import RecordEnd, record
from globstar.core.soundfile import SoundFault
from globstar.modules.apps.dial.options import DialArguments, InvalidArguments

logger = Logger("app_dial")

FAMILY = "privacy"
#: The folder of introductions, below the sounds, and their format.
FOLDER, FORMAT = "priv-callerintros", "sln"
#: How long an introduction may be, and how long the called party may think, seconds.
INTRODUCTION_LIMIT, THINKING_TIME = 4.0, 6.0
#: How often the called party is asked.
ATTEMPTS = 3


class Decision(Enum):
    """What the AstDB says of a caller."""

    ALLOW = "ALLOW"
    DENY = "DENY"
    KILL = "KILL"
    TORTURE = "TORTURE"


#: DIALSTATUS of those who are not put through.
_STATUS = {Decision.DENY: "NOANSWER", Decision.KILL: "DONTCALL", Decision.TORTURE: "TORTURE"}
#: What the keys mean: whether the caller is put through now (None) or its DIALSTATUS, and what is remembered.
_KEYS: dict[str, tuple[str | None, Decision]] = {
    "1": (None, Decision.ALLOW),
    "2": ("NOANSWER", Decision.DENY),
    "3": ("TORTURE", Decision.TORTURE),
    "4": ("DONTCALL", Decision.KILL),
    "5": ("NOANSWER", Decision.ALLOW),
}


#: The options that ask for it.
SCREENING = frozenset("pP")


@dataclass(slots=True)
class Screening:
    """One call that is to be decided on. ``status`` is set where nobody need be asked: the caller is not put through."""

    caller: Channel
    key: str
    introduction: str
    has_memory: bool
    #: the introduction is kept for the caller's next call
    is_kept: bool
    #: the introduction goes even if the caller hangs up before the answer (n(1))
    always_deletes: bool
    status: str | None = None

    async def ask(self, callee: Channel) -> str | None:
        """Ask the called party; None to put the caller through, else its DIALSTATUS."""
        prompt = "priv-callee-options" if self.has_memory else "screen-callee-options"
        valid = "12345" if self.has_memory else "1234"
        try:
            pressed = await self._first(callee, ("priv-callpending", self.introduction), ALL_DIGITS)
            for _ in range(ATTEMPTS):
                if pressed is None:
                    pressed = await self._first(callee, (prompt,), ALL_DIGITS) or await callee.wait_for_digit(THINKING_TIME)
                if pressed is not None and pressed in valid:
                    break
                pressed = await self._first(callee, ("vm-sorry",), "")
        except ChannelGone:
            pressed = None
        if pressed is None:
            return "NOANSWER"
        status, decision = _KEYS[pressed]
        if self.has_memory:
            self.caller.system.database.put(FAMILY, self.key, decision.value)
        return status

    async def _first(self, callee: Channel, sounds: tuple[str, ...], digits: str) -> str | None:
        for sound in sounds:
            try:
                digit = await play(callee, sound, stop_on=digits)
            except SoundMissing as missing:
                logger.warning(f"Dial: {missing}")
                continue
            if digit is not None:
                return digit
        return None

    async def forget(self, *, is_decided: bool) -> None:
        """The call is over or decided: the introduction goes, unless it is kept."""
        if self.is_kept or not (is_decided or self.always_deletes):
            return
        system = self.caller.system
        await system.run_blocking(system.sounds.delete, self.introduction, FORMAT)


async def prepare_screening(caller: Channel, arguments: DialArguments) -> Screening | None:
    """Look the caller up and let it introduce itself; None where the call needs no decision. It is for one of :data:`SCREENING`.

    Raises :class:`InvalidArguments` if the caller cannot be asked, and ``ChannelGone``.
    """
    has_memory = "P" in arguments.letters
    number = caller.caller.id.number
    known = re.sub(r"[^0-9A-Za-z*#+]", "", number.text) if number.valid else ""
    if known and "N" in arguments.letters and not has_memory:
        return None
    name = (arguments.options.get("P") if has_memory else "") or caller.extension
    who = known or re.sub(r"[^0-9A-Za-z]", "=", f"NOCALLERID_{caller.extension}{caller.name.partition('-')[0]}")
    key = f"{name}/{who}"
    folder = Path(caller.system.directories.astdatadir) / "sounds" / FOLDER
    file = re.sub(r"[^0-9A-Za-z_.=+-]", "_", f"{name}.{who}")
    screening = Screening(
        caller, key, str(folder / file), has_memory,
        is_kept=bool(known) and "n" not in arguments.letters, always_deletes=arguments.options.get("n").strip() == "1",
    )  # fmt: skip
    if has_memory and known:
        stored = (caller.system.database.get(FAMILY, key) or "").upper()
        if stored == Decision.ALLOW.value:
            return None
        if stored in Decision.__members__:
            logger.verbose(3, f"privacy of {name}: {who} is stored as {stored}")
            screening.status = _STATUS[Decision(stored)]
            return screening
    if not (screening.is_kept and caller.system.sounds.exists(screening.introduction)):
        await caller.system.run_blocking(lambda: folder.mkdir(parents=True, exist_ok=True))
        await _introduce(caller, screening.introduction)
    return screening


async def _introduce(caller: Channel, name: str) -> None:
    """Record who calls."""
    await caller.answer()
    try:
        await play(caller, "priv-recordintro")
        writer = caller.system.sounds.create(name, FORMAT)
    except (SoundMissing, SoundFault) as fault:
        logger.warning(f"Dial on {caller.name}: {fault}")
        raise InvalidArguments("Dial: the caller cannot introduce itself") from fault
    result = await record(caller, [writer], maximum_seconds=INTRODUCTION_LIMIT, silence_seconds=2.0, stop_on="#")
    if result.end is RecordEnd.FAILED:
        raise InvalidArguments("Dial: the introduction of the caller cannot be recorded")
    if result.end is RecordEnd.HANGUP:
        await caller.system.run_blocking(caller.system.sounds.delete, name, FORMAT)
        raise ChannelGone(caller.name)
    try:
        await play(caller, "vm-dialout")
    except SoundMissing as missing:
        logger.warning(f"Dial: {missing}")
