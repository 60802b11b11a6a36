"""Memory caches and the lines of sorcery.conf."""

from __future__ import annotations

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource, read_config
from globstar.core.sorcery.cache import CacheOptions, MemoryCache
from globstar.core.sorcery.settings import read_mappings
from globstar.core.sorcery.wizard import SorceryObject
from tests.support.switch import LogCapture


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def one(id: str) -> SorceryObject:
    return SorceryObject("thing", id, (("a", "1"), ("b", "2"), ("a", "3")))


def test_fields_of_objects() -> None:
    assert (one("x").get("A"), one("x").get("c"), one("x").get_all("a")) == ("3", "", ["1", "3"])


def test_objects_become_stale_then_expire() -> None:
    clock = Clock()
    cache = MemoryCache(CacheOptions("c", object_lifetime_stale=10, object_lifetime_maximum=30), clock)
    cache.put(one("x"))
    held = cache.get("x")
    assert held is not None
    assert (held.is_stale, cache.seconds_to_stale(held), cache.seconds_to_expire(held)) == (False, 10, 30)
    clock.now += 10
    held = cache.get("x")
    assert held is not None
    assert held.is_stale
    clock.now += 20
    assert cache.get("x") is None
    assert (len(cache), cache.hits, cache.misses) == (0, 2, 1)


def test_the_oldest_goes_when_there_is_no_room() -> None:
    cache = MemoryCache(CacheOptions("c", maximum_objects=2), Clock())
    for id in ("a", "b", "a", "c"):
        cache.put(one(id))
    assert [held.object.id for held in cache.items()] == ["a", "c"]
    assert cache.remove("a")
    assert not cache.remove("a")
    assert not cache.make_stale("a")
    assert cache.make_stale("c")
    cache.clear()
    assert cache.get("c") is None


@pytest.mark.parametrize(
    "parts",
    [
        ["maximum_objects=x"],
        ["object_lifetime_stale=-1"],
        ["expire_on_reload=maybe"],
        ["what=1"],
        ["maximum_objects=1", "full_backend_cache=yes"],
    ],
)
def test_bad_options_are_refused(parts: list[str]) -> None:
    with pytest.raises(ValueError):
        CacheOptions.parse(parts, "x")


def test_sorcery_conf_is_read_with_its_mistakes() -> None:
    text = """[general]
update_or_create_on_update_miss=yes
[m]
endpoint/cache=memory_cache,name=n,maximum_objects=5,object_lifetime_maximum=3,expire_on_reload=yes
endpoint=realtime,ps_endpoints
endpoint=config,pjsip.conf,criteria=type=endpoint
aor/cache=memory_cache,what=1
auth/cache=other
auth/extra=config,x
/cache=x
empty=
"""
    with LogCapture() as log:
        found = read_mappings(read_config("sorcery.conf", MemorySource({"sorcery.conf": text})))
    assert found.creates_on_update
    endpoint = found.modules["m"]["endpoint"]
    assert endpoint.wizards == [("realtime", ["ps_endpoints"]), ("config", ["pjsip.conf", "criteria=type=endpoint"])]
    assert endpoint.cache == CacheOptions("n", 5, 3, 0, True, False)
    assert found.modules["m"]["aor"].cache is None
    assert len(log.texts(Level.ERROR)) == 1
    assert len(log.texts(Level.WARNING)) == 4
