"""The forms in which people bring labelled images: one file each, with ``read`` and ``preview``.

Files import downwards in this order::

    unzipped, stamps
                   gzip in blocks and within limits; what tells that files have changed
    rows, json_items, classes, levels
                   tables, and lists as JSON; labels as class names; values as 8 bits
    gallery, layout
                   many image files with their classes, wherever they lie; folders and their meaning
    stack          images of one shape, one after the other
    members        what is in an archive, within limits
    idx, csv_pixels, file_list
                   by way of stack or gallery
    folder, archive, npz, csv_files, parquet
                   the others; csv_files tells tables of pixels from lists of files

``fittingroom.data.formats`` lists them for commands and page: a new form is one more file here, and one entry there.
"""
