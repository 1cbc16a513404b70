"""Random programs with lookup tables, held to two oracles

A program is data (:mod:`fuzz.drawing` draws it, :mod:`fuzz.describing` prints it):
tables, losses over lookups of them, a rule and what goes around it, batches. From this
one description are made

- the program with our rules (:mod:`fuzz.building`), compiled with our rewrites;
- the same expressions, compiled without any rewrite;
- the program with Lasagne's rules and layers, whose dense step is made lazy in NumPy
  (:mod:`fuzz.lazy`): rows that were not looked up are put back.

:mod:`fuzz.judging` compares the three, :mod:`fuzz.minimising` makes what fails small.
"""
