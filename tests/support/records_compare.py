"""Compares recorded rows of CDR and CEL with ours.

Names that differ from run to run (channels, unique ids, bridge ids) are numbered by first appearance on both sides; times and
lengths are left out, since the replay does not wait as long as the recorded script did.
"""

from __future__ import annotations

import csv
import difflib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

_CHANNEL = re.compile(r"\b[A-Za-z]+/[^\s,\"';]+-(?:<CH\d+>|[0-9a-f]{8})(?:;[12])?")
_NUMBERED = re.compile(r"<(?:UID|UUID|CH)\d+>|\b1[78]\d{8}\.\d+\b|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


_FOLDER = re.compile(r"/[\w./-]*?/(?:replay\d*|run)/(?=spool/)")


class Names:
    """Gives each name that differs from run to run a number."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def add_channels(self, names: Iterable[str]) -> None:
        """The channels in the order in which they came into being; halves of a Local channel have one number."""
        for name in names:
            head, _, half = name.partition(";")
            base = head.rpartition("-")[0]
            number = self.known.get(head, f"{base}-#{len(self.known)}")
            self.known.setdefault(head, number)
            if half:
                self.known[name] = f"{number};{half}"

    def __call__(self, text: str) -> str:
        text = _CHANNEL.sub(lambda found: self.known.get(found[0], found[0]), text)
        text = _FOLDER.sub("<RUN>/", text)
        return _NUMBERED.sub(lambda found: self.known.setdefault(found[0], f"<{len(self.known)}>"), text)


def _rows(lines: Iterable[str]) -> list[list[str]]:
    return list(csv.reader(lines))


def cel_by_channel(lines: Iterable[str], *, is_loose: bool = False) -> dict[str, list[str]]:
    """The events of each channel as text, in order; channels by order of creation. Order between channels is no promise.

    ``is_loose``: who is left in a bridge is left out, and whether a blind transfer is told before or after the transferer
    leaves, where that was a race of threads.
    """
    rows = _rows(lines)
    names = Names()
    starts = [row for row in rows if row[0] == "CHAN_START"]
    names.add_channels(row[9] for row in starts)
    for row in starts:
        names(row[14])
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row[0] == "LINKEDID_END":  # which channel of a call is the last one is a race
            found["ended"].append(names(row[15]))
            continue
        if is_loose and row[0] == "BRIDGE_EXIT":
            row[16] = ""
        peers = ",".join(sorted(names(peer) for peer in row[16].split(",")))
        extra = json.loads(row[19]) if row[19] else {}
        extra.pop("duration_ms", None)
        if row[18] == "FILE_STREAM_BEGIN":
            extra.pop("format")  # the sounds of the replay are of another format
        extra = names(json.dumps(extra))
        fields = [row[0], *row[2:9], *row[10:14], names(row[14]), names(row[15]), peers, *row[17:19], extra]
        fields[8:10] = [names(text) for text in fields[8:10]]
        place = "transfers" if is_loose and row[0] == "BLINDTRANSFER" else names(row[9])
        found[place].append(" | ".join(fields))
    return found


def compare_cel_whole(recorded: Sequence[str], ours: Sequence[str]) -> list[str]:
    """The differences in the order of all events, whichever channels they are of; see :func:`compare_cel`."""
    theirs, mine = ([f"{row[0]} {name}" for row, name in _named(lines)] for lines in (recorded, ours))
    return list(difflib.unified_diff(theirs, mine, "recorded", "ours", n=0, lineterm=""))


def _named(lines: Iterable[str]) -> list[tuple[list[str], str]]:
    """The rows, each with the name of its channel."""
    rows = _rows(lines)
    names = Names()
    names.add_channels(row[9] for row in rows if row[0] == "CHAN_START")
    return [(row, names(row[9])) for row in rows]


def compare_cel(recorded: Sequence[str], ours: Sequence[str], *, is_loose: bool = False) -> list[str]:
    """The differences as lines of a diff, none if there are none."""
    theirs, mine = (cel_by_channel(rows, is_loose=is_loose) for rows in (recorded, ours))
    found: list[str] = []
    for channel in dict.fromkeys([*theirs, *mine]):
        found += difflib.unified_diff(
            theirs.get(channel, []), mine.get(channel, []), f"recorded {channel}", "ours", n=0, lineterm=""
        )
    return found


def cdr_texts(lines: Iterable[str], starts: Iterable[tuple[str, str]], *, is_loose: bool = False) -> list[str]:
    """The records as text, by sequence number relative to the first. ``starts``: name and unique id of channels in order.

    ``is_loose``: the numbers are left out, where threads gave them in an order of chance.
    """
    names = Names()
    starts = list(starts)
    names.add_channels(name for name, _ in starts)
    for _, unique_id in starts:
        names(unique_id)
    rows = []
    for row in _rows(lines):
        number = re.search(r"[-+]?\d+", row[-1])
        assert number is not None, row
        answered = "answered" if row[10] else "unanswered"
        texts = [names(text) for text in (*row[:9], answered, *row[14:-1])]
        rows.append((int(number[0]), texts))
    rows.sort()
    if is_loose:
        return sorted(" | ".join(texts) for _, texts in rows)
    return [" | ".join([str(number - rows[0][0]), *texts]) for number, texts in rows]


def compare_cdr(
    recorded: Sequence[str],
    their_channels: Iterable[tuple[str, str]],
    ours: Sequence[str],
    our_channels: Iterable[tuple[str, str]],
    *,
    is_loose: bool = False,
) -> list[str]:
    """The differences as lines of a diff, none if there are none."""
    return list(
        difflib.unified_diff(
            cdr_texts(recorded, their_channels, is_loose=is_loose),
            cdr_texts(ours, our_channels, is_loose=is_loose),
            "recorded",
            "ours",
            n=0,
            lineterm="",
        )
    )
