"""STIR_SHAKEN() and STIR_SHAKEN_ATTESTATION()."""

from __future__ import annotations

from globstar.config.values import is_true
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function, write_function
from globstar.core.services import STIR_RESULTS, STIR_SUPPRESSED, IdentityResult

#: STIR_SHAKEN(n,verify_result) by whether the identity was believed and, if not, its answer
_MISMATCH = 438


def _result_text(result: IdentityResult) -> str:
    if result.is_believed:
        return "Verification passed"
    return "Signature failed" if result.status != _MISMATCH or "signature" in result.detail else "Verification mismatch"


@function("STIR_SHAKEN", syntax="STIR_SHAKEN(index[,value])")
def stir_shaken(channel: Channel | None, args: str) -> str:
    """What became of the Identity headers of a call: ``count``; by index ``identity``, ``attestation``, ``verify_result``."""
    if channel is None:
        raise FunctionError("STIR_SHAKEN needs a channel")
    results: tuple[IdentityResult, ...] = channel.data.get(STIR_RESULTS, ())
    index, comma, value = (part.strip() for part in args.partition(","))
    if index.lower() == "count":
        return str(len(results))
    if not comma or not index.isdecimal():
        raise FunctionError("STIR_SHAKEN needs count, or an index and a value")
    if int(index) >= len(results):
        raise FunctionError(f"there is no identity {index}")
    result = results[int(index)]
    match value.lower():
        case "identity":
            return result.identity
        case "attestation":
            return result.attestation
        case "verify_result":
            return _result_text(result)
    raise FunctionError(f"STIR_SHAKEN knows no '{value}', only identity, attestation and verify_result")


@write_function("STIR_SHAKEN_ATTESTATION", syntax="STIR_SHAKEN_ATTESTATION(field)")
def stir_shaken_attestation(channel: Channel | None, args: str, value: str) -> None:
    """Set how an outgoing call is signed: ``suppress`` set to yes leaves the signature out."""
    if channel is None:
        raise FunctionError("STIR_SHAKEN_ATTESTATION needs a channel")
    if args.strip().lower() != "suppress":
        raise FunctionError(f"STIR_SHAKEN_ATTESTATION knows no '{args}', only suppress")
    channel.data[STIR_SUPPRESSED] = is_true(value)
