"""Who is asking: log-in, sessions, and what a role may do."""
