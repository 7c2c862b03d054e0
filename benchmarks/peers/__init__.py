"""The standard scan on labctl and its peers: one axis, 2048 pixels and 8 numbers at each point, every point durable.

`python -m benchmarks.peers` prints the table. Each tool has a module of its own with `SETTING`, `write` and `read`; every scan runs
in a process of its own, all with the same Python and the same packages: those of `.venv-peers`, which `make bench-peers` makes.
"""
