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
    wanted, framing
                   what an import was asked for beside the files; size, proportions and channels brought to it
    prepared       a data set as a folder of arrays: written atomically, opened by mapping
    pictures       image files, one at a time
    forms/         one file for each form in which people bring images
    shipped, fashion_mnist, mnist_10k, arrays
                   what comes with the package, or is in memory already
    formats        the forms in which people bring images: what reads each, and how to tell them apart
    cleaning       what was taken out of a data set, why and when
    sources        load, names, preview_data, import_data, remove, from_arrays: what the other rooms call

Nothing here knows networks, runs or torch.
"""
