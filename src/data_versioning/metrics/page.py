"""The HTML page of plots: pictures are part of it or files beside it; no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from data_versioning.errors import FormatError

_PLOTS = "{plot_divs}"
# DVC's other places in a template: what they are for, scripts and reloading, is not needed.
_UNUSED = ("{scripts}", "{refresh_tag}")

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; img-src 'self' data: file:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Plots</title>
<style>
body { margin: 2rem; font: 15px/1.4 system-ui, sans-serif; color: #1b2733; background: #fff }
main { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start }
figure { margin: 0; max-width: 100%; padding: .75rem; border: 1px solid #d8dee4; border-radius: 6px }
figure > div { display: flex; flex-wrap: wrap; gap: 1rem }
figcaption, .rev { font-weight: 600; overflow-wrap: anywhere }
.rev { margin: .25rem 0; color: #57606a }
img { max-width: 100%; height: auto }
.failed { flex-basis: 100%; color: #a40e26 }
</style>
</head>
<body>
<main>
{plot_divs}
</main>
</body>
</html>
"""


class Shown(NamedTuple):
    """A picture of the page: `source` is a URL, `label` what tells it from others of its figure."""

    source: str
    label: str


def page(figures: Iterable[str], *, template: str = PAGE) -> str:
    """Return the page with figures in the place that `template` has for them. Raises `FormatError` if it has none."""
    if _PLOTS not in template:
        raise FormatError(
            f"the HTML template has no place for the plots: {_PLOTS}", hint=f"write {_PLOTS} into its body"
        )
    for place in _UNUSED:
        template = template.replace(place, "")
    return template.replace(_PLOTS, "\n".join(figures))


def chart(name: str, svg: str) -> str:
    """Return a figure with an image inside the page; as an image it can run nothing and load nothing."""
    encoded = base64.b64encode(svg.encode()).decode()
    return f'<figure><img src="data:image/svg+xml;base64,{encoded}" alt="{_escape(name)}"></figure>'


def images(name: str, shown: Sequence[Shown]) -> str:
    """Return a figure of images beside each other."""
    parts = [
        f'<div><p class="rev">{_escape(label)}</p>'
        f'<img src="{_escape(source)}" alt="{_escape(name)} ({_escape(label)})" loading="lazy"></div>'
        for source, label in shown
    ]
    return f"<figure><figcaption>{_escape(name)}</figcaption><div>{''.join(parts)}</div></figure>"


def failures(messages: Sequence[str]) -> str:
    """Return what could not be shown, as a list."""
    items = "".join(f"<li>{_escape(message)}</li>" for message in messages)
    return f'<section class="failed"><p>Not shown:</p><ul>{items}</ul></section>'


def _escape(text: str) -> str:
    return html.escape(text).encode("utf-8", "backslashreplace").decode()
