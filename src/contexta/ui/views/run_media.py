"""Images, figures and the first rows of tables on the page of a run."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from contexta.client.report_pages import images_of
from contexta.findings import RunDetails
from contexta.recorder.image_types import LARGEST
from contexta.reports.pages.recorded.runs import image_caption, latest_tables, table_head, table_size
from contexta.ui.frame.content import row, section, table
from contexta.ui.frame.elements import element
from contexta.ui.frame.layout import address


def images(run: RunDetails) -> Element | None:
    """The latest images; each is loaded when it is scrolled to."""
    items = [item for item in images_of(run) if (item.size_bytes or 0) <= LARGEST]
    if not items:
        return None
    figures = []
    for item in items:
        parameters = [("run", run.run_ref.value), ("digest", item.digest or "")]
        source, caption = address("/image", parameters), image_caption(item)
        content = element("img", src=source, alt=caption, loading="lazy")
        figures.append(element("figure", content, element("figcaption", caption), class_="picture"))
    return section("Images", str(len(items)), *figures, id_="images")


def tables(run: RunDetails) -> Iterator[Element]:
    for item in latest_tables(run):
        titles, *lines = table_head(item)
        titles = [f" {title}" if title.startswith(">") else title for title in titles]
        content = table(titles, [row(*line) for line in lines], f"Table {item.name}")
        yield section(f"Table {item.name}", table_size(item), content)


__all__ = ["images", "tables"]
