"""Evaluation of `$[...]`: arithmetic, comparison, logic, regular expressions, functions.

Values are texts; quotes belong to a quoted text and are only dropped by `~~`, `:` and `=~`. An operator looks whether a text is a
number when it needs one. Precedence, lowest first: `? ::`, `|`, `&`, comparisons, `+ -`, `* / %`, unary `- !`, `: =~`, `~~`.

Nothing raises. After a syntax error the result is what was complete at the top level when the error was met, nothing at the
very start, and 0 inside an unfinished operation; each comes with a warning.
"""

from __future__ import annotations

import re
from typing import Protocol

from globstar.base.bytetext import byte_view, from_byte_view
from globstar.base.regex import BadPattern, compile_regex
from globstar.dialplan import longdouble
from globstar.dialplan.longdouble import Number, format_number, parse_number
from globstar.dialplan.mathfunctions import FUNCTIONS

MAX_DEPTH = 60
CACHE_SIZE = 4096
DIVISION_BY_ZERO = 2147483647


class ExpressionEnv(Protocol):
    """What an expression may reach: dialplan functions and the log. A substitution scope is one."""

    def call_function(self, name: str, args: str) -> str | None:
        """Return the value of a dialplan function, or None when there is none of that name (which it has logged)."""
        ...

    def warn(self, level: str, message: str) -> None:
        """Take a message of level NOTICE, WARNING or ERROR."""
        ...


# A value is a text, or a number that an operation computed.
Value = str | Number

_TOKEN = re.compile(
    r"""(?P<quoted>"[^"]*")
      | (?P<operator>\|\|?|&&?|!=|[<>]=?|==?(?!~)|=~|~~|::|[-+*/%!?:()])
      | (?P<text>(?:[^\s"|&!<>=~:\-+*/%?()\[\]{}$^,]|\$(?=[^\s"|&!<>=~:\-+*/%?()\[\]{}$^,]))+)
      | (?P<comma>,)
    """,
    re.VERBOSE,
)
_NUMBER = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)\Z", re.ASCII)
_SIMPLE_NUMBERS = re.compile(r"\s*([0-9]{1,17})\s*([-+*]|[<>!]=|==?|[<>])\s*([0-9]{1,17})\s*\Z", re.ASCII)
_SIMPLE_TEXTS = re.compile(r'\s*("[^"]*")\s*(!=|==?)\s*("[^"]*")\s*\Z')

_BINARY = {
    "|": 1, "||": 1, "&": 2, "&&": 2,
    "=": 3, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, ":": 7, "=~": 7, "~~": 8,
}  # fmt: skip
_UNARY_PRECEDENCE = 6

# Results of expressions that called no function and warned of nothing, by text: they are always the same.
_cache: dict[str, str] = {}


def evaluate(text: str, env: ExpressionEnv) -> str:
    """Evaluate an expression whose variables have been substituted."""
    result = _cache.get(text)
    if result is None:
        result = _evaluate_simple(text)
        is_pure = result is not None
        if result is None:
            parser = _Evaluator(text, env)
            result = parser.run()
            is_pure = parser.is_pure
        if is_pure:
            if len(_cache) >= CACHE_SIZE:
                _cache.clear()
            _cache[text] = result
    return result


def _evaluate_simple(text: str) -> str | None:
    """Evaluate `number op number` and `"text" = "text"`, the commonest forms, without parsing."""
    found = _SIMPLE_NUMBERS.match(text)
    if found:
        operator = found[2]
        left, right = int(found[1]), int(found[3])
        if operator == "+":
            return format_number(left + right)
        if operator == "-":
            return format_number(left - right)
        if operator == "*":
            return format_number(longdouble.multiply(left, right))
        return "1" if _holds(operator, (left > right) - (left < right)) else "0"
    found = _SIMPLE_TEXTS.match(text)
    if found:
        return "1" if (found[1] == found[3]) == (found[2] != "!=") else "0"
    return None


class _SyntaxFault(Exception):
    """Parsing cannot go on inside an unfinished operation."""


class _Evaluator:
    """Parses by precedence and computes on the way."""

    def __init__(self, text: str, env: ExpressionEnv) -> None:
        # What no token begins with ([, ], {, }, ^, lone ~, $ and quotes) is passed over, like blanks.
        self.tokens = [(found.lastgroup or "", found[0]) for found in _TOKEN.finditer(text)]
        self.text = text
        self.position = 0
        self.depth = 0
        self.env = env
        self.is_pure = True

    def run(self) -> str:
        if not self.tokens:
            return ""
        kind, token = self.tokens[0]
        if kind == "comma" or (kind == "operator" and token not in ("-", "!", "(")):
            self.syntax_error()
            return ""
        try:
            result = self.ternary()
        except _SyntaxFault:
            self.syntax_error()
            return "0"
        if self.position < len(self.tokens):
            self.syntax_error()
        return to_text(result)

    def syntax_error(self) -> None:
        near = self.tokens[self.position][1] if self.position < len(self.tokens) else "the end"
        self.warn(f"syntax error near '{near}' in expression '{self.text}'")

    def warn(self, message: str) -> None:
        self.is_pure = False
        self.env.warn("WARNING", message)

    def operator(self) -> str:
        """Return the operator that comes next, or nothing."""
        if self.position < len(self.tokens):
            kind, token = self.tokens[self.position]
            if kind == "operator":
                return token
        return ""

    # Grammar

    def ternary(self) -> Value:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _SyntaxFault
        condition = self.binary(1)
        if self.operator() == "?":
            self.position += 1
            yes = self.ternary()
            if self.operator() != "::":
                raise _SyntaxFault
            self.position += 1
            no = self.ternary()
            condition = no if _is_false(condition) else yes
        self.depth -= 1
        return condition

    def binary(self, lowest: int) -> Value:
        left = self.unary()
        while (precedence := _BINARY.get(operator := self.operator(), 0)) >= lowest:
            self.position += 1
            right = self.binary(precedence + 1)
            left = self.apply(operator, left, right)
        return left

    def unary(self) -> Value:
        if self.position >= len(self.tokens):
            raise _SyntaxFault
        kind, token = self.tokens[self.position]
        self.position += 1
        if kind == "quoted":
            return token
        if kind == "text":
            return self.call(token) if self.operator() == "(" else token
        if token == "(":
            value = self.ternary()
            if self.operator() != ")":
                raise _SyntaxFault
            self.position += 1
            return value
        if token not in ("-", "!"):
            self.position -= 1
            raise _SyntaxFault
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _SyntaxFault
        operand = self.binary(_UNARY_PRECEDENCE)
        self.depth -= 1
        return self.negative(operand) if token == "-" else int(_is_complement(operand))

    def call(self, name: str) -> Value:
        self.position += 1
        arguments: list[Value] = []
        if self.operator() == ")":
            self.position += 1
            return self.function(name, arguments)
        while True:
            arguments.append(self.ternary())
            if self.position < len(self.tokens) and self.tokens[self.position][0] == "comma":
                self.position += 1
                continue
            if self.operator() != ")":
                raise _SyntaxFault
            self.position += 1
            return self.function(name, arguments)

    # Operations

    def apply(self, operator: str, left: Value, right: Value) -> Value:
        match operator:
            case "|" | "||":
                return right if _is_zero_or_empty(left) else left
            case "&" | "&&":
                return 0 if _is_zero_or_empty(left) or _is_zero_or_empty(right) else left
            case "+":
                return longdouble.add(self.first_number(left), _number_or_zero(right))
            case "-":
                return longdouble.subtract(self.first_number(left), _number_or_zero(right))
            case "*":
                return longdouble.multiply(self.first_number(left), _number_or_zero(right))
            case "/" | "%":
                return self.divide(operator, left, right)
            case "~~":
                return unquoted(to_text(left)) + unquoted(to_text(right))
            case ":" | "=~":
                return self.match(to_text(left), to_text(right), anchored=operator == ":")
            case _:
                return int(_compare(operator, left, right))

    def divide(self, operator: str, left: Value, right: Value) -> Value:
        if _to_number(left) is None:
            return self.first_number(left)
        dividend, divisor = self.first_number(left), _number_or_zero(right)
        if divisor == 0:
            self.warn(f"division by zero in expression '{self.text}'")
            return DIVISION_BY_ZERO if operator == "/" else 0
        return longdouble.divide(dividend, divisor) if operator == "/" else longdouble.modulo(dividend, divisor)

    def first_number(self, value: Value) -> Number:
        """Return the left operand of an arithmetic operation; only there Asterisk says that it is no number."""
        number = _to_number(value)
        if number is None:
            self.warn(f"non-numeric argument '{value}' in expression '{self.text}'")
            return 0
        return number

    def negative(self, value: Value) -> Value:
        number = _to_number(value)
        if number is None:
            self.warn(f"non-numeric argument '{value}' of unary minus in expression '{self.text}'")
            return 0
        return longdouble.negate(number)

    def match(self, text: str, expression: str, anchored: bool) -> Value:
        """Return what the first group matched, without one how many bytes the expression matched."""
        try:
            regex = compile_regex(unquoted(expression))
        except BadPattern as error:
            self.warn(f"regular expression {expression}: {error}")
            return ""
        found = regex.search(byte_view(unquoted(text)))
        if found is None or (anchored and found.start() > 0):
            return "" if regex.groups else 0
        if regex.groups and found[1] is not None:
            return from_byte_view(found[1])
        return found.end() - found.start()

    def function(self, name: str, arguments: list[Value]) -> Value:
        builtin = FUNCTIONS.get(name)
        if builtin is not None:
            count, compute = builtin
            if len(arguments) != count:
                self.warn(f"function {name} takes {count} argument(s), not {len(arguments)}")
                return 0
            return compute(*map(_number_or_zero, arguments))
        self.is_pure = False
        texts = [to_text(argument) for argument in arguments]
        result = self.env.call_function(name, ",".join(texts))
        if result is None:
            self.warn(f"no function {name} in expression '{self.text}'")
            return 0
        # A function that fails leaves its first argument as the value (seen with MATH).
        return result or (texts[0] if texts else "")


# Values


def to_text(value: Value) -> str:
    """Return the text of a value."""
    return value if isinstance(value, str) else format_number(value)


def unquoted(text: str) -> str:
    """Return a text without the quotes around it."""
    return text[1:-1] if len(text) > 1 and text[0] == '"' == text[-1] else text


def _to_number(value: Value) -> Number | None:
    if not isinstance(value, str):
        return value
    return parse_number(value) if _NUMBER.match(value) else None


def _number_or_zero(value: Value) -> Number:
    number = _to_number(value)
    return 0 if number is None else number


def _is_zero_or_empty(value: Value) -> bool:
    return value == "" or _to_number(value) == 0


def _is_false(value: Value) -> bool:
    """The condition of `?`: here the empty text in quotes is false too."""
    return value == '""' or _is_zero_or_empty(value)


def _is_complement(value: Value) -> bool:
    """`!`: every text that is no number counts as zero."""
    return _number_or_zero(value) == 0


def _compare(operator: str, left: Value, right: Value) -> bool:
    """Compare as numbers when both are, else as texts byte by byte, with their quotes."""
    a, b = _to_number(left), _to_number(right)
    if a is not None and b is not None:
        if a != a or b != b:
            return operator == "!="
        return _holds(operator, (a > b) - (a < b))
    x, y = byte_view(to_text(left)), byte_view(to_text(right))
    return _holds(operator, (x > y) - (x < y))


def _holds(operator: str, order: int) -> bool:
    match operator:
        case "=" | "==":
            return order == 0
        case "!=":
            return order != 0
        case "<":
            return order < 0
        case "<=":
            return order <= 0
        case ">":
            return order > 0
        case _:
            return order >= 0
