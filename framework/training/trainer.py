"""Fits what lies above the cut, epoch by epoch."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from framework.config.model import Config, Solver, TrainingConfig
from framework.config.reserved_files import CHECKPOINT
from framework.errors import DivergedError
from framework.features.feature_sources import Features, StoredFeatures
from framework.features.head import Head
from framework.models.classifier import Classifier
from framework.training.callbacks import (
    BestWeights,
    HistoryRecorder,
    build_callbacks,
    close_logs,
    continue_logs,
)
from framework.training.checkpoints import CheckpointKeeper, load_checkpoint
from framework.training.divergence import Divergence, DivergenceGuard
from framework.training.execution import Execution, choose_execution
from framework.training.input_pipeline import TrainingFeed, make_dataset, unwrap_errors
from framework.training.multi_device import find_devices, follow, spread
from framework.training.objectives import (
    build_loss,
    build_metrics,
    build_optimizer,
    takes_one_hot,
    weigh_classes,
)
from framework.training.phases import Phase, count_views, plan_phases
from framework.training.progress import ProgressReporter
from framework.training.solvers.closed_form import Solution, solve_head
from framework.utils.seed import set_seed

logger = logging.getLogger(__name__)


class Trainer:
    """Trains a classifier phase by phase, with one history and one set of callbacks.

    Where there are two phases, the weights of the epoch with the lowest validation
    loss are kept, whichever phase it belongs to: each phase ends with the best weights
    so far, and the second one starts from those of the first.

    A checkpoint after every epoch lets an interrupted training go on where it was.

    Args:
        classifier: Trained in place.
        config: How to train.
        directory: The run directory, where `history.csv` and callbacks' files go. A
            checkpoint that lies there is where the training goes on.
        watchers: Callbacks that see every epoch before it counts as done, and may end the
            training by an exception; they change nothing else.

    Attributes:
        phases: What to train, one after the other.
        divergence: Where and why the training ended before its time, and which weights
            are left; `None` where all is well.
        solution: What was solved, where the config names a solver.
    """

    def __init__(
        self,
        classifier: Classifier,
        config: Config,
        directory: Path,
        extra_callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        self.phases = plan_phases(config.training_config)
        self.divergence: Divergence | None = None
        self.solution: Solution | None = None
        self._devices = find_devices(config.training_config.devices) if self.phases else []
        self._classifier = classifier
        self._config = config
        self._watchers = extra_callbacks
        self._recorder = HistoryRecorder(directory / "history.csv")
        fits = self.phases and config.training_config.solver is None
        conf = config.training_config.call_backs_conf if fits else {}
        self._callbacks = build_callbacks(conf, directory, classifier)
        # Last, so that its weights are those that stay.
        self._callbacks += [BestWeights()] if len(self.phases) > 1 else []
        self._checkpoint_path = directory / CHECKPOINT
        self._start = load_checkpoint(self._checkpoint_path)
        if self._start is not None:
            self.history.extend(self._start.rows)

    @property
    def history(self) -> list[dict[str, Any]]:
        """The rows of `history.csv`, one an epoch."""
        return self._recorder.rows

    def train(self, phase: Phase, head: keras.Model, features: Mapping[str, Features]) -> None:
        """Train one phase.

        Args:
            phase: The phase after those already trained.
            head: From features to the classifier's output, at the phase's freeze line.
            features: Those of the splits `training` and `validation`, for the head.
        """
        start = self._start
        if start is not None and start.phase != phase.name:
            return  # The interrupted training was past this phase.
        self._start = None
        settings = self._config.training_config
        set_seed(settings.seed, "training")
        done = len(self.history)
        first_epoch = done if start is None else start.first_epoch
        last_epoch = done if start is not None and start.stopped else first_epoch + phase.epochs
        if done:
            continue_logs(self._callbacks)
        if len(self.phases) > 1:
            self._recorder.phase = phase.name
        self._announce(phase, done, resumed=start is not None)
        devices = self._choose_devices(head)
        execution = (
            choose_execution(
                head,
                [*self._callbacks, *self._watchers],
                features["training"].specs,
                settings.batch_size,
            )
            if len(devices) == 1
            else Execution()  # Keras can't run several steps at once there.
        )
        images = len(features["training"].images)
        progress = ProgressReporter(
            images, done, last_epoch, settings.batch_size * execution.batches_per_block
        )
        beginner = "the training" if phase.unfreeze_from is None else "fine-tuning"
        guard = DivergenceGuard(
            self._recorder,
            f"those that {beginner} began with" if start is None else f"those after epoch {done}",
            -(-images // settings.batch_size),
            execution.batches_per_block,
        )
        keeper = CheckpointKeeper(
            self._checkpoint_path, phase.name, first_epoch, self._callbacks, self.history, start
        )
        try:
            fit_head(
                head,
                features,
                phase,
                self._config,
                self._classifier.class_names,
                [guard, *self._callbacks, self._recorder, progress, *self._watchers, keeper],
                range(done, last_epoch),
                devices,
                execution,
            )
        except DivergedError:
            progress.on_train_end()  # Keras tells nobody of an end like this one.
        finally:
            close_logs(self._callbacks)
        self.divergence = guard.divergence

    def solve(self, solver: Solver, head: keras.Model, features: Mapping[str, Features]) -> None:
        """Solve instead of training: one row of history, and no callbacks of the config."""
        begun = time.perf_counter()
        class_names = self._classifier.class_names
        self.solution = solve_head(head, features, self._config, class_names, solver.alpha)
        logs = measure_head(head, features, self._config, class_names)
        self._recorder.add_row(1, logs, None, time.perf_counter() - begun)
        for watcher in self._watchers:
            watcher.on_epoch_end(0, logs)

    def _choose_devices(self, head: keras.Model) -> list[str]:
        """Several only where the head holds more than the declared top."""
        devices = self._devices
        if len(devices) == 1:
            return devices
        below = set(self._classifier.backbone_layers)
        if head is not self._classifier.model and not any(
            layer.name in below and layer.weights for layer in head.layers
        ):
            logger.info(
                "The top alone trains, on %s: for it several devices are slower.", devices[0]
            )
            return devices[:1]
        logger.info("Each batch is shared among %d devices: %s", len(devices), ", ".join(devices))
        return devices

    def _announce(self, phase: Phase, done: int, resumed: bool) -> None:
        if resumed:
            logger.info("Going on after epoch %d", done)
        if phase.unfreeze_from is not None:
            trainable = self._classifier.count_parameters()["trainable"]
            logger.info(
                "Fine-tuning from %s up: %s parameters train", phase.unfreeze_from, f"{trainable:,}"
            )


def fit_head(
    head: keras.Model,
    features: Mapping[str, Features],
    phase: Phase,
    config: Config,
    class_names: tuple[str, ...],
    callbacks: Sequence[keras.callbacks.Callback],
    epochs: range,
    devices: Sequence[str],
    execution: Execution,
) -> None:
    """Train the head, and with it the classifier it belongs to, in place.

    Args:
        head: From features to the classifier's output.
        features: `training`, what it learns from, whose views follow the epochs, and
            `validation`, what it is measured on after every epoch, un-augmented.
        phase: Its optimizer.
        config: Loss, metrics, batch size, class weights, seed.
        class_names: The name of each label.
        callbacks: The config's callbacks and the framework's own.
        epochs: Which epochs to train, counted from 0 through all phases.
        devices: The names of those to train on.
        execution: How to run.
    """
    settings = config.training_config
    training, validation = features["training"], features["validation"]
    given = settings.batch_size * execution.batches_per_block
    views = count_views(config)
    # Blocks are read from the store in less time than it takes to start what fetches them ahead.
    stored = isinstance(training, StoredFeatures) and views != "fresh"
    ahead = execution.batches_per_block == 1 or not stored
    feed = TrainingFeed(training, given, views, settings.seed, ahead)

    with unwrap_errors(), spread(head, devices) as model:
        if isinstance(model, Head):
            model.batch_size = settings.batch_size if execution.batches_per_block > 1 else None
        model.compile(
            optimizer=build_optimizer(phase.optimizer),
            loss=build_loss(settings.loss),
            metrics=build_metrics(settings),
            jit_compile=execution.jit_compile,
            steps_per_execution=execution.steps_per_execution,
        )
        model.fit(
            _encode_labels(feed.dataset, settings, class_names),
            validation_data=_encode_labels(
                make_dataset(validation, given, ahead=ahead), settings, class_names
            ),
            initial_epoch=epochs.start,
            epochs=epochs.stop,
            callbacks=[feed.callback, *follow(model, head), *callbacks],
            class_weight=weigh_classes(settings, training.images.labels, class_names),
            shuffle=False,  # The feed has its own, repeatable order.
            verbose=0,
        )


def measure_head(
    head: keras.Model,
    features: Mapping[str, Features],
    config: Config,
    class_names: tuple[str, ...],
) -> dict[str, float]:
    """Measure a head that was solved, as `fit` measures one after an epoch.

    Returns:
        `loss`, `accuracy` and the config's metrics of the un-augmented training images, and
        those of the validation images with the prefix `val_`.
    """
    settings = config.training_config
    head.compile(loss=build_loss(settings.loss), metrics=build_metrics(settings))
    logs: dict[str, float] = {}
    with unwrap_errors():
        for split, prefix in (("training", ""), ("validation", "val_")):
            batches = make_dataset(features[split], settings.batch_size)
            encoded = _encode_labels(batches, settings, class_names)
            measured = head.evaluate(encoded, verbose=0, return_dict=True)
            logs |= {prefix + name: float(value) for name, value in measured.items()}
    return logs


def _encode_labels(
    dataset: tf.data.Dataset, settings: TrainingConfig, class_names: tuple[str, ...]
) -> tf.data.Dataset:
    """Turn labels into what the loss compares with."""
    if not takes_one_hot(settings.loss):
        return dataset
    return dataset.map(lambda inputs, label: (inputs, tf.one_hot(label, len(class_names))))
