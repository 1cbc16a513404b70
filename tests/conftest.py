"""What all tests share: the stack mended first, a seed, and Hypothesis's ways"""

import os
import signal
import subprocess
import sys

__all__ = ["rng"]


def _give_each_worker_its_own_compiledir():
    """Keeps pytest-xdist's workers from waiting for one another's compiler

    Theano locks its directory of compiled modules while it compiles, and who
    finds it locked sleeps for five to ten seconds before looking again.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if not worker:
        return
    flags = os.environ.get("THEANO_FLAGS", "")
    given = [f for f in flags.split(",") if f.strip().startswith("base_compiledir=")]
    base = given[-1].split("=", 1)[1] if given else os.path.join("~", ".theano")
    # Later flags win over earlier ones.
    own = os.path.join(base, worker)
    os.environ["THEANO_FLAGS"] = (flags + ",base_compiledir=" + own).lstrip(",")
    # PoCL's processes share one folder too, and take what others have half written.
    os.environ.setdefault("POCL_CACHE_DIR", os.path.expanduser(own) + "-pocl")


def _let_interrupts_through():
    """Makes Ctrl-C what it is in a terminal, for the tests of it

    A shell has what it runs in the background ignore it, and so do its children.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _refuse_a_device_that_ends_the_process():
    """Tries in a child what the import below does on a GPU, before workers start

    A driver that aborts would take each worker with it, again and again.
    """
    flags = os.environ.get("THEANO_FLAGS", "").replace(" ", "")
    if "PYTEST_XDIST_WORKER" in os.environ or not any(
        name in flags for name in ("device=cuda", "device=opencl", "contexts=")
    ):
        return
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import lasagne_sparse"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    if done.returncode < 0:
        sys.exit(
            "No tests: with THEANO_FLAGS=%s the import of lasagne_sparse ends the "
            "process by signal %d. Its last words: %s\nTo see which devices there are: "
            "python -m lasagne_sparse" % (flags, -done.returncode, done.stdout[-300:])
        )


_let_interrupts_through()
_refuse_a_device_that_ends_the_process()
_give_each_worker_its_own_compiledir()

import lasagne_sparse  # noqa: E402, F401  # before any import of theano
import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
import theano  # noqa: E402
from devices import ON_GPU, ON_OPENCL  # noqa: E402
from lasagne_sparse.ops.programs import validation  # noqa: E402
from _pytest import runner  # noqa: E402
from theano.compile import mode  # noqa: E402

# Each program of a row update or a map that a test makes is looked at.
validation.enabled = True

# What a run on a GPU leaves out: parts of tests' names, and why.
NOT_ON_GPU = {}
if ON_OPENCL:
    NOT_ON_GPU = dict.fromkeys(
        [
            "test_scan_runs",
            "inside_a_scan",
            "before_the_scan",
            "test_recurrent_layer_runs",
            "test_recurrent_layer_with_mask",
        ],
        "Theano's scan asks arrays on a GPU for CUDA's pointers",
    )
    for name in ("keeps_the_tables_bits", "counts_as_a_step", "in_c_keeps"):
        reason = "CLBlast, the BLAS for OpenCL, refuses empty matrices"
        NOT_ON_GPU["test_empty_batch_" + name] = reason


def _compile_where_a_gpu_needs_it():
    """Lets linkers for Python take C where there is some: GPU Ops have C only"""
    mode.predefined_linkers["py"] = mode.predefined_linkers["c|py"]
    mode.predefined_modes["FAST_COMPILE"] = mode.Mode("c|py", "fast_compile")


def _keep_the_environment_still():
    """Keeps pytest from noting in the environment which test runs

    PoCL links a kernel in a thread of its own, which may go on when its test has
    ended; a program that is started while the environment moves gets a bad address.
    """
    runner._update_current_test_var = lambda item, when: None


if ON_GPU:
    _compile_where_a_gpu_needs_it()
    _keep_the_environment_still()
    # Theano's DebugMode makes arrays on a GPU without saying on which.
    theano.config.DebugMode.check_preallocated_output = ""
    # Theano would refuse the device to pytest-xdist's workers.
    os.environ.pop("THEANO_GPU_IS_ALREADY_ACTIVE", None)


def pytest_addoption(parser):
    """Adds what shows whether a test needs what another one left behind"""
    parser.addoption(
        "--shuffle",
        type=int,
        metavar="SEED",
        help="run the files, and the tests of each, in a random order",
    )


def pytest_collection_modifyitems(config, items):
    """Skips what cannot run on a GPU, and shuffles if asked to"""
    if config.getoption("--shuffle") is not None:
        # Files stay together: some share what is long to make.
        random = np.random.RandomState(config.getoption("--shuffle"))
        files = sorted({item.path for item in items})
        place = dict(zip(files, random.permutation(len(files))))
        draws = dict(zip(items, random.uniform(size=len(items))))
        items.sort(key=lambda item: (place[item.path], draws[item]))
    for item in items if ON_GPU else ():
        for part, reason in NOT_ON_GPU.items():
            if part in item.name:
                item.add_marker(pytest.mark.skip(reason=reason))


# The same examples in every run; a first example may have to compile.
hypothesis.settings.register_profile(
    "reproducible", derandomize=True, deadline=None, database=None, max_examples=25
)
hypothesis.settings.load_profile("reproducible")


#: Made of this run's flags, before a test has others.
DEFAULT_MODE = mode.get_default_mode()


@pytest.fixture(autouse=True)
def default_mode():
    """Lets no test leave the default mode behind that it had Theano make"""
    mode.instantiated_default_mode = DEFAULT_MODE
    yield
    mode.instantiated_default_mode = DEFAULT_MODE


@pytest.fixture
def rng():
    """A generator of random numbers that starts anew for each test"""
    return np.random.RandomState(20)


@pytest.fixture
def no_c_in_scan(monkeypatch):
    """Lets scan's inner functions do without C too, which takes long to build"""
    monkeypatch.setattr(
        theano.compile.mode,
        "instantiated_default_mode",
        theano.compile.get_mode("FAST_COMPILE"),
    )


@pytest.fixture
def host_only():
    """Leaves what is about the host alone to the run without a GPU"""
    if ON_GPU:
        pytest.skip("about the host alone: the run on the CPU tests it")
