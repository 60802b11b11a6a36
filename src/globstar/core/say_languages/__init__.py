"""How each language says numbers and times: one file per language, read when it is first spoken."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from globstar.core.say_languages.base import Language

#: The code of each language in lower case, and its file.
FILES = {
    code: code for code in (
        "cs", "da", "de", "dr", "en", "es", "fr", "gr", "he", "hu", "it", "ja", "ka", "nl", "no", "pl", "ps", "pt", "ru",
        "se", "th", "ur", "vi", "zh",
    )
} | {"en_gb": "en", "is": "is_"}  # fmt: skip


@cache
def load_language(code: str) -> Language:
    """The language of a code of :data:`FILES`."""
    module = import_module(f"globstar.core.say_languages.{FILES[code]}")
    languages: tuple[Language, ...] = module.LANGUAGES
    return next(language for language in languages if language.code.lower() == code)
