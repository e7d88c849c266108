"""What Keras has but a config may not name, each with the reason for the user."""

CRASHES = "TensorFlow ends the whole process on some of its sizes: use MaxPooling2D"
NO_IMAGES = "it reads text or categories, not images"
RUNS_CODE = "it runs code, and a config only declares"
IS_BASE = "it is a base class, not a layer of its own"
IS_CELL = "a cell is no layer: use the layer of that name without 'Cell'"
OF_SEGMENTS = "it scores segments of images: use F1Score"
WANTS_LABELS = "it needs the labels beside the images"

REFUSED: dict[str, dict[str, str]] = {
    "layers": {
        "Lambda": RUNS_CODE,
        **dict.fromkeys([f"AdaptiveMaxPooling{rank}D" for rank in (1, 2, 3)], CRASHES),
        "Input": "the framework makes the input from data_config.image_shape",
        "InputLayer": "the framework makes the input from data_config.image_shape",
        "Layer": IS_BASE,
        "Wrapper": IS_BASE,
        "RNN": "it takes a cell, which can't be declared: use LSTM, GRU or SimpleRNN",
        "StackedRNNCells": "it takes cells, which can't be declared: declare LSTM layers in a row",
        "GRUCell": IS_CELL,
        "LSTMCell": IS_CELL,
        "SimpleRNNCell": IS_CELL,
        "FlaxLayer": RUNS_CODE,
        "JaxLayer": RUNS_CODE,
        "TFSMLayer": RUNS_CODE,
        "TorchModuleWrapper": RUNS_CODE,
        "Pipeline": "it takes a list of layers: declare them one after the other",
        "CutMix": WANTS_LABELS,
        "MixUp": WANTS_LABELS,
        "MaxNumBoundingBoxes": "it reads bounding boxes, not images",
        "Hashing": NO_IMAGES,
        "HashedCrossing": NO_IMAGES,
        "IntegerLookup": NO_IMAGES,
        "StringLookup": NO_IMAGES,
        "TextVectorization": NO_IMAGES,
    },
    "callbacks": {
        "BackupAndRestore": "every run can be resumed without it: run.py --resume DIR",
        "Callback": "it is a base class and does nothing",
        "CallbackList": "the framework makes the list",
        "History": "every run keeps its history in history.csv",
        "LambdaCallback": RUNS_CODE,
        "LearningRateScheduler": "it takes a function: give the optimizer's learning_rate a "
        'schedule instead, {"class_name": "CosineDecay", "config": {...}}',
        "OrbaxCheckpoint": "it needs the package orbax: use ModelCheckpoint",
        "ProgbarLogger": "the framework shows the progress itself",
        "RemoteMonitor": "it sends the run's figures over the network: read history.csv instead",
    },
    "optimizers": {
        "LossScaleOptimizer": "it wraps an optimizer: give that optimizer a loss_scale_factor",
        "MultiOptimizer": "it takes a function that shares the variables out",
        "OptimizerMap": "it takes a function that shares the variables out",
        "Optimizer": "it is a base class",
    },
    "losses": {
        "Loss": "it is a base class",
        "CTC": "it compares sequences, not classes",
        "Circle": "it compares embeddings, not class probabilities",
    },
    "metrics": {
        "Metric": "it is a base class",
        "Accuracy": "accuracy is always measured, and this one compares equal numbers",
        "MeanMetricWrapper": RUNS_CODE,
        **dict.fromkeys(("BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"), OF_SEGMENTS),
        "Mean": "it averages values, and knows no labels",
        "Sum": "it adds values, and knows no labels",
    },
    "initializers": {
        "Initializer": "it is a base class",
        "STFT": "it makes the kernel of STFTSpectrogram alone",
    },
    "regularizers": {"Regularizer": "it is a base class"},
    "constraints": {"Constraint": "it is a base class"},
    "schedules": {"LearningRateSchedule": "it is a base class"},
    "activations": {"threshold": "it needs arguments: use the layer ReLU with a threshold"},
}
