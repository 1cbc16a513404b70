"""Do update dictionaries stay right when they are edited, wrapped, merged?

Each test is a small program of a kind that people write, held to Lasagne's own rules
where every row is looked up, and to exact bits for rows that are not.
"""

import lasagne
import lasagne_sparse
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse.graph import without_transfers
from lasagne.layers import (
    get_all_params,
)
from toy import (
    EVERY_ROW,
    SOME_ROWS,
    check,
    close,
    fast_compiled,
    function,
    new_table,
)
from pieces import dense, embedded, sparsity_warnings, trained


def edited(edit, rule="adam"):
    """A program that gets updates of a rule, and changes the dictionary"""

    def program(updates, x):
        network = dense(embedded(x))
        loss, result = trained(network, updates, rule)
        W = get_all_params(network)[0]
        return loss, edit(updates, result, W) or result

    return program


@pytest.mark.parametrize("rule", ["sgd", "adagrad", "adam"])
@pytest.mark.parametrize("apply", ["apply_momentum", "apply_nesterov_momentum"])
def test_momentum_on_top_of_a_rule(rule, apply):
    check(edited(lambda updates, result, W: getattr(updates, apply)(result), rule))


def test_momentum_on_top_for_the_dense_parameters_only():
    def edit(updates, result, W):
        others = [p for p in result if p.ndim and p is not W][-2:]
        return updates.apply_momentum(result, others)

    check(edited(edit, "sgd"))


def test_momentum_on_top_for_the_table_only():
    check(
        edited(
            lambda updates, result, W: updates.apply_nesterov_momentum(
                result, [W], 0.5
            ),
            "rmsprop",
        )
    )


def test_norm_constraint_of_the_tables_rows():
    def edit(updates, result, W):
        result[W] = updates.norm_constraint(result[W], 0.7, norm_axes=(1,))

    # Lasagne constrains every row, so that only rows looked up are comparable.
    check(edited(edit))


@pytest.mark.filterwarnings("ignore::lasagne_sparse.updates.SparsityWarning")
def test_norm_constraint_of_the_tables_units_is_lasagnes():
    def edit(updates, result, W):
        result[W] = updates.norm_constraint(result[W], 0.7)

    check(edited(edit), left_alone=[])


def test_norm_constraint_of_dense_parameters():
    def edit(updates, result, W):
        for param in result:
            if param.ndim == 2 and param is not W and param.name == "W":
                result[param] = updates.norm_constraint(result[param], 0.7)

    check(edited(edit, "sgd"))


def test_padding_row_set_to_zero_in_the_entry():
    def edit(updates, result, W):
        result[W] = T.set_subtensor(result[W][0], 0)

    ours = check(edited(edit), left_alone=[2, 3, 5])
    W = next(s for s in ours.updates if s.name == "W")
    assert not W.get_value()[0].any()


def test_padding_row_set_to_zero_by_hand_and_momentum_on_top():
    def edit(updates, result, W):
        result[W] = T.set_subtensor(result[W][0], 0)
        return updates.apply_momentum(result, [W])

    with sparsity_warnings() as caught:
        check(edited(edit, "sgd"), left_alone=[])
    assert "can only be computed for all rows" in str(caught[0].message)


def test_each_entry_wrapped():
    def edit(updates, result, W):
        for shared, expression in result.items():
            result[shared] = T.switch(T.isnan(expression), shared, expression)

    check(edited(edit), walks_table=True)


def test_each_entry_behind_a_condition():
    def edit(updates, result, W):
        go = theano.shared(np.int8(1))
        for shared, expression in result.items():
            result[shared] = theano.ifelse.ifelse(go, expression, shared)

    check(edited(edit), fast_compiled)


def test_table_clipped_to_a_range():
    def edit(updates, result, W):
        result[W] = T.clip(result[W], -0.6, 0.6)

    check(edited(edit), left_alone=[])


def test_rows_of_unit_norm():
    def edit(updates, result, W):
        result[W] = result[W] / result[W].norm(2, axis=1, keepdims=True)

    check(edited(edit), left_alone=[])


def test_weight_decay_in_the_entry():
    def edit(updates, result, W):
        result[W] = result[W] - 0.01 * W

    check(edited(edit), left_alone=[])


def test_entries_merged_with_others():
    def edit(updates, result, W):
        count = theano.shared(np.int64(0), "count")
        result.update({count: count + 1})

    ours = check(edited(edit, "sgd"))
    assert [s for s in ours.updates if s.name == "count"][0].get_value() == 4


def test_moving_average_of_the_table():
    def edit(updates, result, W):
        average = theano.shared(W.get_value(), "average")
        result[average] = 0.9 * average + 0.1 * result[W]

    check(edited(edit, "sgd"), left_alone=[])


def test_two_rules_for_two_tables_in_one_dictionary():
    def program(updates, x):
        A, B = new_table(name="A"), new_table(name="B", seed=2)
        loss = T.sum((A[x] * B[x] - 0.5) ** 2)
        result = updates.adam(loss, [A])
        result.update(updates.adagrad(loss, [B], 0.1))
        return loss, result

    check(program)


def test_updates_given_as_a_list_of_pairs():
    x = T.imatrix()
    network = dense(embedded(x))
    loss, updates = trained(network, lasagne_sparse.updates, "sgd")
    pairs = [(shared, expression) for shared, expression in updates.items()]
    before = get_all_params(network)[0].get_value()
    function([x], loss, updates=pairs)(SOME_ROWS)
    assert not np.array_equal(before, get_all_params(network)[0].get_value())


def test_entries_are_those_of_the_faq():
    # inc_subtensor of the table's subset, set_subtensor of an accumulator's.
    x = T.ivector()
    W = new_table()
    updates = lasagne_sparse.updates.adagrad(T.sum(W[x] ** 2), [W], 0.1)
    accumulator, table = updates
    assert table is W
    increment, setting = updates[W].owner, updates[accumulator].owner
    assert not increment.op.set_instead_of_inc
    assert setting.op.set_instead_of_inc
    assert without_transfers(increment.inputs[0]) is W
    assert without_transfers(setting.inputs[0]) is accumulator
    assert increment.inputs[2] is setting.inputs[2]


def test_training_loop_of_ones_own():
    # Each entry computed by a function of its own, then assigned.
    def steps(updates):
        x = T.imatrix()
        network = dense(embedded(x))
        loss, result = trained(network, updates, "adagrad")
        step = function([x], list(result.values()))
        for shared, value in zip(result, step(EVERY_ROW[0])):
            shared.set_value(value)
        return [shared.get_value() for shared in result]

    for one, other in zip(steps(lasagne_sparse.updates), steps(lasagne.updates)):
        close(one, other)
