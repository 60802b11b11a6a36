"""Every message of RFC 4475 under its name, with the outcome the RFC asks for.

Where the RFC leaves a choice between refusing and understanding, the docstring says which one is taken. The binary
part of mpart01 is other octets of the same length. The endpoint tests run with ``answer_malformed`` and the strict
status for a CSeq mismatch, which is what the RFC describes; the defaults follow Asterisk (test_asterisk_vectors).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.proto.sip.auth import Secret, ServerAuthenticator, Verdict
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import Params
from globstar.proto.sip.headers import Via
from globstar.proto.sip.message import Request, Response
from globstar.proto.sip.parser import BadVersion, CSeqMismatch, MissingHeader, parse
from globstar.proto.sip.settings import SipSettings
from globstar.proto.sip.stream import StreamParser
from globstar.proto.sip.uri import unescape
from tests.unit.proto.sip.ladder import Ladder

TORTURE = Path(__file__).parent / "torture"


def load(name: str) -> bytes:
    return (TORTURE / f"{name}.dat").read_bytes()


def a_request(name: str) -> Request:
    message = parse(load(name))
    assert isinstance(message, Request)
    return message


def a_response(name: str) -> Response:
    message = parse(load(name))
    assert isinstance(message, Response)
    return message


def fault(name: str) -> SipParseError:
    with pytest.raises(SipParseError) as caught:
        parse(load(name))
    return caught.value


def strict() -> Ladder:
    return Ladder(SipSettings(answer_malformed=True, cseq_mismatch_status=400))


def refused(name: str, status: int) -> Response:
    """The endpoint answers the message with ``status``, to the right place and with what identifies the request."""
    ladder = strict()
    assert ladder.receive(load(name)) is None
    (answer,) = ladder.expect(f"SIP/2.0 {status} ")
    assert isinstance(answer, Response)
    assert answer.call_id.startswith(name)
    assert answer.to.tag
    return answer


def discarded(name: str) -> None:
    """The endpoint drops the message without an answer."""
    ladder = strict()
    ladder.receive(load(name))
    ladder.expect()
    assert len(ladder.discarded) == 1


# -- 3.1.1 valid messages ------------------------------------------------------------------------------------------


def test_rfc4475_wsinv() -> None:
    message = a_request("wsinv")
    assert message.method == "INVITE"
    assert message.uri.params == Params([("unknownparam", None)])
    assert message.to.tag == "1918181833n"
    assert message.from_.display == 'J Rosenberg \\"'
    assert message.from_.tag == "98asjd8"
    assert message.max_forwards == 68
    assert (message.cseq.number, message.cseq.method) == (9, "INVITE")
    assert [(via.transport, via.host, via.branch) for via in message.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert message.get("Subject") == ""
    assert message.get("newfangledheader") == "newfangled value continued newfangled value"
    assert message.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    (route,) = message.route
    assert str(route) == "<sip:services.example.com;lr;unknownwith=value;unknown-no-value>"
    (contact,) = message.contacts
    assert contact.display == 'Quoted string ""'
    assert contact.params == Params([("newparam", "newvalue"), ("secondparam", None), ("q", "0.33")])
    assert contact.q == 0.33
    assert len(message.body) == 150


def test_rfc4475_intmeth() -> None:
    message = a_request("intmeth")
    assert message.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert message.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert message.uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert message.uri.host == "example.com"
    assert message.via.branch == "z9hG4bK-.!%66*_+`'~"
    assert message.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert message.from_.display == "token1~` token2'+_ token3*%!.-"
    assert message.from_.params.unquoted("fromparam''~+*_!.-%") == "работающий"
    assert message.from_.tag == "_token~1'+`*%!-."
    assert message.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert message.max_forwards == 255
    assert message.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"


def test_rfc4475_esc01() -> None:
    message = a_request("esc01")
    assert (message.uri.scheme, message.uri.user, message.uri.host) == ("sip", "sips:user@example.com", "example.net")
    assert message.to.uri.user == "user"
    assert message.from_.uri.user == "I have spaces"
    contact = message.contacts[0].uri
    assert contact.user == "caller"
    assert [(unescape(name), unescape(value or "")) for name, value in contact.params] == [
        ("lr", ""),
        ("name", "value%41"),
    ]


def test_rfc4475_escnull() -> None:
    message = a_request("escnull")
    assert message.to.uri.user == "null-\0-null"
    assert [contact.uri.user for contact in message.contacts] == ["\0", "\0\0"]
    assert str(message.contacts[1].uri) == "sip:%00%00@host5.example.com"


def test_rfc4475_esc02() -> None:
    message = a_request("esc02")
    assert message.method == "RE%47IST%45R", "escapes have no meaning in a method"
    assert message.to.display == "%Z%45"
    assert message.via.branch == "z9hG4bK209%fzsnel234"
    assert [contact.uri.user for contact in message.contacts] == ["alias1", "alias3"]
    assert message.get("C%6Fntact") == "<sip:alias2@host2.example.com>"


def test_rfc4475_lwsdisp() -> None:
    message = a_request("lwsdisp")
    assert message.from_.display == "caller"
    assert str(message.from_.uri) == "sip:caller@example.com"


def test_rfc4475_longreq() -> None:
    message = a_request("longreq")
    assert len(message.vias) == 34
    assert message.vias[-1].params.get("received") == "192.0.2.5"
    assert message.via.branch == ""
    assert len(message.from_.tag or "") == 155
    assert message.to.uri.port == 6000
    assert len(message.body) == 150


def test_rfc4475_dblreq() -> None:
    """In a datagram what follows the first message is ignored; on a stream they are two messages."""
    message = a_request("dblreq")
    assert message.method == "REGISTER"
    assert message.body == b""
    items = StreamParser().feed(load("dblreq"))
    assert [parse(item).start_line for item in items if item] == [
        "REGISTER sip:example.com SIP/2.0",
        "INVITE sip:joe@example.com SIP/2.0",
    ]


def test_rfc4475_semiuri() -> None:
    message = a_request("semiuri")
    assert message.uri.user == "user;par=u@example.net"
    assert message.uri.host == "example.com"
    assert message.uri.params == Params()
    assert message.tokens("Accept")[-1] == "message/sipfrag"


def test_rfc4475_transports() -> None:
    message = a_request("transports")
    assert [via.transport for via in message.vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def test_rfc4475_mpart01() -> None:
    message = a_request("mpart01")
    assert message.content_type is not None
    assert message.content_type.value == "multipart/mixed"
    assert message.content_type.params.get("boundary") == "7a9cbec02ceef655"
    assert len(message.body) == 553
    assert message.body.endswith(b"--7a9cbec02ceef655--\r\n")


def test_rfc4475_unreason() -> None:
    message = a_response("unreason")
    assert message.status == 200
    assert message.reason == "= 2**3 * 5**2 но сто девяносто девять - простое"


def test_rfc4475_noreason() -> None:
    message = a_response("noreason")
    assert (message.status, message.reason) == (100, "")


# -- 3.1.2 invalid messages ----------------------------------------------------------------------------------------


def test_rfc4475_badinv01() -> None:
    """400. The Via at fault is the one an answer goes by, so the endpoint can only drop it."""
    error = fault("badinv01")
    assert (error.status, error.header) == (400, "Via")
    assert isinstance(error.message, Request)
    with pytest.raises(SipParseError):
        _ = error.message.contacts
    discarded("badinv01")


def test_rfc4475_clerr() -> None:
    assert fault("clerr").header == "Content-Length"
    refused("clerr", 400)


def test_rfc4475_clerr_on_a_stream() -> None:
    """On a stream the message is not complete yet."""
    assert StreamParser().feed(load("clerr")) == []


def test_rfc4475_ncl() -> None:
    assert fault("ncl").header == "Content-Length"
    refused("ncl", 400)


def test_rfc4475_ncl_on_a_stream() -> None:
    """The stream cannot be framed any more and must be closed."""
    parser = StreamParser()
    assert parser.feed(load("ncl")) == []
    assert parser.fault is not None


def test_rfc4475_scalar02() -> None:
    error = fault("scalar02")
    assert error.status == 400
    message = error.message
    assert isinstance(message, Request)
    with pytest.raises(SipParseError):
        _ = message.max_forwards
    with pytest.raises(SipParseError):
        _ = message.expires
    assert message.contacts[0].expires == 2**32 - 1
    ladder = strict()
    ladder.receive(load("scalar02"))
    assert b"CSeq: 36893488147419103232 REGISTER\r\n" in ladder.sent[0][2], "echoed as it came"
    assert ladder.sent[0][2].startswith(b"SIP/2.0 400 ")


def test_rfc4475_scalarlg() -> None:
    assert fault("scalarlg").status == 0
    discarded("scalarlg")


def test_rfc4475_quotbal() -> None:
    assert fault("quotbal").header == "To"
    ladder = strict()
    ladder.receive(load("quotbal"))
    assert b'\r\nTo: "Mr. J. User <sip:j.user@example.com>;tag=' in ladder.sent[0][2]
    assert ladder.sent[0][2].startswith(b"SIP/2.0 400 ")


def test_rfc4475_ltgtruri() -> None:
    assert fault("ltgtruri").header == "Request-URI"
    refused("ltgtruri", 400)


def test_rfc4475_lwsruri() -> None:
    refused("lwsruri", 400)


def test_rfc4475_lwsstart() -> None:
    """Understood: nothing is ambiguous about two spaces."""
    message = a_request("lwsstart")
    assert message.start_line == "INVITE sip:user@example.com SIP/2.0"


def test_rfc4475_trws() -> None:
    """Understood."""
    assert a_request("trws").start_line == "OPTIONS sip:remote-target@example.com SIP/2.0"


def test_rfc4475_escruri() -> None:
    """Refused: the headers are neither taken nor silently dropped."""
    assert fault("escruri").header == "Request-URI"
    refused("escruri", 400)


def test_rfc4475_baddate() -> None:
    """Understood: nobody here needs the Date."""
    assert a_request("baddate").get("Date") == "Fri, 01 Jan 2010 16:00:00 EST"


def test_rfc4475_regbadct() -> None:
    """400 as soon as a registrar looks at the Contact."""
    ladder = strict()
    transaction = ladder.receive(load("regbadct"))
    assert transaction is not None
    with pytest.raises(SipParseError) as caught:
        _ = transaction.request.contacts
    assert (caught.value.status, caught.value.header) == (400, "Contact")


def test_rfc4475_regbadct_is_answered_when_the_handler_lets_the_error_out() -> None:
    class Registrar(Ladder):
        def request_received(self, transaction: object) -> None:
            _ = transaction.request.contacts  # type: ignore[attr-defined]

    ladder = Registrar()
    ladder.receive(load("regbadct"))
    ladder.expect("SIP/2.0 400 Bad Request")


def test_rfc4475_badaspec() -> None:
    """Understood: white space inside the angle brackets is ignored."""
    assert str(a_request("badaspec").to.uri) == "sip:t.watson@example.org"


def test_rfc4475_baddn() -> None:
    assert fault("baddn").header == "From"
    ladder = strict()
    ladder.receive(load("baddn"))
    assert ladder.sent[0][2].startswith(b"SIP/2.0 400 ")
    assert b"\r\nFrom: Bell, Alexander <sip:a.g.bell@example.com>;tag=43\r\n" in ladder.sent[0][2]


def test_rfc4475_badvers() -> None:
    """505, for which Via is needed; this one's own version is foreign too, so there is nowhere to answer to."""
    error = fault("badvers")
    assert isinstance(error, BadVersion)
    assert error.status == 505
    discarded("badvers")
    ladder = strict()
    ladder.receive(load("badvers").replace(b"Via:     SIP/7.0", b"Via:     SIP/2.0"))
    ladder.expect("SIP/2.0 505 Version Not Supported")


def test_rfc4475_mismatch01() -> None:
    assert isinstance(fault("mismatch01"), CSeqMismatch)
    refused("mismatch01", 400)


def test_rfc4475_mismatch02() -> None:
    """400 comes before 501."""
    assert isinstance(fault("mismatch02"), CSeqMismatch)
    refused("mismatch02", 400)


def test_rfc4475_bigcode() -> None:
    assert fault("bigcode").status == 0
    discarded("bigcode")


# -- 3.2 transaction layer -----------------------------------------------------------------------------------------


def test_rfc4475_badbranch() -> None:
    """A branch of nothing but the cookie identifies nothing: the rules of RFC 2543 apply."""
    assert not a_request("badbranch").via.is_rfc3261
    ladder = strict()
    first = ladder.receive(load("badbranch"))
    assert first is not None
    assert ladder.receive(load("badbranch")) is None, "a retransmission"
    other = load("badbranch").replace(b"badbranch.s", b"badbranch.t")
    assert ladder.receive(other) is not None, "another transaction, in spite of the same branch"


# -- 3.3 application layer -----------------------------------------------------------------------------------------


def test_rfc4475_insuf() -> None:
    error = fault("insuf")
    assert isinstance(error, MissingHeader)
    assert error.status == 400
    ladder = strict()
    ladder.receive(load("insuf"))
    assert ladder.sent[0][2].startswith(b"SIP/2.0 400 ")
    assert b"branch=z9hG4bKkdj.insuf" in ladder.sent[0][2]


def test_rfc4475_unkscm() -> None:
    assert a_request("unkscm").uri.scheme == "nobodyknowsthisscheme"
    refused("unkscm", 416)


def test_rfc4475_novelsc() -> None:
    assert str(a_request("novelsc").uri) == "soap.beep://192.0.2.103:3002"
    refused("novelsc", 416)


def test_rfc4475_unksm2() -> None:
    """Reaches the registrar, which finds no such address of record; the headers are sound."""
    message = a_request("unksm2")
    assert (message.to.uri.scheme, message.to.uri.opaque) == ("isbn", "2983792873")
    assert str(message.from_.uri) == "http://www.example.com"
    assert not message.contacts[0].uri.is_sip
    assert strict().receive(load("unksm2")) is not None


def test_rfc4475_bext01() -> None:
    """The handler gets the option tags for its 420."""
    transaction = strict().receive(load("bext01"))
    assert transaction is not None
    assert transaction.request.tokens("Require") == ("nothingSupportsThis", "nothingSupportsThisEither")


def test_rfc4475_invut() -> None:
    message = a_request("invut")
    assert message.content_type is not None
    assert message.content_type.value == "application/unknownformat"
    assert len(message.body) == 40


def test_rfc4475_regaut01() -> None:
    """Credentials of an unknown scheme count as none: challenge."""
    authenticator = ServerAuthenticator("r", b"key", lambda bits: 1)
    verdict = authenticator.verify(a_request("regaut01"), Secret("j.user", "x"), 0.0)
    assert verdict is Verdict.MISSING


def test_rfc4475_multi01() -> None:
    assert fault("multi01").status == 400
    refused("multi01", 400)


def test_rfc4475_mcl01() -> None:
    assert fault("mcl01").header == "Content-Length"
    refused("mcl01", 400)
    parser = StreamParser()
    assert parser.feed(load("mcl01")) == []
    assert parser.fault is not None


def test_rfc4475_bcast() -> None:
    """A response to a request that was never ours is dropped, and nothing is sent to its second Via."""
    ladder = strict()
    ladder.receive(load("bcast"))
    ladder.expect()
    assert len(ladder.unmatched) == 1


def test_rfc4475_zeromf() -> None:
    """A final recipient may process it (default, as Asterisk does) or say 483."""
    assert strict().receive(load("zeromf")) is not None
    ladder = Ladder(SipSettings(reject_zero_max_forwards=True))
    assert ladder.receive(load("zeromf")) is None
    ladder.expect("SIP/2.0 483 Too Many Hops")


def test_rfc4475_cparam01() -> None:
    """Without angle brackets the parameter is the header's."""
    (contact,) = a_request("cparam01").contacts
    assert str(contact.uri) == "sip:+19725552222@gw1.example.net"
    assert contact.params == Params([("unknownparam", None)])


def test_rfc4475_cparam02() -> None:
    (contact,) = a_request("cparam02").contacts
    assert str(contact.uri) == "sip:+19725552222@gw1.example.net;unknownparam"
    assert contact.params == Params()


def test_rfc4475_regescrt() -> None:
    (contact,) = a_request("regescrt").contacts
    assert contact.uri.headers == (("Route", "<sip:sip.example.com>"),)
    assert str(contact.uri) == "sip:user@example.com?Route=%3Csip:sip.example.com%3E"


def test_rfc4475_sdp01() -> None:
    """The handler sees that no acceptable answer is possible (406)."""
    assert a_request("sdp01").tokens("Accept") == ("text/nobodyKnowsThis",)


def test_rfc4475_inv2543() -> None:
    """An RFC 2543 client: no branch, no tag, no Max-Forwards, no Contact."""
    ladder = strict()
    transaction = ladder.receive(load("inv2543"))
    assert transaction is not None
    assert transaction.request.from_.tag is None
    assert transaction.request.max_forwards is None
    assert ladder.receive(load("inv2543")) is None, "a retransmission"
    transaction.respond(486)
    answer = ladder.take()[0]
    assert answer.via == Via.parse("SIP/2.0/UDP iftgw.example.com;rport=15071;received=127.0.0.1")
    ack = load("inv2543").replace(b"INVITE sip", b"ACK sip").replace(b"56 INVITE", b"56 ACK")
    ladder.receive(ack)
    ladder.after(6)
    ladder.expect()
    assert ladder.is_idle(), "the ACK matched by the rules of RFC 2543 and ended the transaction"


def test_every_message_has_its_test() -> None:
    names = {path.stem for path in TORTURE.glob("*.dat")}
    tested = {name.removeprefix("test_rfc4475_") for name in globals() if name.startswith("test_rfc4475_")}
    assert len(names) == 49
    assert names <= tested
