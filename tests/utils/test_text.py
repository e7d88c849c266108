from framework.utils.text import format_bytes, format_duration, pluralize, truncate


def test_truncate_keeps_what_fits_and_ends_the_rest_in_an_ellipsis():
    assert truncate("abcd", 4) == "abcd"
    assert truncate("abcde", 4) == "abc…"
    assert truncate("abcdefghij", 8, " ...") == "abcd ..."


def test_pluralize():
    assert [pluralize(count, "image") for count in (0, 1, 3000)] == [
        "0 images",
        "1 image",
        "3,000 images",
    ]
    assert [pluralize(count, "entry") for count in (1, 2)] == ["1 entry", "2 entries"]


def test_durations_read_as_people_say_them():
    assert [format_duration(seconds) for seconds in (0.417, 12.34, 245, 7800)] == [
        "0.42 s",
        "12.3 s",
        "4 min 05 s",
        "2 h 10 min",
    ]


def test_bytes_are_in_powers_of_ten():
    assert format_bytes(442_000_000) == "442MB"
