"""Readers of one kind of file each. All give a `Table`: columns, chunks of rows, and what the file says of itself."""
