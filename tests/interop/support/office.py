"""A server's configuration for the interop tests: phones with digest, callers by address, the book's dialplans."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.loopback import HOST, free_port
from tests.support.server import GlobstarProcess

BOOK = """\
exten => 1234,1,Answer()
 same => n,Playback(demo-congrats)
 same => n,Hangup()

exten => 5678,1,Answer()
 same => n,Read(DIGITS,beep,4)
 same => n,SayDigits(${DIGITS})
 same => n,Hangup()

exten => 555,1,Verbose(Time this call started: ${CDR(start)})
 same => n,Set(CDR(mycustomfield)=snickerdoodle)

exten => *123,1,Answer()
 same => n,VoicemailMain()
"""

SERVICES = """\
exten => 600,1,Answer()
 same => n,Echo()

exten => 601,1,Answer()
 same => n,Milliwatt()

exten => 610,1,Answer()
 same => n,Hangup()

exten => 611,1,Answer()
 same => n,Wait(60)

exten => 620,1,VoiceMail(100@default,s)
 same => n,Hangup()
"""

GLOBAL = """\
[global]
type=global
endpoint_identifier_order=username,ip,anonymous

[system]
type=system
{system}
"""

TAKES_ALL = "[overload]\ntype=overload\nenabled=no\n\n"
"""A server that gets no processor for a while refuses new requests, which is right, and is not what most tests are about."""

VOICEMAIL = """\
[general]
format=wav
minsecs=1
[default]
100 => 4321,Phone One Hundred
"""


@dataclass
class Phone:
    """A phone that registers with digest."""

    name: str
    password: str
    codecs: str = "ulaw"
    context: str = "phones"
    direct_media: bool = False
    #: further lines of the endpoint
    options: str = ""

    def sections(self) -> str:
        direct = "yes" if self.direct_media else "no"
        return (
            f"[{self.name}]\ntype=endpoint\ncontext={self.context}\ndisallow=all\nallow={self.codecs}\n"
            f"auth={self.name}\naors={self.name}\ndirect_media={direct}\ncallerid=Phone {self.name} <{self.name}>\n"
            f"{self.options}\n[{self.name}]\ntype=auth\nauth_type=digest\nusername={self.name}\npassword={self.password}\n\n"
            f"[{self.name}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n\n"
        )


@dataclass
class Peer:
    """A caller or callee without password at a fixed loopback port; SIPp plays it."""

    name: str
    port: int = 0
    codecs: str = "ulaw"
    context: str = "phones"

    def sections(self) -> str:
        contact = f"contact=sip:{self.name}@{HOST}:{self.port}\n" if self.port else ""
        return (
            f"[{self.name}]\ntype=endpoint\ncontext={self.context}\ndisallow=all\nallow={self.codecs}\n"
            f"aors={self.name}\ndirect_media=no\n\n[{self.name}]\ntype=aor\n{contact}\n"
        )


@dataclass
class Office:
    """What a test's server is configured with."""

    members: list[Phone | Peer]
    contexts: dict[str, str] = field(default_factory=lambda: {"phones": BOOK + "\n" + SERVICES})
    files: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=lambda: free_port(2))
    rtp_ports: int = 200
    system: str = ""
    sheds_load: bool = False

    def configuration(self) -> dict[str, str]:
        """The files by name."""
        first = free_port(self.rtp_ports)
        transports = "".join(f"[{kind}]\ntype=transport\nprotocol={kind}\nbind={HOST}:{self.port}\n\n" for kind in ("udp", "tcp"))
        extensions = "[general]\nstatic=yes\n\n" + "".join(f"[{name}]\n{text}\n" for name, text in self.contexts.items())
        return {
            "modules.conf": "[modules]\nautoload=yes\n",
            "pjsip.conf": GLOBAL.format(system=self.system)
            + ("" if self.sheds_load else TAKES_ALL)
            + transports
            + "".join(member.sections() for member in self.members),
            "extensions.conf": extensions,
            "voicemail.conf": VOICEMAIL,
            "rtp.conf": f"[general]\nrtpstart={first}\nrtpend={first + self.rtp_ports - 1}\n",
            "cdr.conf": "[general]\nenable=yes\nunanswered=yes\n[csv]\nloguniqueid=yes\nloguserfield=yes\n",
            **self.files,
        }

    def start(self, directory: Path) -> GlobstarProcess:
        """The server as a process, booted; the caller ends it with ``finish()``."""
        server = GlobstarProcess(directory, self.configuration())
        try:
            server.wait_booted()
        except BaseException:
            server.finish()
            raise
        return server


def cdr_rows(server: GlobstarProcess) -> list[list[str]]:
    """Master.csv as lists of fields."""
    path = server.paths["astlogdir"] / "cdr-csv" / "Master.csv"
    return list(csv.reader(path.read_text().splitlines())) if path.is_file() else []
