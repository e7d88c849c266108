import pytest

from framework.utils.tables import TextTable, format_csv


def test_csv_quotes_where_needed_and_ends_lines_as_unix_does():
    text = format_csv(["name", "value"], [["a,b", 0.5], ['say "x"', None]])
    assert text == 'name,value\n"a,b",0.5\n"say ""x""",\n'


def test_columns_are_aligned():
    rows = [["layer", "units"], ["dense", "10"], ["[red]:smile:", "1,000"]]
    assert str(TextTable(rows, right=[1])).splitlines() == [
        "layer         units",
        "dense            10",
        "[red]:smile:  1,000",
    ]
    assert str(TextTable(rows)).splitlines()[1] == "dense         10"
    assert str(TextTable([])) == ""


def test_a_table_is_the_same_on_every_terminal(monkeypatch: pytest.MonkeyPatch):
    rows = [["layer", "x" * 70], ["y" * 60, ""]]
    here = str(TextTable(rows))
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert str(TextTable(rows)) == here
    assert "\x1b" not in here


def test_long_lines_are_cut_unless_they_are_wanted_whole():
    rows = [["a", "x" * 200]]
    cut = str(TextTable(rows))
    assert len(cut) == 120
    assert cut.endswith("xxx ...")
    assert str(TextTable(rows, longest_line=None)) == f"a  {'x' * 200}"
