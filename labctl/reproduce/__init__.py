"""The papers' experiments on their simulated benches: every claim from run files, through everything a user would run.

One module per paper says which procedures, with which parameters, on which bench, answer which claims.
"""
