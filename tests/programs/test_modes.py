"""Do programs give the same in every mode of Theano?

Each test is a small program of a kind that people write, held to Lasagne's own rules
where every row is looked up, and to exact bits for rows that are not.
"""

import pytest
import theano
from devices import ON_GPU
from theano.compile.debugmode import DebugMode
from toy import (
    check,
)
from pieces import embedded, trained

MODES = {
    "FAST_RUN": lambda: "FAST_RUN",
    "FAST_COMPILE": lambda: "FAST_COMPILE",
    # The Ops' own tests run their C in DebugMode; those of a GPU have nothing else.
    "DebugMode": lambda: DebugMode(optimizer="fast_run", check_c_code=ON_GPU),
}


@pytest.mark.parametrize("mode", sorted(MODES))
@pytest.mark.parametrize("rule", ["sgd", "adagrad"])
def test_every_mode(rule, mode):
    def compile(inputs, outputs, updates):
        return theano.function(inputs, outputs, updates=updates, mode=MODES[mode]())

    check(lambda updates, x: trained(embedded(x), updates, rule), compile)
