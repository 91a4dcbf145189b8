"""What the site needs beyond the Markdown that GitHub shows: MkDocs calls these functions while it builds.

The pages in docs/ are written for both. On the site the changelog is one of the pages, links that leave docs/ lead to
pages of the site, and code with prompts is coloured as a session. No page may need a network.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]

# Files outside of docs/ that are pages of the site, and where; scripts are too if they are in the gallery.
PAGES = {"CHANGELOG.md": "changelog.md"}

SESSION = re.compile(r"^( *```)python$(?=\n(?:(?! *```).*\n)*? *>>> )", re.MULTILINE)
FETCHED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"?(?:https?:)?//[^>]*>")
LINK = re.compile(r"(?<=\]\()(?:\.\./)+([\w./]+)(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""
    for source, place in PAGES.items():
        text = (ROOT / source).read_text("utf-8").replace("](docs/", "](")
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to files outside of docs/ into links between pages, and blocks of sessions into such."""
    up = "../" * page.file.src_uri.count("/")

    def to_page(link: re.Match[str]) -> str:
        script = re.fullmatch(r"examples/(\w+)\.py", link[1])
        place = f"gallery/{script[1]}.md" if script else PAGES.get(link[1])
        return up + place if place and files.get_file_from_path(place) else link[0]

    return SESSION.sub(r"\1pycon", LINK.sub(to_page, markdown))


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse a page that would fetch something from a network."""
    if found := FETCHED.search(output):
        raise PluginError(f"{page.file.src_uri}: {found[0]} would be fetched from a network")
    return output
