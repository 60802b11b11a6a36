"""Scripts' dialogues as recorded: environment, every answer, and what the dialplan does afterwards.

The script is in this process, so that virtual time need not wait for it; tests/interop/test_agi.py has real ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from globstar.modules.res.agi import apps
from tests.support.agi import ScriptInside
from tests.support.vectors import load_vectors
from tests.vectors.harness import Case, Harness, differences

FIELDS = ("executed", "vars", "hangup_cause")
CASES = load_vectors("agi")

_CHANNEL = re.compile(r"-[0-9a-f]{8}(?=;[12])")


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[Harness]:
    harness = Harness(tmp_path_factory.mktemp("agi"))
    yield harness
    harness.close()


def _shortened(lines: list[str]) -> list[str]:
    """An answer with the words of its usage left out, as recorded."""
    if lines and lines[0].startswith("520-"):
        return [lines[0], "<usage text>", lines[-1]]
    return lines


@pytest.mark.parametrize("case", CASES)
def test_dialogue(harness: Harness, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts: list[ScriptInside] = []

    async def start(system: Any, name: str, arguments: list[str], **_: Any) -> ScriptInside:
        requests = [request.replace("INST/", f"{harness.root}/") for request in case["requests"]]
        scripts.append(ScriptInside(requests, name))
        return scripts[-1]

    monkeypatch.setattr(apps, "start_local", start)
    seen = harness.run_case(case)
    found = list(differences(case, seen, FIELDS))
    if sorted(file for _, file in seen.played) != sorted(case["played"]):
        found.append(f"played:\n  recorded {case['played']}\n  got      {seen.played}")
    if seen.warned != any(level in ("WARNING", "ERROR") for level in case["log"]):
        found.append(f"log:\n  recorded {case['log']}\n  got      {seen.log}")
    normal = [line.replace(str(harness.root), "INST") for line in scripts[0].environment]
    environment = [re.sub(r"(?<=^agi_threadid: )\d+", "<num>", _CHANNEL.sub("-XXXXXXXX", line)) for line in normal]
    if environment != case["env"]:
        found.append(f"env:\n  recorded {case['env']}\n  got      {environment}")
    recorded = [(request, _shortened(answer)) for request, answer in case["transcript"] if answer is not None]
    transcript = [(request.replace(str(harness.root), "INST"), _shortened(answer)) for request, answer in scripts[0].transcript]
    found += [f"dialogue:\n  recorded {r}\n  got      {t}" for r, t in zip(recorded, transcript, strict=False) if r != t]
    if len(recorded) != len(transcript):
        found.append(f"recorded {len(recorded)} commands, got {len(transcript)}")
    assert not found, "\n".join(found)
