"""The simulated world behind the emulated instruments: source, optics, sample, detectors."""
