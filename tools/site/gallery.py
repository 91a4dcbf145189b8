"""The gallery: a page for each of some scripts of examples/, made by running it.

A page is the script's docstring, the picture that it drew, what it printed, and its code. All of it is from this very
build, so that it cannot say what the code does not do. A script that fails, or draws nothing, fails the build.

The scripts take two arguments, a size and the file for a picture, and draw only if asked to. That the text beside it is
true is up to their tests, which run them as well.
"""

from __future__ import annotations

import ast
import functools
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

# The scripts, and how large they run.
SCRIPTS = {
    "05_moons": "100",
    "06_curve_fit": "40",
    "07_asian_option": "20000",
    "08_formulas": "1000",
    "09_likelihood": "500",
    "10_lotka_volterra": "40",
    "11_gaussian_mixture": "600",
    "12_evolved_network": "40",
    "13_moons_on_arrays": "300",
    "15_lstm": "400",
}

PAGE = """# {title}

{text}

![{title}]({name}.svg)

## What it prints

```text
{printed}```

## The script

This is `examples/{name}.py`, run by `python examples/{name}.py {size} {name}.svg`.

```python
{code}```
"""


@dataclass(frozen=True)
class Exhibit:
    """What a script said and drew."""

    page: str
    picture: bytes


@functools.cache  # `mkdocs serve` builds again and again
def exhibit(name: str, size: str, source: str) -> Exhibit:
    """Run a script and make its page."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.svg"
        done = subprocess.run(
            [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), size, str(picture)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"MPLBACKEND": "Agg"},
        )
        if done.returncode != 0 or not picture.exists():
            raise PluginError(f"examples/{name}.py {size}: {done.stderr or 'it drew no picture'}")
        drawn = picture.read_bytes()
    script = ast.parse(source)
    title, _, text = (ast.get_docstring(script) or "").partition("\n")
    end = script.body[0].end_lineno  # of the docstring
    return Exhibit(
        PAGE.format(
            name=name,
            size=size,
            title=title.rstrip("."),
            text=text.strip(),
            printed=done.stdout,
            code="\n".join(source.split("\n")[end:]).lstrip("\n"),
        ),
        drawn,
    )


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page and a picture for each script."""
    for name, size in SCRIPTS.items():
        made = exhibit(name, size, (EXAMPLES / f"{name}.py").read_text("utf-8"))
        files.append(File.generated(config, f"gallery/{name}.md", content=made.page))
        files.append(File.generated(config, f"gallery/{name}.svg", content=made.picture))
    return files
