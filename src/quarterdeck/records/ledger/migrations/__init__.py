"""The steps by which the tables of a ledger come to the newest version; run when a ledger is opened."""
