"""The data sets that Keras downloads into its cache."""

import logging

from framework.data.dataset import DataUnavailableError
from framework.data.source import ArraySource
from framework.data.sources.npz_archive import make_source
from framework.utils.network import DownloadError, fetch

logger = logging.getLogger(__name__)

# Keras checks no hash of these files. Source: the Fashion-MNIST read-me (Xiao, Rasul, Vollgraf).
FASHION_MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
FASHION_MNIST_MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}


def download_dataset(name: str) -> tuple[ArraySource, ArraySource]:
    """Load a data set of `keras.datasets`, downloading it unless it is in Keras's cache.

    Args:
        name: `"mnist"`, `"fashion_mnist"`, `"cifar10"` or `"cifar100"`.

    Returns:
        The training and the test images.

    Raises:
        DataUnavailableError: It can't be downloaded.
    """
    import keras

    logger.info("Loading %s through keras.datasets (downloaded once, then cached)", name)
    try:
        if name == "fashion_mnist":
            _download_fashion_mnist()
        (x_train, y_train), (x_test, y_test) = fetch(getattr(keras.datasets, name).load_data)
    except DownloadError as error:
        raise DataUnavailableError(
            f"The data set {name!r} can't be downloaded: {error}\n"
            f"Place it by hand: set data_config.dataset.path to an .npz archive of x_train, "
            f"y_train, x_test and y_test, or let data_config.dataset.if_unavailable name "
            f"another data set, such as 'digits', which needs no network."
        ) from error
    train = make_source(x_train, y_train, f"{name}: x_train", "y_train")
    return train, make_source(x_test, y_test, f"{name}: x_test", "y_test")


def _download_fashion_mnist() -> None:
    """Download intact files to where Keras looks for them, replacing damaged ones."""
    import keras

    for name, digest in FASHION_MNIST_MD5.items():
        fetch(
            keras.utils.get_file,
            name,
            origin=FASHION_MNIST_URL + name,
            file_hash=digest,
            cache_subdir="datasets/fashion-mnist",
        )
