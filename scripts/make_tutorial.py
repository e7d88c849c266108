r"""Makes `examples/tutorial.ipynb`, and the numbers and pictures of docs/tutorial.md.

python -m scripts.make_tutorial
python -m scripts.make_tutorial --mnist mnist.npz --weights vgg16_notop.weights.h5 \
    --photographs photos

The first makes the notebook from the page. The second runs all commands and code of the page, too,
in a temporary folder, writes what they print below them, and replaces the pictures.
"""

import argparse
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "tutorial.md"
NOTEBOOK = ROOT / "examples" / "tutorial.ipynb"
PICTURES = ROOT / "docs"

FENCE = re.compile(r"^```(\w+) ?(.*?)\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
PICTURE = re.compile(r"^!\[[^\]]*\]\((tutorial/[^)]+)\)\n", re.MULTILINE)
PROGRAM = "python run.py "

# What a reader without a network changes, as the beginning of the page says.
WEIGHTS = "tutorial/vgg16_notop.weights.h5"
OFFLINE = {
    "# Without a network: ": "",
    "--config tutorial/photos.yaml": "--config tutorial/photos.yaml"
    f" --set model_configuration.weights={WEIGHTS}",
}

CLASSES = ("cat", "horse", "ship")
"""Of CIFAR-10, which step 10 takes."""

WIDEST = 1100
"""Pixels of the widest picture that is kept."""

COLORS = 128


@dataclass(frozen=True)
class Block:
    """A part of the page.

    Args:
        kind: `markdown`, `picture`, or the language of a fence.
        content: Its text; of a picture the path.
        option: What follows the language; of `text` how many of its last lines are kept.
    """

    kind: str
    content: str
    option: str = ""


def read_page(text: str) -> list[Block]:
    """Divide the page into prose, fences and pictures."""
    blocks, position = [], 0
    for fence in FENCE.finditer(text):
        blocks += _read_prose(text[position : fence.start()])
        blocks.append(Block(fence[1], fence[3].rstrip("\n"), fence[2]))
        position = fence.end()
    return blocks + _read_prose(text[position:])


def _read_prose(text: str) -> list[Block]:
    parts = PICTURE.split(text)
    kinds = [
        Block("picture" if n % 2 else "markdown", part.strip()) for n, part in enumerate(parts)
    ]
    return [block for block in kinds if block.content]


def make_notebook(blocks: list[Block]) -> NotebookNode:
    """Make the notebook of a page: what is run becomes cells, and what is printed is left out."""
    cells = [nbformat.v4.new_code_cell("# This notebook lies in examples/.\n%cd -q ..")]
    before = ""
    for block in blocks:
        if block.kind == "markdown":
            cells.append(nbformat.v4.new_markdown_cell(_point_to_docs(block.content)))
        elif block.kind == "picture" and before == "bash":
            shown = f'from IPython.display import Image\n\nImage("{block.content}")'
            cells.append(nbformat.v4.new_code_cell(shown))
        elif block.kind in CELLS:
            cells.append(nbformat.v4.new_code_cell(CELLS[block.kind](block.content)))
        elif block.kind not in ("picture", "text"):
            cells.append(nbformat.v4.new_markdown_cell(f"```\n{block.content}\n```"))
        if block.kind in (*CELLS, "console"):
            before = block.kind
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number:02}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def _point_to_docs(text: str) -> str:
    """Let links that are relative to docs/ be relative to examples/."""
    return re.sub(r"\]\((?!https?:|#|\.\./)", "](../docs/", text)


def _write_commands(content: str) -> str:
    """Run the program in the notebook's Python, and anything else in a shell."""
    joined = content.replace("\\\n", "")
    lines = [re.sub(r" +", " ", line) for line in joined.splitlines()]
    if all(line.startswith(PROGRAM) for line in lines):
        return "\n".join(line.replace(PROGRAM, "%run run.py ", 1) for line in lines)
    return f"%%bash\n{content}"


def _write_file(content: str) -> str:
    name, _, values = content.partition("\n")
    return f"%%writefile {name.removeprefix('# ')}\n{values}"


CELLS: dict[str, Callable[[str], str]] = {
    "python": str,
    "bash": _write_commands,
    "yaml": _write_file,
}


def prepare_folder(folder: Path, mnist: Path, weights: Path, photos: Path | None) -> None:
    """Put what the page needs into an empty folder: the program, and what it would download."""
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copy(ROOT / "run.py", folder)
    for name in ("examples", "tutorial", "keras/models"):
        (folder / name).mkdir(parents=True)
    (folder / "framework").symlink_to(ROOT / "framework")
    (folder / "tutorial/mnist.npz").symlink_to(mnist.resolve())
    (folder / WEIGHTS).symlink_to(weights.resolve())
    # With a network Keras has VGG16 in its cache by the step in which `init` looks there.
    name = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    (folder / "keras/models" / name).symlink_to(weights.resolve())
    if photos:
        for target, split, count in (("photos", "train", 200), ("new-photos", "test", 50)):
            for name in CLASSES:
                place = folder / "tutorial" / target / name
                place.mkdir(parents=True)
                for number, path in enumerate(sorted((photos / split / name).iterdir())[:count]):
                    shutil.copy(path, place / f"{number:04}{path.suffix}")


def run_notebook(notebook: NotebookNode, folder: Path) -> None:
    """Run all cells in a prepared folder; what they print is then in the notebook.

    Raises:
        RuntimeError: A command failed.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for text, replacement in OFFLINE.items():
                cell.source = cell.source.replace(text, replacement)
    environment = {
        **os.environ,
        "KERAS_HOME": str(folder / "keras"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    place = {"metadata": {"path": str(folder / "examples")}}
    client = NotebookClient(notebook, resources=place, on_cell_executed=_check_cell)
    client.execute(env=environment)


def _check_cell(cell: NotebookNode, **_: object) -> None:
    """Find the commands that failed, which end no notebook."""
    for output in cell.get("outputs", ()):
        if output.output_type == "error":
            printed = [each.get("text", "") for each in cell.outputs]
            raise RuntimeError("\n".join([cell.source, output.evalue, *printed]))


def read_output(cell: NotebookNode, folder: Path) -> str:
    """Return what a cell printed, without the name of the folder."""
    printed = [
        output.text if output.output_type == "stream" else output.data.get("text/plain", "")
        for output in cell.outputs
        if output.get("name") == "stdout" or output.output_type == "execute_result"
    ]
    text = "".join(printed).replace(f"{folder}/", "")
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def update_page(text: str, notebook: NotebookNode, folder: Path) -> str:
    """Write what the cells printed into the fences `text` below what they come from."""
    # The first cell is the notebook's own.
    cells = (
        cell
        for cell in notebook.cells[1:]
        if cell.cell_type == "code" and not cell.source.startswith("from IPython.display")
    )
    printed = ""

    def replace(fence: re.Match[str]) -> str:
        nonlocal printed
        if fence[1] in CELLS:
            printed = read_output(next(cells), folder)
        elif fence[1] == "text":
            lines = printed.splitlines()
            kept = lines[-int(fence[2]) :] if fence[2] else lines
            return "\n".join([f"```{f'text {fence[2]}'.strip()}", *kept, "```\n"])
        return fence[0]

    return FENCE.sub(replace, text)


def keep_picture(source: Path, target: Path) -> None:
    """Save a picture with few colors, on white, not wider than a page."""
    with Image.open(source) as opened:
        picture = opened.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    picture = Image.alpha_composite(white, picture).convert("RGB")
    picture.thumbnail((WIDEST, 4 * WIDEST), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.quantize(COLORS).save(buffer, "png", optimize=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(buffer.getvalue())


def find_unproved(text: str) -> list[str]:
    """List the percentages in the prose that no output of the page contains."""
    blocks = read_page(text)
    printed = " ".join(
        block.content for block in blocks if block.kind not in ("markdown", "picture")
    )
    shown = set(re.findall(r"\d+(?:\.\d+)?(?= ?%)", printed))
    prose = " ".join(block.content for block in blocks if block.kind == "markdown")
    return [number for number in re.findall(r"\d+(?:\.\d+)?(?= ?%)", prose) if number not in shown]


def main() -> int:
    """Read the options, run the page if there are images and weights, and write the notebook."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("mnist", "weights", "photographs"):
        parser.add_argument(f"--{name}", type=Path, metavar="PATH")
    options = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    notebook = make_notebook(read_page(text))
    nbformat.write(notebook, NOTEBOOK)
    if options.mnist and options.weights:
        with tempfile.TemporaryDirectory() as directory:
            folder = Path(directory).resolve()
            prepare_folder(folder, options.mnist, options.weights, options.photographs)
            run_notebook(notebook, folder)
            PAGE.write_text(update_page(text, notebook, folder), encoding="utf-8")
            for name in PICTURE.findall(text):
                if (folder / name).exists():
                    keep_picture(folder / name, PICTURES / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
