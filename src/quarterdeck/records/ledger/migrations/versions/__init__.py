"""One file a step, numbered; a step is never edited once a ledger may have taken it."""
