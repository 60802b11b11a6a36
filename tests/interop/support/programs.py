"""The programs of other projects that the tests drive, and what to do when one is missing."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
ROOT = Path(__file__).resolve().parents[3]
AS_ROOT = ROOT / "tools" / "as-root"
#: what require_jssip installs
JSSIP = ("jssip@3.13.8", "esbuild@0.25.12")
SOUNDS = Path("/usr/share/asterisk/sounds/en")


def _missing(what: str, remedy: str) -> NoReturn:
    message = f"{what} is missing: {remedy}"
    if IN_CI:
        pytest.fail(message)
    pytest.skip(message)


def require(program: str) -> str:
    """The program's path; without it the test is skipped, in CI it fails."""
    path = shutil.which(program)
    if path is None:
        package = {
            "sipp": "sip-tester",
            "baresip": "baresip-core",
            "ip": "iproute2",
            "nft": "nftables",
            "linphonec": "linphone-cli",
            "fail2ban-regex": "fail2ban",
            "turnserver": "coturn",
        }.get(program, program)
        _missing(program, f"apt-get install {package} (make test-tools)")
    return path


def require_jssip() -> str:
    """JsSIP, a SIP stack for browsers, as one script; it comes from npm, once, and stays in ``build``."""
    folder = ROOT / "build" / "jssip"
    script = folder / "jssip.js"
    if not script.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        bundle = [
            "node_modules/.bin/esbuild",
            "node_modules/jssip/lib/JsSIP.js",
            "--bundle",
            "--format=iife",
            "--global-name=JsSIP",
        ]
        for command in (
            [require("npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", ".", *JSSIP],
            [*bundle, f"--outfile={script}"],
        ):
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
            if done.returncode:
                _missing("JsSIP", f"{' '.join(command)} fails: {done.stderr[-300:]}")
    return script.read_text()


def require_sounds() -> Path:
    """The folder of recorded English prompts."""
    if not (SOUNDS / "demo-congrats.wav").is_file():
        _missing("the recorded prompts", "apt-get install asterisk-core-sounds-en-wav asterisk-core-sounds-en-gsm")
    return SOUNDS


def require_capture() -> list[str]:
    """The command that captures packets: tshark, as root; without either the test is skipped, in CI it fails."""
    command = [str(AS_ROOT), require("tshark")]
    if subprocess.run([str(AS_ROOT), "true"], check=False).returncode:
        _missing("the right to capture packets", "be root, or let sudo ask for no password")
    return command


def require_namespaces() -> None:
    """Network namespaces with address translation may be made; without the right to it the test is skipped, in CI it fails."""
    if os.geteuid() != 0:
        _missing("the right to make network namespaces", "run the tests as root")
    name = f"globstar-probe-{secrets.token_hex(4)}"
    ip, nft = require("ip"), require("nft")
    made = subprocess.run([ip, "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        _missing("network namespaces", f"the kernel must allow them: {made.stderr.strip()}")
    rules = "add table ip nat; add chain ip nat out { type nat hook postrouting priority 100 ; }; add rule ip nat out masquerade"
    translated = subprocess.run([ip, "netns", "exec", name, nft, rules], capture_output=True, text=True, check=False)
    subprocess.run([ip, "netns", "delete", name], capture_output=True, check=False)
    if translated.returncode:
        _missing("address translation", f"the kernel must have nf_tables with masquerade: {translated.stderr.strip()}")
