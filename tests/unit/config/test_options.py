"""Typed options read from a category."""

from __future__ import annotations

import pytest

from globstar.base.errors import LocalFault
from globstar.config import Category, MemorySource, Variable, read_config
from globstar.config.options import Options, Report, did_you_mean, handles, option
from globstar.config.values import boolean, integer, listing, string


class Peer(Options):
    context = option(string, "default", help="Context of calls.")
    rtp_timeout = option(integer(0), 0, unit="s", aliases=("rtptimeout",), reload=False)
    match = option(listing(string), (), repeat="extend")
    first = option(string, "", repeat="first")
    direct_media = option(boolean, True)
    forward_key = option(string, "#", name="forward-key")
    secret = option(string, "", secret=True)
    allow: tuple[str, ...] = option(listing(string), ("ulaw", "alaw"))

    @handles("disallow", "deny", help="Take codecs away.")
    def _disallow(self, text: str) -> None:
        if not text:
            raise ValueError("expected codecs")
        self.allow = () if text == "all" else tuple(codec for codec in self.allow if codec != text)


class Trunk(Peer):
    context = option(string, "trunk")
    prefix = option(string, "")


def category(text: str) -> Category:
    return read_config("f", MemorySource({"f": "[x]\n" + text})).categories[0]


def read(text: str) -> tuple[Peer, list[tuple[int, str]]]:
    report = Report()
    peer = Peer.read(category(text), report, ignore=["type"])
    return peer, [(warning.line, warning.message) for warning in report.warnings]


def test_values_are_typed_and_absent_ones_are_defaults() -> None:
    peer, warnings = read("type=peer\ncontext=a\nRTP_TIMEOUT=30\ndirect_media=no\nforward-key=*\n")
    assert warnings == []
    assert (peer.context, peer.rtp_timeout, peer.direct_media, peer.forward_key) == ("a", 30, False, "*")
    assert (peer.match, peer.allow) == ((), ("ulaw", "alaw"))
    assert peer.given() == {"context", "rtp_timeout", "direct_media", "forward_key"}


def test_alias() -> None:
    assert read("rtptimeout=5\n")[0].rtp_timeout == 5


def test_repeated_options() -> None:
    peer, _ = read("match=a,b\nmatch=c\nfirst=1\nfirst=2\ncontext=1\ncontext=2\n")
    assert (peer.match, peer.first, peer.context) == (("a", "b", "c"), "1", "2")


def test_handler_works_on_what_came_before() -> None:
    peer, warnings = read("disallow=all\nallow=g722\ndeny=g722\ndisallow=\n")
    assert peer.allow == ()
    assert warnings == [(5, "bad value '' of option 'disallow': expected codecs")]


def test_unknown_option_names_the_nearest_known() -> None:
    _, warnings = read("contxt=a\nzzzzzz=1\n")
    assert warnings == [(2, "unknown option 'contxt'; did you mean 'context'?"), (3, "unknown option 'zzzzzz'")]


def test_bad_value_keeps_what_was_there() -> None:
    peer, warnings = read("rtp_timeout=5\nrtp_timeout=x\ndirect_media=maybe\n")
    assert (peer.rtp_timeout, peer.direct_media) == (5, True)
    assert [line for line, _ in warnings] == [3, 4]


def test_a_template_s_mistake_is_reported_once() -> None:
    config = read_config("f", MemorySource({"f": "[t](!)\nbogus=1\n[x](t)\n[y](t)\n"}))
    report = Report()
    for found in config:
        Peer.read(found, report)
    assert [(warning.file, warning.line) for warning in report.warnings] == [("f", 2)]


def test_secrets_are_not_shown() -> None:
    peer, _ = read("secret=hush\ncontext=a\n")
    assert repr(peer) == "Peer(context='a', secret=<redacted>)"


def test_bad_secret_is_not_shown() -> None:
    class Pin(Options):
        pin = option(integer(), 0, secret=True)

    report = Report()
    Pin.read([Variable("pin", "hush")], report)
    assert "hush" not in report.warnings[0].message


def test_subclass_adds_and_overrides() -> None:
    trunk = Trunk.read(category("prefix=9\nrtp_timeout=1\n"), Report())
    assert (trunk.context, trunk.prefix, trunk.rtp_timeout) == ("trunk", "9", 1)
    assert Peer().context == "default"


def test_describe_tells_all_that_is_known() -> None:
    infos = {info.name: info for info in Peer.describe()}
    assert list(infos) == [
        "context", "rtp_timeout", "match", "first", "direct_media", "forward-key", "secret", "allow", "disallow",
    ]  # fmt: skip
    assert (infos["rtp_timeout"].unit, infos["rtp_timeout"].reload) == ("s", False)
    assert infos["context"].help == "Context of calls."
    assert infos["disallow"].aliases == ("deny",)
    assert {info.name: value for info, value in Peer(context="z").items()}["context"] == "z"


def test_made_from_values() -> None:
    assert Peer(context="a") == read("context=a\n")[0]
    assert Peer(context="a") != Peer()
    with pytest.raises(LocalFault):
        Peer(bogus=1)


def test_bad_declaration() -> None:
    with pytest.raises(LocalFault):
        option(string, "", repeat="sometimes")


def test_did_you_mean() -> None:
    assert did_you_mean("exen", ["exten", "same"]) == "; did you mean 'exten'?"
    assert did_you_mean("q", ["exten"]) == ""


def test_unknown_sections() -> None:
    report = Report()
    sections = [category("a=1\n"), Category("General"), Category("genral", file="x.conf", line=9)]
    report.unknown_sections(sections, "general", "x")
    assert [str(warning) for warning in report.warnings] == [
        "x.conf:9: unknown section [genral] has no effect; did you mean 'general'?"
    ]
