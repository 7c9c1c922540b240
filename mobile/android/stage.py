"""Puts what buildozer packs into one folder: `make android-stage`, then `buildozer android debug` in build/android."""

import argparse
import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHIPPED = {".py", ".kv", ".ttf", ".txt"}


def main() -> int:
    """Makes the folder anew and says where it is."""
    parser = argparse.ArgumentParser(prog="make android-stage", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "android")
    out = parser.parse_args().out
    stage(out)
    print(out)
    return 0


def stage(out: Path) -> None:
    """Fills the folder: the program without what belongs to other platforms, its start, its icon and its description.

    The versions of pure packages in the description are those of requirements.txt, so that both say the same.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for package in ("mobile", "shared_schema"):
        for path in sorted((ROOT / package).rglob("*")):
            inside = path.relative_to(ROOT)
            platforms = {"android", "linux"} & set(inside.parts[1:2])
            if path.suffix in SHIPPED and path.is_file() and not platforms:
                (out / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, out / inside)
    shutil.copyfile(HERE / "main.py", out / "main.py")
    shutil.copytree(HERE / "recipes", out / "recipes", ignore=shutil.ignore_patterns("__pycache__"))
    (out / "buildozer.spec").write_text(
        _pinned((HERE / "buildozer.spec").read_text(encoding="utf-8")), encoding="utf-8"
    )


def _pinned(spec: str) -> str:
    pins = dict(
        re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    )
    return re.sub(r"\b([a-z0-9-]+)==PINNED", lambda found: f"{found[1]}=={pins[found[1]]}", spec)


if __name__ == "__main__":
    sys.exit(main())
