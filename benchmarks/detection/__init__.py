"""What the benchmark of change detection is made of."""
