"""What each part of the work costs on this machine: the inputs of `benchmarks.scale`."""

import shutil
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from benchmarks.top_epoch import store_vectors, time_stored
from framework.data.images import Images
from framework.data.sources.image_folder import load_folder
from framework.features.extractor import Extractor
from framework.features.store_entry import StoreEntry, choose_chunk_images, remove_damaged

CLASSES = 2
VECTORS = 20_000
MESSAGES = 20
CHECK_FRACTION = 0.2


@dataclass(frozen=True)
class Rates:
    """Costs for one kind of pictures, whose features are 512 numbers.

    Args:
        side: Rows and columns of a picture, and of the network's input.
        chunk_images: Images in a chunk of the store.
        file_bytes: Of a picture file, which is what travels to a worker.
        feature_bytes: Of an image, which is what travels back.
        check: Seconds to check a picture when its folder is loaded.
        memory: Bytes that stay in memory for a picture: path, digest, label.
        pack: Seconds to read a picture's file, to be sent.
        message: Seconds that the run spends on a chunk's way to a worker and back.
        compute: Seconds to decode a picture and compute its features, with all cores here.
        write: Seconds to store an image's features.
        verify: Seconds to read an image's stored features and compare their checksum.
        epoch: Seconds of an epoch of the published top for an image.
    """

    side: int
    chunk_images: int
    file_bytes: int
    feature_bytes: int
    check: float
    memory: float
    pack: float
    message: float
    compute: float
    write: float
    verify: float
    epoch: float


def measure_rates(side: int, pictures: int, computed: int) -> Rates:
    """Measure everything on `pictures` files; the extractor on `computed` of them.

    A Ray cluster must be connected.
    """
    extractor = build_extractor(side)
    chunk_images = choose_chunk_images(extractor.bytes_per_image, extractor.batch_size)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        save_pictures(place / "pictures", side, pictures)
        check = time_call(lambda: load_folder(place / "pictures", CHECK_FRACTION))
        images, memory = load_images(place / "pictures", side)
        everything = np.arange(len(images))
        images.pack(everything)  # Into the system's cache: disks differ more than machines.
        pack = time_call(lambda: images.pack(everything))
        packed = images.pack(everything[:computed])
        extractor.measure_rate()
        positions = np.arange(len(packed))
        compute = time_call(lambda: list(extractor.stream(packed, positions, 0)))
        file_bytes = images.pack(everything).nbytes // len(images)
        write, verify = time_store(place / "store", chunk_images, extractor)
        epoch = time_stored(store_vectors(VECTORS, place / "vectors"))
    return Rates(
        side=side,
        chunk_images=chunk_images,
        file_bytes=file_bytes,
        feature_bytes=extractor.bytes_per_image,
        check=check / pictures,
        memory=memory,
        pack=pack / len(images),
        message=time_message(chunk_images * file_bytes, chunk_images * extractor.bytes_per_image),
        compute=compute / computed,
        write=write / chunk_images,
        verify=verify / chunk_images,
        epoch=epoch / VECTORS,
    )


def build_extractor(side: int) -> Extractor:
    """VGG16 with random weights, averaged to 512 numbers an image."""
    keras.utils.set_random_seed(0)
    image = keras.Input((side, side, 3))
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    return Extractor(
        keras.applications.VGG16(
            include_top=False, weights=None, input_tensor=scaled, pooling="avg"
        )
    )


def save_pictures(folder: Path, side: int, count: int) -> None:
    """Write JPEG files of smooth noise, whose size is that of detailed photographs."""
    random = np.random.default_rng(0)
    for label in range(CLASSES):
        (folder / f"class {label}").mkdir(parents=True)
    for number in range(count):
        coarse = random.integers(0, 256, (side // 4, side // 4, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
        picture.save(folder / f"class {number % CLASSES}" / f"{number:09d}.jpg")


def load_images(folder: Path, side: int) -> tuple[Images, float]:
    """Return the training images of a folder, and the bytes that each picture keeps in memory."""
    tracemalloc.start()
    dataset = load_folder(folder, CHECK_FRACTION)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    source = dataset.train
    images = Images(source, np.arange(len(source.labels)), (side, side, 3))
    return images, kept / (len(source.labels) + len(dataset.test.labels))


def time_store(directory: Path, chunk_images: int, extractor: Extractor) -> tuple[float, float]:
    """Return seconds to write a chunk, and to read it back and compare its checksum."""
    entry = StoreEntry(directory, {}, chunk_images, chunk_images, extractor.specs)
    entry.create()
    random = np.random.default_rng(0)
    arrays = [random.random((chunk_images, *spec.shape), np.float32) for spec in extractor.specs]
    write = time_call(lambda: entry.write_chunk(0, arrays))
    verify = time_call(lambda: remove_damaged(directory))
    shutil.rmtree(directory)
    return write, verify


def time_message(sent: int, received: int) -> float:
    """Processor seconds that sending a chunk and receiving its features cost this process."""
    import ray  # Only now, when a cluster is connected.

    def answer(parcel: tuple[bytes, ...]) -> np.ndarray:
        return np.zeros(received, np.uint8)

    remote: Any = ray.remote(answer)
    parcel = (bytes(sent),)
    ray.get(remote.remote(parcel))
    start = time.process_time()
    for _ in range(MESSAGES):
        ray.get(remote.remote(parcel))
    return (time.process_time() - start) / MESSAGES


def time_call(function: Callable[[], Any]) -> float:
    """Return seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
