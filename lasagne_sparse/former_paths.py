"""Lets programs import modules by the paths that they had before they got rooms"""

import importlib
import sys

__all__ = ["FORMER_PATHS"]

#: Where a module was, and where it is now, both below ``lasagne_sparse``.
FORMER_PATHS = {
    "accesses": "inspection.reading",
    "accumulators": "state.placement",
    "explain": "inspection.explanation",
    "gradients": "sparsity.gradients",
    "ops.bounds": "ops.indexing.bounds",
    "ops.gather": "ops.indexing.gather",
    "ops.row_map": "ops.rows.row_map",
    "ops.row_program": "ops.programs.row_program",
    "ops.row_update": "ops.rows.row_update",
    "ops.segment_sum": "ops.indexing.segment_sum",
    "restrict": "sparsity.restrict",
    "rewrites.row_maps": "rewrites.fusion.row_maps",
    "rewrites.row_updates": "rewrites.fusion.row_updates",
    "scatters": "sparsity.scatters",
    "source_lines": "graph.source_lines",
}

for _before, _now in FORMER_PATHS.items():
    # The attribute of the package stays what it is: `lasagne_sparse.explain` and
    # `lasagne_sparse.ops.unique_rows` are functions.
    sys.modules[__package__ + "." + _before] = importlib.import_module(
        "." + _now, __package__
    )
