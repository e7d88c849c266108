"""Files written by scripts are what the scripts would write now."""

import subprocess
import sys
from pathlib import Path

from framework.config.catalog import find_entry, find_input_rule, list_names, load_catalog

ROOT = Path(__file__).parents[2]


def run_script(name, *arguments):
    command = [sys.executable, "-m", f"scripts.{name}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_the_catalogue_matches_the_installed_keras():
    # One backbone of each way to name layers: by hand, by block, by Keras's own counting.
    backbones = ["VGG16", "MobileNetV2", "InceptionV3"]
    result = run_script("make_catalog", "--check", "--backbones", *backbones)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_presets_match_the_installed_keras_hub():
    result = run_script("hub_presets", "--check", "dinov2_small", "siglip_base_patch16_224")
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_documentation_matches_the_sections():
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from make_config_docs import TARGET, make_docs
    finally:
        sys.path.pop(0)
    assert TARGET.read_text(encoding="utf-8") == make_docs(), "run scripts/make_config_docs.py"


def test_the_catalogue_knows_what_a_config_needs_to_know():
    assert {"VGG16", "VGG19", "ResNet50"} <= set(list_names("backbones"))
    assert "Lambda" not in list_names("layers")
    assert find_entry("layers", "Dense")["arguments"]["units"] == {
        "takes": "size",
        "about": "Positive integer, dimensionality of the output space",
    }
    assert find_input_rule("Add").fewest == 2
    assert find_input_rule("Dot").most == 2
    for name in list_names("backbones"):
        assert load_catalog()["backbones"][name]["smallest_image"] >= 32
