"""How the schema came to be, step by step; carried out by `service.adapters.store.migrate`."""
