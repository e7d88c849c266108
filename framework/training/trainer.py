"""Training of a classifier above its split point, phase by phase."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from framework.config.model import Config, Solver
from framework.config.reserved_files import CHECKPOINT
from framework.errors import DivergedError
from framework.features.feature_sources import Features
from framework.features.views import count_stored_views, count_views
from framework.models.classifier import Classifier
from framework.training.block_loop import Block, Blocks, find_program, fit_blocks
from framework.training.callbacks import (
    BestWeights,
    HistoryRecorder,
    build_callbacks,
    close_logs,
    continue_logs,
    find_model_epoch,
)
from framework.training.checkpoints import CheckpointCallback, load_checkpoint
from framework.training.divergence import DivergenceGuard
from framework.training.execution import Execution, choose_execution
from framework.training.input_pipeline import (
    TrainingBatches,
    draw_epoch,
    make_dataset,
    unwrap_errors,
)
from framework.training.multi_device import distribute, sync_weights
from framework.training.objectives import (
    build_loss,
    build_metrics,
    build_optimizer,
    takes_one_hot,
    weigh_classes,
)
from framework.training.phases import Phase, plan_phases
from framework.training.progress import ProgressReporter
from framework.training.solvers.closed_form import solve_head
from framework.training.training_result import TrainingResult
from framework.utils.devices import find_devices
from framework.utils.seed import set_seed

logger = logging.getLogger(__name__)


class Trainer:
    """Trains a classifier phase by phase, with one history and one set of callbacks.

    Where there are two phases, the weights of the epoch with the lowest validation
    loss are kept, whichever phase it belongs to: each phase ends with the best weights
    so far, and the second one starts from those of the first.

    A checkpoint after every epoch lets an interrupted training continue where it was.

    Args:
        classifier: Trained in place.
        config: How to train.
        directory: The run directory, where `history.csv` and callbacks' files go. If there is
            a checkpoint, the training continues from it.
        extra_callbacks: Callbacks that see every epoch before it counts as done, and may end
            the training by an exception; they change nothing else.

    Attributes:
        phases: What to train, one after the other.
        directory: The run directory.
    """

    def __init__(
        self,
        classifier: Classifier,
        config: Config,
        directory: Path,
        extra_callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        self._settings = settings = config.training_config
        self.phases = plan_phases(settings)
        self._views = count_views(config)
        self._solver_views = count_stored_views(config)
        self._devices = find_devices(settings.devices) if self.phases else []
        self._classifier = classifier
        self._extra_callbacks = extra_callbacks
        self._recorder = HistoryRecorder(directory / "history.csv")
        fits = self.phases and settings.solver is None
        conf = settings.call_backs_conf if fits else {}
        self._callbacks = build_callbacks(conf, directory, classifier)
        if len(self.phases) > 1:  # Last, so that its weights are those that stay.
            self._callbacks.append(BestWeights())
        self.directory = directory
        self._checkpoint_path = directory / CHECKPOINT
        self._start = load_checkpoint(self._checkpoint_path)
        if self._start is not None:
            self.history.extend(self._start.rows)

    @property
    def history(self) -> list[dict[str, Any]]:
        """The rows of `history.csv`, one an epoch."""
        return self._recorder.rows

    def train(
        self, phase: Phase, head: keras.Model, features: Mapping[str, Features]
    ) -> TrainingResult:
        """Train one phase, or solve it in closed form if the config names a solver.

        Args:
            phase: The phase after those already trained.
            head: From features to the classifier's output, at the phase's split point.
            features: `training`, to learn from, whose views follow the epochs, and
                `validation`, to measure on after every epoch, un-augmented.
        """
        if self._settings.solver is not None:
            return self._solve(self._settings.solver, head, features)
        if self._start is not None and self._start.phase != phase.name:
            return TrainingResult(self.history)  # The interrupted training was past this phase.
        start, self._start = self._start, None
        set_seed(self._settings.seed, "training")
        done = len(self.history)
        first_epoch = done if start is None else start.first_epoch
        last_epoch = done if start is not None and start.stopped else first_epoch + phase.epochs
        if done:
            continue_logs(self._callbacks)
        if len(self.phases) > 1:
            self._recorder.phase = phase.name
        self._announce(phase, done, resumed=start is not None)

        images, batch_size = features["training"].images, self._settings.batch_size
        devices, execution = self._choose_devices(head), Execution()
        if len(devices) == 1:  # Keras can't run several steps at once on several devices.
            given = [*self._callbacks, *self._extra_callbacks]
            execution = choose_execution(head, given, features["training"].specs, batch_size)
        beginning = "the training" if phase.unfreeze_from is None else "fine-tuning"
        guard = DivergenceGuard(
            self._recorder,
            f"those that {beginning} began with" if start is None else f"those after epoch {done}",
            -(-len(images) // batch_size),
            execution.batches_per_block,
        )
        block_size = batch_size * execution.batches_per_block
        progress = ProgressReporter(len(images), done, last_epoch, block_size)
        saver = CheckpointCallback(
            self._checkpoint_path, phase.name, first_epoch, self._callbacks, self.history, start
        )
        own = [guard, *self._callbacks, self._recorder, progress, *self._extra_callbacks, saver]
        try:
            self._fit(phase, head, features, own, range(done, last_epoch), execution, devices)
        except DivergedError:
            progress.on_train_end()  # Keras tells no callback of an end like this one.
        finally:
            close_logs(self._callbacks)
        if guard.divergence is not None:
            return TrainingResult(self.history, guard.divergence)
        epoch = find_model_epoch(self._callbacks, len(self.history))
        return TrainingResult(self.history, model_epoch=epoch)

    def _fit(
        self,
        phase: Phase,
        head: keras.Model,
        features: Mapping[str, Features],
        callbacks: Sequence[keras.callbacks.Callback],
        epochs: range,
        execution: Execution,
        devices: Sequence[str],
    ) -> None:
        """Train the head, and with it the classifier it belongs to, in place.

        Args:
            phase: Its optimizer.
            head: As `train` takes it.
            features: As `train` takes them.
            callbacks: The config's callbacks and the framework's own.
            epochs: Which epochs to train, counted from 0 through all phases.
            execution: How to run.
            devices: The names of those to train on.
        """
        settings = self._settings
        training, validation = features["training"], features["validation"]
        with unwrap_errors(), distribute(head, devices) as model:
            model.compile(
                optimizer=build_optimizer(phase.optimizer),
                loss=build_loss(settings.loss),
                metrics=build_metrics(settings),
                jit_compile=execution.jit_compile,
                steps_per_execution=execution.steps_per_execution,
            )
            if execution.batches_per_block > 1:
                self._fit_blocks(model, features, callbacks, epochs, execution)
                return
            size, seed = settings.batch_size, settings.seed
            batches = TrainingBatches(training, size, self._views, seed)
            model.fit(
                self._encode_labels(batches.dataset),
                validation_data=self._encode_labels(make_dataset(validation, size)),
                initial_epoch=epochs.start,
                epochs=epochs.stop,
                callbacks=[batches, *sync_weights(model, head), *callbacks],
                class_weight=self._weigh_classes(training),
                shuffle=False,  # The batches have their own, repeatable order.
                verbose=0,
            )

    def _fit_blocks(
        self,
        head: keras.Model,
        features: Mapping[str, Features],
        callbacks: Sequence[keras.callbacks.Callback],
        epochs: range,
        execution: Execution,
    ) -> None:
        """Train a compiled head with many batches as one program."""
        settings = self._settings
        training = features["training"]
        size = settings.batch_size * execution.batches_per_block
        one_hot = takes_one_hot(settings.loss)
        classes = len(self._classifier.class_names) if one_hot else None
        blocks = Blocks(training, size, classes, self._weigh_classes(training))

        def read_epoch(epoch: int) -> Iterator[Block]:
            images = len(training.images)
            return blocks.stream(*draw_epoch(epoch, images, self._views, settings.seed))

        decisive = (settings.loss, settings.metrics, blocks.weights is not None)
        program = find_program(head, settings.batch_size, decisive)
        validation = Blocks(features["validation"], size, classes)
        fit_blocks(head, program, read_epoch, validation, epochs, callbacks)

    def _solve(
        self, solver: Solver, head: keras.Model, features: Mapping[str, Features]
    ) -> TrainingResult:
        """Solve the last layer: one row of history, and no callbacks of the config."""
        started = time.perf_counter()
        weights = self._weigh_classes(features["training"]) or {}
        solution = solve_head(head, features, weights, self._solver_views, solver.alpha)
        logs = self._evaluate(head, features)
        self._recorder.add_row(1, logs, None, time.perf_counter() - started)
        for callback in self._extra_callbacks:
            callback.on_epoch_end(0, logs)
        return TrainingResult(self.history, solution=solution)

    def _evaluate(self, head: keras.Model, features: Mapping[str, Features]) -> dict[str, float]:
        """Evaluate a head that was solved, as `fit` evaluates one after an epoch.

        Returns:
            `loss`, `accuracy` and the config's metrics of the un-augmented training images, and
            those of the validation images with the prefix `val_`.
        """
        settings = self._settings
        head.compile(loss=build_loss(settings.loss), metrics=build_metrics(settings))
        logs: dict[str, float] = {}
        with unwrap_errors():
            for split, prefix in (("training", ""), ("validation", "val_")):
                batches = self._encode_labels(make_dataset(features[split], settings.batch_size))
                measured = head.evaluate(batches, verbose=0, return_dict=True)
                logs |= {prefix + name: float(value) for name, value in measured.items()}
        return logs

    def _weigh_classes(self, training: Features) -> Mapping[int, float] | None:
        return weigh_classes(self._settings, training.images.labels, self._classifier.class_names)

    def _encode_labels(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """Turn labels into what the loss compares with."""
        if not takes_one_hot(self._settings.loss):
            return dataset
        classes = len(self._classifier.class_names)
        return dataset.map(lambda inputs, label: (inputs, tf.one_hot(label, classes)))

    def _choose_devices(self, head: keras.Model) -> list[str]:
        """Return several devices only if the head holds more than the declared top."""
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
            logger.info("Resuming after epoch %d", done)
        if phase.unfreeze_from is not None:
            trainable = self._classifier.count_parameters()["trainable"]
            logger.info(
                "Fine-tuning from %s up: %s parameters train", phase.unfreeze_from, f"{trainable:,}"
            )
