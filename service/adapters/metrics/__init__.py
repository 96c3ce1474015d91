"""What the service tells Prometheus about the moments and about itself."""
