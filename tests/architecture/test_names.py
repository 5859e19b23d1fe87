"""Names tell what a thing is for, and tests are where one looks for them."""

from tests.architecture.tree import ROOT, dotted, files, folders, modules, relative

NAMELESS = frozenset({"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc", "shared"})
WITHOUT_TWIN = {
    "architecture": "rules over the whole tree",
    "contract": "one suite for every implementation of a port",
    "e2e": "the whole desk",
    "standins": "programs that stand for outside services",
}


def test_modules_say_what_they_are_for() -> None:
    """No module or folder is called by a word that fits anything."""
    found = [relative(path) for path in modules() if NAMELESS & {part.strip("_") for part in dotted(path).split(".")}]
    assert not found, found


def test_tests_mirror_the_tree() -> None:
    """`tests/core/jobs` tests `core/jobs`: every test folder has its twin, or a purpose that is named here."""
    found = []
    for folder in {path.parent for path in modules("tests")}:
        inside = folder.relative_to(ROOT / "tests")
        if inside.parts and inside.parts[0] not in WITHOUT_TWIN and not (ROOT / inside).is_dir():
            found.append(relative(folder))
    assert not found, f"these folders of tests have no twin: {sorted(found)}"


def test_every_folder_of_modules_is_a_package() -> None:
    """A folder without `__init__.py` is missed by the linters and confuses pytest."""
    packages = {path.parent for path in [*modules(), *modules("tests")]}
    assert [relative(folder) for folder in packages if not (folder / "__init__.py").is_file()] == []


def test_every_top_level_folder_of_modules_is_shipped() -> None:
    """A new folder is listed in pyproject.toml, or the wheel, the linters and these rules would pass it by."""
    found = {path.relative_to(ROOT).parts[0] for path in files() if path.suffix == ".py" and path.parent != ROOT}
    assert found - {"tests", "scripts", "docs"} == set(folders())
