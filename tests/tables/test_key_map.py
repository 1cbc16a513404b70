"""Maps of keys do what a dictionary would, and rows that change hands start anew"""

import hypothesis
import hypothesis.strategies as st
import lasagne
import numpy as np
import pytest
import theano
import theano.tensor as T
from devices import ON_GPU
from lasagne_sparse import updates as rules
from lasagne_sparse.state import named_states
from lasagne_sparse.tables import FileError, KeyMap, checkpoint
from lasagne_sparse.tables.keys.candidates import Candidates
from lasagne_sparse.tables.keys.eviction import Eviction
from lasagne_sparse.tables.keys.index import NumberIndex
from modes import compiling_with


class Model:
    """The definition of a KeyMap, with dictionaries and loops"""

    def __init__(self, num_rows, admit_after, evict, unknown, num_candidates):
        self.free = [row for row in range(num_rows) if row != unknown]
        self.admit_after, self.evict, self.unknown = admit_after, evict, unknown
        self.room, self.noted = num_candidates, []
        self.rows, self.seen, self.last = {}, {}, {}
        self.step = 0
        self.reused = []

    def admit(self, batch):
        self.step += 1
        times = {}
        for key in batch:
            times[key] = times.get(key, 0) + 1
        new = [key for key in times if key not in self.rows]
        for key in times:
            if key in self.rows:
                self.seen[key] += times[key]
                self.last[key] = self.step
        noted = {key: count for key, count, _ in filter(None, self.noted)}
        totals = {key: times[key] + noted.get(key, 0) for key in new}
        due = [key for key in new if totals[key] >= self.admit_after]
        fresh, self.free = self.free[: len(due)], self.free[len(due) :]
        rows = fresh + self.victims(len(due) - len(fresh), times)
        for key, row in zip(due, rows):
            self.rows[key], self.seen[key] = row, totals[key]
            self.last[key] = self.step
        if self.admit_after > 1 and new:
            self.note([(key, totals[key]) for key in new], due[: len(rows)])
        return [self.rows.get(key, self.unknown) for key in batch]

    def victims(self, number, batch):
        def order(key):
            age = (self.last[key], self.rows[key])
            return (self.seen[key], *age) if self.evict == "frequency" else age

        if self.evict is None:
            return []
        chosen = sorted((key for key in self.rows if key not in batch), key=order)
        rows = [self.rows.pop(key) for key in chosen[:number]]
        self.reused += rows
        return rows

    def note(self, seen, admitted):
        places = {entry[0]: i for i, entry in enumerate(self.noted) if entry}
        added = []
        for key, count in seen:
            if key in admitted:
                if key in places:
                    self.noted[places[key]] = None
            elif key in places:
                self.noted[places[key]] = (key, count, self.step)
            else:
                added.append((key, count, self.step))
        if len(self.noted) + len(added) <= self.room:
            self.noted += added
            return
        live = [entry for entry in self.noted if entry] + added
        if len(live) > self.room // 2:
            best = sorted(range(len(live)), key=lambda i: (-live[i][1], -live[i][2], i))
            live = [live[i] for i in sorted(best[: self.room // 2])]
        self.noted = live


def batches_of(seed):
    """Long runs, in which rows change hands often"""
    random = np.random.RandomState(seed)
    return [random.randint(-3, 14, random.randint(12)).tolist() for _ in range(20)]


@hypothesis.settings(max_examples=150)
@hypothesis.given(
    st.integers(0, 2**32 - 1).map(batches_of),
    st.integers(2, 9),
    st.integers(1, 3),
    st.sampled_from([None, "age", "frequency"]),
    st.integers(0, 1),
    st.integers(2, 9),
    st.sampled_from(["number", "text"]),
    st.integers(0, 25),
    st.integers(1, 4),
)
def test_map_is_its_model(
    batches, rows, after, evict, unknown, room, kind, stop, least
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Eviction, "LEAST", least)  # rank few rows ahead, and often
        model = Model(rows, after, evict, unknown, room)
        keys = KeyMap(rows, kind, after, evict, unknown, room)
        reused = []
        keys._resets.append(lambda rows, random: reused.extend(rows.tolist()))
        for number, batch in enumerate(batches):
            if number == stop:  # a map that is read from a checkpoint goes on
                state = keys.get_state()
                resets, keys = (
                    keys._resets,
                    KeyMap(rows, kind, after, evict, unknown, room),
                )
                keys._resets = resets
                keys.set_state(state)
            named = [str(key) for key in batch] if kind == "text" else batch
            assert keys.admit(named).tolist() == model.admit(batch)
            assert reused == model.reused
            found = dict(zip(keys.items()[0].tolist(), keys.items()[1].tolist()))
            assert found == {
                str(key) if kind == "text" else key: row
                for key, row in model.rows.items()
            }
            assert len(keys) == len(model.rows)
            for key, row in model.rows.items():
                assert keys.counts[row] == model.seen[key]
                assert keys.lookup([str(key) if kind == "text" else key]) == row


@hypothesis.given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=9))
    )
)
def test_index_is_a_dictionary(steps):
    """With positions given again and again, so that slots of keys that are gone fill"""
    index, model, free = NumberIndex(16), {}, list(range(16))
    for put, keys in steps * 3:
        if put:
            new = [k for k in dict.fromkeys(keys) if k not in model][: len(free)]
            positions, free = free[: len(new)], free[len(new) :]
            index.put(positions, np.array(new, "int64"))
            model.update(zip(new, positions))
        else:
            gone = [k for k in model if k % 3 == len(keys) % 3]
            index.remove(np.array([model[k] for k in gone], "int64"))
            free += [model.pop(k) for k in gone]
        asked = np.array(list(model) + keys + [0, -1], "int64")
        assert index.find(asked).tolist() == [model.get(k, -1) for k in asked.tolist()]


def test_keys_that_meet_in_one_slot_are_told_apart():
    """Multiples of 2 ** 56 have few hashes"""
    keys = KeyMap(300)
    batch = np.arange(256) << 56
    assert keys.admit(batch).tolist() == list(range(1, 257))
    assert keys.lookup(batch[::-1]).tolist() == list(range(256, 0, -1))


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "int64", "uint64"])
def test_integers_of_any_dtype_and_shape_are_keys(dtype):
    keys = KeyMap(10)
    rows = keys.admit(np.array([[3, 4], [3, 5]], dtype))
    assert rows.tolist() == [[1, 2], [1, 3]] and rows.dtype == "int32"
    assert keys.lookup(5) == 3 and keys.lookup(np.zeros((0, 2), dtype)).shape == (0, 2)
    assert keys.lookup([]).shape == (0,)


def test_largest_numbers_are_keys():
    keys = KeyMap(10)
    batch = np.array([2**64 - 1, 2**63, 0], "uint64")
    assert keys.admit(batch).tolist() == [1, 2, 3]
    assert keys.lookup([-1, -(2**63), 0]).tolist() == [1, 2, 3]


@pytest.mark.parametrize("texts", [["a\0", "a", ""], ["ä", "\ud800", "𝛼"]])
def test_texts_of_any_kind_are_keys(tmp_path, texts):
    keys = KeyMap(10, "text")
    assert keys.admit(texts).tolist() == [1, 2, 3]
    checkpoint.save(str(tmp_path), keys=keys)
    other = KeyMap(10, "text")
    checkpoint.load(str(tmp_path), keys=other)
    assert other.lookup(texts).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "kind, batch, words",
    [
        ("number", [1.5], "must be integers, got dtype float64"),
        ("number", ["a"], "KeyMap\\(..., kind='text'\\)"),
        ("text", ["a", 3], "must be texts, got 3"),
        ("text", [None], "must be texts, got None"),
    ],
)
def test_keys_of_another_kind_change_nothing(kind, batch, words):
    keys = KeyMap(10, kind)
    for call in (keys.admit, keys.lookup):
        with pytest.raises(TypeError, match=words):
            call(batch)
    assert len(keys) == 0


@pytest.mark.parametrize(
    "options, words",
    [
        (dict(num_rows=1), "num_rows must be from 2"),
        (dict(kind="bytes"), "kind must be 'number' or 'text', got 'bytes'"),
        (dict(admit_after=0), "admit_after must be 1 or more, got 0"),
        (dict(evict="random"), "evict must be None, 'age' or 'frequency'"),
        (dict(unknown=5), "unknown must be a row, from 0 to 4, got 5"),
        (dict(num_candidates=1), "num_candidates must be 2 or more, got 1"),
    ],
)
def test_bad_arguments_are_told(options, words):
    with pytest.raises(ValueError, match=words):
        KeyMap(**dict({"num_rows": 5}, **options))


def test_a_number_takes_forty_bytes_at_most():
    for rows in (10**5, 2**17, 2**17 + 1):
        assert KeyMap(rows, admit_after=2, evict="age").nbytes <= 40 * rows


# --- Rows that change hands ----------------


def trained(rule, rows=4, **options):
    """A table that was trained, with its updates and trainer"""
    W = theano.shared(np.ones((rows, 2), theano.config.floatX), "W")
    x = T.ivector()
    loss = (W[x] ** 2).sum()
    updates = getattr(rules, rule)(loss, [W], learning_rate=0.1)
    with compiling_with(linker="py"):
        train = theano.function([x], updates=updates)
    return W, updates, train


def three(shape):
    return np.full(shape, 3.0)


@pytest.mark.parametrize(
    "rule", ["momentum", "adagrad", "adadelta", "adam", "amsgrad", "rowwise_adagrad"]
)
def test_row_of_another_key_starts_anew_with_all_that_the_rule_keeps(rule):
    W, updates, train = trained(rule)
    keys = KeyMap(4, evict="age")
    assert keys.attach(W, updates, init=three) == ["W"] + [
        name for name in named_states(updates) if name.startswith("W/")
    ]
    for batch in ([10, 11, 12], [11, 12]):
        train(keys.admit(batch))
    before = {v: v.get_value() for v in updates}
    (row,) = keys.admit([99])
    assert row == 1
    for variable, old in before.items():
        new = variable.get_value()
        if variable is W:
            np.testing.assert_array_equal(new[row], 3)
        elif new.ndim:
            assert np.all(new[row] == 0) and np.any(old[row] != 0)
        if new.ndim:
            np.testing.assert_array_equal(new[2:], old[2:])
        else:
            assert new == old  # the count of steps is the rule's


def test_rows_that_nobody_had_are_left_as_they_are():
    W, updates, _ = trained("adagrad")
    keys = KeyMap(4)
    keys.attach(W, updates, init=three)
    keys.admit([5, 6])
    np.testing.assert_array_equal(W.get_value(), 1)


def test_states_begin_as_the_user_says():
    W, updates, train = trained("adagrad", rows=2)
    keys = KeyMap(2, evict="age")
    keys.attach(W, updates, init=three, accu=0.5)
    train(keys.admit([5]))
    keys.admit([6])
    (accu,) = named_states(updates).values()
    np.testing.assert_array_equal(accu.get_value()[1], 0.5)
    with pytest.raises(ValueError, match="table W has no state m: there are accu"):
        keys.attach(W, updates, m=0)


def test_columns_of_a_state_are_rows_of_its_table():
    if ON_GPU:
        pytest.skip("what is on a device has its rows along axis 0")
    W, updates, _ = trained("adagrad")
    (accu,) = named_states(updates).values()
    accu.set_value(np.ones((2, 4), theano.config.floatX))
    slot = accu.tag.lasagne_sparse_slot
    accu.tag.lasagne_sparse_slot = slot._replace(axis=1)
    keys = KeyMap(4, evict="age")
    keys.attach(W, updates)
    keys.admit([1, 2, 3])
    keys.admit([4])
    np.testing.assert_array_equal(accu.get_value(), [[1, 0, 1, 1]] * 2)


def test_table_of_another_length_is_told():
    W, updates, _ = trained("sgd")
    with pytest.raises(ValueError, match="table W has 4 rows, and the keys have 5"):
        KeyMap(5).attach(W, updates)


def test_initializer_that_fails_changes_neither_keys_nor_tables():
    W, updates, _ = trained("sgd", rows=2)
    keys = KeyMap(2, evict="age")
    keys.attach(W, updates, init=lambda shape: np.zeros(7))
    keys.admit([5])
    with pytest.raises(ValueError, match="init gave values of shape"):
        keys.admit([6])
    assert keys.lookup([5, 6]).tolist() == [1, 0]
    np.testing.assert_array_equal(W.get_value(), 1)


def test_new_values_are_drawn_from_the_maps_own_state(tmp_path):
    def draw(folder=None):
        W, updates, _ = trained("sgd", rows=2)
        keys = KeyMap(2, evict="age", seed=3)
        keys.attach(W, updates)
        keys.admit([1]), keys.admit([2])
        if folder:
            checkpoint.save(str(folder), updates, keys=keys)
            keys.admit([7])
            checkpoint.load(str(folder), updates, keys=keys)
        lasagne.random.set_rng(np.random.RandomState(1 + bool(folder)))
        keys.admit([3])
        return W.get_value()

    np.testing.assert_array_equal(draw(), draw(tmp_path))


# --- In a checkpoint ----------------


def state():
    keys = KeyMap(9, admit_after=2, evict="age")
    keys.admit([1, 1, 2, 2, 3]), keys.admit([4, 4])
    return keys.get_state()


ALTERED = {
    "row out of range": lambda s: s.update(rows=s["rows"] + 7),
    "unknown's row": lambda s: s.update(rows=s["rows"] - 1),
    "row twice": lambda s: s.update(rows=s["rows"] * 0 + 1),
    "key twice": lambda s: s.update(keys=[s["keys"][0] * 0]),
    "fewer keys": lambda s: s.update(keys=[s["keys"][0][1:]]),
    "keys of texts": lambda s: s.update(keys=s["keys"] * 2),
    "fewer counts": lambda s: s.update(counts=s["counts"][1:]),
    "seen in the future": lambda s: s.update(last=s["last"] + 9),
    "rows beyond the end": lambda s: s.update(next=2),
    "no random state": lambda s: s.update(random=1),
    "no candidates": lambda s: s.pop("candidates"),
    "candidates cut": lambda s: s["candidates"].pop(),
    "no settings": lambda s: s.clear(),
}


@pytest.mark.parametrize("name", ALTERED)
def test_state_that_cannot_be_changes_nothing(name):
    keys, found = KeyMap(9, admit_after=2, evict="age"), state()
    keys.admit([8, 8])
    ALTERED[name](found)
    with pytest.raises(FileError):
        keys.set_state(found)
    assert keys.lookup([8]) == 1 and len(keys) == 1


def test_state_of_a_map_with_other_arguments_is_told():
    with pytest.raises(FileError, match="its num_rows is 9, and here it is 8"):
        KeyMap(8, admit_after=2, evict="age").set_state(state())


def test_candidates_of_full_houses_are_the_most_frequent():
    candidates = Candidates(NumberIndex, 4)
    none = np.zeros(9, bool)
    candidates.note(np.arange(3), np.array([5, 1, 1]), 1, none[:3])
    candidates.note(np.arange(10, 12), np.array([1, 2]), 2, none[:2])
    keys, counts, last = candidates.items()
    assert keys.tolist() == [0, 11] and counts.tolist() == [5, 2]
    assert last.tolist() == [1, 2]
