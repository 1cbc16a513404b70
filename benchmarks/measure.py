"""Runs the parts of the benchmark, each of which answers one question.

Every function takes a `Setup` and yields results: dicts that go into the JSON file as
they are. ``contestants`` in each maps a label to `turns.take_turns`' summary.
"""

import os

import numpy as np
from cases import choose, contestants, thread_variables
from machine import available_bytes
from turns import Contestant, take_turns
from workloads import Workload, draw_batches, table_bytes

__all__ = ["PARTS", "Setup"]


class Setup:
    """What all parts need

    Parameters
    ----------
    python, peers : str, or None for `peers`
        The interpreters of both environments.
    scratch : str
        A folder for batches and logs.
    options : argparse.Namespace
        Of ``run.py``.
    """

    def __init__(self, python, peers, scratch, options):
        self.python = python
        self.peers = peers
        self.scratch = scratch
        self.options = options

    def turns(self, found):
        """Times contestants in turns, as long as the options say"""
        return take_turns(
            found,
            self.scratch,
            rounds=self.options.rounds,
            seconds=self.options.seconds,
        )

    def draw(self, workload):
        """Draws and saves the batches: their file, and distinct rows a batch"""
        batches = draw_batches(workload)
        name = "batches-%s-%d.npy" % (workload.distribution, workload.num_rows)
        path = os.path.join(self.scratch, name)
        np.save(path, batches)
        return path, float(np.mean([len(np.unique(batch)) for batch in batches]))


def fit(found, free):
    """Those contestants that fit into memory together, and why others do not

    Ours first, and then in their order: so the dense ones go first when memory ends.
    """
    taken, absent = [], {}
    for contestant, held, beside in found:
        # 400 MB: what an interpreter and its libraries take, and one batch.
        size = held + beside + 4 * 10**8
        if size <= free:
            taken.append(contestant)
            free -= size
        else:
            absent[contestant.label] = {
                "absent": "needs %.1f GB of memory beside the others, %.1f are free"
                % (size / 1e9, max(free, 0) / 1e9)
            }
    return taken, absent


def describe(part, workload, distinct):
    """The fields that say what a result is about"""
    fields = dict(workload._asdict())
    fields.update(
        part=part,
        title=str(workload),
        distinct_rows=distinct,
        table_bytes=table_bytes(workload),
    )
    return fields


def compare(setup, kind):
    """Ours against everyone, for one kind of step"""
    for workload in choose(
        kind, setup.options.axes, setup.options.full, setup.options.quick
    ):
        batches, distinct = setup.draw(workload)
        found = contestants(workload, batches, setup.python, setup.peers)
        wanted = setup.options.contestants
        if wanted:
            found = [one for one in found if any(w in one[0].label for w in wanted)]
        taken, absent = fit(found, 0.9 * available_bytes())
        result = describe(kind, workload, distinct)
        summaries = setup.turns(taken)
        for contestant, held, _ in found:
            summaries.get(contestant.label, {})["table_bytes"] = held
        result["contestants"] = dict(summaries, **absent)
        yield result


def table(setup):
    """The table's part alone"""
    return compare(setup, "table")


def step(setup):
    """The whole training step"""
    return compare(setup, "step")


def within(setup, part, title, kind, module, names):
    """Contestants of our own environment, at the base point or as the user chose

    `names` maps labels to keys of the module's ``CONTESTANTS``.
    """
    for workload in choose(kind, setup.options.axes, quick=True):
        batches, distinct = setup.draw(workload)
        arguments = {"workload": list(workload), "batches": batches}
        environment = thread_variables(workload.threads)
        found = [
            Contestant(label, setup.python, module, name, arguments, environment)
            for label, name in names.items()
        ]
        result = describe(part, workload, distinct)
        result["title"] = title + result["title"]
        result["contestants"] = setup.turns(found)
        yield result


def roofline(setup):
    """The update alone, against loops that only touch the same rows"""
    names = {
        "ours": "update",
        "C loop": "add_one",
        "C loop with prefetch": "add_one_ahead",
        "C loop, gradient read too": "add_gradient",
    }
    module = "contestants_roofline"
    return within(setup, "roofline", "update alone, ", "table", module, names)


def ops(setup):
    """Which of our ops take the time"""
    kinds = ("whole", "unique", "gather", "update", "other")
    names = dict(zip(kinds, kinds))
    for kind in ("table", "step"):
        title = "ops of our function, "
        for result in within(setup, "ops", title, kind, "contestants_ops", names):
            yield result


# What grows with the table in the C loop is the machine's doing: caches, pages.
GROWING = [
    ("ours", "contestants_theano", "ours"),
    ("C loop", "contestants_roofline", "add_gradient"),
]


def growth(setup):
    """Ours on tables of four sizes, in turns with each other and with a loop in C

    Once with the same distinct rows a batch in all of them (`Workload.distribution`
    'spread'), once with Zipf's law over all rows, where a larger table has more
    distinct ones. 128 columns where all our tables fit into memory together, else 32,
    which is also what the quick benchmark has.
    """
    axes = setup.options.axes
    widths = [32] if setup.options.quick else [128, 32]
    for rule in axes["rule"] or ["adam", "sgd"]:
        for distribution in axes["distribution"] or ["spread", "zipf"]:
            for num_units in axes["num_units"] or widths:
                workloads = [
                    Workload("table", rule, size, num_units, 4096, distribution, 2)
                    for size in axes["num_rows"] or [10**4, 10**5, 10**6, 10**7]
                ]
                needed = sum(table_bytes(one) + 4 * 10**8 for one in workloads)
                if needed < 0.9 * available_bytes():
                    break
            yield grow(setup, workloads)


def grow(setup, workloads):
    """One result of `growth`: workloads that differ in ``num_rows`` only"""
    found, facts = [], {}
    # All of ours first: where memory ends, loops are left out.
    for who, module, name in GROWING:
        for workload in workloads:
            label = "{}, {:,} rows".format(who, workload.num_rows)
            batches, distinct = setup.draw(workload)
            arguments = {"workload": list(workload), "batches": batches}
            environment = thread_variables(workload.threads)
            held = table_bytes(workload)
            contestant = Contestant(
                label, setup.python, module, name, arguments, environment
            )
            found.append((contestant, held, 0))
            facts[label] = {
                "who": who,
                "num_rows": workload.num_rows,
                "distinct_rows": distinct,
                "table_bytes": held,
            }
    last = workloads[-1]
    title = "growth, %s, %d columns, %s" % (
        last.rule,
        last.num_units,
        last.distribution,
    )
    taken, absent = fit(found, 0.9 * available_bytes())
    summaries = setup.turns(taken)
    for label, summary in summaries.items():
        summary.update(facts[label])
    return dict(
        describe("growth", last, distinct),
        title=title,
        contestants=dict(summaries, **absent),
    )


def rows(setup):
    """200 rows of a 70,000 x 100 table"""
    shape = {"num_rows": 70000, "num_units": 100, "num_written": 200}
    labels = [
        ("ours", "ours"),
        ("ours, trust_input", "ours_trusted"),
        ("NumPy, no Theano", "numpy"),
        ("Theano's inc_subtensor", "inc_subtensor"),
        ("get_value, set_value", "get_set"),
    ]
    found = [
        Contestant(
            label,
            setup.python,
            "contestants_rows",
            name,
            shape,
            thread_variables(max(setup.options.axes["threads"] or [2])),
        )
        for label, name in labels
    ]
    yield {
        "part": "rows",
        "title": "add to 200 rows of a 70,000 x 100 table",
        "contestants": setup.turns(found),
    }


def network(setup):
    """A network with dense layers: with our threads, and without"""
    with_threads = thread_variables(2, theano_openmp=False)
    without = dict(with_threads, OMP_NUM_THREADS="1")
    contestants = [
        ("ours", "ours", with_threads),
        ("ours, without its threads", "ours", without),
        ("lasagne.updates, dense", "dense", with_threads),
    ]
    found = [
        Contestant(label, setup.python, "contestants_network", name, {}, environment)
        for label, name, environment in contestants
    ]
    yield {
        "part": "network",
        "title": "dense layers beside a 200,000 x 64 table, adam, 2 BLAS threads",
        "contestants": setup.turns(found),
    }


def factorization(setup):
    """Matrix factorization: two tables and their biases"""
    threads = thread_variables(max(setup.options.axes["threads"] or [2]))
    contestants = [
        ("ours", setup.python, "ours", {}),
        ("PyTorch SparseAdam", setup.peers, "pytorch", {"THP_MEM_ALLOC_ENABLE": "0"}),
        (
            "PyTorch SparseAdam, huge pages",
            setup.peers,
            "pytorch",
            {"THP_MEM_ALLOC_ENABLE": "1"},
        ),
        ("ours, without rewrites", setup.python, "unfused", {}),
        ("lasagne.updates, dense", setup.python, "dense", {}),
    ]
    found = [
        Contestant(
            label,
            interpreter,
            "contestants_factorization",
            name,
            {},
            dict(threads, **variables),
        )
        for label, interpreter, name, variables in contestants
        if interpreter
    ]
    yield {
        "part": "factorization",
        "title": "factorization of ratings, 200,000 x 64 and 50,000 x 64, adam",
        # of each number three: itself, and adam's two accumulators
        "table_bytes": 3 * 4 * (200000 + 50000) * (64 + 1),
        "contestants": setup.turns(found),
    }


def bags(setup):
    """Bags of 20 lookups in each of 26 tables"""
    threads = thread_variables(max(setup.options.axes["threads"] or [2]))
    pages = "THP_MEM_ALLOC_ENABLE"
    contestants = [
        ("ours", setup.python, "ours", {}),
        ("ours, by hand", setup.python, "by_hand", {}),
        ("ours, without rewrites", setup.python, "unfused", {}),
        ("ours, weighted mean", setup.python, "weighted_mean", {}),
        ("ours, padding", setup.python, "padded", {}),
        ("ours, maximum", setup.python, "max", {}),
        ("PyTorch EmbeddingBag", setup.peers, "pytorch", {pages: "0"}),
        ("PyTorch EmbeddingBag, huge pages", setup.peers, "pytorch", {pages: "1"}),
        ("FBGEMM row-wise Adagrad", setup.peers, "fbgemm", {pages: "0"}),
        ("FBGEMM row-wise Adagrad, huge pages", setup.peers, "fbgemm", {pages: "1"}),
    ]
    wanted = setup.options.contestants
    found = [
        Contestant(
            label, interpreter, "contestants_bags", name, {}, dict(threads, **variables)
        )
        for label, interpreter, name, variables in contestants
        if interpreter and (not wanted or any(w in label for w in wanted))
    ]
    # the rows of 26 tables, and adagrad's accumulators
    num_bytes = 2 * 4 * 64 * sum(np.geomspace(3, 10**6, 26))
    taken, absent = fit([(c, num_bytes, 0) for c in found], 0.9 * available_bytes())
    yield {
        "part": "bags",
        "title": "26 tables x 64, 512 bags of 20 each, adagrad",
        "table_bytes": int(num_bytes),
        "contestants": dict(setup.turns(taken), **absent),
    }


def vocabulary(setup):
    """Output layers of 10**4 to 10**6 classes, sampled and not"""
    threads = thread_variables(max(setup.options.axes["threads"] or [2]))
    contestants = [
        ("ours, sampled softmax", setup.python, "ours"),
        ("PyTorch sampled softmax, SparseAdam", setup.peers, "pytorch"),
        ("PyTorch AdaptiveLogSoftmaxWithLoss", setup.peers, "adaptive"),
        ("full softmax, lasagne.updates", setup.python, "full"),
    ]
    for num_classes in setup.options.axes["num_rows"] or [10**4, 10**5, 10**6]:
        found = [
            Contestant(
                label,
                interpreter,
                "contestants_vocabulary",
                name,
                {"num_classes": num_classes},
                threads,
            )
            for label, interpreter, name in contestants
            if interpreter
        ]
        yield {
            "part": "vocabulary",
            "title": "{:,} classes x 128, batches of 256, 512 negatives, adam".format(
                num_classes
            ),
            "num_classes": num_classes,
            "contestants": setup.turns(found),
        }


def words(setup):
    """Word vectors from text, against gensim: see ``word2vec.py``"""
    # Imported here: it reads the modules of examples/, which no other part needs.
    from word2vec import compare as train
    from word2vec import sentences

    repeats = 1 if setup.options.quick else 3
    threads = max(setup.options.axes["threads"] or [2])
    result = train(
        list(sentences()),
        setup.python,
        setup.peers,
        setup.scratch,
        threads=threads,
        repeats=repeats,
    )
    title = "word vectors: {words:,} words, {epochs} epochs, {threads} threads"
    yield dict(result, part="words", title=title.format(**result))


PARTS = {
    "table": table,
    "step": step,
    "roofline": roofline,
    "ops": ops,
    "rows": rows,
    "network": network,
    "factorization": factorization,
    "bags": bags,
    "growth": growth,
    "vocabulary": vocabulary,
    "words": words,
}
