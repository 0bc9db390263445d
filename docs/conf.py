"""The site: `make site` renders what lies in the repository, and copies none of it."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ["LABKIT_PROFILE"] = "quick"
os.environ["TQDM_DISABLE"] = "1"  # a bar that has arrived tells a reader nothing
os.environ["LABKIT_PROGRESS"] = os.path.abspath("build/progress.sqlite")  # nobody's

from course import LESSONS, REPOSITORY, SETS

import labkit

project = "labkit"
author = "the maintainers of labkit"
copyright = f"{author}, Apache-2.0"
release = labkit.__version__

root_doc = "docs/contents"
include_patterns = [
    "docs/*.md",
    "docs/reference/*.md",
    "notebooks/*.ipynb",
    "exercises/*/*.ipynb",
    "labkit/data/datasheets/*.md",
    "labkit/weights/*/README.md",
    "benchmarks/RESULTS.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
]
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "sphinx_copybutton",
    "sphinx_design",
    "course",
]

# Lessons: each is executed once, and again when its code changes.
nb_execution_mode = "cache"
nb_execution_cache_path = str(Path(__file__).parents[1] / "build" / "executed")
nb_execution_excludepatterns = ["exercises/*/*.ipynb", "notebooks/appendix_*.ipynb"]
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 900
nb_merge_streams = True
nb_code_prompt_show = "You have a guess? Show the {type}"
nb_code_prompt_hide = "Fold the {type}"
nb_ipywidgets_js = {}  # a page has no kernel: a widget's still picture stands for it
nb_mime_priority_overrides = [("*", "application/vnd.jupyter.widget-view+json", None)]
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type"]

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True, "imported-members": True}
add_module_names = False

templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["course.css"]
html_additional_pages = {"index": "landing.html"}
html_theme = "sphinx_book_theme"
html_title = "labkit"
html_context = {"lessons": LESSONS, "sets": SETS}
html_sidebars = {"index": []}
html_theme_options = {
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "use_fullscreen_button": False,
    "show_toc_level": 2,
}
if REPOSITORY:
    html_theme_options |= {
        "repository_url": REPOSITORY,
        "repository_branch": os.environ.get("GITHUB_REF_NAME", "main"),
        "use_repository_button": True,
        "launch_buttons": {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        },
    }
