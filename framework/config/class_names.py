"""Class names of the published data sets, in the order of their labels."""

import string

DIGITS = tuple("0123456789")

# Source: the Fashion-MNIST read-me (Xiao, Rasul, Vollgraf, 2017).
FASHION_MNIST = tuple(
    "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(",")
)

# Source: CIFAR-10's `batches.meta` (Krizhevsky, 2009).
CIFAR10 = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())

# Source: the fine labels of CIFAR-100's `meta` (Krizhevsky, 2009).
CIFAR100 = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
    butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch
    crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo
    keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse
    mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy
    porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper
    snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television
    tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
    """.split()
)

# Letters whose small form EMNIST may file under the capital one, as they look alike.
_MERGED = frozenset("cijklmopsuvwxyz")
_UNMERGED = tuple(letter for letter in string.ascii_lowercase if letter not in _MERGED)

# Source: Cohen, Afshar, Tapson, van Schaik, "EMNIST: an extension of MNIST to handwritten
# letters", 2017.
EMNIST: dict[str, tuple[str, ...]] = {
    "byclass": (*DIGITS, *string.ascii_uppercase, *string.ascii_lowercase),
    "bymerge": (*DIGITS, *string.ascii_uppercase, *_UNMERGED),
    "balanced": (*DIGITS, *string.ascii_uppercase, *_UNMERGED),
    "letters": tuple(string.ascii_uppercase),
    "digits": DIGITS,
    "mnist": DIGITS,
}
DEFAULT_EMNIST = "balanced"

_PUBLISHED: dict[str, tuple[str, ...]] = {
    "mnist": DIGITS,
    "digits": DIGITS,
    "fashion_mnist": FASHION_MNIST,
    "cifar10": CIFAR10,
    "cifar100": CIFAR100,
}


def find_class_names(dataset: str, split: str | None = None) -> tuple[str, ...] | None:
    """Return the class names of a data set; `None` where only loading it tells them.

    Args:
        dataset: The data set, as a config names it.
        split: Which of EMNIST's data sets; `None`: the default one.
    """
    if dataset == "emnist":
        return EMNIST[split or DEFAULT_EMNIST]
    return _PUBLISHED.get(dataset)
