"""Moving windows in the process: what counts, when there is room again, what is forgotten."""

from app.adapters.rate_windows import LocalWindows

KEY = ("address", "10.0.0.1")


class Hands:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_there_is_room_again_when_the_oldest_request_leaves_the_window() -> None:
    clock = Hands()
    windows = LocalWindows(clock, seconds=60)
    assert windows.hit(KEY, 2).remaining == 1
    clock.at += 20
    assert windows.hit(KEY, 2).is_in
    refused = windows.hit(KEY, 2)
    assert (refused.is_in, refused.remaining, refused.reset_at) == (False, 0, 1060.0)
    clock.at = 1060.0
    assert windows.hit(KEY, 2).is_in
    assert not windows.hit(KEY, 2).is_in


def test_what_was_refused_does_not_count() -> None:
    clock = Hands()
    windows = LocalWindows(clock, seconds=60)
    windows.hit(KEY, 1)
    for _ in range(50):
        clock.at += 1
        assert not windows.hit(KEY, 1).is_in
    clock.at = 1060.0
    assert windows.hit(KEY, 1).is_in


def test_looking_takes_no_place_and_callers_do_not_share() -> None:
    windows = LocalWindows(Hands())
    for _ in range(5):
        assert windows.look(KEY, 1).remaining == 1
    windows.hit(KEY, 1)
    assert not windows.look(KEY, 1).is_in
    assert windows.hit(("address", "10.0.0.2"), 1).is_in
    assert windows.hit(("credential", KEY[1]), 1).is_in


def test_forged_keys_cannot_fill_the_memory() -> None:
    clock = Hands()
    windows = LocalWindows(clock, seconds=60, most_keys=3)
    for n in range(10):
        clock.at += 10
        assert windows.hit(("credential", str(n)), 5).is_in
    assert len(windows) <= 3
    assert windows.look(("credential", "9"), 5).remaining == 4
