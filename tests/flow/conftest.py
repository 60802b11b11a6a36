"""Fixtures of several flow tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.voicemail import write_prompts


@pytest.fixture(scope="session")
def voicemail_prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all prompts of voicemail; nobody writes there."""
    folder = tmp_path_factory.mktemp("prompts")
    write_prompts(folder)
    return folder
