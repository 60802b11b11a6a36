"""The servers that the scenarios speak to: one pjsip.conf with an endpoint for every behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.interop.support.batch import Helper, Start
from tests.interop.support.names import Names
from tests.interop.support.office import TAKES_ALL
from tests.interop.support.relay import Relay
from tests.support.certificates import Authority
from tests.support.loopback import HOST, free_port
from tests.support.server import GlobstarProcess

ENDPOINTS: dict[str, str] = {
    "alice": "",
    "bob": "allow=alaw",
    "gsmonly": "disallow=all\nallow=gsm",
    "norel": "100rel=no",
    "needsrel": "100rel=required",
    "offersrel": "100rel=peer_supported",
    "notimer": "timers=no",
    "needstimer": "timers=required",
    "shorttimer": "timers=always\ntimers_sess_expires=90\ntimers_min_se=90",
    "trusted": "trust_id_inbound=yes\ntrust_id_outbound=yes\nsend_pai=yes\nsend_rpid=yes\ncallerid=Trusty <4711>",
    "private": "callerid=Secret <4712>\ncallerid_privacy=prohib\nsend_pai=yes",
    "showpai": "send_pai=yes",
    "showrpid": "send_rpid=yes",
    "numbered": "callerid=Numbered <4713>",
    "infodtmf": "dtmf_mode=info",
    "inbandring": "inband_progress=yes",
    "nat": "force_rport=yes\nrewrite_contact=yes\nrtp_symmetric=yes",
    "norport": "force_rport=no",
    "onecodec": "disallow=all\nallow=ulaw,alaw\npreferred_codec_only=yes",
    "hasty": "rtp_timeout=1",
    "nooverlap": "allow_overlap=no",
    "notransfer": "allow_transfer=no",
    "quiet": "suppress_q850_reason_headers=yes",
    "texts": "message_context=texts",
    "follower": "redirect_method=uri_core",
    "userfollower": "redirect_method=user",
    "sipfollower": "redirect_method=uri_pjsip",
    "no183": "ignore_183_without_sdp=yes",
    "groupie": "named_call_group=sales",
    "picker": "named_pickup_group=sales",
    "onecall": "device_state_busy_at=1",
    "patient": "sub_min_expiry=120",
    "nosubscribe": "allow_subscribe=no",
    "watched1": "",
    "watched2": "",
    "watched3": "",
    "history": "send_history_info=yes",
    "fromsomeone": "from_user=someone\nfrom_domain=example.org",
    "contactuser": "contact_user=reachme",
    "callee": "",
    "outward": "outbound_auth=outward",
    "diverted": "send_diversion=yes",
    "phoneuri": "user_eq_phone=yes",
    "updates": "direct_media_method=update",
    "localprefs": "disallow=all\nallow=alaw,ulaw",
    "remoteprefs": "disallow=all\nallow=alaw,ulaw\nincoming_call_offer_pref=remote",
    "firstpref": "disallow=all\nallow=alaw,ulaw\ncodec_prefs_incoming_offer=prefer: pending, keep: first",
    "avpf": "use_avpf=yes",
    "anyprofile": "media_use_received_transport=yes",
    "viewer": "allow=h264",
    "texter": "allow=t140",
    "ptimer": "use_ptime=yes",
    "inbander": "dtmf_mode=inband",
    "faxer": "t38_udptl=yes",
    "direct": "direct_media=yes",
    "passhold": "moh_passthrough=yes",
}

OUTBOUND = "[outward]\ntype=auth\nauth_type=digest\nusername=me\npassword=mine\n\n"
"""How the server answers challenges."""

SECRETS: dict[str, str] = {
    "locked": "auth_type=digest\nusername=locked\npassword=secret",
    "realmed": "auth_type=digest\nusername=realmed\npassword=secret\nrealm=example.org",
    "digested": "auth_type=digest\nusername=digested\nrealm=asterisk\npassword_digest=MD5:2605ab7985812f0ea603eca13e2aa72f",
    "sha256": "auth_type=digest\nusername=sha256\npassword=secret\nsupported_algorithms_uas=SHA-256",
    "sha512": "auth_type=digest\nusername=sha512\npassword=secret\nsupported_algorithms_uas=SHA-512-256",
    "allhashes": "auth_type=digest\nusername=allhashes\npassword=secret\nsupported_algorithms_uas=SHA-512-256,SHA-256,MD5",
    "openoptions": "auth_type=digest\nusername=openoptions\npassword=secret",
}

AORS: dict[str, str] = {
    "single": "max_contacts=1",
    "replacing": "max_contacts=1\nremove_existing=yes",
    "several": "max_contacts=3",
    **dict.fromkeys(
        ("limits1", "limits2", "limits3", "limits4"),
        "max_contacts=1\nremove_existing=yes\nminimum_expiration=60\nmaximum_expiration=600\ndefault_expiration=120",
    ),
    "pathless": "max_contacts=1\nremove_existing=yes\nsupport_path=no",
    "pathful": "max_contacts=1\nremove_existing=yes\nsupport_path=yes",
    "static": "contact=sip:static@192.0.2.9",
    "flowudp": "max_contacts=2\nsupport_outbound=yes\nsupport_path=yes",
    "flowtcp": "max_contacts=2\nsupport_outbound=yes\nsupport_path=yes",
    "flowagain": "max_contacts=3\nsupport_outbound=yes\nsupport_path=yes",
    "flowtwo": "max_contacts=3\nsupport_outbound=yes\nsupport_path=yes",
    "gruu": "max_contacts=2\nsupport_gruu=yes",
    "fewest": "max_contacts=1",
    "refreshed": "max_contacts=1",
    "equalled": "max_contacts=2",
    "homeudp": "max_contacts=1\nremove_existing=yes",
    "hometcp": "max_contacts=1\nremove_existing=yes",
    "pathcall": "max_contacts=1\nsupport_path=yes",
    "pair": "max_contacts=2",
    "locked": "max_contacts=1\nremove_existing=yes",
    "realmed": "max_contacts=1\nremove_existing=yes",
    "openoptions": "max_contacts=1\nremove_existing=yes",
    **dict.fromkeys(("browser1", "browser2", "browser3"), "max_contacts=1\nremove_existing=yes"),
    **dict.fromkeys(("sha256", "sha512", "allhashes", "digested"), "max_contacts=1\nremove_existing=yes"),
}

DIALPLAN = r"""
[main]
exten => 100,1,Answer()
 same => n,Hangup()
exten => 101,1,Answer()
 same => n,Wait(120)
exten => 102,1,Ringing()
 same => n,Wait(120)
exten => 103,1,Progress()
 same => n,Wait(120)
exten => 104,1,Ringing()
 same => n,Wait(0.2)
 same => n,Answer()
 same => n,Wait(120)
exten => 105,1,Answer()
 same => n,Wait(0.2)
 same => n,Hangup(16)
exten => 106,1,Answer()
 same => n,Read(DIGITS,,3,,1,5)
 same => n,SendText(digits ${DIGITS})
 same => n,Wait(120)
exten => 107,1,Answer()
 same => n,SendText(hello there)
 same => n,Wait(120)
exten => 108,1,Answer()
 same => n,Echo()
exten => 109,1,Wait(120)
exten => 110,1,Set(PJSIP_HEADER(add,X-Nobody)=no)
 same => n,Answer()
 same => n,SendText(${PJSIP_HEADER(read,X-Colour)})
 same => n,Wait(120)
exten => 111,1,Answer()
 same => n,SendText(${CALLERID(name)}/${CALLERID(num)}/${CALLERID(name-pres)})
 same => n,Wait(120)
exten => 112,1,Answer()
 same => n,SendText(${REDIRECTING(from-num)}/${REDIRECTING(reason)})
 same => n,Wait(120)
exten => 113,1,Progress()
 same => n,Wait(0.2)
 same => n,Answer()
 same => n,Wait(120)
exten => _12X,1,Hangup(${EXTEN:2}0)
exten => _cause*.,1,Hangup(${CUT(EXTEN,*,2)})
exten => busy,1,Busy(5)
exten => congested,1,Congestion(5)
exten => _to*.,1,Dial(PJSIP/${CUT(EXTEN,*,2)}/sip:${CUT(EXTEN,*,2)}@127.0.0.1:${CUT(EXTEN,*,3)}\;transport=${CUT(EXTEN,*,4)},60,g)
 same => n,Verbose(1,${DIALSTATUS} ${HANGUPCAUSE})
exten => _away*.,1,Set(REDIRECTING(from-num,i)=555)
 same => n,Set(REDIRECTING(reason,i)=cfu)
 same => n,Set(REDIRECTING(count)=1)
 same => n,Goto(to${EXTEN:4},1)
exten => _hdr*.,1,Set(HEADER=${CUT(EXTEN,*,3)})
 same => n,Dial(PJSIP/callee/sip:callee@127.0.0.1:${CUT(EXTEN,*,2)},60,b(colour^s^1))
exten => _both*.,1,Dial(PJSIP/callee/sip:one@127.0.0.1:${CUT(EXTEN,*,2)}&PJSIP/callee/sip:two@127.0.0.1:${CUT(EXTEN,*,3)},60)
exten => _short*.,1,Dial(PJSIP/callee/sip:callee@127.0.0.1:${CUT(EXTEN,*,2)},1)
exten => _kk*.,1,Answer()
 same => n,Dial(PJSIP/callee/sip:callee@127.0.0.1:${CUT(EXTEN,*,2)},60)
exten => _reg*.,1,Dial(PJSIP/${CUT(EXTEN,*,2)},60)
exten => _all*.,1,Dial(${PJSIP_DIAL_CONTACTS(${CUT(EXTEN,*,2)})},60)
exten => _site*.,1,Set(TRANSPORT=${IF($["${CUT(EXTEN,*,3)}"=""]?:\;transport=${CUT(EXTEN,*,3)})})
 same => n,Dial(PJSIP/callee/sip:callee@${CUT(EXTEN,*,2)}.test${TRANSPORT},60)
exten => _port*.,1,Dial(PJSIP/callee/sip:callee@host.test:${CUT(EXTEN,*,2)},60)
exten => pick,1,Pickup()
exten => _state*.,1,Answer()
 same => n,SendText(${DEVICE_STATE(PJSIP/${CUT(EXTEN,*,2)})})
 same => n,Wait(120)
exten => nohint,1,NoOp()
exten => 8001,hint,PJSIP/watched1
exten => 8002,hint,PJSIP/watched2
exten => 8003,hint,PJSIP/watched3
exten => 7000,1,Answer()
 same => n,Wait(120)
exten => 70001,1,Answer()
 same => n,Wait(120)

[colour]
exten => s,1,Set(PJSIP_HEADER(add,X-Colour)=red)
 same => n,Return()

[texts]
exten => inbox,1,NoOp()
"""

RTP_PORTS = 200


def configuration(port: int, transports: str = "", options: str = "") -> dict[str, str]:
    """The files of a server with UDP and TCP at ``port``; ``options`` are those of every endpoint."""
    first = free_port(RTP_PORTS)
    text = "[global]\ntype=global\nendpoint_identifier_order=username,ip,anonymous\n\n" + TAKES_ALL
    for kind in ("udp", "tcp"):
        text += f"[{kind}]\ntype=transport\nprotocol={kind}\nbind={HOST}:{port}\n\n"
    text += transports
    names = {**ENDPOINTS, **dict.fromkeys((*SECRETS, *AORS), "")}
    for name, own in names.items():
        extra = f"auth={name}\n" if name in SECRETS else ""
        extra += "allow_unauthenticated_options=yes\n" if name == "openoptions" else ""
        text += (
            f"[{name}]\ntype=endpoint\ncontext=main\ndisallow=all\nallow=ulaw\naors={name}\ndirect_media=no\n{extra}{options}{own}\n\n"
            f"[{name}]\ntype=aor\n{AORS.get(name, '')}\n\n"
        )
    text += "".join(f"[{name}]\ntype=auth\n{own}\n\n" for name, own in SECRETS.items()) + OUTBOUND
    return {
        "modules.conf": "[modules]\nautoload=yes\n",
        "pjsip.conf": text,
        "extensions.conf": DIALPLAN,
        "rtp.conf": f"[general]\nrtpstart={first}\nrtpend={first + RTP_PORTS - 1}\n",
    }


def main(directory: Path) -> tuple[GlobstarProcess, dict[str, int], Sequence[Helper]]:
    """The server of most scenarios: UDP and TCP."""
    port = free_port(2)
    names = Names()
    files = {**configuration(port), "resolver_unbound.conf": f"[general]\nnameserver={names.text}\n"}
    server = GlobstarProcess(directory, files)
    server.wait_booted()
    return server, {"udp": port, "tcp": port}, [names]


def secure(directory: Path) -> tuple[GlobstarProcess, dict[str, int], Sequence[Helper]]:
    """TLS and WebSockets; everybody is reached by the connection that they made, as phones behind such transports are."""
    directory.mkdir(parents=True)
    authority = Authority(directory)
    certificate, key = authority.issue("server", "localhost", HOST)
    port, tls, http, https = free_port(2), free_port(), free_port(), free_port()
    transports = (
        f"[tls]\ntype=transport\nprotocol=tls\nbind={HOST}:{tls}\ncert_file={certificate}\npriv_key_file={key}\n\n"
        f"[ws]\ntype=transport\nprotocol=ws\nbind={HOST}\n\n[wss]\ntype=transport\nprotocol=wss\nbind={HOST}\n\n"
    )
    files = configuration(port, transports, "rewrite_contact=yes\n")
    files["http.conf"] = (
        f"[general]\nenabled=yes\nbindaddr={HOST}\nbindport={http}\ntlsenable=yes\ntlsbindaddr={HOST}:{https}\n"
        f"tlscertfile={certificate}\ntlsprivatekey={key}\n"
    )
    server = GlobstarProcess(directory, files)
    server.wait_booted()
    relays: list[Relay] = [Relay(kind, target, authority.path) for kind, target in (("tls", tls), ("ws", http), ("wss", https))]
    return server, {"udp": port, "tcp": port, "http": http, **{relay.protocol: relay.port for relay in relays}}, list(relays)


SERVERS: dict[str, Start] = {"main": main, "secure": secure}
