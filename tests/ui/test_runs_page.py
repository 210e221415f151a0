"""The page Runs without a script: filter, columns, order, groups, baseline, selection, notes and tags."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

import pytest
from starlette.testclient import TestClient
from support.builders import put_run

from contexta import Contexta
from contexta.findings.runs import RunSummary
from contexta.ui.frame.content import MINUS, NOT_APPLICABLE
from contexta.ui.routes import site
from contexta.ui.runs.run_cells import decimals, number_text

ORIGIN = {"origin": "http://testserver"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contexta]:
    """Two groups of repeats, one with another pandas, and a run without an environment."""
    with Contexta(tmp_path_factory.mktemp("runs") / ".contexta") as ctx:
        for month, pandas, values in (("march", "2.3.3", (0.91, 0.912)), ("april", "3.0.2", (0.87, 0.871, 0.875))):
            for seed, value in enumerate(values):
                name = f"{month}-{seed}"
                put_run(
                    ctx,
                    name,
                    project="churn",
                    started_at=f"2026-0{3 if month == 'march' else 4}-1{seed}T08:00:00Z",
                    ended_at=f"2026-0{3 if month == 'march' else 4}-1{seed}T09:00:00Z",
                    metrics={"accuracy": value, "loss": 1 - value, "rows": 1200},
                    environment={"packages": {"pandas": pandas, "numpy": "2.0.0"}},
                    tags={"release": ""} if month == "march" else {"team": "vision"},
                )
        put_run(ctx, "bare", project="other", started_at="2026-01-01T08:00:00Z", ended_at="2026-01-01T09:00:00Z")
        yield ctx


@pytest.fixture
def browser(workspace: Contexta) -> Iterator[TestClient]:
    with TestClient(site(workspace)) as client:
        yield client


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def table_of(page: str) -> str:
    match = re.search(
        r"<table.*</table>", page.partition('<section id="runs"')[2].partition("</section>")[0], re.DOTALL
    )
    return text_of(match[0]) if match else ""


def titles(page: str) -> list[str]:
    return re.findall(r'data-column="([^"]*)"', page)


def names(page: str) -> list[str]:
    """The rows, by the references of their runs."""
    return [value.replace("churn.", "") for value in re.findall(r'name="run" value="([^"]+)" form="selection"', page)]


def link(page: str, label: str) -> str:
    """The address of the link with a text or a label."""
    for attributes, content in re.findall(r"<a ([^>]*)>(.*?)</a>", page, re.DOTALL):
        if text_of(content) == label or f'aria-label="{label}"' in attributes:
            return html.unescape(re.search(r'href="([^"]*)"', attributes)[1])  # type: ignore[index]  # every link has one
    raise AssertionError(f"no link {label}")


def test_only_columns_that_differ_are_shown_until_all_are_asked_for(browser: TestClient) -> None:
    page = browser.get("/?project=churn").text
    assert {"metrics.loss", "packages.pandas"} <= {*titles(page)}
    assert not {"metrics.rows", "packages.numpy"} & {*titles(page)}
    everything = browser.get(link(page, "all columns")).text
    assert "metrics.rows" in titles(everything)
    assert "1\u202f200" in everything


def test_columns_are_chosen_ordered_and_pinned(browser: TestClient) -> None:
    page = browser.get("/?column=started&column=package.pandas&column=metrics.loss&column=nonsense").text
    assert titles(page) == ["run", "started", "packages.pandas", "metrics.loss"]
    assert "2.3.3" in table_of(page)
    moved = browser.get(link(page, "Move loss to the left")).text
    assert titles(moved) == ["run", "started", "metrics.loss", "packages.pandas"]
    pinned = browser.get(link(moved, "Pin pandas")).text
    assert titles(pinned) == ["run", "packages.pandas", "started", "metrics.loss"]
    assert titles(browser.get(link(pinned, "Unpin pandas")).text) == [
        "run",
        "packages.pandas",
        "started",
        "metrics.loss",
    ]
    assert 'name="column" value="packages.numpy"' in page


def test_a_run_without_an_environment_has_unknown_packages_and_no_metric(browser: TestClient) -> None:
    table = table_of(browser.get("/?project=other&column=packages.pandas&column=value&metric=accuracy").text)
    assert "unknown" in table
    assert NOT_APPLICABLE in table


def test_a_filter_selects_and_says_how_many_match(browser: TestClient) -> None:
    page = browser.get("/", params={"where": "metrics.accuracy > 0.9"}).text
    assert names(page) == ["march-1", "march-0"]
    assert "2 runs match." in text_of(page)


def test_runs_for_which_a_condition_cannot_be_decided_are_counted(browser: TestClient) -> None:
    page = browser.get("/", params={"where": "packages.pandas < 3"}).text
    assert "1 run has no recorded packages" in text_of(page)
    assert names(browser.get(link(page, "Show them")).text) == ["other.bare"]
    assert "no recorded packages" not in text_of(browser.get("/", params={"where": "metrics.loss < 3"}).text)


def test_projects_have_a_column_if_runs_of_several_are_listed(browser: TestClient) -> None:
    assert "project" in titles(browser.get("/").text)
    assert "project" not in titles(browser.get("/?project=churn").text)


@pytest.mark.parametrize(
    ("where", "fault"),
    [("metrics.accuracy >> 0.9", "expected a value"), ("acc > 1", "no field"), ("metrics.accuracy = x", "no number")],
)
def test_a_wrong_filter_is_explained_at_its_character(browser: TestClient, where: str, fault: str) -> None:
    wrong = browser.get("/", params={"where": where})
    assert wrong.status_code == 400
    message = text_of(re.search(r'<p id="query-message".*?</p>', wrong.text, re.DOTALL)[0])  # type: ignore[index]  # it has one
    assert fault in message
    place = int(re.search(r"at character (\d+)", message)[1])  # type: ignore[index]  # as above
    assert where[place - 1 :].startswith({"expected a value": "> 0.9", "no field": "acc", "no number": "x"}[fault])
    assert f'value="{html.escape(where)}"' in wrong.text


def test_a_filter_without_matches_names_the_condition_that_removed_everything(browser: TestClient) -> None:
    page = browser.get("/", params={"where": "metrics.accuracy > 0.9 and packages.pandas > 3"}).text
    assert "Without packages.pandas > 3 : 2 runs." in text_of(page)
    assert names(browser.get(link(page, "Remove the last condition")).text) == ["march-1", "march-0"]
    nothing = browser.get("/", params={"where": "metrics.accuracy > 2"}).text
    assert "No run matches metrics.accuracy > 2 ." in text_of(nothing)


@pytest.mark.parametrize(
    ("sort", "first", "last"),
    [
        ("metrics.accuracy desc", "march-1", "april-0"),
        ("metrics.accuracy asc", "april-0", "march-1"),
        ("packages.pandas desc", "april-2", "march-0"),
        ("name asc", "april-0", "march-1"),
        ("started asc", "march-0", "april-2"),
    ],
)
def test_runs_are_sorted_by_every_kind_of_column(browser: TestClient, sort: str, first: str, last: str) -> None:
    page = browser.get("/", params={"sort": sort, "project": "churn"}).text
    assert (names(page)[0], names(page)[-1]) == (first, last)
    assert page.count("aria-sort=") == 1


def test_the_title_of_a_column_sorts_by_it_and_then_the_other_way(browser: TestClient) -> None:
    page = browser.get("/?project=churn&where=has metrics.accuracy").text
    once = browser.get(link(page, "loss")).text
    assert names(once)[0] == "april-0"
    assert 'aria-sort="descending"' in once
    twice = browser.get(link(once, "loss ↓")).text
    assert names(twice)[0] == "march-1"


def test_a_baseline_comes_first_and_the_others_show_their_distance(browser: TestClient) -> None:
    page = browser.get("/?baseline=churn.march-0&metric=accuracy&project=churn").text
    assert names(page)[0] == "march-0"
    assert f"{MINUS}0.0400 ▼ worse" in table_of(page)
    assert re.search(r'class="mono differs packages[^"]*"[^>]*>3\.0\.2', page)
    assert re.search(r'class="mono equal packages[^"]*"[^>]*>2\.3\.3', page)
    lower = browser.get("/?baseline=churn.april-0&metric=loss&project=churn").text
    assert f"{MINUS}0.0400 ▲ better" in table_of(lower)
    elsewhere = browser.get("/?baseline=churn.march-0&where=metrics.accuracy < 0.9").text
    assert names(elsewhere)[0] == "march-0"
    assert browser.get(link(page, "Remove the baseline")).text.count("▼") == 0


def test_runs_are_grouped_with_mean_deviation_and_number(browser: TestClient) -> None:
    page = browser.get("/?group=environment&project=churn&metric=accuracy&baseline=churn.march-0").text
    assert names(page) == ["march-1 march-0", "april-2 april-1 april-0"]
    table = table_of(page)
    assert "0.8720 ± 0.0026 (3)" in table
    assert f"{MINUS}0.0390 ▼" in table
    opened = browser.get(link(page, "Open april")).text
    assert names(opened)[1:] == ["april-2 april-1 april-0", "april-2", "april-1", "april-0"]
    assert names(browser.get(link(opened, "Close april")).text) == names(page)
    noise = table_of(browser.get("/?group=environment&metric=accuracy&baseline=churn.april-0&project=churn").text)
    assert "≈" not in noise
    wrong = browser.get("/?group=nonsense")
    assert (wrong.status_code, "cannot be grouped" in wrong.text) == (400, True)


def test_a_difference_within_the_noise_of_the_repeats_of_the_baseline_is_no_judgement(ctx: Contexta) -> None:
    for name, value in (("a", 0.91), ("b", 0.912), ("c", 0.911), ("far", 0.87)):
        with ctx.run(name, project="churn") as run:
            run.params({"seed": name, "lr": 0.1 if name != "far" else 0.2})
            run.metric("accuracy", value)
    with TestClient(site(ctx)) as browser:
        page = browser.get("/?baseline=churn.a").text
        for name, glyph in (("b", "≈"), ("c", "≈"), ("far", "▼")):
            row = re.search(rf'<tr [^>]*data-row="churn.{name}".*?</tr>', page, re.DOTALL)
            assert row is not None
            assert glyph in row[0], name


def test_a_page_leads_to_older_and_newer_runs_and_groups(ctx: Contexta) -> None:
    for number in range(103):
        put_run(ctx, f"r{number:03}", started_at=f"2025-02-15T08:{number // 60:02}:{number % 60:02}Z")
    with TestClient(site(ctx)) as browser:
        for start in ("/", "/?group=environment"):
            pages = [browser.get(start).text]
            while 'rel="next"' in pages[-1]:
                pages.append(browser.get(link(pages[-1], "Older")).text)
            assert [len(names(page)) for page in pages] == [50, 50, 3]
            assert sorted({name for page in pages for name in names(page)})[0] == "p.r000"
            back = browser.get(link(pages[2], "Newer")).text
            assert names(back) == names(pages[1])
            assert names(browser.get(link(back, "Newer")).text) == names(pages[0])


def test_a_note_and_tags_are_edited_and_hidden_characters_stay_visible(
    browser: TestClient, workspace: Contexta
) -> None:
    page = browser.get("/?project=churn").text
    form = browser.get(link(page, "Edit note and tags of churn.april-0")).text
    assert ">team=vision</textarea>" in form
    values = {"run": "churn.april-0", "note": "bad\u202e <b>", "tags": "team=nlp\nnew\n", "back": "/?project=churn"}
    saved = browser.post("/annotate", data=values, headers=ORIGIN)
    assert saved.url.query == b"project=churn"
    run = workspace.get_run("churn.april-0")
    assert (run.tags, run.note) == ({"team": "nlp", "new": ""}, "bad\u202e <b>")
    assert "bad\\u202e <b>" in text_of(saved.text)
    values["tags"], values["note"] = "team=vision", ""
    browser.post("/annotate", data=values, headers=ORIGIN)
    assert (workspace.get_run("churn.april-0").tags, workspace.get_run("churn.april-0").note) == (
        {"team": "vision"},
        None,
    )
    assert browser.post("/annotate", data={"run": "nope"}, headers=ORIGIN).status_code == 404


def test_selected_runs_are_archived_and_undo_lists_them_again(browser: TestClient) -> None:
    values = {"run": ["churn.april-2 churn.april-1", "churn.march-0"], "back": "/?project=churn"}
    archived = browser.post("/archive", data=values, headers=ORIGIN)
    assert names(archived.text) == ["april-0", "march-1"]
    assert "Archived 3 runs." in text_of(archived.text)
    listed = browser.get(link(archived.text, "Archived 3")).text
    assert len(names(listed)) == 5
    (undo,) = re.findall(r'name="run" value="([^"]+)">', archived.text)
    again = browser.post("/archive", data={"run": undo, "restore": "yes", "back": "/?project=churn"}, headers=ORIGIN)
    assert len(names(again.text)) == 5
    assert browser.post("/archive", data={}, headers=ORIGIN).status_code == 400


@pytest.mark.parametrize(("do", "path"), [("compare", "/compare"), ("export", "/export")])
def test_the_first_run_of_a_selected_group_represents_it(browser: TestClient, do: str, path: str) -> None:
    chosen = browser.get("/choose", params={"do": do, "run": ["churn.april-2 churn.april-1", "churn.march-0"]})
    assert (chosen.url.path, chosen.url.query) == (path, b"run=churn.april-2&run=churn.march-0")


def test_the_whole_state_is_in_every_address(browser: TestClient) -> None:
    state = {
        "project": "churn", "where": "has metrics.accuracy", "sort": "metrics.loss desc", "group": "environment",
        "metric": "loss", "baseline": "churn.march-0", "column": ["value", "delta"], "pin": "packages.pandas",
        "archived": "yes", "open": "churn.april-0", "run": ["churn.april-2 churn.april-1 churn.april-0"],
    }  # fmt: skip
    page = browser.get("/", params=state).text
    assert 'checked="checked"' in re.search(r'churn.april-0" form="selection"[^>]*', page)[0]  # type: ignore[index]  # it is listed
    address = link(page, "all columns")
    for name in state.keys() - {"column"}:
        assert f"{name}=" in address, name


def test_the_filter_is_completed_and_curves_are_served(browser: TestClient) -> None:
    answer = browser.get("/complete", params={"text": "metrics.acc"}).json()
    assert answer == {"start": 0, "suggestions": ["metrics.accuracy "]}
    curves = browser.get("/sparks?metric=accuracy&run=churn.march-0&run=nope").json()
    assert curves == {"churn.march-0": [[0], [0.91]], "nope": None}


def test_an_empty_workspace_shows_the_first_command(ctx: Contexta) -> None:
    text = text_of(TestClient(site(ctx)).get("/").text)
    assert "No runs yet." in text
    assert "contexta run --name first -- python train.py" in text


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.91234, 0.8], ["0.9123", "0.8000"]),
        ([1200, 7], ["1\u202f200", "7"]),
        ([-12.5, 3.0], [f"{MINUS}12.500", "3.000"]),
        ([1e-7], ["1e-07".replace("-", MINUS)]),
        ([float("nan"), 0.5], ["nan", "0.5000"]),
        ([10**15, 2], ["1.00000E+15", "2"]),
        ([10**400, 0.5], ["1.00000E+400", "0.5000"]),
    ],
)
def test_a_column_has_equal_decimals(values: list[float], expected: list[str]) -> None:
    assert [number_text(value, decimals(values)) for value in values] == expected


def test_the_environments_of_listed_runs_are_read_once(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    read = Contexta.environments_of_runs

    def counted(workspace: Contexta, runs: Sequence[RunSummary]) -> object:
        reads.append(len(runs))
        return read(workspace, runs)

    monkeypatch.setattr(Contexta, "environments_of_runs", counted)
    page = table_of(browser.get("/?project=churn&baseline=churn.march-1").text)
    assert "≈ within noise" in page  # from the repeats of the baseline
    assert reads == [5]
    assert "No run matches" in browser.get("/?where=name+%3D+none&baseline=churn.march-1").text


def test_values_beyond_the_range_of_floats_are_listed_compared_and_grouped(ctx: Contexta) -> None:
    for name, value in (("march", 10**400), ("april", 10**400 + 10**399), ("may", 1.7e308), ("june", 1.7e308)):
        tags = {"team": "search" if isinstance(value, int) else "vision"}
        put_run(ctx, name, project="churn", metrics={"accuracy": value}, tags=tags)
    browser = TestClient(site(ctx))
    page = table_of(browser.get("/?baseline=churn.march&sort=started+asc").text)
    assert "1.10000E+400 +1.000E+399 ▲ better" in page
    assert f"1.7e+308 {NOT_APPLICABLE}" in page  # the difference is no float
    groups = table_of(browser.get("/?group=tag:team&column=value&column=spread").text)
    assert "1.7e+308 (2)" in groups  # the mean, but no deviation
    run = text_of(browser.get("/run?run=churn.march&baseline=churn.may").text)
    assert "ended at 1.00000E+400 , 1.7e+308 in churn.may" in run


def test_pages_and_runs_are_found_by_name(browser: TestClient) -> None:
    assert browser.get("/go?text=comp").json() == [["Compare", "/compare"]]
    assert browser.get("/go?text=march-1").json() == [["churn.march-1", "/run?run=churn.march-1"]]
    assert ["Runs", "/"] in browser.get("/go").json()
    assert browser.get("/go", params={"text": 'a"b\\'}).json() == []


def test_every_page_marks_an_imported_and_a_reconstructed_run(ctx: Contexta) -> None:
    put_run(ctx, "old", metadata={"imported_from": {"tool": "W&B", "version": "0.31.0", "path": "run.wandb"}})
    put_run(ctx, "older", metadata={"reconstructed": {"at": "2025-02-15"}})
    with TestClient(site(ctx)) as client:
        for path in ("/", "/run?run=p.old", "/compare?run=p.old&run=p.older"):
            assert '<span class="chip">imported</span>' in client.get(path).text
        for path in ("/", "/run?run=p.older", "/compare?run=p.old&run=p.older"):
            assert '<span class="chip">reconstructed</span>' in client.get(path).text


def test_runs_of_one_name_show_their_references(ctx: Contexta) -> None:
    for project in ("churn", "fraud"):
        put_run(ctx, "march", project=project)
    put_run(ctx, "april", project="churn")
    table = table_of(TestClient(site(ctx)).get("/").text)
    assert "march churn.march" in table
    assert "march fraud.march" in table
    assert "churn.april" not in table
