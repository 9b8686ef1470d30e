"""The library's door: load data, fit a network, look at stored runs. ``fittingroom`` itself shows the names."""
