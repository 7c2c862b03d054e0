"""The score of the twin: every published claim, from simulated sample through noisy detectors and `labctl.analysis` to a verdict.

`make score` runs it. One module per paper; each holds experiments, and an experiment is two functions: `measure(seed)` gives what
detectors would show (arrays), `estimate(data)` turns that into results named as in the vocabulary of the targets. The estimators
know nothing of the twin, so the same ones can be fed from recorded runs.
"""
