"""The MNIST database: its files read as they are, and what is wrong with files that are not."""

import gzip
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from checkout import ROOT

from nn import MLP
from nn.__main__ import main
from nn.data import mnist
from nn.schedules import one_cycle

NAMES = {
    ("train", "images"): "train-images-idx3-ubyte",
    ("train", "labels"): "train-labels-idx1-ubyte",
    ("t10k", "images"): "t10k-images-idx3-ubyte",
    ("t10k", "labels"): "t10k-labels-idx1-ubyte",
}
IMAGES = np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)
LABELS = np.array([3, 0, 9, 1, 1, 2, 8], dtype=np.uint8)
PARTS = {"train": (IMAGES[:4], LABELS[:4]), "t10k": (IMAGES[4:], LABELS[4:])}
REAL = Path(os.environ.get("GRADSTEP_SHARED", ROOT.parent / "shared")) / "data" / "mnist"


def idx(array, magic=None):
    """An array of bytes as an IDX file."""
    head = struct.pack(">I", 0x0800 + array.ndim if magic is None else magic)
    return head + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    """The four files of a very small MNIST."""
    for part, (images, labels) in PARTS.items():
        (tmp_path / NAMES[part, "images"]).write_bytes(idx(images))
        (tmp_path / NAMES[part, "labels"]).write_bytes(idx(labels))
    return tmp_path


def assert_is_all_there(folder):
    X, y, X_test, y_test = mnist(folder)
    for (rows, numbers), (images, labels) in zip(((X, y), (X_test, y_test)), PARTS.values()):
        assert (rows.dtype, numbers.dtype) == (np.float32, np.int64)
        assert rows == pytest.approx(images.reshape(-1, 784) / 255, abs=1e-7)
        assert numbers.tolist() == labels.tolist()
    assert 0.0 <= X.min() < X.max() <= 1.0


def test_the_four_files(folder):
    assert_is_all_there(folder)
    assert_is_all_there(str(folder))


def test_gzipped_and_with_a_dot(folder):
    for number, name in enumerate(NAMES.values()):
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        if number < 3:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name.replace("-idx", ".idx")).write_bytes(content)
    assert_is_all_there(folder)


def test_a_gzipped_file_without_its_ending(folder):
    path = folder / NAMES["train", "images"]
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert_is_all_there(folder)


def test_where_the_files_are_to_be_had(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere: there is no such folder\. The four files .* MNIST DATABASE"):
        mnist(tmp_path / "nowhere")
    (folder / NAMES["t10k", "labels"]).unlink()
    words = (
        r"t10k-labels-idx1-ubyte is not in it, nor t10k-labels-idx1-ubyte\.gz\. The four .* authors' site .* mirrors"
    )
    with pytest.raises(FileNotFoundError, match=words):
        mnist(folder)


IMAGE_FILE, LABEL_FILE = NAMES["train", "images"], NAMES["train", "labels"]
WHOLE, HUGE = idx(IMAGES[:4]), struct.pack(">4I", 2051, 2**32 - 1, 28, 28)
WRONG = [
    (IMAGE_FILE, b"", "must be an IDX file of images, got one that begins with b''"),
    (IMAGE_FILE, WHOLE[:3], "must be an IDX file of images, got one that begins with b"),
    (IMAGE_FILE, WHOLE[:4], "must have 0 x 0 x 0 bytes after its header, got 0; get it again"),
    (IMAGE_FILE, WHOLE[:15], "must have 4 x 28 x 0 bytes after its header, got 0; get it again"),
    (IMAGE_FILE, WHOLE[:-1], "must have 4 x 28 x 28 bytes after its header, got 3,135; get it again"),
    (IMAGE_FILE, gzip.compress(WHOLE[:-1]), "must have 4 x 28 x 28 bytes after its header, got 3,135"),
    (IMAGE_FILE, WHOLE + b"\0", "must have 4 x 28 x 28 bytes after its header, got 3,137"),
    (IMAGE_FILE, gzip.compress(WHOLE)[:-20], "the packed file is damaged or cut off"),
    (IMAGE_FILE, gzip.compress(WHOLE)[:400] + b"spam" * 20, "the packed file is damaged or cut off"),
    (IMAGE_FILE, HUGE, "must have 4,294,967,295 x 28 x 28 bytes after its header, got 0"),
    (IMAGE_FILE, gzip.compress(HUGE + bytes(10**6)), "after its header, got 1,000,000; get it again"),
    (IMAGE_FILE, idx(LABELS[:4]), "must be an IDX file of images, got labels; are two files swapped"),
    (LABEL_FILE, WHOLE, "must be an IDX file of labels, got images"),
    (IMAGE_FILE, b"<html>not found</html>", "must be an IDX file of images, got one that begins with b'<htm'"),
    (IMAGE_FILE, idx(IMAGES[:4].view(np.int8), 0x0903), "must be an IDX file of images, got one that begins with b"),
    (IMAGE_FILE, idx(IMAGES[:4, :27]), "images of 27 x 28; those of MNIST are 28 x 28"),
    (IMAGE_FILE, idx(IMAGES[:3]), "has 3 images, but train-labels-idx1-ubyte 4 labels"),
    (LABEL_FILE, idx(LABELS[:4] + 1), "the label 10 is no digit"),
]


@pytest.mark.parametrize(("name", "content", "words"), WRONG)
def test_wrong_files_are_refused(folder, name, content, words):
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        mnist(folder)
    assert name in str(caught.value)


def test_an_empty_set_is_refused(folder):
    (folder / IMAGE_FILE).write_bytes(idx(IMAGES[:0]))
    (folder / LABEL_FILE).write_bytes(idx(LABELS[:0]))
    with pytest.raises(ValueError, match="there is no label in it"):
        mnist(folder)


def test_training_and_test_files_swapped(tmp_path):
    for part, count in (("train", 10_000), ("t10k", 60_000)):
        (tmp_path / NAMES[part, "images"]).write_bytes(idx(np.zeros((count, 28, 28), np.uint8)))
        (tmp_path / NAMES[part, "labels"]).write_bytes(idx(np.zeros(count, np.uint8)))
    with pytest.raises(ValueError, match="the files of train and of t10k are swapped"):
        mnist(tmp_path)


@pytest.mark.slow
def test_a_bomb_does_not_go_off(folder):
    """A file of 300 kilobytes that says it holds 300 megabytes, and does."""
    count = 300 * 2**20 // 784
    packed = gzip.compress(struct.pack(">4I", 2051, count, 28, 28) + bytes(count * 784))
    (folder / IMAGE_FILE).write_bytes(packed)
    tracemalloc.start()
    with pytest.raises(ValueError, match="must unpack to less than 100 times its size"):
        mnist(folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 70 * 2**20


@pytest.mark.skipif(not REAL.is_dir(), reason="the files of MNIST are not there")
@pytest.mark.slow
def test_the_real_files():
    X, y, X_test, y_test = mnist(REAL)
    assert (X.shape, y.shape, X_test.shape, y_test.shape) == ((60_000, 784), (60_000,), (10_000, 784), (10_000,))
    assert y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert float(X.mean()) == pytest.approx(0.1307, abs=1e-4)  # the mean that everybody subtracts
    assert float(X.std()) == pytest.approx(0.3081, abs=1e-4)


# --------------------------------------------------------------------------------------------------------- the command


@pytest.mark.slow
def test_the_command_trains_on_it(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    options = ["--quiet", "--epochs", "40", "--batch-size", "2", "--hidden", "12"]
    assert main(["train", "mnist", "--data", ".", *options]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "mnist: 4 examples to train on, 784 inputs, layers of 12, 6, 9,498 parameters" in out
    assert "held-out accuracy: " in out
    assert "of 3 examples)" in out
    model = MLP.load("mnist.json")
    assert model.score(mnist(".")[0], LABELS[:4]) == 1.0  # learned by heart
    assert main(["train", "mnist", "--data", ".", "--test-share", "0.5", *options]) == 1
    assert "--test-share: mnist has given examples to test with" in capsys.readouterr().err


@pytest.mark.parametrize("n_steps", [1, 2, 7, 1000])
def test_one_cycle_rises_and_falls(n_steps):
    rates = [one_cycle(0.5, n_steps)(step) for step in range(n_steps + 2)]
    highest = rates.index(max(rates))
    assert rates[: highest + 1] == sorted(rates[: highest + 1])
    assert rates[highest:] == sorted(rates[highest:], reverse=True)
    assert 0.0 < rates[0] <= max(rates) <= 0.5
    assert max(rates) == pytest.approx(0.5, rel=0.2)
    assert rates[-2:] == [0.0, 0.0]
