"""Supplements: found by being there, called in order, and free when they do not care."""

from __future__ import annotations

from typing import Any, cast

from globstar.modules.channels.pjsip.endpoint import EndpointObject
from globstar.modules.channels.pjsip.supplement import HOOKS, Hooks, Supplement, discover, make

DRIVER = cast("Any", object())


class First(Supplement):
    module = "res_first"
    priority = 10

    def request_received(self, endpoint: Any, transaction: Any) -> bool:
        return True


class Second(Supplement):
    module = "res_second"

    def request_received(self, endpoint: Any, transaction: Any) -> bool:
        return False

    def invite_headers(self, leg: Any, headers: list[tuple[str, str]]) -> None:
        headers.append(("X-Second", "yes"))


def test_only_overridden_hooks_are_called_lowest_priority_first() -> None:
    second, first = Second(DRIVER), First(DRIVER)
    hooks = Hooks([second, first])
    assert hooks.request_received == (first.request_received, second.request_received)
    assert hooks.invite_headers == (second.invite_headers,)
    for name in set(HOOKS) - {"request_received", "invite_headers"}:
        assert getattr(hooks, name) == (), name


class OfSome(Second):
    """Only for endpoints that want it."""

    asked = 0

    def concerns(self, endpoint: EndpointObject) -> bool:
        self.asked += 1
        return endpoint.fax_detect


def test_calls_of_an_endpoint_are_spared_the_features_that_it_does_not_use() -> None:
    first, some = First(DRIVER), OfSome(DRIVER)
    hooks = Hooks([first, some])
    with_fax, without, other = EndpointObject(), EndpointObject(), EndpointObject()
    with_fax.fax_detect = True
    assert hooks.invite_headers == (some.invite_headers,)
    assert hooks.of(with_fax).invite_headers == (some.invite_headers,)
    assert hooks.of(without).invite_headers == ()
    assert hooks.of(without).request_received == (first.request_received,)
    assert hooks.of(without) is hooks.of(other), "endpoints that need the same share it"
    assert some.asked == 3, "each endpoint is looked at once"
    later = Hooks([first])
    assert later.of(with_fax).invite_headers == (), "after other features were loaded or unloaded it is looked at anew"


def test_every_file_in_the_folder_is_found_and_names_its_module() -> None:
    found = discover()
    assert {cls.module for cls in found} >= {"res_pjsip_messaging", "res_pjsip_dtmf_info"}
    assert all(cls.module.startswith(("res_", "chan_")) for cls in found)


def test_noload_leaves_a_feature_out() -> None:
    kept = {type(one).module for one in make(DRIVER, ["res_pjsip_messaging"])}
    assert "res_pjsip_messaging" not in kept
    assert "res_pjsip_dtmf_info" in kept
