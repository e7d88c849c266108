"""What is found besides usable images where a data set consists of files."""

import hashlib
import io
import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from framework.data.image_files import (
    BITS,
    PAGES,
    format_path,
    read_content,
    read_image,
)
from framework.errors import RunError

logger = logging.getLogger(__name__)

# How many of a kind a remark names; the log names all.
NAMED_IN_REMARK = 3


@dataclass(frozen=True)
class CheckedImage:
    """What is to know of an image file.

    Args:
        digest: The SHA-256 of its bytes, in hexadecimal.
        is_plain: Whether it is of one color.
        has_pages: Whether it has more than one page.
        bits: How many bits its values have, if its file has room for more than 8.
    """

    digest: str
    is_plain: bool
    has_pages: bool
    bits: int | None


def check_image(path: Path) -> CheckedImage | RunError:
    """Read an image file, and return what is to know of it or what is wrong with it."""
    try:
        content = read_content(path)
        image = read_image(io.BytesIO(content), format_path(path))
        extrema = np.reshape(image.getextrema(), (-1, 2))
    except RunError as error:
        return error
    return CheckedImage(
        hashlib.sha256(content).hexdigest(),
        is_plain=bool((extrema[:, 0] == extrema[:, 1]).all()),
        has_pages=image.info.get(PAGES, 1) > 1,
        bits=image.info.get(BITS),
    )


@dataclass
class FolderIssues:
    """What was found in a folder besides usable images.

    Attributes:
        unreadable: Why each image that can't be read is skipped.
        others: Skipped files: without the suffix of an image, hidden, or outside the class
            folders.
        links: Links to folders, which are not followed.
        plain: Images of a single color, which are kept.
        paged: TIFF files of several pages, of which the first is used.
        deep: Images whose file has room for more than 8 bits, by the number of bits of their
            values.
    """

    unreadable: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    paged: list[str] = field(default_factory=list)
    deep: dict[int, list[str]] = field(default_factory=dict)

    def add_checked(self, path: Path, checked: "CheckedImage") -> None:
        """Note what is special about a usable image."""
        if checked.is_plain:
            self.plain.append(format_path(path))
        if checked.has_pages:
            self.paged.append(format_path(path))
        if checked.bits is not None:
            self.deep.setdefault(checked.bits, []).append(format_path(path))

    def describe(self) -> list[str]:
        """Return one sentence for each kind that was found, and log all of it."""
        kinds = (
            ("skipped", "unreadable picture", self.unreadable),
            ("skipped", "file or folder that is not a picture in a class folder", self.others),
            ("not followed", "link to a folder", self.links),
            ("kept", "picture of a single color", self.plain),
            ("only the first is used", "picture of several pages", self.paged),
            *(
                (f"scaled to 8 bits from {bits}", "picture in a file of 16 or 32 bits", found)
                for bits, found in sorted(self.deep.items())
            ),
        )
        remarks = []
        for action, kind, found in kinds:
            for item in found:
                logger.debug("%s, %s: %s", kind, action, item)
            if found:
                named = "; ".join(found[:NAMED_IN_REMARK])
                more = "; …" if len(found) > NAMED_IN_REMARK else ""
                remarks.append(f"{kind}, {action}: {len(found):,} ({named}{more})")
        if len(self.deep) > 1:
            remarks.append(
                "each picture is scaled by the bits of its own values, so that the brightness of "
                "those of different bits can't be compared: save all in 8, or in full 16, bits"
            )
        return remarks
