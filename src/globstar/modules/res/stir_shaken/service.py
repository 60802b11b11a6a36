"""Signing and checking of caller numbers, as other modules reach it."""

from __future__ import annotations

import ipaddress
import ssl
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.late import LateModule
from globstar.base.log import Logger
from globstar.core.acl import SERVICE as ACCESS_LISTS
from globstar.core.acl import AccessRules, NamedLists, allows_all
from globstar.core.services import IdentityResult, IdentityVerdict
from globstar.modules.res.stir_shaken.fetching import CertificateCache, Fetcher, HttpFetcher, check_url
from globstar.modules.res.stir_shaken.settings import StirSettings, files_of
from globstar.proto.stir import IdentityHeader, Passport, StirError, TrustStore, canonical_number, read_certificates
from globstar.proto.stir.errors import INVALID_IDENTITY_HEADER, USE_IDENTITY_HEADER
from globstar.proto.stir.verify import Facts, check_claims, check_credential

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    from globstar.core.system import System
else:
    x509 = LateModule("cryptography.x509")
    serialization = LateModule("cryptography.hazmat.primitives.serialization")
    ec = LateModule("cryptography.hazmat.primitives.asymmetric.ec")

logger = Logger("res_stir_shaken")

#: Most Identity headers of one call that are looked at.
MAX_IDENTITIES = 8


@dataclass(slots=True)
class Loaded:
    """What the files of one reading hold; read off the loop."""

    keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    trust: dict[str, TrustStore] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def load_files(settings: StirSettings) -> Loaded:
    """Read keys and trusted certificates of all profiles ("" are the defaults). Blocking."""
    loaded = Loaded()
    for options in settings.signing:
        name = options.private_key_file
        if not name or name in loaded.keys:
            continue
        try:
            key = serialization.load_pem_private_key(Path(name).read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            loaded.problems.append(f"private_key_file '{name}' cannot be read: {error}")
            continue
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            loaded.keys[name] = key
        else:
            loaded.problems.append(f"private_key_file '{name}' is no key of P-256")
    for profile in ("", *settings.profiles):
        loaded.trust[profile] = _trust(settings, profile, loaded.problems)
    return loaded


def _trust(settings: StirSettings, profile: str, problems: list[str]) -> TrustStore:
    store = TrustStore()

    def read(what: str) -> list[bytes]:
        found: list[bytes] = []
        file, folder = (settings.value(profile, f"{what}_{kind}") for kind in ("file", "path"))
        try:
            found = [path.read_bytes() for path in files_of(file, folder)]
        except OSError as error:
            problems.append(f"{what}: {error}")
        return found

    for what, target in (("ca", store.authorities), ("untrusted_cert", store.between)):
        for data in read(what):
            try:
                target += read_certificates(data)
            except ValueError as error:
                problems.append(f"{what}: no certificate: {error}")
    for data in read("crl"):
        try:
            store.revocations.append(x509.load_pem_x509_crl(data))
        except ValueError as error:
            problems.append(f"crl: no list of revoked certificates: {error}")
    if settings.value(profile, "load_system_certs"):
        for der in ssl.create_default_context().get_ca_certs(binary_form=True):
            try:
                store.authorities.append(x509.load_der_x509_certificate(der))
            except ValueError:
                continue  # an authority of the system that this library does not understand helps nobody
    return store


class StirService:
    """See ``globstar.core.services.StirShaken``."""

    def __init__(self, system: System, settings: StirSettings, loaded: Loaded) -> None:
        self._system = system
        fetcher: Fetcher = system.services.get("stir fetcher") or HttpFetcher()
        self.cache = CertificateCache(fetcher, system.wall_time)
        self.counters = dict.fromkeys(("signed", "not signed", "believed", "not believed", "without identity"), 0)
        self.configure(settings, loaded)

    def configure(self, settings: StirSettings, loaded: Loaded) -> None:
        """Take over a configuration; fetched certificates stay."""
        self.settings = settings
        self.loaded = loaded

    def _behaviour(self, profile: str) -> str:
        if not profile:
            return "on"
        own = self.settings.profiles.get(profile)
        return own.endpoint_behavior if own is not None else "off"

    def attests(self, profile: str) -> bool:
        """See StirShaken."""
        return not self.settings.attestation.global_disable and self._behaviour(profile) in ("on", "attest")

    def verifies(self, profile: str) -> bool:
        """See StirShaken."""
        return not self.settings.verification.global_disable and self._behaviour(profile) in ("on", "verify")

    # -- signing -----------------------------------------------------------------------------------------------------

    def sign(self, profile: str, caller: str, callee: str, fingerprints: Iterable[tuple[str, str]] = ()) -> str | None:
        """See StirShaken."""
        orig, dest = canonical_number(caller), canonical_number(callee)
        signer = self.settings.signer(profile, orig) if orig and dest else None
        if signer is None:
            self.counters["not signed"] += 1
            logger.debug(1, f"a call of '{caller}' to '{callee}' is not signed: no number, or nothing vouches for it")
            return None
        key = self.loaded.keys.get(signer["private_key_file"])
        if key is None or not signer["public_cert_url"]:
            self.counters["not signed"] += 1
            logger.warning(f"a call of '{caller}' is not signed: private_key_file or public_cert_url is missing")
            return None
        now = int(self._system.wall_time())
        # RFC 8225 5.2.2: without colons, in order of hash and digest
        mky = tuple(sorted({(name, digest.replace(":", "")) for name, digest in fingerprints})) if signer["send_mky"] else ()
        passport = Passport(signer["public_cert_url"], orig, (dest,), now, signer["attest_level"], str(uuid.uuid4()), mky)
        self.counters["signed"] += 1
        return str(IdentityHeader(passport.sign(key), passport.x5u))

    # -- checking ----------------------------------------------------------------------------------------------------

    async def verify(
        self, profile: str, identities: list[str], callers: list[str], callees: list[str], date: float | None
    ) -> IdentityVerdict:
        """See StirShaken."""
        if not identities:
            self.counters["without identity"] += 1
            missing = IdentityResult("", "", False, *USE_IDENTITY_HEADER, "there is no Identity header")
            return self._verdict(profile, (), missing)
        facts = Facts(callers, callees, None if self.settings.value(profile, "ignore_sip_date_header") else date)
        results = tuple([await self._check(profile, text, facts) for text in identities[:MAX_IDENTITIES]])
        believed = any(result.is_believed for result in results)
        self.counters["believed" if believed else "not believed"] += 1
        for result in results:
            if not result.is_believed:
                logger.notice(f"an identity of '{', '.join(callers)}' is not believed: {result.detail}")
        return self._verdict(profile, results, None if believed else results[0])

    def _verdict(self, profile: str, results: tuple[IdentityResult, ...], failed: IdentityResult | None) -> IdentityVerdict:
        action = self.settings.value(profile, "failure_action")
        if failed is None or action == "continue":
            return IdentityVerdict(results)
        if action == "reject_request":
            return IdentityVerdict(results, refuse=(failed.status, failed.reason))
        protocol = "STIR" if self.settings.value(profile, "use_rfc9410_responses") else "SIP"
        return IdentityVerdict(results, told=(protocol, failed.status, failed.reason))

    async def _check(self, profile: str, text: str, facts: Facts) -> IdentityResult:
        identity = attestation = ""
        try:
            header = IdentityHeader.parse(text)
            passport = header.passport()
            identity, attestation = passport.orig or passport.orig_uri, passport.attest.value
            value = self.settings.value
            now = self._system.wall_time()
            check_claims(passport, facts, now, value(profile, "max_iat_age"), value(profile, "max_date_header_age"))
            chain = await self.chain(profile, passport.x5u)
            trust = self.loaded.trust.get(profile) or self.loaded.trust[""]
            check_credential(header.token, passport, chain, trust, self._system.wall_time())
        except StirError as error:
            return IdentityResult(identity, attestation, False, error.status, error.reason, error.detail)
        except Exception as error:  # a bug in a check must refuse the identity, not let it pass or end the call
            logger.error("checking an identity failed", exception=error)
            return IdentityResult(identity, attestation, False, *INVALID_IDENTITY_HEADER, str(error))
        return IdentityResult(identity, attestation, True)

    async def chain(self, profile: str, url: str) -> list[x509.Certificate]:
        """The certificates at a URL; raises StirError 436 or 437."""
        value = self.settings.value
        check_url(
            url,
            relax_port_scheme=value(profile, "relax_x5u_port_scheme_restrictions"),
            relax_path=value(profile, "relax_x5u_path_restrictions"),
        )
        return await self.cache.get(
            url,
            self._gate(profile),
            timeout=value(profile, "curl_timeout"),
            default_age=value(profile, "max_cache_entry_age"),
            size=value(profile, "max_cache_size"),
        )

    def _gate(self, profile: str) -> Gate:
        value = self.settings.value
        rules = AccessRules()
        for text in value(profile, "x5u_deny"):
            rules.add(False, text)
        for text in value(profile, "x5u_permit"):
            rules.add(True, text)
        return Gate(self._system.service(ACCESS_LISTS, NamedLists), value(profile, "x5u_acl"), rules)

    async def check_certificates(self) -> list[str]:
        """Fetch the certificates that our own signatures name, where that is asked for; returns what is wrong with them."""
        settings, problems = self.settings, []
        urls: dict[str, str] = {}
        for options in settings.signing:
            if options.check_tn_cert_public_url and options.public_cert_url:
                urls.setdefault(options.public_cert_url, options.private_key_file)
        for url, key_file in urls.items():
            try:
                # our own server may well sit on our own network
                chain = await self.cache.get(
                    url, lambda _: True, timeout=settings.verification.curl_timeout, default_age=0, size=1000
                )
            except StirError as error:
                problems.append(error.detail)
                continue
            now = self._system.local_time()
            if not chain or not chain[0].not_valid_before_utc <= now <= chain[0].not_valid_after_utc:
                problems.append(f"the certificate at {url} is not valid now")
            key = self.loaded.keys.get(key_file)
            if chain and key is not None and chain[0].public_key() != key.public_key():
                problems.append(f"the certificate at {url} does not belong to {key_file}")
        return problems

    async def close(self) -> None:
        """Give up what is being fetched."""
        await self.cache.close()

    def describe(self) -> dict[str, object]:
        """Counters for the CLI."""
        return {**self.counters, "certificates kept": len(self.cache), **self.cache.counters}


class Gate:
    """Which addresses certificates may come from: without rules all that are public."""

    def __init__(self, lists: NamedLists | None, names: tuple[str, ...], rules: AccessRules) -> None:
        self._lists, self._names, self._rules = lists, names, rules

    def __call__(self, address: str) -> bool:
        if self._names or self._rules:
            return not allows_all(self._lists, self._names, address) and self._rules.allows(address)
        try:
            return ipaddress.ip_address(address).is_global
        except ValueError:
            return False


async def make_service(system: System, settings: StirSettings) -> StirService:
    """Load the files and make the service."""
    loaded = await system.run_blocking(load_files, settings)
    for problem in loaded.problems:
        logger.warning(problem)
    return StirService(system, settings, loaded)


def start_check(system: System, service: StirService) -> None:
    """Look at our own certificates in the background, where that is asked for."""

    async def check() -> None:
        for problem in await service.check_certificates():
            logger.warning(problem)

    system.tasks.start(check(), name="check certificates")
