"""Pure: extensions.conf, patterns, expressions, substitution, arguments."""

from __future__ import annotations

from globstar.dialplan.arguments import ParsedOptions, argument, parse_options, split_arguments, split_raw
from globstar.dialplan.context import HINT, Context, Extension, IgnorePattern, Include, PriorityInUse, Step, Switch
from globstar.dialplan.expression import ExpressionEnv, evaluate
from globstar.dialplan.pattern import Pattern, compile_pattern
from globstar.dialplan.plan import Dialplan, Mode, Route
from globstar.dialplan.reader import GeneralOptions, LoadedDialplan, read_extensions
from globstar.dialplan.show import list_dialplan, missing_text
from globstar.dialplan.substitute import Scope, Template, compile_template, substitute
from globstar.dialplan.timing import TimeSpec, parse_timing

__all__ = [
    "HINT",
    "Context",
    "Dialplan",
    "ExpressionEnv",
    "Extension",
    "GeneralOptions",
    "IgnorePattern",
    "Include",
    "LoadedDialplan",
    "Mode",
    "ParsedOptions",
    "Pattern",
    "PriorityInUse",
    "Route",
    "Scope",
    "Step",
    "Switch",
    "Template",
    "TimeSpec",
    "argument",
    "compile_pattern",
    "compile_template",
    "evaluate",
    "list_dialplan",
    "missing_text",
    "parse_options",
    "parse_timing",
    "read_extensions",
    "split_arguments",
    "split_raw",
    "substitute",
]
