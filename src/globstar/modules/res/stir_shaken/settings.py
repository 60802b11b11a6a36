"""stir_shaken.conf: attestation and verification for all, and by number and profile."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from globstar.config import ConfigFile, Variable
from globstar.config.options import Options, Report, did_you_mean, option
from globstar.config.values import boolean, integer, listing, string
from globstar.core.acl import AccessRules
from globstar.proto.stir import Attestation, canonical_number

O = TypeVar("O", bound=Options)
words = listing(string)


def level(text: str) -> Attestation | None:
    """Read an attestation level; ``not_set`` is none."""
    word = text.strip().upper()
    if word in ("", "NOT_SET"):
        return None
    return Attestation(word)


def _one_of(*known: str) -> Any:
    def read(text: str) -> str:
        word = text.strip().lower()
        if word not in known:
            raise ValueError("expected one of " + ", ".join(known))
        return word

    return read


def rule(text: str) -> tuple[str, ...]:
    """Read addresses of an access list; raises ValueError."""
    AccessRules().add(True, text)
    return (text,)


class _Object(Options):
    type = option(string, "", help="Kind of the object.")


class AttestationOptions(_Object):
    """How calls are signed."""

    private_key_file = option(string, "", help="PEM file with the key that signs (P-256).")
    public_cert_url = option(string, "", help="Where others find its certificate: http or https.")
    attest_level = option(
        level, None, help="A: the caller may use the number; B: it is known, the number is not; C: came by a gateway."
    )
    check_tn_cert_public_url = option(boolean, False, help="Fetch the certificate at the start and check its dates.")
    send_mky = option(boolean, False, help="Sign the fingerprints of encrypted media as well.")


class DefaultAttestation(AttestationOptions):
    """``[attestation]``."""

    global_disable = option(boolean, False, help="Sign nothing at all.")
    unknown_tn_attest_level = option(level, None, help="Level for callers without an object of their own; not_set: not signed.")


class TnOptions(AttestationOptions):
    """``type=tn``: one number; what it does not say, ``[attestation]`` does."""


class VerificationOptions(_Object):
    """How signatures are checked."""

    load_system_certs = option(boolean, False, help="Believe the authorities of the operating system.")
    ca_file = option(string, "", help="PEM file with authorities that are believed.")
    ca_path = option(string, "", help="Folder with such files.")
    crl_file = option(string, "", help="PEM file with lists of what was revoked.")
    crl_path = option(string, "", help="Folder with such files.")
    untrusted_cert_file = option(string, "", help="PEM file with certificates that may lie between signer and authority.")
    untrusted_cert_path = option(string, "", help="Folder with such files.")
    cert_cache_dir = option(string, "", help="Folder for fetched certificates.")
    curl_timeout = option(integer(1), 2, unit="s", help="How long fetching a certificate may take.")
    max_iat_age = option(integer(1), 15, unit="s", help="How old a signature may be.")
    max_date_header_age = option(integer(1), 15, unit="s", help="How old the Date header may be.")
    ignore_sip_date_header = option(boolean, False, help="The Date header is not looked at.")
    max_cache_entry_age = option(integer(0), 60, unit="s", help="How long a certificate is kept whose server does not say.")
    max_cache_size = option(integer(1), 1000, help="Most certificates that are kept.")
    failure_action = option(
        _one_of("continue", "reject_request", "continue_return_reason"), "continue", help="What a failure does."
    )
    use_rfc9410_responses = option(boolean, False, help="Reason headers name the protocol STIR (RFC 9410), not SIP.")
    relax_x5u_port_scheme_restrictions = option(boolean, False, help="Certificates may come by http and from any port.")
    relax_x5u_path_restrictions = option(boolean, False, help="Their URLs may have queries and user names.")
    x5u_acl = option(words, (), help="Access lists of acl.conf for the servers of certificates.")
    x5u_permit = option(rule, (), repeat="extend", help="Addresses that certificates may come from.")
    x5u_deny = option(rule, (), repeat="extend", help="Addresses that they must not come from.")


class DefaultVerification(VerificationOptions):
    """``[verification]``."""

    global_disable = option(boolean, False, help="Check nothing at all.")


class ProfileOptions(VerificationOptions):
    """``type=profile``: what endpoints name; what it does not say, ``[attestation]`` and ``[verification]`` do."""

    endpoint_behavior = option(_one_of("off", "attest", "verify", "on"), "off", help="What is done for its endpoints.")
    private_key_file = option(string, "", help="As in [attestation].")
    public_cert_url = option(string, "", help="As in [attestation].")
    attest_level = option(level, None, help="As in [attestation].")
    unknown_tn_attest_level = option(level, None, help="As in [attestation].")
    check_tn_cert_public_url = option(boolean, False, help="As in [attestation].")
    send_mky = option(boolean, False, help="As in [attestation].")


@dataclass(slots=True)
class StirSettings:
    """All objects of one reading of stir_shaken.conf."""

    attestation: DefaultAttestation = field(default_factory=DefaultAttestation)
    verification: DefaultVerification = field(default_factory=DefaultVerification)
    profiles: dict[str, ProfileOptions] = field(default_factory=dict)
    #: by canonical number
    numbers: dict[str, TnOptions] = field(default_factory=dict)

    @property
    def signing(self) -> list[AttestationOptions | ProfileOptions]:
        """All objects that may name a key."""
        return [self.attestation, *self.numbers.values(), *self.profiles.values()]

    def value(self, profile: str, name: str) -> Any:
        """An option as it holds for a profile: the profile's own, else that of ``[verification]`` or ``[attestation]``."""
        own = self.profiles.get(profile)
        if own is not None and name in own.given():
            return getattr(own, name)
        base = self.verification if hasattr(type(self.verification), name) else self.attestation
        return getattr(base, name)

    def signer(self, profile: str, number: str) -> dict[str, Any] | None:
        """What signs for a canonical number: key file, URL and level; None if nothing does."""
        tn = self.numbers.get(number)
        found: dict[str, Any] = {}
        for name in ("private_key_file", "public_cert_url", "attest_level", "send_mky"):
            found[name] = getattr(tn, name) if tn is not None and name in tn.given() else self.value(profile, name)
        if tn is None:
            found["attest_level"] = self.value(profile, "unknown_tn_attest_level")
        return found if found["attest_level"] is not None else None


def read_settings(config: ConfigFile | None, report: Report) -> StirSettings:
    """Build the objects; what is wrong goes to ``report``."""
    settings = StirSettings()
    for category in config or ():
        kind = (category.get("type") or category.name).strip().lower()
        where = Variable(category.name, "", file=category.file, line=category.line)
        if kind == "attestation":
            settings.attestation = DefaultAttestation.read(category, report)
        elif kind == "verification":
            settings.verification = DefaultVerification.read(category, report)
        elif kind == "profile":
            settings.profiles[category.name] = ProfileOptions.read(category, report)
        elif kind == "tn":
            number = canonical_number(category.name)
            if number:
                settings.numbers[number] = TnOptions.read(category, report)
            else:
                report(where, f"[{category.name}] is no telephone number")
        else:
            near = did_you_mean(kind, ("attestation", "verification", "profile", "tn"))
            report(where, f"[{category.name}] has the unknown type '{kind}'{near}")
    for options in (settings.attestation, settings.verification, *settings.profiles.values(), *settings.numbers.values()):
        if getattr(options, "cert_cache_dir", ""):
            report(
                Variable("cert_cache_dir", "", file="stir_shaken.conf"),
                "cert_cache_dir has no effect: certificates are kept in memory",
            )
    return settings


def files_of(file: str, folder: str) -> list[Path]:
    """The files that a ``..._file`` and a ``..._path`` option name."""
    found = [Path(file)] if file else []
    if folder:
        found += sorted(path for path in Path(folder).iterdir() if path.is_file())
    return found
