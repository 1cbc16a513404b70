"""What all tests share: the stack mended first, a seed, and Hypothesis's ways"""

import os

__all__ = ['rng']


def _give_each_worker_its_own_compiledir():
    """Keeps pytest-xdist's workers from waiting for one another's compiler

    Theano locks its directory of compiled modules while it compiles, and who
    finds it locked sleeps for five to ten seconds before looking again.
    """
    worker = os.environ.get('PYTEST_XDIST_WORKER')
    if not worker:
        return
    flags = os.environ.get('THEANO_FLAGS', '')
    given = [f for f in flags.split(',') if f.strip().startswith('base_compiledir=')]
    base = given[-1].split('=', 1)[1] if given else os.path.join('~', '.theano')
    # Later flags win over earlier ones.
    own = 'base_compiledir=' + os.path.join(base, worker)
    os.environ['THEANO_FLAGS'] = flags + ',' + own if flags else own


_give_each_worker_its_own_compiledir()

import lasagne_sparse  # noqa: E402, F401  # before any import of theano
import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

# The same examples in every run; a first example may have to compile.
hypothesis.settings.register_profile(
    'reproducible', derandomize=True, deadline=None, database=None, max_examples=25
)
hypothesis.settings.load_profile('reproducible')


@pytest.fixture
def rng():
    """A generator of random numbers that starts anew for each test"""
    return np.random.RandomState(20)
