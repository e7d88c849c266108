"""Messages for a first word that is no command."""

import pytest

from framework.cli.main import main


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("predicted", "there is no command 'predicted'. Did you mean 'predict'?"),
        ("configs/vgg16.json", "a config needs its option: --config configs/vgg16.json"),
        ("train", "training needs no command: run.py --config FILE"),
    ],
)
def test_an_unknown_command_gets_a_suggestion(word, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main([word])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
