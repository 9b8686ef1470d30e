"""The view Studies: what can be varied, a study in the making, and what one has found, as its pages show it."""
