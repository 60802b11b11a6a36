"""Compares what commands of the CLI printed with what was recorded, beside calls."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Commands whose output is not that of the scenario alone, with the reason.
UNLIKE = {
    "core show uptime": "how long the system runs",
    "core show hints": "the order of a hash table",
    "pjsip show channelstats": "how many packets the driver had sent",
    "voicemail show users": "messages of earlier scenarios",
}


def live_comparable(text: str) -> str:
    """Without numbers of channels, ids, addresses in memory, folders, times and milliseconds, with all columns."""
    text = re.sub(r"-(?:[0-9a-f]{8}\b|<CH\d+>)", "-00000000", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{1,4}(-[0-9a-f]{12})?", "UUID", text)
    text = re.sub(r"\d\d:\d\d:\d\d", "00:00:00", text)
    text = re.sub(r"\b\d{10}\.\d+", "UNIQUE", text)
    text = re.sub(r"0x[0-9a-f]{12}\b", "0xADDRESS", text)
    text = re.sub(r"\t(?:<RUN>|/)\S*/", "\tFOLDER/", text)
    text = re.sub(r"(sequence=|RINGTIME_MS=|Elapsed Time: 0h0m)\d+", r"\1N", text)
    text = re.sub(r"[0-9a-f]{10}(?= NonQual| Avail| Unavail)", "HASH", text)
    text = re.sub(r" 0000000\d\b", " SECONDS", text)
    text = re.sub(r"(?m)^((?:[^!\n]*!){11})\d+!", r"\1N!", text)
    text = re.sub(r" +\(exp\. \d+s\)", "", text)  # the recordings differ among themselves in it
    text = re.sub(r"C-[0-9a-f]{8}", "C-NUMBER", text)
    return re.sub(r"\d+ calls? processed", "N calls processed", text)


def differences(printed: Iterable[tuple[str, str]], recorded: Iterable[tuple[str, str]]) -> list[str]:
    """What a scenario's commands printed otherwise than recorded. Usage texts are our own words and only have to be some."""
    ours, theirs = list(printed), list(recorded)
    found = [] if len(ours) == len(theirs) else [f"{len(ours)} commands ran, {len(theirs)} were recorded"]
    for (line, text), (_, wanted) in zip(ours, theirs, strict=False):
        if line in UNLIKE:
            continue
        is_usage = "Usage" in wanted
        if text.startswith("Usage: ") if is_usage else live_comparable(text) == live_comparable(wanted):
            continue
        found.append(f"{line}\n-- recorded --\n{wanted}-- ours --\n{text}")
    return found
