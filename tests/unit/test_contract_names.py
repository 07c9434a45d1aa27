"""Names in the REST contract are those of the domain: generated clients have them as classes."""

from app.main import create_app
from app.settings import Settings


def test_no_schema_has_a_name_that_two_share() -> None:
    names = create_app(Settings(_env_file=None, database_url="postgresql://nowhere/none")).openapi()["components"][
        "schemas"
    ]
    assert [name for name in names if "__" in name] == []
