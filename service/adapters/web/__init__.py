"""The pages that people read, and the endpoints that machines ask."""
