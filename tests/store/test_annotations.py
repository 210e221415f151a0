"""Annotations of runs leave the record unchanged, in a directory and on a server."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.builders import Cli, put_run

from contexta import Contexta
from contexta.core.errors import Ambiguous, Conflict, InvalidInput, NotFound


def names(ctx: Contexta, **options: object) -> list[str]:
    return [run.label for run in ctx.list_runs(**options)]  # type: ignore[arg-type]  # options of many types


@pytest.fixture
def two(anywhere: Contexta) -> Contexta:
    for name in ("old", "new"):
        with anywhere.run(name, project="p", tags={"team": name, "kept": "x"}) as run:
            run.metric("accuracy", 0.9)
    return anywhere


class TestAnnotations:
    def test_a_renamed_run_is_found_by_both_names_and_shown_by_the_new_one(self, two: Contexta) -> None:
        renamed = two.rename_run("old", "best of May")
        assert (renamed.run_ref, renamed.name, renamed.recorded_name) == ("run:p.old", "best of May", "old")
        for selector in ("best of May", "p.best of May", "old", "run:p.old"):
            assert two.get_run(selector).run_ref == "run:p.old"
        assert names(two, order_by="name") == ["p.best of May", "p.new"]
        assert names(two, where='name = "best of May"') == ["p.best of May"]
        assert names(two, where="name = old") == []
        trend, best, diff = (
            two.get_metric_trend("accuracy"),
            two.select_best_run(None, "accuracy"),
            two.diff_runs("old", "new"),
        )
        assert [point.name for point in trend.points] == ["best of May", "new"]
        for finding in (trend, best, diff, two.compare_runs("old", "new"), two.explain_regression("old", "new")):
            assert "best of May" in finding.to_markdown()
        for about_run in (two.audit_reproducibility("old"), two.diagnose_run("old"), two.get_run_snapshot("old")):
            assert "p.best of May" in about_run.to_markdown().splitlines()[0]
        for drawn in (two.traverse_lineage("old"), two.plot("old"), two.metric_series("old", "accuracy")):
            assert "best of May" in drawn.to_markdown().splitlines()[0]
        assert "| best of May |" in two.package_timeline("numpy").to_markdown()
        assert two.rename_run("best of May", "old").recorded_name is None

    def test_a_name_of_another_run_is_refused_until_it_is_free(self, two: Contexta) -> None:
        two.rename_run("old", "shiny")
        with pytest.raises(Conflict, match=r'run:p\.old has the name "shiny"'):
            two.rename_run("new", "shiny")
        with pytest.raises(Conflict):
            two.rename_run("new", "old")  # its reference
        with two.run("shiny", project="p"):
            pass
        with pytest.raises(Ambiguous, match="shiny"):
            two.get_run("shiny")

    def test_tags_change_where_runs_are_listed_found_and_grouped(self, two: Contexta) -> None:
        tagged = two.tag_run("old", {"baseline": "", "team": "search"}, remove=["kept"])
        assert dict(tagged.tags) == {"baseline": "", "team": "search"}
        assert names(two, where="tags.team = search") == ["p.old"]
        assert names(two, where="has tags.kept") == ["p.new"]
        with pytest.raises(InvalidInput, match='has no tag "kept"'):
            two.tag_run("old", remove=["kept"])
        assert dict(two.tag_run("old", {"kept": "x", "team": "old"}, remove=["baseline"]).tags) == {
            "kept": "x",
            "team": "old",
        }

    def test_archived_runs_are_left_out_of_lists_only(self, two: Contexta) -> None:
        two.archive_run("old")
        assert names(two) == ["p.new"]
        assert names(two, archived=True, order_by="started") == ["p.old", "p.new"]
        assert two.get_run("old").archived
        assert two.get_run("@latest~1").run_ref == "run:p.old"
        two.archive_run("old", archived=False)
        assert len(two.list_runs()) == 2

    def test_annotations_leave_the_recorded_content_and_its_digest_as_they_are(
        self, two: Contexta, tmp_path: Path
    ) -> None:
        before = two.get_run("old").content_digest
        two.export(tmp_path / "before.jsonl", ["old"], format="canonical")
        two.rename_run("old", "other")
        two.tag_run("old", {"a": "b"}, remove=["team"])
        two.note_run("old", "a note\nin two lines")
        two.pin_run("old")
        result = two.get_run("old")
        assert (result.note, result.pinned, result.content_digest) == ("a note\nin two lines", True, before)
        assert two.metadata_store.runs.get_run("run:p.old").tags == {"team": "old", "kept": "x"}
        two.export(tmp_path / "after.jsonl", ["old"], format="canonical")
        assert (tmp_path / "after.jsonl").read_bytes() == (tmp_path / "before.jsonl").read_bytes()
        assert two.verify().damage == ()
        assert two.note_run("old", "").note is None

    def test_annotations_survive_a_backup_and_a_run_that_is_written_again(self, two: Contexta, tmp_path: Path) -> None:
        two.rename_run("old", "other")
        two.tag_run("old", {"a": "b"}, remove=["team"])
        two.metadata_store.runs.put_run(two.metadata_store.runs.get_run("run:p.old"))
        two.backup(tmp_path / "all.zip")
        Contexta.restore(tmp_path / "all.zip", tmp_path / "restored")
        with Contexta(tmp_path / "restored") as restored:
            for ctx in (two, restored):
                assert dict(ctx.get_run("other").tags) == {"a": "b", "kept": "x"}
                assert ctx.verify().damage == ()

    def test_a_live_run_keeps_its_changed_tags_and_refuses_another_name(self, anywhere: Contexta) -> None:
        with anywhere.run("live", project="p", tags={"a": "1"}) as run:
            anywhere.tag_run("live", {"a": "2", "b": "3"})
            anywhere.pin_run("live")
            with pytest.raises(InvalidInput, match="is still open"):
                anywhere.rename_run("live", "other")
            run.metric("x", 1)
        result = anywhere.get_run("live")
        assert (dict(result.tags), result.pinned, result.status) == ({"a": "2", "b": "3"}, True, "completed")

    def test_secrets_in_annotations_are_hidden_before_they_are_stored(self, two: Contexta) -> None:
        secret = "hf_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3f"
        two.note_run("old", f"trained with token {secret}")
        two.tag_run("old", {"api_key": secret})
        result = two.get_run("old")
        assert secret not in f"{result.note} {dict(result.tags)}"
        assert (result.note or "").startswith("trained with token ")

    @pytest.mark.parametrize("name", ["", " ", "a\nb", "run:p.x", "@latest", "x" * 251])
    def test_a_name_that_could_not_be_given_to_a_command_is_refused(self, two: Contexta, name: str) -> None:
        with pytest.raises(InvalidInput):
            two.rename_run("old", name)
        with pytest.raises(NotFound):
            two.rename_run("nothing", "x")


def test_annotations_survive_a_move_to_a_server(tmp_path: Path, database: str) -> None:
    with Contexta(tmp_path / "local") as ctx:
        put_run(ctx, "r", metrics={"x": 1}, tags={"a": "b"})
        ctx.rename_run("r", "other")
        ctx.tag_run("r", {"c": "d"}, remove=["a"])
        ctx.note_run("r", "a note")
        ctx.archive_run("r")
        ctx.backup(tmp_path / "all.zip")
    Contexta.restore(tmp_path / "all.zip", database)
    with Contexta(database) as ctx:
        (run,) = ctx.list_runs(where="tags.c = d", archived=True)
        assert (run.name, run.note, dict(run.tags)) == ("other", "a note", {"c": "d"})
        assert ctx.verify().damage == ()


def test_commands_annotate_runs_and_screens_show_it(ctx: Contexta, cli: Cli) -> None:
    for name in ("old", "new"):
        put_run(ctx, name, metrics={"accuracy": 0.9}, environment={})
    assert cli("rename", "old", "good").stdout == "p.old is p.good now\n"
    assert cli("tag", "good", "baseline", "team=search").stdout == "p.good: baseline, team=search\n"
    assert cli("tag", "good", "--remove", "team").stdout == "p.good: baseline\n"
    assert cli("note", "good", "before the new labels").stdout == "p.good: before the new labels\n"
    assert cli("note", "good").stdout == "p.good: before the new labels\n"
    assert cli("pin", "good", "new").stdout == "p.good is pinned\np.new is pinned\n"
    assert cli("unpin", "new").stdout == "p.new is not pinned any more\n"
    assert cli("archive", "new").stdout == "p.new is archived\n"
    listed = cli("runs").stdout
    assert "p.good" in listed
    assert "completed, pinned" in listed
    assert "p.new" not in listed
    assert "completed, archived" in cli("runs", "--archived").stdout
    assert cli("unarchive", "new").stdout == "p.new is listed again\n"
    shown = cli("show", "good").stdout
    for words in ("Run p.good", 'recorded as p.old, "old"', "pinned", "note: before the new labels", "tags: baseline"):
        assert words in shown
    assert cli("note", "good", "--remove").stdout == "p.good has no note\n"
    refused = cli("rename", "new", "good")
    assert (refused.returncode, 'run:p.old has the name "good"' in refused.stderr) == (2, True)


def test_hints_name_a_renamed_run_by_its_current_name(cli: Cli) -> None:
    done = cli("run", "--name", "old", "--", sys.executable, "-c", "print('loss: 0.5')")
    assert done.returncode == 0
    cli("rename", "old", "the good one")
    assert "`contexta log 'the good one'` prints it" in cli("show", "the good one").stdout
    unknown = cli("metrics", "the good one", "lost")
    assert (unknown.returncode, "did you mean loss?" in unknown.stderr) == (2, True)
