"""Facts, their views at any moment, what runs derived, and the ledger: the only room that knows a database."""
