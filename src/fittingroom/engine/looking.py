"""What the page asks about the inside of a network: each function answers one question of ``engine.inference``."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Generator

import numpy as np

from fittingroom.engine.classifier import Classifier
from fittingroom.engine.desk import Desk
from fittingroom.engine.explain import Look, Pixels, first_filters, look, ranges, reduced
from fittingroom.errors import InvalidInput, NotFound
from fittingroom.queue.wire import Message
from fittingroom.spec.run import to_plain

REMEMBERED = 1 << 28
"""Bytes of layers' outputs that are kept for the images that were looked at last."""


class Looks:
    """The images that were looked at last, as many as fit into the memory that is set aside for them."""

    def __init__(self) -> None:
        self._looks: OrderedDict[tuple[str, str], Look] = OrderedDict()

    def find(self, key: tuple[str, str], make: Callable[[], Look]) -> Look:
        found = self._looks.pop(key, None) or make()
        self._looks[key] = found
        while len(self._looks) > 1 and sum(each.nbytes for each in self._looks.values()) > REMEMBERED:
            self._looks.popitem(last=False)
        return found


def inside(desk: Desk, asked: Message) -> Message:
    """What a ``run`` makes of ``picture_HWC``: its layers, their channels' ``FIGURES``, the probabilities.

    ``exact``: whether the picture is taken as it is where it has the network's form, as ``look`` does.
    """
    sha256, classifier, found = _looked(desk, asked)
    network, preprocessing = classifier.network, classifier.preprocessing
    words = {
        "sha256": sha256,
        "epoch": classifier.epoch,
        "class_names": preprocessing.class_names,
        "layers": to_plain(network.specs),
        "shapes": [preprocessing.shape, *network.output_shapes],
        "steps": found.image.steps,
    }
    figures = {f"figures/{name}": values for name, values in found.figures.items()}
    return Message(words, {"image_HWC": found.image.pixels_HWC, "probabilities_K": found.probabilities_K, **figures})


def maps(desk: Desk, asked: Message) -> Message:
    """``maps_CHW`` of a ``layer`` for ``picture_HWC``, from channel ``first`` on at most ``count``; units as 1×1 maps.

    Maps with more than ``side`` pixels are reduced to it by means. ``largest`` is the largest absolute value in the
    whole layer.
    """
    sha256, _, found = _looked(desk, asked)
    if (values := found.outputs.get(asked.words["layer"])) is None:
        raise NotFound(f'the network has no layer "{asked.words["layer"]}"; its layers are {", ".join(found.outputs)}')
    first, count = asked.words["first"], asked.words["count"]
    largest = float(np.abs(values).max(initial=0, where=np.isfinite(values)))
    chosen = values[first : first + count]
    maps_CHW = chosen if chosen.ndim == 3 else chosen[:, np.newaxis, np.newaxis]
    return Message({"sha256": sha256, "largest": largest}, {"maps_CHW": reduced(maps_CHW, asked.words["side"])})


def filters(desk: Desk, asked: Message) -> Message:
    """The first weights of a ``run`` as ``weights_FHWC``, from filter ``first`` on at most ``count``, at most ``side``.

    ``form`` is the shape of all of them, empty where they are no pictures; ``layer`` has them; ``largest`` is their
    largest absolute value; ``are_outputs`` says whether filter i makes channel i.
    """
    sha256, classifier = desk.weights(asked.words["run"])
    found = first_filters(classifier.network)
    if found is None:
        return Message({"sha256": sha256, "layer": "", "form": [], "largest": 0.0, "are_outputs": False})
    weights_FHWC, first, count = found.weights_FHWC, asked.words["first"], asked.words["count"]
    chosen_FCHW = weights_FHWC[first : first + count].transpose(0, 3, 1, 2)
    reduced_FCHW = reduced(chosen_FCHW.reshape(-1, *chosen_FCHW.shape[2:]), asked.words["side"])
    chosen = reduced_FCHW.reshape(*chosen_FCHW.shape[:2], *reduced_FCHW.shape[1:]).transpose(0, 2, 3, 1)
    words = {
        "sha256": sha256,
        "layer": found.layer,
        "form": weights_FHWC.shape,
        "largest": float(np.abs(weights_FHWC).max(initial=0, where=np.isfinite(weights_FHWC))),
        "are_outputs": found.are_outputs,
    }
    return Message(words, {"weights_FHWC": chosen})


def channel_ranges(desk: Desk, asked: Message) -> Generator[tuple[int, int], None, Message]:
    """Long: the ``ranges`` of a ``run`` over the images ``images_N`` of its data, for the weights named ``sha256``."""
    sha256, classifier = desk.weights(asked.words["run"])
    if sha256 != asked.words["sha256"]:
        raise InvalidInput("the run has newer weights than those on this page; load the page again")
    data = desk.data_of(asked.words["run"])
    found = yield from ranges(classifier, asked.arrays["images_N"], data.images)
    return Message({"images": len(asked.arrays["images_N"])}, found)


def _looked(desk: Desk, asked: Message) -> tuple[str, Classifier, Look]:
    sha256, classifier = desk.weights(asked.words["run"])
    picture_HWC: Pixels = asked.arrays["picture_HWC"]
    exact: bool = asked.words.get("exact", True)
    content = hashlib.sha256(repr((picture_HWC.shape, exact)).encode() + picture_HWC.tobytes()).hexdigest()
    looks: Looks = desk.kept("looks", Looks)
    return sha256, classifier, looks.find((sha256, content), lambda: look(classifier, picture_HWC, exact=exact))
