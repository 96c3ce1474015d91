"""How unusual each value of a numeric series is: views of it, each ranked against its own past, taken together."""
