"""Images in: where they come from, how they are kept, and how they are divided.

Files import downwards in this order::

    splits         training, validation and test: the rules, and the proof that they hold
    display        a sheet of images as one PNG
    dataset        Dataset: what everything else works with
    facts          what of it a spec needs to know
    incoming       Incoming: what every importer hands over, and its fingerprint
    prepared       a data set as a folder of arrays: written atomically, opened by mapping
    shipped        reads the IDX files of the package
    fashion_mnist, mnist_10k, arrays, pictures, folder
                   where images come from; a new format is one more file with ``read`` and ``preview``
    formats        the forms in which people bring images: what reads each, and how to tell them apart
    sources        load, names, preview_data, import_data, remove, from_arrays: what the other rooms call

Nothing here knows networks, runs or torch.
"""
