"""Periods that schedules act on: across clock changes and ends of quarters each comes once, and none is left out."""

from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

import pytest

from app.domain.meta_reviews.period import Quarter

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu")
BEGIN = datetime(2026, 1, 15, 0, 11, tzinfo=UTC)


@pytest.mark.parametrize("name", ZONES)
def test_hourly_ticks_of_two_years_name_each_ended_quarter_in_one_run(name: str) -> None:
    zone = ZoneInfo(name)
    ticks = [BEGIN + timedelta(hours=hour) for hour in range(2 * 365 * 24)]
    runs = [quarter for quarter, _ in groupby(Quarter.at(tick, zone).previous for tick in ticks)]
    assert len(runs) == len(set(runs)) == 9
    assert all(later.previous == earlier for earlier, later in pairwise(runs))


@pytest.mark.parametrize("name", ZONES)
def test_a_quarter_ends_at_local_midnight_and_not_an_hour_before(name: str) -> None:
    zone = ZoneInfo(name)
    for month, before, after in ((4, "2026-Q1", "2026-Q2"), (10, "2026-Q3", "2026-Q4")):
        midnight = datetime(2026, month, 1, tzinfo=zone).astimezone(UTC)
        assert str(Quarter.at(midnight - timedelta(seconds=1), zone)) == before
        assert str(Quarter.at(midnight, zone)) == after
