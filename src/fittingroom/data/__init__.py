"""Images in: where they come from, how they are kept, and how they are divided.

Files import downwards in this order::

    fingerprints   what the fingerprint of a data set says
    cuts           how images are drawn for a part, by class, with what belongs together as a whole
    parts          Splits: which images train, validate and test, and the proof that they are apart
    splits         the rules by which they are divided
    display        a sheet of images as one PNG
    dataset        Dataset: what everything else works with
    facts          what of it a spec needs to know
    grouping       which image files belong together
    incoming       Incoming: what every importer hands over, and its fingerprint
    prepared       a data set as a folder of arrays: written atomically, opened by mapping
    shipped        reads the IDX files of the package
    fashion_mnist, mnist_10k, arrays, pictures, folder
                   where images come from; a new format is one more file with ``read`` and ``preview``
    formats        the forms in which people bring images: what reads each, and how to tell them apart
    cleaning       what was taken out of a data set, why and when
    sources        load, names, preview_data, import_data, remove, from_arrays: what the other rooms call

Nothing here knows networks, runs or torch.
"""
