"""The network of a draft as the page edits it: plain data in, plain data out; layers may be impossible meanwhile."""
