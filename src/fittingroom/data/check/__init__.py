"""What is wrong with a data set: told before anything is trained on it.

Files import downwards in this order::

    finding      Finding, Report: what was found, as records, and as JSON
    parts        which images train, validate and test as a run would have it by default
    looks        brightness, contrast, background of every image, in one pass
    folds        who is predicted by which network, for the check of labels
    alike        pairs of images that are nearly alike, among many
    confident    confident learning: labels that predictions contradict
    exact, near, conflicts, balance, emptiness, polarity, light, labels
                 one kind of finding each
    checking     check: all of them
    kept         reports in the cache, by content
    sheets       the images of a finding as one picture

NumPy only. Predictions for the check of labels come from ``engine.out_of_fold``. Labels of test images are never used.
"""
