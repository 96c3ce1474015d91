"""Streaming change detectors: numbers in, evidence out; they know nothing of the service around them."""
