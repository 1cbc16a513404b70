"""Draws a program: nested dicts and lists, as JSON has them"""

from collections import OrderedDict

import numpy as np

from .gradients import STEPS
from .edits import EDITS
from .lookups import KINDS
from .losses import FUNCTIONS
from .rules import NAMED, OPERATIONS, STATE_KINDS, takes_gradient

__all__ = ["draw"]

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
_SUBSETS = {"vector", "matrix", "scalar", "row", "constants", "columns", "column"}
_SUBSETS |= {"pairs", "slice", "column_slice", "subset"}


def draw(seed, floatX=None):
    """Draws the program of a seed

    Parameters
    ----------
    seed : int
    floatX : str, optional
        Theano's float type for the program; drawn if None.
    """
    return _Drawing(np.random.RandomState(seed), seed, floatX).program


class _Drawing:
    """One program in the making"""

    def __init__(self, rng, seed, floatX):
        self.rng = rng
        self.program = {
            "seed": seed,
            "floatX": floatX or self.one(["float64"] * 4 + ["float32"]),
            "tables": {},
            "dense": {},
            "inputs": {},
            "functions": [],
            "steps": [],
        }
        self.bounds = {}
        self.groups = {}
        self.draw_tables()
        for _ in range(self.one([1, 1, 1, 1, 2])):
            self.program["functions"].append(self.drawn_function())
        self.draw_steps()

    def one(self, options):
        options = list(options)
        return options[self.rng.randint(len(options))]

    def chance(self, probability):
        return bool(self.rng.uniform() < probability)

    # --- Tables ----------------

    def draw_tables(self):
        for name in "ABC"[: self.one([1, 1, 2, 2, 3])]:
            ndim = self.one([1, 2, 2, 2, 2, 3, 4])
            shape = [self.rng.randint(3, 9)]
            shape += [self.rng.randint(1, 4) for _ in range(ndim - 1)]
            fixed = [False] + [n == 1 and self.chance(0.4) for n in shape[1:]]
            if self.chance(0.03):
                shape[0], fixed[0] = 1, True
            other = "float32" if self.program["floatX"] == "float64" else "float64"
            self.program["tables"][name] = {
                "shape": [int(n) for n in shape],
                "fixed": fixed,
                "dtype": other if self.chance(0.1) else self.program["floatX"],
            }

    # --- Functions ----------------

    def drawn_function(self):
        if self.chance(0.08):
            return {"recipe": self.drawn_recipe()}
        tables = self.program["tables"]
        trained = [name for name in tables if self.chance(0.8)] or [self.one(tables)]
        function = {"terms": [self.drawn_term([name]) for name in trained]}
        for _ in range(self.one([0, 0, 1, 2])):
            names = [self.one(tables) for _ in range(self.one([1, 2, 2, 3]))]
            function["terms"].append(self.drawn_term(names))
        function["params"] = self.params_of(function["terms"])
        function["gradients"] = None
        if self.chance(0.4):
            steps = self.one([0, 1, 1, 1, 2])
            function["gradients"] = [self.one(STEPS) for _ in range(steps)]
        function["rule"] = self.drawn_rule()
        function["subsets"] = self.chance(0.15) and self.may_be_subsets(function)
        function["shows"] = self.chance(0.15)
        if self.chance(0.15):
            function["momentum"] = self.one(
                ["apply_momentum", "apply_nesterov_momentum"]
            )
        if self.chance(0.1):
            function["constraint"] = self.drawn_constraint(function)
        if self.chance(0.15):
            edits = self.one([1, 1, 2])
            function["edits"] = [self.drawn_edit(function) for _ in range(edits)]
        return function

    def params_of(self, terms):
        names = [k["table"] for term in terms for k in term["lookups"]]
        names += [term["dense"] for term in terms if term["dense"]]
        names = list(OrderedDict.fromkeys(names))
        self.rng.shuffle(names)
        return names

    def may_be_subsets(self, function):
        linear = all(STEPS[s].linear for s in function["gradients"] or [])
        kinds = {k["kind"] for term in function["terms"] for k in term["lookups"]}
        return linear and kinds <= _SUBSETS

    # --- Losses ----------------

    def drawn_term(self, names):
        combine = self.one(["aligned", "product", "product", "mean"])
        shared_index = None
        lookups = []
        for name in names:
            lookups.append(self.drawn_lookup(name, shared_index))
            at = lookups[-1]["at"]
            if combine == "aligned" and at and isinstance(at[0], str):
                if self.program["inputs"][at[0]]["ndim"] == 1:
                    shared_index = at[0]
        if combine == "aligned" and not self.aligned(lookups):
            combine = "product"
        term = {
            "lookups": lookups,
            "function": self.one(FUNCTIONS),
            "combine": combine,
            "weight": self.one([1.0, 0.5, 2.0]),
            "dense": None,
        }
        if self.chance(0.2):
            term["dense"] = self.drawn_dense(lookups[0])
        return term

    def aligned(self, lookups):
        kinds = {"vector", "take", "wrapped", "of_tanh", "scaled", "padded", "pairs"}
        kinds |= {"flat", "halves", "unique", "reversed", "of_slice"}
        firsts = {str(k["at"][:1]) for k in lookups}
        return {k["kind"] for k in lookups} <= kinds and len(firsts) == 1

    def drawn_lookup(self, name, shared_index):
        table = self.program["tables"][name]
        shape, ndim = table["shape"], len(table["shape"])
        if shared_index:
            choices = ["vector"] * 3 + ["take", "wrapped", "of_tanh"]
        else:
            choices = list(KINDS) + ["vector"] * 6 + ["matrix", "layer"] * 3
        while True:
            kind = self.one(choices)
            if KINDS[kind].min_ndim > ndim or (
                kind in ("layer", "stock_layer", "subset") and ndim != 2
            ):
                continue
            break
        lookup = {"table": name, "kind": kind, "at": []}
        described = KINDS[kind]
        group = None
        for axis in described.bounds:
            bound = shape[axis]
            if described.index in ("constant", "constants"):
                at = [
                    int(i) for i in self.rng.randint(-bound, bound, self.rng.randint(4))
                ]
                if described.index == "constant":
                    at = int(self.rng.randint(-bound, bound))
            elif shared_index:
                at = shared_index
            else:
                dims = {"vector": 1, "matrix": 2, "scalar": 0}
                size = dims.get(described.index)
                at = self.drawn_input(self.one([1, 2]) if size is None else size, group)
                group = at
            if isinstance(at, str):
                self.bounds[at] = min(bound, self.bounds.get(at, bound))
            lookup["at"].append(at)
        if kind in ("slice", "column_slice"):
            limits = [None, None, 0, 1, 2, -1, -2, 5]
            lookup["slice"] = [
                self.one(limits),
                self.one(limits),
                self.one([None, None, 2, -1]),
            ]
        return lookup

    def drawn_input(self, ndim, group):
        """Takes an index variable that there is, or makes one

        Two that index together are of one length: of one group.
        """
        inputs = self.program["inputs"]
        fits = [
            name
            for name, described in inputs.items()
            if described["ndim"] == ndim
            and (not group or self.groups[name] == self.groups[group])
        ]
        if fits and self.chance(0.5):
            return self.one(fits)
        name = (
            "ijklmnopqrstuvwxyz"[len(inputs)]
            if len(inputs) < 18
            else "i%d" % len(inputs)
        )
        dtype = self.one(INTEGERS) if self.chance(0.4) else self.one(["int32", "int64"])
        inputs[name] = {"dtype": dtype, "ndim": ndim}
        self.groups[name] = self.groups[group] if group else len(self.groups)
        inputs[name]["group"] = self.groups[name]
        return name

    def drawn_dense(self, lookup):
        """Draws a parameter that multiplies what is looked up, or None."""
        kinds = {"vector", "matrix", "take", "wrapped", "constants", "layer"}
        shape = self.program["tables"][lookup["table"]]["shape"]
        if lookup["kind"] not in kinds or len(shape) < 2:
            return None
        name = "D%d" % len(self.program["dense"])
        size = [shape[-1]] + ([2] if len(shape) == 2 and self.chance(0.5) else [])
        self.program["dense"][name] = {"shape": size, "dtype": self.program["floatX"]}
        return name

    # --- Rules and what goes around them ----------------

    def drawn_rule(self):
        if self.chance(0.3):
            states = [self.one(STATE_KINDS) for _ in range(self.one([0, 1, 1, 2, 3]))]
            step = self.drawn_expression(len(states), 3)
            if self.chance(0.9) and not takes_gradient(step):
                step = ["+", ["g"], step]
            return {
                "name": "random",
                "states": states,
                "lines": [self.drawn_expression(len(states), 3) for _ in states],
                "step": step,
                "sets": self.chance(0.1),
            }
        name = self.one(NAMED)
        kwargs = dict(NAMED[name], learning_rate=0.1)
        return {"name": name, "kwargs": kwargs, "symbolic": self.chance(0.15)}

    def drawn_expression(self, num_states, depth):
        if depth == 0 or self.chance(0.15):
            leaves = [["g"]] * 4 + [["p"], ["t"], ["const", self.one([0.5, 0.9, 2.0])]]
            leaves += [[self.one("sn"), k] for k in range(num_states)] * 2
            return self.one(leaves)
        name = self.one(OPERATIONS)
        arity = 2 if name in ("+", "-", "*", "/", "max", "if positive") else 1
        return [name] + [
            self.drawn_expression(num_states, depth - 1) for _ in range(arity)
        ]

    def drawn_constraint(self, function):
        names = [n for n in function["params"] if n in self.program["tables"]]
        names = [n for n in names if len(self.program["tables"][n]["shape"]) > 1]
        if not names:
            return None
        name = self.one(names)
        ndim = len(self.program["tables"][name]["shape"])
        axes = list(range(1, ndim)) if self.chance(0.7) else [0]
        return {"table": name, "max_norm": 0.7, "axes": axes}

    def drawn_edit(self, function):
        names = [n for n in function["params"] if n in self.program["tables"]]
        name = self.one(names)
        bound = self.program["tables"][name]["shape"][0]
        row = int(self.rng.randint(-bound, bound))
        return {"table": name, "kind": self.one(EDITS), "row": row}

    def drawn_recipe(self):
        name = self.one(self.program["tables"])
        index = self.drawn_input(1, None)
        bound = self.program["tables"][name]["shape"][0]
        self.bounds[index] = min(bound, self.bounds.get(index, bound))
        values = ["scalar", "row", "gradient", "numbered", "tanh"]
        kinds = ["inc", "set", "add_rows", "set_rows"]
        return {
            "kind": self.one(kinds),
            "table": name,
            "index": index,
            "value": self.one(values),
        }

    # --- Batches ----------------

    def draw_steps(self):
        functions = len(self.program["functions"])
        for number in range(self.one([2, 3]) if functions == 1 else 4):
            lengths = {}
            batch = {
                name: self.drawn_index(name, described, lengths)
                for name, described in self.program["inputs"].items()
            }
            self.program["steps"].append(
                {"function": number % functions, "batch": batch}
            )

    def drawn_index(self, name, described, lengths):
        bound = self.bounds.get(name, 3)
        low = 0 if described["dtype"].startswith("u") or self.chance(0.5) else -bound
        group = self.groups[name]
        if group not in lengths:
            lengths[group] = self.one([0, 1, 2, 3, 4, 5, 6]), self.one([1, 2, 3, 0])
        shape = lengths[group][: described["ndim"]]
        drawn = self.rng.randint(low, bound, shape)
        if self.chance(0.01) and np.size(drawn):
            drawn = drawn + 3 * bound
        return np.asarray(drawn).tolist()
