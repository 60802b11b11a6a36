"""RFC 3261 25.1: quoted strings, lists, parameters, numbers."""

from __future__ import annotations

import pytest

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import (
    Params,
    end_of_quoted,
    parse_number,
    quote,
    split_list,
    split_outside,
    tokens,
    unquote,
)


@pytest.mark.parametrize("text", ["", "plain", 'a "b" c', "back\\slash", 'ends with \\"', "日本"])
def test_quote_and_unquote_are_inverse(text: str) -> None:
    assert unquote(quote(text)) == text


def test_unquote_leaves_tokens_alone() -> None:
    assert unquote("token") == "token"
    assert unquote('"') == '"'


def test_end_of_quoted_counts_backslashes() -> None:
    assert end_of_quoted('"a\\"b" rest', 0) == 6
    assert end_of_quoted('"a\\\\" rest', 0) == 5
    assert end_of_quoted('x"" y', 1) == 3


@pytest.mark.parametrize("text", ['"', '"abc', '"abc\\"', '"\\'])
def test_unbalanced_quote_is_refused(text: str) -> None:
    with pytest.raises(SipParseError):
        end_of_quoted(text, 0)


def test_split_respects_quotes_and_brackets() -> None:
    assert split_outside('"a,b" <sip:x@y?a,b>;q=1 , <sip:z>,', ",") == ['"a,b" <sip:x@y?a,b>;q=1', "<sip:z>", ""]
    assert split_list("a, b,,c ,") == ["a", "b", "c"]
    assert split_list("  ") == []


def test_split_refuses_an_open_bracket() -> None:
    with pytest.raises(SipParseError):
        split_outside("<sip:a, <sip:b", ",")


def test_tokens_of_several_lines() -> None:
    assert tokens(["INVITE, ACK", "", "BYE"]) == ("INVITE", "ACK", "BYE")


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "١", "1 ", "x", "9" * 21])
def test_number_refused(text: str) -> None:
    with pytest.raises(SipParseError):
        parse_number(text, 2**70, "n")


def test_number_limit() -> None:
    assert parse_number("0070", 255, "n") == 70
    with pytest.raises(SipParseError):
        parse_number("256", 255, "n")


def test_params_order_case_and_flags() -> None:
    params = Params.parse(' TAG = a ; lr;X="q;\\"r" ;')
    assert params == Params([("tag", "a"), ("lr", None), ("x", '"q;\\"r"')])
    assert params.get("tag") == "a"
    assert params.get("lr") == ""
    assert params.get("none") is None
    assert params.unquoted("x") == 'q;"r'
    assert str(params) == ';tag=a;lr;x="q;\\"r"'


@pytest.mark.parametrize("text", [";;", "a;;b", "=x", ";a", 'a="b'])
def test_params_refused(text: str) -> None:
    with pytest.raises(SipParseError):
        Params.parse(text)


def test_params_changes_are_copies() -> None:
    params = Params.parse("a=1;b")
    assert params.replace("a", "2") == Params([("a", "2"), ("b", None)])
    assert params.replace("c", None) == Params([("a", "1"), ("b", None), ("c", None)])
    assert params.without("a") == Params([("b", None)])
    assert params == Params([("a", "1"), ("b", None)])
    assert type(params.without("a")) is Params
