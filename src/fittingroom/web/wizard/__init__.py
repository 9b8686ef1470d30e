"""The import of images as the page offers it: what was asked for, what would come of it, and pictures of that."""
