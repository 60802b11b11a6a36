"""pjsip.conf: objects, references, what is told about options, and that secrets stay secret."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from globstar.config import MemorySource, read_config
from globstar.config.options import Report
from globstar.modules.channels.pjsip import settings
from globstar.modules.channels.pjsip.endpoint import EndpointObject
from globstar.modules.channels.pjsip.objects import (
    AorObject,
    AuthObject,
    GlobalObject,
    IdentifyObject,
    SystemObject,
    TransportObject,
)
from globstar.modules.channels.pjsip.settings import PjsipSettings, read_settings
from globstar.modules.channels.pjsip.unsupported import UNSUPPORTED


def read(text: str) -> tuple[PjsipSettings, list[str]]:
    """The objects of a pjsip.conf and the warnings, without the place."""
    report = Report()
    settings = read_settings(read_config("pjsip.conf", MemorySource({"pjsip.conf": text})), report)
    return settings, [str(warning) for warning in report.warnings]


def test_objects_by_type_and_name() -> None:
    settings, warnings = read(
        "[udp]\ntype=transport\nbind=127.0.0.1:5070\nlocal_net=10.0.0.0/8\nlocal_net=192.168.0.0/255.255.0.0\n"
        '[bob]\ntype=endpoint\naors=bob\nauth=bob\nallow=!all,g722,ulaw\ncallerid="Bob" <101>\nset_var=A=1\nset_var=B=2\n'
        "[bob]\ntype=auth\nusername=Bob\npassword=x\n"
        "[bob]\ntype=aor\nmax_contacts=3\ncontact=sip:a@1.2.3.4\ncontact=sip:b@1.2.3.4\n"
        "[peer]\ntype=identify\nendpoint=bob\nmatch=10.1.2.3,10.2.0.0/16\nmatch=pbx.example.com\n"
        "[global]\ntype=global\nuser_agent=Test\n[system]\ntype=system\ntimer_t1=250\n"
    )
    assert not warnings
    assert str(settings.transports["udp"].bind) == "127.0.0.1:5070"
    assert [str(net) for net in settings.transports["udp"].local_net] == ["10.0.0.0/8", "192.168.0.0/16"]
    bob = settings.endpoints["bob"]
    assert [format.name for format in bob.formats] == ["g722", "ulaw"]
    assert (bob.caller_name, bob.caller_number) == ("Bob", "101")
    assert bob.set_var == (("A", "1"), ("B", "2"))
    assert settings.by_auth_username == {"bob": "bob"}
    assert settings.aors["bob"].contact == ("sip:a@1.2.3.4", "sip:b@1.2.3.4")
    assert [str(net) for net in settings.identifies["peer"].networks] == ["10.1.2.3/32", "10.2.0.0/16"]
    assert settings.identifies["peer"].hosts == (("pbx.example.com", 0),)
    assert settings.globals.user_agent == "Test"
    assert settings.system.timer_t1 == 250


def test_templates() -> None:
    settings, warnings = read(
        "[phone](!)\ntype=endpoint\ncontext=internal\nallow=ulaw\n[alice](phone)\n[bob](phone)\ncontext=other\n"
    )
    assert not warnings
    assert {name: endpoint.context for name, endpoint in settings.endpoints.items()} == {"alice": "internal", "bob": "other"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[x]\ntype=endpoint\nallow=ulaw\ncontxt=a\n", "contxt"),
        ("[x]\ntype=endpoint\nallow=ulaw\ncontxt=a\n", "did you mean 'context'"),
        ("[x]\ntype=endpoit\n", "did you mean 'endpoint'"),
        ("[x]\nallow=ulaw\n", "has no type"),
        ("[x]\ntype=endpoint\nallow=ulaw,klaw\n", "no such codec: klaw"),
        ("[x]\ntype=endpoint\nallow=alaw:30,ulaw:abc|gsm:0\n", "no length of packets in ms: ulaw:abc, gsm:0"),
        ("[x]\ntype=endpoint\nallow=alaw:x,klaw\n", "no such codec: klaw; no length of packets in ms: alaw:x"),
        ("[x]\ntype=endpoint\nallow=alaw,ulaw:-20\n", "no length of packets in ms: ulaw:-20"),
        ("[x]\ntype=endpoint\n", "allows no audio codec"),
        ("[x]\ntype=endpoint\nallow=ulaw\naors=y\n", "aors names 'y', which does not exist"),
        ("[x]\ntype=endpoint\nallow=ulaw\nauth=y\n", "auth names 'y', which does not exist"),
        ("[x]\ntype=endpoint\nallow=ulaw\ntransport=y\n", "transport names 'y', which does not exist"),
        ("[x]\ntype=transport\nsymmetric_transport=yes\n", "option 'symmetric_transport' has no effect"),
        ("[x]\ntype=endpoint\nallow=ulaw\nmedia_encryption=dtls\ndtls_cert_file=/none\n", "dtls_cert_file: cannot read /none"),
        ("[x]\ntype=endpoint\nallow=ulaw\nwebrtc=yes\ndtls_rekey=60\n", "dtls_rekey has no effect with webrtc=yes"),
        ("[x]\ntype=endpoint\nallow=ulaw\nmedia_encryption=dtls\ndtls_cipher=NONE-OF-IT\n", "dtls_cipher: DTLS cannot be"),
        ("[x]\ntype=endpoint\nallow=ulaw\nmedia_encryption=dtls\ndtls_ca_file=/none\n", "dtls_ca_file: DTLS cannot be"),
        ("[x]\ntype=endpoint\nallow=ulaw\nmedia_encryption=dtls\ndtls_ca_path=/none\n", "/none is no directory"),
        ("[x]\ntype=transport\nprotocol=flow\n", "protocol flow is not supported yet"),
        ("[x]\ntype=transport\nbind=here\n", "bind"),
        ("[x]\ntype=identify\nendpoint=y\nmatch=1.2.3.4\n", "names the endpoint 'y'"),
        ("[x]\ntype=auth\npassword=p\n", "has no username"),
        ("[x]\ntype=auth\nusername=u\nauth_type=google_oauth\n", "google_oauth is not supported; use a password"),
        ("[x]\ntype=aor\nmax_contacts=many\n", "max_contacts"),
        ("[x]\ntype=global\nendpoint_identifier_order=ip,voice\n", "'voice' is no way to identify"),
        ("[x]\ntype=aor\n[x]\ntype=aor\n", "defined twice"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    _, warnings = read(text)
    found = [warning for warning in warnings if told in warning]
    assert len(found) == 1, warnings
    assert "pjsip.conf:" in found[0]


def test_a_default_that_is_written_down_is_no_cause_to_complain() -> None:
    _, warnings = read("[x]\ntype=endpoint\nallow=ulaw\nice_support=no\nmax_audio_streams=1\nt38_udptl=no\n")
    assert not warnings


def test_every_option_of_asterisk_is_known(shared: Path) -> None:
    classes = {
        "endpoint": EndpointObject, "auth": AuthObject, "aor": AorObject, "transport": TransportObject, "global": GlobalObject,
        "system": SystemObject, "identify": IdentifyObject,
    }  # fmt: skip
    with (shared / "compat" / "config_files.tsv").open(newline="") as file:
        wanted = {
            (row["section_or_object"], row["option"])
            for row in csv.DictReader(file, delimiter="\t")
            if row["file"] == "pjsip.conf" and row["section_or_object"] in classes
        }
    assert len(wanted) > 250
    missing = [f"{kind}: {name}" for kind, name in sorted(wanted) if name.lower() not in classes[kind]._options]
    assert not missing


def test_secrets_are_not_shown() -> None:
    settings, _ = read("[a]\ntype=auth\nusername=a\npassword=Tr0ub4dor\nmd5_cred=0123456789abcdef0123456789abcdef\n")
    auth = settings.auths["a"]
    assert "Tr0ub4dor" not in repr(auth)
    assert "Tr0ub4dor" not in str(vars(auth)["_secret"])
    assert "Tr0ub4dor" not in repr(auth.secret)
    assert "0123456789abcdef" not in repr(auth.secret)


def test_webrtc_sets_what_browsers_need() -> None:
    settings, warnings = read("[x]\ntype=endpoint\nallow=ulaw\nwebrtc=yes\n[y]\ntype=endpoint\nallow=ulaw\nwebrtc=yes\n"
                              "media_encryption=sdes\ndtls_setup=passive\n[z]\ntype=endpoint\nallow=ulaw\n")  # fmt: skip
    x, y, z = (settings.endpoints[name] for name in "xyz")
    assert not warnings
    for endpoint in (x, y):
        assert endpoint.rtcp_mux
        assert endpoint.use_avpf
        assert endpoint.ice_support
        assert endpoint.media_use_received_transport
    assert (x.media_encryption, x.dtls_verify, x.dtls_setup, x.dtls_auto_generate_cert) == (
        "dtls",
        "Fingerprint",
        "actpass",
        "Yes",
    )
    assert (y.media_encryption, y.dtls_setup) == ("sdes", "passive")
    assert (z.media_encryption, z.rtcp_mux, z.ice_support) == ("no", False, False)


def test_broken_values_keep_the_default() -> None:
    settings, warnings = read("[x]\ntype=endpoint\nallow=ulaw\nrtp_timeout=soon\ndtmf_mode=morse\n")
    assert settings.endpoints["x"].rtp_timeout == 0
    assert settings.endpoints["x"].dtmf_mode == "rfc4733"
    assert len(warnings) == 2


def test_no_option_is_ignored_silently() -> None:
    """Every option is looked at somewhere, or setting it is told to have no effect, or it has none by its nature."""
    folder = Path(settings.__file__).parent
    texts = [file.read_text() for file in folder.rglob("*.py") if file.name not in ("objects.py", "endpoint.py")]
    texts += [(folder / name).read_text().partition("def __init__")[2] for name in ("objects.py", "endpoint.py")]
    code = "\n".join(texts)
    #: SRV records are never looked up
    natural = {"srv_lookups", "async_operations"}
    silent = [
        f"{cls.__name__}.{info.name}"
        for cls in (EndpointObject, AuthObject, AorObject, TransportObject, GlobalObject, SystemObject, IdentifyObject)
        for info in cls.describe()
        if info.handler is None
        and info.name not in UNSUPPORTED.get(cls.kind, {}).keys() | natural
        and not info.name.startswith(("taskpool_", "threadpool_"))
        and not re.search(rf"\.{info.attribute}\b", code)
    ]
    assert not silent


def test_preferred_codec_only() -> None:
    found, _ = read("[x]\ntype=endpoint\nallow=ulaw,alaw\npreferred_codec_only=yes\n[y]\ntype=endpoint\nallow=ulaw\n")
    assert found.endpoints["x"].answer_preference.value == "local_first"
    assert found.endpoints["y"].answer_preference.value == "local"


@pytest.mark.parametrize("option", ["incoming_offer", "outgoing_offer", "incoming_answer", "outgoing_answer"])
def test_codec_prefs_that_are_none_cost_only_themselves(option: str) -> None:
    found, warnings = read(f"[x]\ntype=endpoint\nallow=ulaw\ncodec_prefs_{option}=prefer: mine\nrtp_timeout=7\n")
    assert found.endpoints["x"].rtp_timeout == 7
    assert getattr(found.endpoints["x"], f"codec_prefs_{option}") is getattr(EndpointObject, f"codec_prefs_{option}")
    (told,) = warnings
    assert "pjsip.conf:4: bad value 'prefer: mine' of option" in told


@pytest.mark.parametrize(("option", "operation"), [("outgoing_offer", "union"), ("incoming_offer", "intersect")])
def test_parts_of_codec_prefs_that_are_left_out(option: str, operation: str) -> None:
    found, _ = read(f"[x]\ntype=endpoint\nallow=ulaw\ncodec_prefs_{option}=prefer: configured\n")
    preference = getattr(found.endpoints["x"], f"codec_prefs_{option}")
    assert (preference.prefer, preference.operation, preference.keep) == ("configured", operation, "all")


@pytest.mark.parametrize("option", ["incoming_offer", "outgoing_offer", "incoming_answer", "outgoing_answer"])
def test_transcoding_is_prevented_wherever_that_is_said(option: str) -> None:
    found, _ = read(f"[x]\ntype=endpoint\nallow=ulaw\ncodec_prefs_{option}=transcode: prevent\n[y]\ntype=endpoint\nallow=ulaw\n")
    assert found.endpoints["x"].prevents_transcoding
    assert not found.endpoints["y"].prevents_transcoding


@pytest.mark.parametrize(("option", "value"), [("sdp_owner", "two words"), ("sdp_owner", ""), ("sdp_session", "")])
def test_what_would_make_our_sdp_wrong(option: str, value: str) -> None:
    found, warnings = read(f"[x]\ntype=endpoint\nallow=ulaw\n{option}={value}\n")
    assert getattr(found.endpoints["x"], option) == getattr(EndpointObject, option)
    assert len(warnings) == 1
