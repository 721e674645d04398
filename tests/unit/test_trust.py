"""What a recipe or a settings file of somebody else can make gen read and do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from command import MINIMAL as WITHOUT_ID
from command import gen as run

SECRET = "root:x:0:0:secret"
SETTINGS = "recipes: [recipes]\n"
MINIMAL = "id: a\n" + WITHOUT_ID
AUDIT = (Path(__file__).parents[1] / "golden/recipes/third_party_stage/stages/audit.schema.json").read_text("utf-8")


def gen(*arguments: str) -> tuple[int, str, str]:
    """The exit code, standard output and standard error of a run in the working directory."""
    ran = run(arguments, Path.cwd())
    return ran.code, ran.out, ran.err


def project(root: Path, files: dict[str, str]) -> None:
    """Writes these files and nothing else."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repository"
    project(root, {"gen.yaml": SETTINGS, "recipes/a.yaml": MINIMAL, "../secret.yaml": SECRET})
    (root / ".git").mkdir()
    monkeypatch.chdir(root)
    return root


def refused(out: str, what: str) -> None:
    assert "E0541" in out
    assert what in out
    assert "is outside of the project" in out
    assert "allow its directory with the setting outside: [" in out
    assert SECRET not in out


@pytest.mark.parametrize(
    "path", ["../../secret.yaml", "/proc/self/environ", "/etc/passwd", "fragments/../../../secret.yaml"]
)
@pytest.mark.parametrize("command", ["--check", "resolve recipes/a.yaml"])
def test_extends_stays_in_the_project(here: Path, path: str, command: str) -> None:
    project(here, {"recipes/a.yaml": f"extends: {path}\n{MINIMAL}"})
    code, out, err = gen(*command.split())
    assert code == 1
    refused(out + err, f"recipes/a.yaml:1:10: error[E0541]: extends {path}: ")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("recipes", "recipes: [../secret.yaml]"),
        ("schemas", "schemas: [/etc/passwd]"),
        ("schemas", "schemas: [../../..]"),
        ("templates", "templates: /etc"),
    ],
)
def test_paths_of_a_settings_file_stay_in_the_project(here: Path, name: str, line: str) -> None:
    project(here, {"gen.yaml": line + "\n"})
    code, out, err = gen("--check", *([] if name == "recipes" else ["recipes"]))
    assert code == 1
    refused(out + err, "gen.yaml:1:")


@pytest.mark.parametrize("command", ["schema recipe", "contracts check", "resolve recipes/a.yaml"])
def test_schemas_of_a_settings_file_stay_in_the_project_whatever_reads_them(here: Path, command: str) -> None:
    project(here, {"gen.yaml": "schemas: [../secret.yaml]\n"})
    code, out, err = gen(*command.split())
    assert code == 1
    refused(out + err, "gen.yaml:1:")


@pytest.mark.parametrize(
    "link", ["recipes/b.yaml", "recipes/x", "recipes/fragments/b.yaml", "tpl/python/recipe.py.j2", "own/a.schema.json"]
)
def test_links_stay_in_the_project(here: Path, link: str) -> None:
    files = {"gen.yaml": SETTINGS + "templates: tpl\nschemas: [own]\n", "tpl/python/README": "", "own/README": ""}
    project(
        here,
        files
        | {
            "own/b.schema.json": (
                Path(__file__).parents[1] / "golden/recipes/third_party_stage/stages/audit.schema.json"
            ).read_text()
        },
    )
    (here / link).parent.mkdir(exist_ok=True)
    up = "/".join([".."] * (link.count("/") + 1))
    (here / link).symlink_to("/" if link == "recipes/x" else f"{up}/secret.yaml")
    if "fragments" in link:
        project(here, {"recipes/a.yaml": f"extends: fragments/b.yaml\n{MINIMAL}"})
    code, out, err = gen("--check")
    assert code == 1
    refused(out + err, link)


def test_the_setting_outside_and_its_flag_allow_a_directory(here: Path) -> None:
    shared = here.parent / "shared"
    project(shared, {"base.yaml": "description: Shared.\n"})
    project(here, {"recipes/a.yaml": f"extends: ../../shared/base.yaml\n{MINIMAL}"})
    assert gen()[0] == 1
    assert gen("--outside", "../shared")[0] == 0
    project(here, {"gen.yaml": SETTINGS + "outside: [../shared]\n"})
    assert gen("--check")[0] == 0
    assert "Shared." in (here / "generated/ir/a.json").read_text()


def test_flags_may_name_what_is_elsewhere(here: Path) -> None:
    project(here.parent / "tpl", {"python/__init__.py.j2": "{# none #}\n"})
    project(here.parent / "other/recipes", {"a.yaml": MINIMAL, "../fragments/c.yaml": "description: C.\n"})
    project(here.parent / "other/recipes", {"a.yaml": f"extends: ../fragments/c.yaml\n{MINIMAL}"})
    assert gen("../other/recipes", "--out", "generated", "--templates", "../tpl")[::2] == (0, "")


def test_the_search_for_settings_ends_at_the_root_of_the_repository(here: Path) -> None:
    (here / "gen.yaml").unlink()
    project(here.parent, {"gen.yaml": "out: elsewhere\ntemplates: tpl\n"})
    code, _, err = gen("recipes")
    assert code == 0
    assert (here / "generated").is_dir()
    assert err.startswith("../gen.yaml: warning[W0541]: these settings are not used: it is above the repository .\n")
    assert "help: move them into the project, or give them as flags" in err
    first = gen("recipes", "--check")
    assert first == gen("recipes", "--check")
    assert "W0541" in first[2]
    (here / ".git").rmdir()
    assert "E0521" in gen("recipes", "--check")[2]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("given", ["file", "directory"])
def test_the_search_for_settings_ends_at_what_another_user_owns(here: Path, given: str) -> None:
    (here / ".git").rmdir()
    (here / "gen.yaml").unlink()
    project(here.parent, {"gen.yaml": "out: elsewhere\n"})
    os.chown(here.parent / "gen.yaml" if given == "file" else here.parent, 12345, -1)
    code, _, err = gen("recipes")
    assert code == 0
    assert (here / "generated").is_dir()
    name = "../gen.yaml" if given == "file" else ".."
    assert err.startswith(f"../gen.yaml: warning[W0541]: these settings are not used: {name} belongs to another user\n")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_root_in_a_container_uses_the_settings_of_whoever_owns_the_recipes(here: Path) -> None:
    subprocess.run(["chown", "-R", "12345", str(here)], check=True)
    project(here, {"gen.yaml": SETTINGS + "out: theirs\n"})
    os.chown(here / "gen.yaml", 12345, -1)
    assert gen("recipes")[::2] == (0, "")
    assert (here / "theirs").is_dir()


@pytest.mark.parametrize(
    "code",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.system('touch X') }}",
    ],
)
def test_a_template_runs_no_code(here: Path, code: str) -> None:
    project(here, {"gen.yaml": SETTINGS + "templates: tpl\n", "tpl/python/__init__.py.j2": code + "\n"})
    found, _, err = gen("--check")
    assert found == 1
    assert "is unsafe" in err
    assert not (here / "X").exists()


# Whatever stands where a file should be


@pytest.mark.parametrize("what", ["a pipe", "a device", "a directory"])
@pytest.mark.parametrize(
    "name", ["recipes/a.yaml", "tpl/python/__init__.py.j2", "own/a.schema.json", "recipes/fragments/b.yaml"]
)
def test_what_is_no_file_is_said_at_once(here: Path, name: str, what: str) -> None:
    project(here, {"gen.yaml": SETTINGS + "outside: [/dev]\n", "tpl/README": "", "own/README": ""})
    if "fragments" in name:
        project(here, {"recipes/a.yaml": f"extends: fragments/b.yaml\n{MINIMAL}"})
    (here / name).parent.mkdir(parents=True, exist_ok=True)
    (here / name).unlink(missing_ok=True)
    match what:
        case "a pipe":
            os.mkfifo(here / name)
        case "a device":
            (here / name).symlink_to("/dev/zero")
        case _:
            (here / name).mkdir()
    flags = ["--templates", "tpl"] if name.startswith("tpl") else ["--schemas", "own"] if name.startswith("own") else []
    code, _, err = gen("--check", *flags)
    assert code == 1
    assert "error[E" in err


@pytest.mark.parametrize(
    "out", ["/etc", "/dev", "/etc/generated", "/proc/self", "/usr", "/tmp", "/sys/x", "/usr/lib/x", "/var"]
)
def test_directories_of_the_system_hold_no_outputs(here: Path, out: str) -> None:
    code, _, err = gen("--check", "--out", out)
    assert code == 1
    of = "your home directory or one around it" if Path.home().is_relative_to(out) else "one of the system"
    assert f"error[E0613]: expected a directory for generated files only, found {of}" in err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[tool.gen]\nrecipes = " + "[" * 5000 + "]" * 5000, "values are nested too deep"),
        ("[tool.gen]\nprofile = inf\n", "expected a number that fits 64 bits, found inf"),
        ("[tool.gen]\nprofile = 99999999999999999999\n", "expected a number that fits 64 bits"),
        ("#" * (5 << 20), "the file is larger than 4 MiB"),
        ("[tool.gen]\nrecipes = '\udcff'\n", "expected UTF-8, found the byte 0xFF"),
    ],
    ids=["deep", "infinite", "huge", "large", "not UTF-8"],
)
def test_settings_that_cannot_be_read_are_said(here: Path, text: str, expected: str) -> None:
    (here / "gen.yaml").unlink()
    (here / "pyproject.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    code, _, err = gen("--check")
    assert code == 1
    assert expected in err
