"""The engine: visits points safely and writes down what happened."""
