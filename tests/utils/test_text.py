from framework.utils.text import (
    format_bytes,
    format_duration,
    hide_passwords,
    name_some,
    pluralize,
    truncate,
)


def test_no_password_of_an_address_is_shown():
    assert hide_passwords("--set uri=https://me:se@cret@host/x me@home") == (
        "--set uri=https://***@host/x me@home"
    )
    assert (
        hide_passwords("sqlite:////tmp/a.db http://host/@x") == "sqlite:////tmp/a.db http://host/@x"
    )


def test_a_sentence_names_five_at_most():
    assert name_some(["a", "b"]) == "a, b"
    assert name_some([str(place) for place in range(8)]) == "0, 1, 2, 3, 4 and 3 more"


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
