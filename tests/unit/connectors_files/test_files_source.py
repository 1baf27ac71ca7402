"""F7, A1: any folder of tables is a source; nothing about its content is assumed."""

from pathlib import Path

from crosswalk.connectors.files.connector import CONNECTOR, FilesSource


def test_objects_are_files(tmp_path: Path) -> None:
    """Named by the file; a column named and filled like a key is the key; numbered exports of one table are one object."""
    (tmp_path / "Price List.csv").write_text("Item No,Price\nA,1\nB,2\n")
    (tmp_path / "stock_2024-01.csv").write_text("Shelf,Count\nx,1\n")
    (tmp_path / "stock_2024-02.csv").write_text("Shelf,Count\nx,2\n")
    (tmp_path / "other.csv").write_text("Shelf,Count\nx,1\n")
    (tmp_path / "prices.pdf").write_text("%PDF")
    source = FilesSource(str(tmp_path))
    schema = source.discover()
    found = {item.name: (item.key_kind, item.key, [file.path for file in item.files]) for item in schema.objects}
    assert found == {
        "price_list": ("source", ("Item No",), ["Price List.csv"]),
        "other": ("content", (), ["other.csv"]),
        "stock": ("content", (), ["stock_2024-01.csv", "stock_2024-02.csv"]),
    }
    assert schema.ignored == (("prices.pdf", "no table; available as an attached file"),)
    counts = [row["Count"] for batch in source.read(schema, "stock") for row in batch.rows.to_pylist()]
    assert counts == ["1", "2"]
    assert CONNECTOR.open_source is FilesSource


def test_columns_that_name_files(tmp_path: Path) -> None:
    """A column whose values are files of the export is known as such, and each file is at hand."""
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.pdf").write_text("%PDF")
    (tmp_path / "posts.csv").write_text("Who,Scan\nx,a.pdf\ny,letters/a.pdf\n")
    source = FilesSource(str(tmp_path))
    posts = source.discover().objects[0]
    assert [(field.name, field.concept) for field in posts.fields] == [("Who", None), ("Scan", "posts.file")]
    assert source.attachment("a.pdf") == tmp_path / "letters" / "a.pdf"
