"""Fitting Room: the workbench for fitting image classifiers.

    import fittingroom as fr
    data = fr.load("fashion-mnist")
    net = fr.Network([fr.Conv(32, 3, activation="relu"), fr.MaxPool(2), fr.Flatten(), fr.Classify()])
    run = fr.fit(net, data, epochs=5)
    run.plot()

The public names are those of ``__init__.pyi``. Each is imported when it is first used, so that importing the package
is quick and imports no torch.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
