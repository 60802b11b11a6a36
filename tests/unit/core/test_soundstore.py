"""Finding sounds by language and cost, the cache, and operations on all formats of a name."""

import os
import time
from typing import Any

import pytest

from globstar.core import format as formats
from globstar.core.registry import Registry, specs_of
from globstar.core.soundfile import SoundFault
from globstar.core.soundstore import SMALL_FILE_BYTES, SoundStore
from globstar.core.translate import TranslationRegistry
from globstar.modules.codecs import a_mu, alaw, gsm, resample, ulaw
from globstar.modules.formats import g729, pcm, sln, wav, wav_gsm
from globstar.modules.formats import gsm as format_gsm


@pytest.fixture
def make_store(tmp_path):
    translators: Registry[Any] = Registry("translator")
    files: Registry[Any] = Registry("fileformat")
    for module in (ulaw, alaw, a_mu, resample, gsm):
        for spec in specs_of(module):
            translators.register(spec)
    for module in (pcm, sln, wav, wav_gsm, g729, format_gsm):
        for spec in specs_of(module):
            files.register(spec)

    def make(**options):
        (tmp_path / "sounds").mkdir(exist_ok=True)
        return SoundStore(files, TranslationRegistry(translators), tmp_path / "sounds", **options)

    return make


@pytest.fixture
def store(make_store):
    return make_store()


def put(store, name, data=b"\xff" * 160):
    path = store.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def found(store, name, language="", wanted=()):
    sound = store.find(name, language, wanted)
    return sound and str(sound.path.relative_to(store.root))


def test_asterisk_language_folders_come_first(store):
    for name in ("digits/1.ulaw", "en/digits/1.ulaw", "en_AU/digits/1.ulaw", "de/digits/1.ulaw"):
        put(store, name)
    assert found(store, "digits/1", "en_AU") == "en_AU/digits/1.ulaw"
    assert found(store, "digits/1", "en_GB") == "en/digits/1.ulaw"
    assert found(store, "digits/1", "de_CH_zurich") == "de/digits/1.ulaw"
    assert found(store, "digits/1", "fr") == "digits/1.ulaw"
    assert found(store, "digits/1") == "digits/1.ulaw"
    assert store.find("digits/1", "en_GB").language == "en"
    assert found(store, "digits/2", "en") is None


def test_asterisk_language_prefix_off(make_store):
    store = make_store(language_prefix=False)
    put(store, "digits/en/1.ulaw")
    put(store, "en/beep.ulaw")
    assert found(store, "digits/1", "en_GB") == "digits/en/1.ulaw"
    assert found(store, "beep", "en") == "en/beep.ulaw"


def test_custom_folder_goes_first_when_asked_for(make_store):
    put(make_store(), "en/hello.ulaw")
    put(make_store(), "custom/en/hello.ulaw")
    assert found(make_store(), "hello", "en") == "en/hello.ulaw"
    assert found(make_store(search_custom=True), "hello", "en") == "custom/en/hello.ulaw"


def test_the_cheapest_format_is_taken(store):
    for extension in ("gsm", "wav", "alaw", "ulaw", "sln16", "g729"):
        put(store, f"hello.{extension}")
    assert found(store, "hello", "", [formats.ulaw]) == "hello.ulaw"
    assert found(store, "hello", "", [formats.alaw]) == "hello.alaw"
    assert found(store, "hello", "", [formats.slin16]) == "hello.sln16"
    assert found(store, "hello", "", [formats.g729]) == "hello.g729"
    assert found(store, "hello", "", [formats.gsm, formats.ulaw]) in ("hello.gsm", "hello.ulaw")
    for gone in ("ulaw", "alaw", "sln16"):
        os.unlink(store.root / f"hello.{gone}")
    # Asterisk plays hello.wav (slin), not hello.gsm, to a mu-law phone.
    assert found(store, "hello", "", [formats.ulaw]) == "hello.wav"


def test_a_format_that_cannot_be_translated_is_passed_over(store):
    put(store, "hello.g729")
    assert store.exists("hello")
    assert store.find("hello", "", [formats.ulaw]) is None


def test_absolute_names_and_case_of_extensions(store, tmp_path):
    (tmp_path / "message.WAV").write_bytes(b"")
    sound = store.find(str(tmp_path / "message"), "en")
    assert (sound.spec.name, sound.format) == ("wav49", formats.gsm)
    assert store.format_for("wav").name == "wav"
    assert store.format_for("pcm").name == "pcm"
    assert store.format_for("nonsense") is None


@pytest.mark.parametrize("name", ["", "a\0b", "missing", "missing/", "/", "..", "hello.ulaw"])
def test_names_that_are_nothing(store, name):
    put(store, "hello.ulaw")
    assert store.find(name, "en") is None
    assert not store.exists(name)


def test_new_and_removed_files_are_seen(store):
    path = put(store, "en/hello.ulaw")
    old = time.time() - 3600
    os.utime(path.parent, (old, old))
    assert store.exists("hello", "en")
    assert store.exists("hello", "en")
    put(store, "en/new.ulaw")
    assert store.exists("new", "en")
    path.unlink()
    assert not store.exists("hello", "en")


async def test_a_sound_is_read_once_until_it_changes(store):
    path = put(store, "hello.ulaw", b"a" * 160)
    sound = store.find("hello")
    first = await store.open(sound)
    second = await store.open(sound)
    assert (store.misses, store.hits) == (1, 1)
    assert first.sound is second.sound
    assert first.next_frame().data == second.next_frame().data == b"a" * 160
    path.write_bytes(b"b" * 200)
    assert (await store.open(sound)).read_rest() == b"b" * 200
    assert store.open_now(sound).read_rest() == b"b" * 200
    assert (store.misses, store.hits) == (2, 2)


def test_the_cache_is_bounded_and_drops_the_oldest(make_store):
    store = make_store(cache_bytes=10_000)
    for number in range(8):
        put(store, f"s{number}.ulaw", bytes(2000))
        store.open_now(store.find(f"s{number}"))
    assert store.cached_bytes == 10_000
    store.open_now(store.find("s7"))
    store.open_now(store.find("s0"))
    assert (store.hits, store.misses) == (1, 9)
    put(store, "big.ulaw", bytes(5000))
    store.open_now(store.find("big"))
    assert store.cached_bytes == 10_000


def test_a_big_file_is_not_read_whole(store):
    content = os.urandom(SMALL_FILE_BYTES + 1000)
    put(store, "big.ulaw", content)
    reader = store.open_now(store.find("big"))
    assert store.cached_bytes == 0
    reader.seek(SMALL_FILE_BYTES)
    assert reader.next_frame().data == content[SMALL_FILE_BYTES : SMALL_FILE_BYTES + 160]


async def test_what_cannot_be_opened_is_a_sound_fault(store):
    put(store, "bad.wav", b"no wave")
    with pytest.raises(SoundFault, match=r"bad\.wav"):
        await store.open(store.find("bad"))
    sound = store.find("bad")
    sound.path.unlink()
    with pytest.raises(SoundFault):
        await store.open(sound)


def test_delete_rename_and_copy_take_every_format(store):
    for extension in ("ulaw", "wav", "gsm"):
        put(store, f"a/hello.{extension}")
    assert store.copy("a/hello", "b/copy") == 3
    assert store.rename("a/hello", "a/moved") == 3
    assert store.delete("a/moved", "wav") == 1
    assert sorted(p.name for p in (store.root / "a").iterdir()) == ["moved.gsm", "moved.ulaw"]
    assert store.delete("a/moved") == 2
    assert store.delete("a/moved") == 0
    assert store.exists("b/copy")
    assert not store.exists("a/moved")
    with pytest.raises(SoundFault):
        store.delete("a/moved", "nonsense")
    with pytest.raises(SoundFault):
        store.copy("b/copy", "b/copy")


def test_create_makes_folders_and_keeps_the_extension_asked_for(store, tmp_path):
    for extension, name in (("WAV", "m.WAV"), ("wav49", "m.WAV"), ("ul", "m.ul"), ("pcm", "m.pcm"), ("sln16", "m.sln16")):
        writer = store.create("rec/m", extension)
        writer.close()
        assert (store.root / "rec" / name).exists()
    store.create(str(tmp_path / "x" / "y"), "wav").close()
    assert (tmp_path / "x" / "y.wav").exists()
    with pytest.raises(SoundFault):
        store.create("m", "mp4")
    with pytest.raises(SoundFault):
        store.create("", "wav")


async def test_what_was_recorded_is_found_and_played(store):
    writer = store.create("rec/new", "ulaw")
    assert store.exists("rec/new")
    writer.write_bytes(b"\x01" * 480)
    await writer.aclose()
    reader = await store.open(store.find("rec/new", "en", [formats.ulaw]))
    assert reader.length() == 480
