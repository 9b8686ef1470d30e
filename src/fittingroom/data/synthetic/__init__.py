"""Synthetic digits: characters drawn from fonts, as many as are asked for, with test images of families never seen.

Files import downwards in this order::

    faces       the font files of this machine, one face each
    masters     one character of one face, large and sharp; thinner and thicker
    families    faces that can be used, by family; those that cannot, and why
    recipe      Recipe: everything that decides the images
    drawing     one image of a recipe: how it is placed, bent, blurred and lit
    parts       which families train, validate and test; the images of all parts, and a sheet to look at
    keeping     synthesize: a recipe into a data set of the workspace, the recipe beside it

Everything random comes from the recipe's seed, so that the same recipe with the same fonts gives the same images.
"""
