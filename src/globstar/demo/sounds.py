"""Gives the demo its prompts: recorded ones where Debian's packages brought them, else spoken ones."""

from __future__ import annotations

import secrets
from pathlib import Path

RECORDED_SOUNDS = Path("/usr/share/asterisk/sounds")
"""Where Debian's packages asterisk-core-sounds-* and asterisk-prompt-* put recordings, a folder for each language."""

LANGUAGE = "en"


def prepare_sounds(data_dir: Path, recorded: Path) -> str:
    """Make ``data_dir/sounds/<language>`` lead to prompts; returns where they come from, for people to read."""
    languages = _recorded_languages(recorded)
    for language, folder in languages.items():
        _link(data_dir / "sounds" / language, folder)
    if LANGUAGE in languages:
        return f"recorded, from {recorded}"
    from globstar.media.prompts import PromptStore, SpeechUnavailable, prompt_texts

    store = PromptStore(data_dir / "sounds-spoken")
    try:
        for name in prompt_texts(LANGUAGE):
            store.ensure_prompt(name, LANGUAGE)
    except SpeechUnavailable as error:
        return f"none; {error}"
    _link(data_dir / "sounds" / LANGUAGE, store.spoken / LANGUAGE)
    return "spoken by espeak-ng (apt-get install asterisk-core-sounds-en-gsm brings recorded ones)"


def _recorded_languages(recorded: Path) -> dict[str, Path]:
    """The languages that have at least the digits."""
    if not recorded.is_dir():
        return {}
    return {folder.name: folder for folder in recorded.iterdir() if any(folder.glob("digits/1.*"))}


def _link(link: Path, target: Path) -> None:
    """A symbolic link that is replaced as a whole; a folder of the user's own in its place stays."""
    if link.is_symlink() or not link.exists():
        if link.is_symlink() and link.readlink() == target:
            return
        temporary = link.with_name(f".{link.name}.{secrets.token_hex(4)}")
        temporary.symlink_to(target)
        temporary.replace(link)
