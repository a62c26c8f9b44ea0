"""What the project says of itself is true."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from benchmarks.__main__ import COMMANDS
from lane import __version__
from models.command_line import NAMES, OURS, ForeignPackageError, refuse_foreign_packages
from tests.support.models.made_up_distribution import installed_beside

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BENCHMARKS = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")


def tracked() -> list[str]:
    """Every file of the repository; skips where this is no checkout, such as an unpacked archive."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run([git, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_each_requirement_names_existing_tests() -> None:
    """One of them is quick."""
    table = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    cells = [row.split("|")[3] for row in table.splitlines() if row.startswith("| ")][1:]
    assert len(cells) > 60
    for cell in cells:
        quick = [is_quick(named.strip()) for named in cell.split(" · ")]
        assert any(quick), cell


def is_quick(named: str) -> bool:
    """Whether this test of the table is in the quick tier; it must be there in any case."""
    found = re.fullmatch(r"`([\w/]+)` ([\w ]+)", named)
    assert found is not None, named
    module = ast.parse((ROOT / "tests" / f"{found.group(1)}.py").read_text(encoding="utf-8"))
    name = f"test_{found.group(2).replace(' ', '_')}"
    tests = [one for one in module.body if isinstance(one, ast.FunctionDef) and one.name == name]
    assert len(tests) == 1, named
    of_all = [ast.unparse(one) for one in module.body if isinstance(one, ast.Assign)]
    of_all = [text for text in of_all if text.startswith("pytestmark =")]
    of_this = [ast.unparse(one) for one in tests[0].decorator_list]
    return "pytest.mark.thorough" not in of_this and not any("mark.thorough" in text for text in of_all)


def anchors(page: str) -> set[str]:
    """What a link into this page may name: its headings, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page, flags=re.M | re.S), re.M)
    found = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert len(set(found)) == len(found), "two headings of one name"
    return set(found)


NAMED = re.compile(r"[`\s]((?:[\w.-]+/)+[\w.-]+\.(?:py|toml|md|json|csv|po|svg))[`\s:,]")
"""A file with its folder, as a page names one."""


def test_pages_name_and_link_what_exists() -> None:
    """Of files, those in a folder that stands here: a site's own are another matter."""
    pages = {name: (ROOT / name).read_text(encoding="utf-8") for name in tracked() if name.endswith(".md")}
    assert {"README.md", "tests/README.md", ".deploy/README.md", "CONTRIBUTING.md"} <= set(pages)
    for name, page in pages.items():
        for link in re.findall(r"\]\(([^)\s]*)", page):
            assert not link.startswith("/"), f"{name}: {link} is no place of the repository"
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            place = (ROOT / name).parent / path if path else ROOT / name
            assert place.exists(), f"{name}: {link}"
            if anchor:
                assert anchor in anchors(place.read_text(encoding="utf-8")), f"{name}: {link}"
        for path in NAMED.findall(page):
            places = (ROOT, (ROOT / name).parent)
            ours = any((place / path.partition("/")[0]).is_dir() for place in places)
            assert not ours or any((place / path).is_file() for place in places), f"{name}: {path}"


def test_the_readmes_commands_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"make ([a-z-]+)", README + BENCHMARKS)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for package in set(re.findall(r"python -m (\w+)", README + BENCHMARKS)):
        assert package in (*NAMES, "benchmarks", "pytest", "tests")


def test_every_benchmark_has_one_question() -> None:
    table = BENCHMARKS[BENCHMARKS.index("| question |") : BENCHMARKS.index("## Figures")]
    asked = [row.split("|")[2].strip(" `").split()[0] for row in table.splitlines()[2:] if row]
    commands = set(COMMANDS)
    assert (set(asked), len(asked)) == (commands, len(commands))
    called = set(re.findall(r"python -m benchmarks ([a-z]+)", README + BENCHMARKS))
    assert called - commands == set()


def test_our_names_belong_to_nobody_else() -> None:
    refuse_foreign_packages()
    owners = packages_distributions()
    assert all(set(owners.get(name, [])) <= {OURS} for name in NAMES)


def test_stranger_with_our_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed_beside(tmp_path, "strange-models", owns="models")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ForeignPackageError, match="strange-models"):
        refuse_foreign_packages()


def test_wheel_holds_exactly_three_packages(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    files = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in files if ".dist-info" not in name} == set(NAMES)
    for needed in (
        "lane/decision/policy.toml",
        "lane/decision/calibrations/sface-2021dec.json",
        "lane/decision/calibrations/sface-2021dec-bf16-avx512.json",
        "models/catalogue/catalogue.toml",
    ):
        assert needed in files
    assert any(name.startswith("api/web/templates/") for name in files)
    assert any(name.startswith("api/web/static/") for name in files)
    assert "api/web/translations/locales/zh-Hans.po" in files
    assert any("migrations" in name for name in files)


def test_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_locked_packages_have_hashes_only() -> None:
    """Every one has them, and no address."""
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text(encoding="utf-8")
        blocks = re.split(r"\n(?=[a-z0-9])", text.strip())
        assert all("--hash=sha256:" in block for block in blocks if "==" in block), lock.name
        assert "://" not in text, lock.name


def test_no_key_registry_or_face_is_committed() -> None:
    """A face hides in any file that is no text: but for the README's picture, there is none."""
    secret = {".kek", ".keys", ".ledger-key", ".sqlite", ".sqlite3", ".pem"}
    assert not [name for name in tracked() if Path(name).suffix in secret]
    hosts = re.compile(
        r"py" + r"pi\.org|python" + r"hosted\.org|registry\.npm" + r"js|deb\.deb" + r"ian\.org"
    )
    for name in set(tracked()) - {".github/review.png"}:
        path = ROOT / name
        if not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            pytest.fail(f"{name} is no text: nobody sees what it holds")
        assert not hosts.search(text), name
