"""The standard scan on labctl and its peers: one axis, 2048 pixels and 8 numbers at each point, every point durable.

`python -m benchmarks.peers` prints the table. Each tool has a module of its own with `SETTING`, `write` and `read`, and runs in a
process of its own: labctl with this Python, the others with that of `.venv-peers` (`make bench-peers` makes it).
"""
