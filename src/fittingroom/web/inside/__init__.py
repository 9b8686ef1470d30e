"""The view Look inside: what is looked at, pictures of it, and words for it."""
