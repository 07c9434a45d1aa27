"""What `app.run` reads from `.env` and from the environment."""

from pathlib import Path

import pytest

from app.run import Failure, parse_dotenv, read_settings


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("  A = 1  ", "1"),
        ("export A=1", "1"),
        ("A=", ""),
        ("A=1 # why", "1"),
        ("A=# nothing", ""),
        ("A=a#b", "a#b"),
        ("A=two words", "two words"),
        ('A="a # b" # why', "a # b"),
        ("A='a # b'", "a # b"),
        (r'A="say \"hi\""', 'say "hi"'),
        (r"A='\n'", r"\n"),
        ("A=postgresql://u:p@h/d?x=y&z=1", "postgresql://u:p@h/d?x=y&z=1"),
    ],
)
def test_a_line_gives_its_value(line: str, value: str) -> None:
    assert parse_dotenv(line) == {"A": value}


def test_comments_blank_lines_and_other_text_are_passed_over() -> None:
    assert parse_dotenv("# A=1\n\nnot an assignment\n1A=2\nB=3\r\n") == {"B": "3"}


def test_without_settings_the_service_is_local_and_keeps_its_data_beside_the_caller(
    tmp_path: Path,
) -> None:
    settings = read_settings({}, tmp_path)
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.data_dir == tmp_path / ".norepeat"
    assert settings.database_url is None


def test_the_real_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("NOREPEAT_PORT=9001\nDATABASE_URL=postgresql://file/db\n")
    settings = read_settings({"PORT": "9002"}, tmp_path)
    assert settings.port == 9002
    assert settings.database_url == "postgresql://file/db"
    assert settings.environment["DATABASE_URL"] == "postgresql://file/db"


def test_an_empty_value_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=\nPORT=\n")
    settings = read_settings({"NOREPEAT_DATABASE_URL": ""}, tmp_path)
    assert settings.database_url is None
    assert settings.port == 8000


def test_an_absolute_data_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert read_settings({"NOREPEAT_DATA_DIR": "/srv/x"}, tmp_path).data_dir == Path("/srv/x")


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "80.0"])
def test_a_port_that_is_none_is_refused_by_name(tmp_path: Path, port: str) -> None:
    with pytest.raises(Failure, match=port):
        read_settings({"PORT": port}, tmp_path)


def test_the_settings_do_not_print_the_environment(tmp_path: Path) -> None:
    assert "hush" not in repr(read_settings({"NOREPEAT_ADMIN_KEY": "hush"}, tmp_path))
