"""A file is written whole or not at all, and bars show where somebody looks"""

import os
import stat
import sys

import pytest
from lasagne_sparse.tables import FileError, checkpoint, files, progress
from lasagne_sparse.tables.files import whole_file


def test_file_takes_its_place_when_it_is_whole(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with whole_file(str(path)) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(str(tmp_path)) == ["a"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_error_while_writing_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(error), whole_file(str(path)) as file:
        file.write(b"half")
        raise error
    assert path.read_text() == "old"
    assert os.listdir(str(tmp_path)) == ["a"]


def test_file_and_folder_are_on_the_disk_before_and_after_the_name(
    tmp_path, monkeypatch
):
    """The order is what a power cut asks for: bytes, name, folder"""
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def noted(*args, name=name, real=real):
            what = stat.S_ISDIR(os.fstat(args[0]).st_mode) if name == "fsync" else ""
            done.append({True: "folder", False: "bytes", "": "name"}[what])
            return real(*args)

        monkeypatch.setattr(files.os, name, noted)
    with whole_file(str(tmp_path / "a")) as file:
        file.write(b"x")
    assert done == ["bytes", "name", "folder"]


def test_manifest_comes_after_the_data(tmp_path, monkeypatch):
    names, real = [], os.replace

    def noted(source, target):
        names.append(os.path.basename(target))
        real(source, target)

    monkeypatch.setattr(os, "replace", noted)
    checkpoint.save(str(tmp_path), value=bytes(10))
    assert names == ["00000001-00000.data", "00000001.json"]


def test_new_file_may_be_read_by_whom_the_mask_lets(tmp_path):
    before = os.umask(0o027)
    try:
        with whole_file(str(tmp_path / "a")) as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(str(tmp_path / "a")).st_mode) == 0o640


def test_folder_in_the_place_of_a_file_is_told(tmp_path):
    with pytest.raises(FileError, match="it is a folder"), whole_file(str(tmp_path)):
        pass
    told = "cannot write .*no/a: No such file"
    with pytest.raises(FileError, match=told), whole_file(str(tmp_path / "no" / "a")):
        pass


def test_bar_is_shown_if_asked_for(capsys):
    pytest.importorskip("tqdm")
    with progress.bar(100, "saving", True) as advance:
        advance(100)
    assert "saving: 100%" in capsys.readouterr().err


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("total", [10, 1 << 30])
def test_bar_is_shown_on_a_terminal_for_what_is_large(
    capsys, monkeypatch, terminal, total
):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    with progress.bar(total, "loading") as advance:
        advance(total)
    shown = "loading" in capsys.readouterr().err
    assert shown == (terminal and total > 10)
