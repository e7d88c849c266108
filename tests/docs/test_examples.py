"""The Python examples of the pages, each page's from top to bottom, and the notebook."""

import shutil

import nbformat
import pytest
from nbclient import NotebookClient

from tests.helpers.documented_commands import PAGES, find_blocks
from tests.helpers.program import ROOT
from tests.helpers.reader_folder import write_images

pytestmark = pytest.mark.long
