"""Runs the recorded dialplan cases (``vectors/dialplan`` of the shared data) in one process, on virtual time.

One :class:`Harness` holds a system with every module loaded. A case loads its own dialplan, dials
``Local/EXTEN@CONTEXT/n`` as the recording did, and gives an :class:`Observation` in the recording's own form, normalised as the
README of the vectors says.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from globstar.base.log import Level, Record, hub
from globstar.config import MemorySource
from globstar.core import events
from globstar.core.boot import boot, shut_down
from globstar.core.cause import Cause
from globstar.core.channel import Channel
from globstar.core.dialing import OriginateResult, Origination, originate
from globstar.core.settings import Directories, Options
from globstar.core.system import System
from tests.support.virtual_loop import START, VirtualTimeLoop

Case = dict[str, Any]

#: Seconds that the recording's Originate waited for an answer, and that a case may run after its end.
ANSWER_TIMEOUT = 15.0
END_TIMEOUT = 60.0
#: The date of the recording.
WALL_START = 1795380472.0

PATTERN_GLOBALS = {"GEX": "777", "GPR": "1"}

_CHANNEL = re.compile(r"-[0-9a-f]{8}(?=;[12])")
_NUMERIC_VARIABLES = frozenset(
    name + suffix for name in ("DIALEDTIME", "ANSWEREDTIME", "RINGTIME", "PROGRESSTIME") for suffix in ("", "_MS")
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
#: The files of the recording; everything else was missing on purpose.
SOUNDS = (
    [f"digits/{n}" for n in [*range(21), *range(30, 100, 10)]]
    + [f"digits/h-{n}" for n in [*range(1, 21), *range(30, 100, 10)]]
    + [f"digits/{n}" for n in ("hundred", "thousand", "million", "minus", "star", "pound", "oclock", "oh", "a-m", "p-m")]
    + [f"digits/{n}" for n in ("h-hundred", "h-thousand", "h-million", "today", "yesterday", "at", "dollars")]
    + [f"digits/day-{n}" for n in range(7)]
    + [f"digits/mon-{n}" for n in range(12)]
    + [
        f"letters/{n}"
        for n in [*_LETTERS, "dot", "dash", "space", "at", "slash", "plus", "equals", "dollar", "exclaimation-point"]
    ]
    + [f"phonetic/{n}_p" for n in [*_LETTERS, *range(10)]]
    + ["beep", "hello-world", "vm-goodbye", "silence/1"]
)

FIXED_ENVIRONMENT = {"TZ": "UTC", "VECENV": "env value"}

CONFIGURATION = {
    "modules.conf": "[modules]\nautoload=yes\n",
    "indications.conf": (
        "[general]\ncountry=us\n[us]\ndescription=United States\nringcadence=2000,4000\ndial=350+440\nbusy=480+620/500,0/500\n"
        "ring=440+480/2000,0/4000\ncongestion=480+620/250,0/250\ncallwaiting=440/300,0/10000\n"
        "dialrecall=!350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440\nrecord=1400/500,0/15000\n"
        "info=!950/330,!1400/330,!1800/330,0\nstutter=!350+440/100,!0/100,!350+440/100,!0/100,350+440\n"
    ),
    "musiconhold.conf": "[default]\nmode=files\ndirectory=moh\n",
    "cdr.conf": "[general]\nenable=yes\nunanswered=yes\n",
    "cel.conf": "[general]\nenable=no\n",
    "extensions.conf": "",
}  # fmt: skip


@dataclass(slots=True)
class ChannelLog:
    """What one channel did."""

    name: str
    unique_id: str
    executed: list[list[Any]] = field(default_factory=list)
    varset: list[list[str]] = field(default_factory=list)
    userevents: list[list[list[str]]] = field(default_factory=list)
    hangup_cause: int | None = None
    #: the last value of R as it was, not normalised
    result: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """The last value of each variable."""
        return dict(self.varset)

    def as_other(self) -> dict[str, Any]:
        """The form of an entry of ``other_channels``."""
        return {
            "channel": self.name, "executed": self.executed, "varset": self.varset, "vars": self.variables,
            "userevents": self.userevents, "hangup_cause": self.hangup_cause,
        }  # fmt: skip


@dataclass(slots=True)
class Observation:
    """What one dial gave, in the form of the vectors."""

    executed: list[list[Any]]
    varset: list[list[str]]
    userevents: list[list[list[str]]]
    hangup_cause: int | None
    other_channels: list[dict[str, Any]]
    played: list[list[str]]
    originate: list[str]
    log: list[tuple[str, str]]
    result: str

    @property
    def warned(self) -> bool:
        """Whether a WARNING or an ERROR was logged."""
        return any(level in ("WARNING", "ERROR") for level, _ in self.log)

    @property
    def variables(self) -> dict[str, str]:
        """The last value of each variable of the channel."""
        return dict(self.varset)

    @property
    def results(self) -> dict[str, str]:
        """The variables called R, R0 to R9 and RA to RZ."""
        return {name: value for name, value in self.variables.items() if re.fullmatch(r"R[0-9A-Z]?", name)}


class Recorder:
    """Listens to one system while a dial runs."""

    def __init__(self, system: System, root: Path) -> None:
        self.system = system
        self.root = str(root)
        self.channels: dict[str, ChannelLog] = {}
        self.played: list[list[str]] = []
        self.log: list[tuple[str, str]] = []
        self._undo = [
            system.bus.subscribe(events.ApplicationStarted, self._application),
            system.bus.subscribe(events.VariableSet, self._variable),
            system.bus.subscribe(events.UserEventRaised, self._user_event),
            system.bus.subscribe(events.ChannelHungUp, self._hung_up),
            system.bus.subscribe(events.ChannelCreated, self._created),
            system.bus.subscribe(events.FilePlayed, self._file_played),
        ]
        hub.add(Level.NOTICE | Level.WARNING | Level.ERROR, self._logged)

    def close(self) -> None:
        """Stop listening."""
        for undo in self._undo:
            undo()
        hub.remove(self._logged)

    def of(self, channel: Channel) -> ChannelLog:
        """The record of a channel, made at the first call."""
        log = self.channels.get(channel.name)
        if log is None:
            log = self.channels[channel.name] = ChannelLog(self.normal(channel.name), channel.unique_id)
        return log

    def normal(self, text: str) -> str:
        """``text`` without what differs from run to run."""
        return _CHANNEL.sub("-XXXXXXXX", text).replace(self.root, "INST")

    def _created(self, event: events.ChannelCreated) -> None:
        self.of(event.channel)

    def _application(self, event: events.ApplicationStarted) -> None:
        channel = event.channel
        entry = [channel.context, channel.extension, channel.priority, event.application, self.normal(event.data)]
        executed = self.of(channel).executed
        # AMI raises no second Newexten for the same application at the same place.
        if not executed or executed[-1][:4] != entry[:4]:
            executed.append(entry)

    def _variable(self, event: events.VariableSet) -> None:
        if event.channel is None:
            return
        # The recording came over AMI, which shows what is not UTF-8 as U+FFFD.
        value = self.normal(event.value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        if event.name in _NUMERIC_VARIABLES and _NUMBER.fullmatch(value):
            value = "<num>"
        log = self.of(event.channel)
        log.varset.append([event.name, value])
        if event.name == "R":
            log.result = event.value

    def _user_event(self, event: events.UserEventRaised) -> None:
        if event.channel is not None:
            headers = [["UserEvent", event.name], *[[name, value] for name, value in event.headers]]
            self.of(event.channel).userevents.append(headers)

    def _hung_up(self, event: events.ChannelHungUp) -> None:
        self.of(event.channel).hangup_cause = event.channel.hangup_cause

    def _file_played(self, event: events.FilePlayed) -> None:
        self.played.append([self.normal(event.channel.name), event.file])

    def _logged(self, record: Record) -> None:
        self.log.append((record.level.name or "", record.message))


class Harness:
    """A system with everything loaded, on a loop of its own; made once per file of cases."""

    def __init__(self, root: Path, global_variables: dict[str, str] | None = None) -> None:
        self.root = root
        self.globals = global_variables or {}
        self._environment = {name: os.environ.get(name) for name in FIXED_ENVIRONMENT}
        os.environ.update(FIXED_ENVIRONMENT)
        time.tzset()
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.boot_log: list[tuple[str, str]] = []
        self.runner.run(self._boot())

    async def _boot(self) -> None:
        _make_sounds(self.root / "data" / "sounds" / "en", SOUNDS)
        _make_sounds(self.root / "data" / "moh", ["music"])
        loop = asyncio.get_running_loop()
        directories = Directories()
        for name, value in _directories(self.root):
            setattr(directories, name, value)
        options = Options()
        options.systemname, options.live_dangerously, options.entityid = "vec", True, "02:fc:00:00:00:01"
        self.system = System(directories=directories, options=options, wall_clock=lambda: WALL_START + loop.time() - START)
        self.source_files = dict(CONFIGURATION)

        def keep(record: Record) -> None:
            self.boot_log.append((record.level.name or "", record.message))

        hub.add(Level.WARNING | Level.ERROR, keep)
        try:
            await boot(self.system, MemorySource(self.source_files), keep_database=False)
        finally:
            hub.remove(keep)

    def close(self) -> None:
        """Stop the system and put the environment back."""
        self.runner.run(shut_down(self.system))
        self.runner.close()
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        time.tzset()

    def load_dialplan(self, conf: str, files: dict[str, str] | None = None) -> list[tuple[str, str]]:
        """Put the dialplan of a case in force as a reload does; returns what was logged of level NOTICE or above."""
        lines = "".join(f"{name}={value}\n" for name, value in self.globals.items())
        added = {"extensions.conf": f"[globals]\n{lines}{conf}", **(files or {})}
        self.source_files.update(added)
        log: list[tuple[str, str]] = []

        def keep(record: Record) -> None:
            log.append((record.level.name or "", record.message))

        hub.add(Level.NOTICE | Level.WARNING | Level.ERROR, keep)
        try:
            self.runner.run(self.system.loader.reload("pbx_config"))
        finally:
            hub.remove(keep)
            for name in added:
                del self.source_files[name]
        return log

    def dial(
        self, case_id: str, extension: str, context: str, *, number: int = 1, peer_app: tuple[str, str] = ("Wait", "2"),
        caller_id: str = "", variables: list[str] | None = None,
    ) -> Observation:  # fmt: skip
        """Dial as the recording did and run until every channel is gone."""
        return self.runner.run(self._dial(case_id, extension, context, number, peer_app, caller_id, variables or []))

    async def _dial(
        self, case_id: str, extension: str, context: str, number: int, peer_app: tuple[str, str], caller_id: str,
        variables: list[str],
    ) -> Observation:  # fmt: skip
        system = self.system
        recorder = Recorder(system, self.root)
        try:
            result = await originate(
                system,
                Origination(
                    dial_string=f"Local/{extension}@{context}/n", application=peer_app[0], data=peer_app[1],
                    timeout=ANSWER_TIMEOUT, caller_id=caller_id, unique_id=f"{case_id}-{number}-1",
                    second_unique_id=f"{case_id}-{number}-2",
                    variables=[(name, value) for name, _, value in (text.partition("=") for text in variables)],
                ),
            )  # fmt: skip
            await self._wait_for_silence()
        finally:
            recorder.close()
        channels = list(recorder.channels.values())
        own = {f"{case_id}-{number}-1", f"{case_id}-{number}-2"}
        main = next((log for log in channels if log.unique_id == f"{case_id}-{number}-2"), ChannelLog("", ""))
        # The recording took a channel of the name of the originating one for that one.
        own_names = {log.name for log in channels if log.unique_id == f"{case_id}-{number}-1"}
        others = [log for log in channels if log.unique_id not in own and log.name not in own_names]
        others.sort(key=lambda log: log.name)
        return Observation(
            executed=main.executed, varset=main.varset, userevents=main.userevents, hangup_cause=main.hangup_cause,
            other_channels=[log.as_other() for log in others], played=recorder.played,
            originate=_originate_response(result), log=recorder.log, result=main.result,
        )  # fmt: skip

    async def _wait_for_silence(self) -> None:
        system = self.system
        deadline = system.now() + END_TIMEOUT
        while system.channels:
            if system.now() > deadline:
                left = ", ".join(system.channels)
                for channel in list(system.channels.values()):
                    channel.hangup(Cause.FAILURE)
                raise AssertionError(f"channels stayed: {left}")
            await asyncio.sleep(0.1)

    def run_case(self, case: Case, peer_app: tuple[str, str] | None = None) -> Observation:
        """Load and dial a case with one dial (all files but the patterns)."""
        (self.root / "tmp").mkdir(exist_ok=True)
        self.load_dialplan(case["conf"].replace("INST/", f"{self.root}/"))
        app = peer_app or tuple(case.get("peer_app") or ("Wait", "2"))
        return self.dial(case["id"], case["exten"], case["context"], peer_app=(app[0], app[1]))


def differences(case: Case, seen: Observation, fields: tuple[str, ...]) -> Iterator[str]:
    """What the recording has otherwise, field by field; unstable fields and shapes are taken into account."""
    unstable = set(case.get("unstable_fields", ()))
    shape = case.get("shape")
    if shape is not None:
        unstable |= {"results", "executed", "varset"}
        if not re.fullmatch(shape, seen.result):
            yield f"R: {seen.result!r} has not the shape {shape}"
    for name in fields:
        if name in unstable or name not in case:
            continue
        wanted = case[name]
        got = getattr(seen, "variables" if name == "vars" else name)
        if got != wanted:
            yield f"{name}:\n  recorded {wanted}\n  got      {got}"


def _originate_response(result: OriginateResult) -> list[str]:
    return ["Success" if result.channel is not None else "Failure", str(int(result.reason))]


def _directories(root: Path) -> list[tuple[str, str]]:
    folders = {
        "astetcdir": "etc", "astmoddir": "modules", "astvarlibdir": "data", "astdbdir": "run/db", "astkeydir": "data/keys",
        "astdatadir": "data", "astagidir": "data/agi-bin", "astspooldir": "run/spool", "astrundir": "run",
        "astlogdir": "run/log", "astcachedir": "run/cache",
    }  # fmt: skip
    return [*((name, str(root / folder)) for name, folder in folders.items()), ("astsbindir", "<SBIN>")]


def _make_sounds(folder: Path, names: list[str]) -> None:
    """320 samples of ulaw silence per file: the end positions that were recorded."""
    for name in names:
        file = folder / f"{name}.ulaw"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"\xff" * 320)
