"""A person's ears: a local page to listen, accept, reject and relabel, and what becomes of the decisions."""
