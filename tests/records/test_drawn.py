import os

import pytest

from diffbench.records import drawn
from diffbench.records.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "run")
    store.prepare()
    return store


def draw(store, rows, **content):
    for name, text in content.items():
        store.replace(store.root / "figures" / f"{name}.png", text.encode())
    drawn.note(store, rows, [f"{name}.png" for name in content])


def there(store):
    return sorted(path.name for path in (store.root / "figures").iterdir())


def test_what_was_drawn_is_known(store):
    draw(store, "abc", a="1", b="2")
    found = drawn.read(store)
    assert (found.rows, sorted(found.files)) == ("abc", ["a.png", "b.png"])
    assert all(drawn.is_as_drawn(store, name, digest) for name, digest in found.files.items())


def test_only_what_was_drawn_and_is_as_it_was_drawn_goes(store):
    draw(store, "abc", a="1", b="2", c="3")
    (store.root / "figures" / "mine.png").write_bytes(b"mine")
    (store.root / "figures" / "mine.pdf").write_bytes(b"mine")
    (store.root / "figures" / "b.png").write_bytes(b"2, and what I drew into it")
    draw(store, "def", a="4")
    assert there(store) == ["a.png", "b.png", drawn.MARK, "mine.pdf", "mine.png"]


def harm(path, kind):
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "sparse":
        with open(path, "wb") as file:
            file.truncate(20 * 10**9)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    elif kind == "not text":
        path.write_bytes(b"\xff\xfe\x00")
    else:
        path.write_text(f"abc\n{'0' * 64}  ../../secret.png\n{'0' * 63}  a.png\n{'0' * 64}  {{}}\n")


@pytest.mark.parametrize("kind", ["pipe", "sparse", "link"])
def test_what_is_no_picture_is_not_read_and_stays(store, kind, monkeypatch):
    draw(store, "abc", a="1", b="2")
    harm(store.root / "figures" / "b.png", kind)
    digest = drawn.read(store).files["b.png"]
    monkeypatch.setattr(os, "fdopen", None)  # by which the content of a file is digested
    assert not drawn.is_as_drawn(store, "b.png", digest)


@pytest.mark.parametrize("kind", ["pipe", "sparse", "link", "not text", "other names"])
def test_a_list_that_is_none_is_made_again_and_takes_nothing_away(store, kind):
    draw(store, "abc", a="1", b="2")
    (store.root.parent / "secret.png").write_bytes(b"")
    harm(store.root / "figures" / drawn.MARK, kind)
    assert drawn.read(store).files == {}
    draw(store, "def", a="1")
    assert drawn.read(store).rows == "def"
    assert there(store) == ["a.png", "b.png", drawn.MARK]
    assert (store.root.parent / "secret.png").exists()
