"""minivm.conf: accounts, templates, zones, general options, and what is said about the rest."""

from __future__ import annotations

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource, read_config
from globstar.modules.apps.minivm.settings import MinivmSettings, read_minivm, split_address
from tests.support.switch import LogCapture

CONF = """
[general]
format=wav49|gsm
minmessage=3
emailsubject=Sub ${MVM_COUNTER}
emailbody=one\\ntwo
pagerfromstring=Pager
emailaaddress=from@example.com
[zonemessages]
central=America/Chicago|'vm-received' Q
[template-sv_SE_email]
messagebody=Hej\\t${MVM_NAME}
subject=Ny
locale=sv_SE.UTF-8
attachmedia=no
fromemail=x@example.com
[user-template](!)
etemplate=sv_SE_email
language=sv
[Ann.B@Example.com](user-template)
fullname=Ann
email=ann@mail.example.com
pager=555@pager.example.com
pincode=4711
timezone=central
setvar=SERVICENAME=Voop = Net
setvar=COLOUR=red
volgain=
options=
options=review=yes|volgain=-3.5
"""


def read(text: str) -> MinivmSettings:
    return read_minivm(read_config("minivm.conf", MemorySource({"minivm.conf": text})))


def test_everything_is_read() -> None:
    with LogCapture() as log:
        settings = read(CONF)
    assert not log.records
    general = settings.general
    assert (general.format, general.minmessage) == ("wav49|gsm", 3)
    mail, pager = general.email_template().options, general.pager_template().options
    assert (mail.subject, mail.messagebody, mail.fromemail) == ("Sub ${MVM_COUNTER}", "one\ntwo", "from@example.com")
    assert (pager.fromaddress, pager.attachmedia) == ("Pager", False)
    assert settings.zones == {"central": ("America/Chicago", "'vm-received' Q")}
    template = settings.templates["sv_SE_email"].options
    assert (template.messagebody, template.locale, template.attachmedia) == ("Hej\t${MVM_NAME}", "sv_SE.UTF-8", False)
    account = settings.find("ann.b@EXAMPLE.com")
    assert account is not None
    assert account.is_configured
    options = account.options
    assert (options.fullname, options.etemplate, options.language, options.pincode) == ("Ann", "sv_SE_email", "sv", "4711")
    assert (options.review, options.volgain) == (True, -3.5)
    assert account.variables == {"SERVICENAME": "Voop = Net", "COLOUR": "red"}
    assert "4711" not in repr(options)


def test_the_usual_subject_says_pbx_unless_told_otherwise() -> None:
    assert read("").general.email_template().options.subject.startswith("[PBX]: ")
    assert read("[general]\npbxskip=yes\n").general.email_template().options.subject.startswith("New message")


def test_an_address_without_an_account_is_one_all_the_same() -> None:
    account = read("").find("joe@example.org")
    assert account is not None
    assert (account.is_configured, account.address, account.options.email) == (False, "joe@example.org", "")


@pytest.mark.parametrize(
    "text", ["", "joe", "@example.com", "joe@", "../x@example.com", "joe@../x", "joe@a..b", "a/b@c", ".x@y", "a@b@c", "a b@c"]
)
def test_what_is_no_address(text: str) -> None:
    assert split_address(text) is None
    assert read("").find(text) is None


def test_what_is_wrong_is_told_by_line() -> None:
    bad = """[general]
formt=wav
minmessage=x
[nobody]
fullname=N
[a@b]
etemplate=missing
timezone=nowhere
setvar=oops
options=colour=red
volgain=99
[zonemessages]
mars=Mars/Base|'vm-received' Q
[template-t]
attachmedia=perhaps
"""
    with LogCapture() as log:
        settings = read(bad)
    lines = [text.partition(": ")[0] for text in log.texts(Level.WARNING)]
    assert lines == [*(f"minivm.conf:{n}" for n in (2, 3, 4, 9, 10, 11, 13, 15)), "minivm.conf", "minivm.conf"]
    assert list(settings.accounts) == ["a@b"]
