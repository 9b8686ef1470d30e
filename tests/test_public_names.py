"""The public names are one list, sorted, and each is there."""

from __future__ import annotations

import fittingroom as fr

PUBLIC = """
Activate Adadelta Adam AdamW BatchNorm Brightness Classify Constant Contrast Conv Cosine CrossEntropy DataSpec Dataset
Dense DepthwiseConv DownloadFailed Dropout EarlyStop Erasing Exponential FittingRoomError Flatten GlobalPool
IntensityShift InvalidData InvalidInput InvalidSpec MaxPool MeanPool Mirror Muon Network Noise NotFound OneCycle Phase
Residual RmsProp Rotation Run RunSpec SeparableConv Sgd Shear Shift Start Step Study StudySpec TrainSpec
TrainingDiverged UpsideDown WorkspaceError Zoom check_data continue_training download export_data export_run fit fork
import_run load load_run_spec load_study_spec presets restart resume run_study study_presets synthesize train
""".split()


def test_the_public_names_are_these() -> None:
    assert sorted(fr.__all__) == PUBLIC == sorted(PUBLIC)


def test_each_name_is_there_and_documented() -> None:
    for name in PUBLIC:
        assert getattr(fr, name).__doc__, f"{name} has no docstring"
