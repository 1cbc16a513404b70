"""The corpus of docstrings holds sentences of the packages that are installed"""

import os
import sys

import pytest

from tree import EXAMPLES

sys.path.insert(0, EXAMPLES)

import docstrings


def test_sentences_end_at_full_stops_and_blank_lines():
    text = "Return the sum.  Axis is\nan int.\n\nx : array_like"
    assert docstrings.sentences_of(text) == [
        "return the sum",
        "axis is an int",
        "x array_like",
    ]


def test_examples_are_left_out():
    text = "Text before.\n>>> code()\noutput\n\nText after."
    assert docstrings.sentences_of(text) == ["text before", "text after"]


def test_rulers_and_numbers_are_no_words():
    assert docstrings.sentences_of("Notes\n-----\n12 __ x_2 _a") == ["notes x_ _a"]


def test_docstrings_of_module_class_and_function_are_found(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(
        '"""Module."""\nclass A:\n    """Class."""\n'
        '    def f(self):\n        """Method."""\n        "no docstring"\n'
        'async def g():\n    """Function."""\nx = "text"\n'
    )
    found = docstrings.docstrings(str(path))
    assert sorted(found) == ["Class.", "Function.", "Method.", "Module."]


@pytest.mark.parametrize("source", [b"def (:", b"\x00", b"# \xff\n", b""])
def test_a_file_that_is_not_python_has_none(tmp_path, source):
    path = tmp_path / "a.py"
    path.write_bytes(source)
    assert docstrings.docstrings(str(path)) == []


def test_standard_library_is_read_without_what_lies_inside_it():
    files = docstrings.source_files()
    assert any(path.endswith(os.path.join("json", "decoder.py")) for path in files)
    assert not any("site-packages" in path for path in files)
    assert not any("dist-packages" in path for path in files)


def test_package_is_found_without_importing_it(tmp_path, monkeypatch):
    (tmp_path / "explosive").mkdir()
    (tmp_path / "explosive" / "__init__.py").write_text("raise SystemExit")
    (tmp_path / "explosive" / "tests").mkdir()
    (tmp_path / "explosive" / "tests" / "test_it.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    (path,) = docstrings.source_files("explosive")
    assert path.endswith(os.path.join("explosive", "__init__.py"))


def test_unknown_package_is_named(capsys):
    assert docstrings.main(["no_such_package"]) == 2
    printed = capsys.readouterr()
    assert "no package 'no_such_package' is installed" in printed.err
    assert printed.out == ""


def test_sentences_of_a_package_are_printed(capsys, monkeypatch):
    real = docstrings.source_files
    # The standard library is long to read.
    monkeypatch.setattr(docstrings, "source_files", lambda name=None: real("lasagne"))
    assert docstrings.main(["lasagne"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 1000
    assert any("embedding" in line.split() for line in lines)
