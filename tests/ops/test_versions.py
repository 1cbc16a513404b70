"""Is a compiled module known by all the text that it was made of?"""

import os
import shutil
import subprocess
import sys
from ast import literal_eval

import op_nodes
import pytest
import theano
import theano.tensor as T
from lasagne_sparse.ops import c_support
from lasagne_sparse.ops.c_support import CodeOp
from lasagne_sparse.ops.total import Total
from theano import scalar
from tree import PACKAGE

#: The headers that an Op of ours includes.
HEADERS = {
    "Gather": {"threads.h", "bounds.h", "arrays.h", "gather.h"},
    "UniqueRows": {"bounds.h", "arrays.h", "unique_rows.h", "unique_rows_op.h"},
    "RowNumbers": {"bounds.h", "arrays.h"},
    "SegmentSum": {"threads.h", "arrays.h", "segment_sum.h"},
    "BagSum": {"threads.h", "bounds.h", "arrays.h", "bag_sum.h"},
    "Total": {"arrays.h", "total.h"},
    "Draw": {"arrays.h", "philox.h", "candidates.h", "draw.h"},
    "RowUpdate": {"threads.h", "arrays.h", "row_checks.h", "row_update.h"},
    "RowMap": {
        "threads.h",
        "bounds.h",
        "arrays.h",
        "row_checks.h",
        "row_update.h",
        "row_map.h",
    },
    "GpuRowUpdate": {"row_checks.h", "rows.h"},
    "GpuSegmentSum": {"row_checks.h", "rows.h"},
}


@pytest.fixture(scope="module")
def nodes():
    return op_nodes.nodes()


@pytest.fixture
def copied_headers(tmp_path, monkeypatch):
    """Lets the Ops read their C from a copy, returns {name: path in it}"""
    folder = str(tmp_path / "ops")
    shutil.copytree(os.path.join(PACKAGE, "ops"), folder)
    monkeypatch.setattr(c_support, "_FOLDER", folder)
    walked = os.walk(folder)
    return {n: os.path.join(f, n) for f, _, ns in walked for n in ns if n[-2:] == ".h"}


def version(node):
    return node.op.c_code_cache_version_apply(node)


def versions(nodes):
    return {c.__name__: version(n) for c, n in nodes.items()}


def test_every_op_of_ours_has_a_node_here(nodes):
    classes = op_nodes.op_classes()
    assert all(issubclass(c, CodeOp) for c in classes)
    assert set(nodes) == {c for c in classes if "make_node" in vars(c)}
    assert {c.__name__ for c in nodes} <= set(HEADERS)


def test_versions_are_integers(nodes):
    for name, numbers in versions(nodes).items():
        assert numbers and all(isinstance(number, int) for number in numbers), name


def test_versions_are_the_same_in_another_process(nodes):
    tests = os.path.dirname(op_nodes.__file__)
    path = os.pathsep.join([os.path.dirname(PACKAGE), tests])
    environment = dict(os.environ, PYTHONPATH=path, PYTHONHASHSEED="7")
    told = subprocess.run(
        [sys.executable, "-W", "ignore", op_nodes.__file__],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        universal_newlines=True,
    ).stdout
    assert dict(literal_eval(told.splitlines()[-1])) == versions(nodes)


def test_a_changed_header_changes_the_versions_of_those_that_include_it(
    nodes, copied_headers
):
    before = versions(nodes)
    changed = {name: set() for name in before}
    for header, path in copied_headers.items():
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace("return", "return ", 1) + "\n")
        for name, now in versions(nodes).items():
            if now != before[name]:
                changed[name].add(header)
        with open(path, "w") as file:
            file.write(text)
    assert versions(nodes) == before
    assert changed == {name: HEADERS[name] for name in before}


def test_what_is_generated_is_part_of_the_version(nodes, monkeypatch):
    before = versions(nodes)
    for op_class, node in nodes.items():
        c_code = op_class.c_code
        with monkeypatch.context() as patch:
            patch.setattr(
                op_class, "c_code", lambda *args, old=c_code: old(*args) + "/* new */"
            )
            assert version(node) != before[op_class.__name__]


def test_nodes_of_one_text_share_a_version():
    one, other = [Total()(T.fmatrix(name)).owner for name in "xy"]
    assert version(one) == version(other)
    assert version(one) != version(Total()(T.dmatrix()).owner)


def test_equal_programs_share_a_module():
    for one, other in zip(op_nodes.compiled(False), op_nodes.compiled(False)):
        assert one.op == other.op
        assert version(one) == version(other)


def test_a_part_without_a_version_leaves_the_module_without_one(nodes, monkeypatch):
    (update,) = [n for c, n in nodes.items() if c.__name__ == "RowUpdate"]
    assert update.op.c_code_cache_version()
    monkeypatch.setattr(scalar.Composite, "c_code_cache_version", lambda self: ())
    assert update.op.c_code_cache_version() == ()
    assert version(update) == ()


def test_no_op_is_compiled_again_by_the_next_process(nodes):
    """Theano takes ``()`` among versions and properties for 'keep no module'"""
    assert theano.config.cxx, "no compiler: modules cannot be looked at"
    for node in nodes.values():
        assert getattr(node.op, "__props__", None) != ()
        inputs = list(dict.fromkeys(node.inputs))
        graph = theano.gof.FunctionGraph(inputs, node.outputs, clone=True)
        kept, _ = theano.gof.cc.CLinker().accept(graph).cmodule_key()
        assert kept, node.op
