"""Folders of checkpoints: whole or not there, incremental, kept, never half read"""

import json
import os
import resource
import shutil

import hypothesis
import hypothesis.extra.numpy as arrays_of
import hypothesis.strategies as st
import kills
import numpy as np
import pytest
from altering import judge_copies
from lasagne_sparse.tables import FileError
from lasagne_sparse.tables.store import Saved, blocks, numbers, save_arrays
from lasagne_sparse.tables.store.blocks import digest
from lasagne_sparse.tables.store.manifest import DTYPES


def save(folder, arrays, values=None, **options):
    return save_arrays(str(folder), arrays, values, **options)


def read(folder, number=None):
    saved = Saved(str(folder), number)
    return saved.read(saved.manifest.arrays)


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype and found[name].shape == value.shape
        assert found[name].tobytes() == value.tobytes()


def bytes_in(folder, prefix=""):
    return sum(
        os.path.getsize(os.path.join(str(folder), name))
        for name in os.listdir(str(folder))
        if name.startswith(prefix) and name.endswith(".data")
    )


ANY_ARRAY = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda dtype: arrays_of.arrays(
        dtype, arrays_of.array_shapes(min_dims=0, min_side=0, max_side=5)
    )
)


@hypothesis.given(st.lists(ANY_ARRAY, max_size=3), st.data())
def test_arrays_come_back_bit_by_bit_from_full_and_incremental_saves(values, data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lasagne_sparse.tables.store.arrays.SIZE", 16)
        folder = kills.tempfile.mkdtemp()
        try:
            now = {"a%d" % k: value for k, value in enumerate(values)}
            save(folder, now, shard_bytes=64)
            for _ in range(3):
                for value in now.values():
                    if value.size:
                        where = data.draw(st.integers(0, value.size - 1))
                        bits = value.reshape(-1).view("u1").reshape(value.size, -1)
                        bits[where] = 1 if value.dtype == bool else 255 - bits[where]
                save(folder, now, incremental=True, keep=2, shard_bytes=64)
                assert_same(read(folder), now)
        finally:
            shutil.rmtree(folder)


def table(rows=2000, units=16):
    return np.random.RandomState(0).normal(size=(rows, units)).astype("float32")


def test_incremental_save_takes_the_bytes_of_the_rows(tmp_path):
    W, m = table(units=128), table(units=128) + 1
    save(tmp_path, {"W": W, "m": m})
    rows = np.unique(np.random.RandomState(1).randint(2000, size=100))
    W[rows] += 1
    m[rows] += 1
    save(tmp_path, {"W": W, "m": m}, incremental=True)
    assert bytes_in(tmp_path, "00000002") <= 1.1 * 2 * W[rows].nbytes
    assert_same(read(tmp_path), {"W": W, "m": m})


def test_incremental_save_of_what_did_not_change_takes_no_bytes(tmp_path):
    save(tmp_path, {"W": table(), "t": np.float32(3)})
    save(tmp_path, {"W": table(), "t": np.float32(3)}, incremental=True)
    assert bytes_in(tmp_path, "00000002") == 0


def test_sign_of_zero_and_bits_of_nan_are_changes(tmp_path):
    W = np.zeros((4, 2), "float32")
    W[1] = np.nan
    save(tmp_path, {"W": W})
    W[0, 0] = -0.0
    save(tmp_path, {"W": W}, incremental=True)
    assert np.signbit(read(tmp_path)["W"][0, 0])
    assert bytes_in(tmp_path, "00000002") == 4 + 8


def test_base_is_written_anew_when_the_deltas_have_grown(tmp_path):
    W = table()
    save(tmp_path, {"W": W})
    for step in range(12):
        W[step * 100 : step * 100 + 200] += 1
        save(tmp_path, {"W": W}, incremental=True)
        assert bytes_in(tmp_path) <= 1.6 * W.nbytes
    assert_same(read(tmp_path), {"W": W})


def test_deltas_are_read_in_blocks(tmp_path, monkeypatch):
    """One block of 20 rows is in memory at a time"""
    monkeypatch.setattr("lasagne_sparse.tables.store.arrays.SIZE", 64 * 20)
    W = table()
    save(tmp_path, {"W": W})
    W[::7] += 1
    save(tmp_path, {"W": W}, incremental=True)
    W[5] += 1
    save(tmp_path, {"W": W}, incremental=True)
    assert_same(read(tmp_path), {"W": W})
    longest = max(b.bytes for b in Saved(str(tmp_path)).manifest.arrays["W"].blocks)
    assert longest == 64 * 20


@pytest.mark.parametrize(
    "keep, there", [(1, [4]), (3, [2, 3, 4]), (None, [1, 2, 3, 4])]
)
def test_as_many_are_kept_as_asked_for(tmp_path, keep, there):
    for step in range(4):
        save(tmp_path, {"W": table() + step}, keep=keep)
    assert numbers(str(tmp_path)) == there
    for number in there:
        assert read(tmp_path, number)["W"][0, 0] == table()[0, 0] + number - 1
    assert bytes_in(tmp_path) == len(there) * table().nbytes


def test_shards_are_no_longer_than_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr("lasagne_sparse.tables.store.arrays.SIZE", 1000)
    save(tmp_path, {"W": table()}, shard_bytes=10000)
    sizes = [p.stat().st_size for p in tmp_path.iterdir() if p.suffix == ".data"]
    assert len(sizes) > 10 and max(sizes) < 11000
    assert_same(read(tmp_path), {"W": table()})


def test_files_of_others_stay(tmp_path):
    names = ["notes.txt", "00000001.txt", "a-00000001-00000.data", "x.part"]
    for name in names:
        (tmp_path / name).write_text("mine")
    for _ in range(3):
        save(tmp_path, {"W": table()})
    assert all((tmp_path / name).read_text() == "mine" for name in names)


def test_two_processes_do_not_save_into_one_folder(tmp_path):
    class Interloper(np.ndarray):
        def __getitem__(self, rows):
            save(tmp_path, {"W": table()})

    with pytest.raises(FileError, match="another process is saving"):
        save(tmp_path, {"W": table().view(Interloper)})
    assert save(tmp_path, {"W": table()}) == 1


# --- What is wrong with a disk ----------------


def entries(folder):
    return sorted((p.name, p.read_bytes()) for p in folder.iterdir())


@pytest.fixture
def small_disk():
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("incremental", [False, True])
@pytest.mark.parametrize("size", [0, 300, 70000])
def test_disk_that_is_full_leaves_the_old_checkpoint(
    tmp_path, small_disk, size, incremental
):
    save(tmp_path, {"W": table()})
    before, W = entries(tmp_path), table()
    W[: 1400 if incremental else None] += 1
    small_disk(size)
    with pytest.raises(FileError, match="cannot write .*: File too large"):
        save(tmp_path, {"W": W}, incremental=incremental)
    small_disk(resource.RLIM_INFINITY)
    assert entries(tmp_path) == before


def test_manifest_that_does_not_fit_leaves_the_old_checkpoint(tmp_path, small_disk):
    save(tmp_path, {"t": np.float32(1)})
    before = entries(tmp_path)
    small_disk(100)
    with pytest.raises(FileError, match="cannot write .*00000002.json"):
        save(tmp_path, {"t": np.float32(2)})
    small_disk(resource.RLIM_INFINITY)
    assert [e for e in entries(tmp_path) if e in before] == before
    save(tmp_path, {"t": np.float32(3)})
    assert len(entries(tmp_path)) == 2  # what was left is gone


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot write .*file/folder: Not a directory"):
        save(tmp_path / "file" / "folder", {"W": table()})


def test_folder_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
    """As root writes everywhere, the system's answer is put in its place"""
    save(tmp_path, {"W": table()})
    before, real = entries(tmp_path), open

    def refusing(path, mode="r", *args, **kwargs):
        if "w" in mode:
            raise PermissionError(13, "Permission denied", path)
        return real(path, mode, *args, **kwargs)

    monkeypatch.setattr(blocks, "open", refusing, raising=False)
    with pytest.raises(FileError, match="cannot write .*: Permission denied"):
        save(tmp_path, {"W": table() + 1})
    assert entries(tmp_path) == before


def test_file_that_vanished_is_named_with_the_checkpoints_that_are_left(tmp_path):
    save(tmp_path, {"W": table()}, keep=None)
    save(tmp_path, {"W": table() + 1}, keep=None)
    (tmp_path / "00000002-00000.data").unlink()
    with pytest.raises(FileError, match="(?s)00000002-00000.data: No such.*number=1"):
        read(tmp_path)
    assert_same(read(tmp_path, 1), {"W": table()})


def test_file_that_vanishes_while_it_is_read_is_named(tmp_path):
    save(tmp_path, {"W": table()})
    saved = Saved(str(tmp_path))
    (tmp_path / "00000001-00000.data").unlink()
    with pytest.raises(FileError, match="cannot read .*00000001-00000.data"):
        saved.read(["W"])


def test_base_that_cannot_be_read_is_told_with_the_way_out(tmp_path):
    save(tmp_path, {"W": table()})
    (tmp_path / "00000001.json").write_text("{}")
    with pytest.raises(FileError, match="(?s)altered.*incremental=False"):
        save(tmp_path, {"W": table()}, incremental=True)
    assert save(tmp_path, {"W": table()}) == 2
    assert_same(read(tmp_path), {"W": table()})


def test_array_of_objects_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(TypeError, match="cannot save W, which is of dtype object"):
        save(tmp_path / "new", {"W": np.array([None])})
    assert not (tmp_path / "new").exists()


def test_number_that_is_not_there_is_told_with_those_that_are(tmp_path):
    save(tmp_path, {"W": table()})
    with pytest.raises(FileError, match="no checkpoint 7 in .*: there are 1"):
        read(tmp_path, 7)
    with pytest.raises(FileError, match="there is no checkpoint in .*: no such folder"):
        read(tmp_path / "other")


# --- What is wrong with a file ----------------


@pytest.mark.parametrize("file", ["00000003.json", "00000001-00000.data", "last.data"])
def test_altered_files_are_told_and_read_by_no_one(tmp_path, file):
    W = table(40, 4)
    for step in range(3):
        W[step] += 1
        save(tmp_path, {"W": W, "t": np.int64(step)}, {"a": 1}, incremental=step > 0)
    path = str(tmp_path / file.replace("last", "00000003-00000"))
    judged = judge_copies(
        path, lambda: assert_same(read(tmp_path), now), 60, 1, FileError
    )
    now = {"W": W, "t": np.int64(2)}
    assert judged > 0
    assert_same(read(tmp_path), now)


def forged(tmp_path, change):
    """Changes a manifest and makes a digest for it, as an attacker would"""
    path = tmp_path / "00000002.json"
    found = json.loads(path.read_text().splitlines()[0])
    change(found, found["arrays"]["W"])
    text = json.dumps(found).encode()
    path.write_bytes(text + b"\n" + digest(text).encode() + b"\n")


FORGERIES = {
    "huge shape": lambda all, W: W.update(shape=[2**40, 2**10]),
    "shape that overflows": lambda all, W: W.update(shape=[2**63, 2**63]),
    "negative shape": lambda all, W: W.update(shape=[-2000, -16]),
    "shape of texts": lambda all, W: W.update(shape="12"),
    "shape of booleans": lambda all, W: W.update(shape=[True, True]),
    "objects": lambda all, W: W.update(dtype="|O"),
    "dtype of no kind": lambda all, W: W.update(dtype=[1]),
    "block said to be longer": lambda all, W: W["blocks"][0].__setitem__(2, 10**12),
    "block before the file": lambda all, W: W["blocks"][0].__setitem__(1, -4),
    "same block twice": lambda all, W: W.update(
        blocks=W["blocks"] * 999, shape=[2000 * 999, 16]
    ),
    "file elsewhere": lambda all, W: all["files"].update({"../../etc/passwd": 1}),
    "file of another length": lambda all, W: all["files"].update(
        {"00000001-00000.data": 1}
    ),
    "block of no file": lambda all, W: W["blocks"][0].__setitem__(0, "x"),
    "delta beyond the table": lambda all, W: W["deltas"][0].__setitem__(2, 2000),
    "delta of other rows": lambda all, W: W["deltas"][0].__setitem__(1, 0),
    "delta of no rows": lambda all, W: W["deltas"][0].__setitem__(0, 0),
    "later version": lambda all, W: all.update(version=2),
    "another format": lambda all, W: all.update(format="x"),
    "arrays in a list": lambda all, W: all.update(arrays=[1]),
    "nothing": lambda all, W: all.clear(),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_manifest_is_refused(tmp_path, name):
    W = table()
    save(tmp_path, {"W": W})
    W[5:9] += 1
    save(tmp_path, {"W": W}, incremental=True)
    forged(tmp_path, FORGERIES[name])
    with pytest.raises(FileError):
        read(tmp_path)


def test_forged_manifest_of_deep_lists_is_refused(tmp_path):
    save(tmp_path, {"W": table()})
    text = b"[" * 10**5
    path = tmp_path / "00000001.json"
    path.write_bytes(text + b"\n" + digest(text).encode() + b"\n")
    with pytest.raises(FileError, match="no manifest"):
        read(tmp_path)


def test_kills_lose_nothing_that_was_reported(tmp_path):
    saved, interrupted = kills.run(10, 1, str(tmp_path))
    assert saved >= 10 and interrupted > 0
