"""String handling dialplan functions."""

from __future__ import annotations

from globstar.modules.funcs.strings.fields import field_count, field_number, list_filter, pop, push, shift, unshift
from globstar.modules.funcs.strings.hashes import array, clear_hash, hash_, hash_keys
from globstar.modules.funcs.strings.replacing import filter_characters, regex, replace, string_replace
from globstar.modules.funcs.strings.text import (
    csv_quote,
    evaluate,
    keypad_hash,
    length,
    pass_through,
    quote,
    string_between,
    to_lower,
    to_upper,
    trim,
    trim_left,
    trim_right,
)
from globstar.modules.funcs.strings.times import format_time, read_time

__all__ = [
    "array", "clear_hash", "csv_quote", "evaluate", "field_count", "field_number", "filter_characters", "format_time",
    "hash_", "hash_keys", "keypad_hash", "length", "list_filter", "pass_through", "pop", "push", "quote", "read_time", "regex",
    "replace", "shift", "string_between", "string_replace", "to_lower", "to_upper", "trim", "trim_left", "trim_right", "unshift",
]  # fmt: skip
