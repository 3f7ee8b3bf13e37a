"""Parts measured without calls: the flow, the journal on both databases, the matching of agents.

Each part has its own module (`bench.flow`, `bench.journal`, `bench.acd`); this one runs them and puts the figures in
the form of the results.
"""
