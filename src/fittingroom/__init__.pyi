from .data.dataset import (
    Dataset as Dataset,
)
from .errors import (
    DownloadFailed as DownloadFailed,
    FittingRoomError as FittingRoomError,
    InvalidData as InvalidData,
    InvalidInput as InvalidInput,
    InvalidSpec as InvalidSpec,
    NotFound as NotFound,
    TrainingDiverged as TrainingDiverged,
    WorkspaceError as WorkspaceError,
)
from .library.again import (
    continue_training as continue_training,
    fork as fork,
    restart as restart,
    resume as resume,
)
from .library.archive import (
    export_run as export_run,
    import_run as import_run,
)
from .library.check import (
    check_data as check_data,
)
from .library.exporting import (
    export_data as export_data,
)
from .library.fit import (
    fit as fit,
    load as load,
    train as train,
)
from .library.making import (
    download as download,
    synthesize as synthesize,
)
from .library.run import (
    Run as Run,
)
from .library.study import (
    Study as Study,
    run_study as run_study,
)
from .spec.augment import (
    Brightness as Brightness,
    Contrast as Contrast,
    Erasing as Erasing,
    IntensityShift as IntensityShift,
    Mirror as Mirror,
    Noise as Noise,
    Rotation as Rotation,
    Shear as Shear,
    Shift as Shift,
    UpsideDown as UpsideDown,
    Zoom as Zoom,
)
from .spec.data import (
    DataSpec as DataSpec,
)
from .spec.layers import (
    Activate as Activate,
    BatchNorm as BatchNorm,
    Classify as Classify,
    Conv as Conv,
    Dense as Dense,
    DepthwiseConv as DepthwiseConv,
    Dropout as Dropout,
    Flatten as Flatten,
    GlobalPool as GlobalPool,
    MaxPool as MaxPool,
    MeanPool as MeanPool,
    Residual as Residual,
    SeparableConv as SeparableConv,
)
from .spec.network import (
    Network as Network,
)
from .spec.run import (
    RunSpec as RunSpec,
    load_run_spec as load_run_spec,
    presets as presets,
)
from .spec.start import (
    Phase as Phase,
    Start as Start,
)
from .spec.study import (
    StudySpec as StudySpec,
    load_study_spec as load_study_spec,
    study_presets as study_presets,
)
from .spec.train import (
    Adadelta as Adadelta,
    Adam as Adam,
    AdamW as AdamW,
    Constant as Constant,
    Cosine as Cosine,
    CrossEntropy as CrossEntropy,
    EarlyStop as EarlyStop,
    Exponential as Exponential,
    Muon as Muon,
    OneCycle as OneCycle,
    RmsProp as RmsProp,
    Sgd as Sgd,
    Step as Step,
    TrainSpec as TrainSpec,
)

__version__: str
