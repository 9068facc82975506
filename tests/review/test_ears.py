"""Agreement of two reviewers, blind tests, level matching and moved thresholds: known answers."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menura.audio import decode, loudness_lufs
from menura.config import JudgeSettings, ThresholdShift, settings_from
from menura.decisions import Ledger
from menura.errors import ConfigError, RunError
from menura.judge.calibrate import label_thresholds
from menura.review.agreement import agreements, cohen_kappa, disputed, kappa_interval
from menura.review.blind import BlindTest, blind_score, draw_trials, giveaways
from menura.review.catalogue import Catalogue, Item
from menura.review.desk import Desk
from menura.review.query import Query, select
from menura.review.recalibrate import Point, fit_shift, recalibrate, write_shifts
from menura.review.sound import common_lufs, heard

from .conftest import make_catalogue, tone

FIRST = ["yes"] * 25 + ["no"] * 25
SECOND = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15


def test_kappa_of_the_textbook_table_is_0_4() -> None:
    assert cohen_kappa(FIRST, SECOND) == pytest.approx(0.4)
    low, high = kappa_interval(FIRST, SECOND) or (0.0, 0.0)
    # The large-sample standard error of this table is 0.127.
    assert low == pytest.approx(0.4 - 1.96 * 0.127, abs=0.06)
    assert high == pytest.approx(0.4 + 1.96 * 0.127, abs=0.06)


@given(said=st.lists(st.sampled_from(["accept", "reject", "relabel: cat"]), min_size=1, max_size=30))
def test_kappa_is_one_of_full_agreement_and_undefined_without_choice(said: list[str]) -> None:
    assert cohen_kappa(said, said) == (None if len(set(said)) == 1 else pytest.approx(1.0))


def test_kappa_of_independent_ears_is_near_zero() -> None:
    draws = np.random.default_rng(0).integers(2, size=(2, 20_000)).astype(str)
    assert abs(cohen_kappa(list(draws[0]), list(draws[1])) or 1) < 0.03  # four standard errors of 1 / sqrt(20000)


def test_agreement_counts_what_both_decided_and_names_what_is_open(desk: Desk) -> None:
    ids = [item.id for item in desk.catalogue.items[:4]]
    said = [("accept", "accept"), ("accept", "reject"), ("reject", "reject"), ("accept", "")]
    for request, (ada, bob) in zip(ids, said, strict=True):
        desk.decide("ada", request, ada)  # type: ignore[arg-type]
        if bob:
            desk.decide("bob", request, bob)  # type: ignore[arg-type]
    (both,) = agreements(desk.ledger)
    assert (both.clips, both.same) == (3, 2)
    assert both.kappa == pytest.approx(0.4)
    assert disputed(desk.ledger) == {ids[1]: {"ada": "accept", "bob": "reject"}}
    desk.decide("cy", ids[1], "accept", settles=True)
    assert disputed(desk.ledger) == {}
    assert len(agreements(desk.ledger)) == 1


def test_a_blind_test_has_as_many_real_clips_as_synthetic_ones_of_each_label(catalogue: Catalogue) -> None:
    trials = draw_trials(catalogue, clips=100, seed=1)
    kinds = [(trial.label, trial.origin) for trial in trials]
    for label in catalogue.labels:
        assert kinds.count((label, "real")) == kinds.count((label, "synthetic")) == 2
    assert len({trial.id for trial in trials}) == len({trial.clip for trial in trials}) == 12
    assert draw_trials(catalogue, clips=100, seed=1) == trials
    assert [one.clip for one in draw_trials(catalogue, clips=100, seed=2)] != [one.clip for one in trials]
    assert len(draw_trials(catalogue, clips=5, seed=1)) == 4


def test_the_score_of_a_blind_test_is_binomial() -> None:
    score = blind_score([("real", "real")] * 5 + [("synthetic", "synthetic")] * 4 + [("synthetic", "real")])
    assert (score.right, score.clips) == (9, 10)
    assert score.p == pytest.approx(22 / 1024)
    assert score.interval == pytest.approx((0.55498, 0.99747), abs=1e-5)
    assert (score.real_called_real, score.synthetic_called_real) == (1.0, 0.2)
    with pytest.raises(ConfigError):
        blind_score([])


def test_an_answer_counts_once_and_is_kept(catalogue: Catalogue) -> None:
    test = BlindTest(catalogue, clips=12, seed=1, clock=lambda: "now")
    for trial in test.trials:
        test.answer("ada", trial.id, "synthetic")
        with pytest.raises(ConfigError, match="the first answer counts"):
            test.answer("ada", trial.id, "real")
    assert test.result("ada")["right"] == 6
    assert len(test.result("ada")["gave_away"]) == 6
    rows = [json.loads(line) for line in (catalogue.folder / "review" / "blind.jsonl").read_text().splitlines()]
    assert len(rows) == 12
    assert test.giveaways_of_all_tests() == giveaways(rows)
    assert all((called, heard) == (1, 1) for _, called, heard in giveaways(rows))
    with pytest.raises(RunError, match="no label with a kept clip"):
        draw_trials(replace(catalogue, reals={}), clips=4, seed=0)


@settings(max_examples=30)
@given(data=st.data())
def test_what_is_counted_step_by_step_is_what_a_new_start_counts(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("counted")
    items = tuple(Item(f"{k:x}", "x.flac", "dog", ("dog",), "kept") for k in range(3))
    catalogue = Catalogue(folder, "counted", ("dog", "cat"), items)
    desk = Desk(catalogue)
    assert desk.counts("ada")["undecided"] == 3
    steps = st.tuples(
        st.sampled_from(["ada", "bob"]), st.sampled_from(["accept", "reject", "relabel", "flag", "undo"]),
        st.sampled_from("012"),
    )  # fmt: skip
    for reviewer, action, request in data.draw(st.lists(steps, max_size=8)):
        if action == "undo":
            desk.undo(reviewer)
        else:
            desk.decide(reviewer, request, action, labels=["cat"] if action == "relabel" else [], note="hum")  # type: ignore[arg-type]
        for one in ("ada", "bob"):
            assert desk.counts(one) == Desk(catalogue).counts(one)


@pytest.mark.parametrize("level", [0.02, 0.1, 0.6])
def test_clips_are_played_equally_loud(tmp_path: Path, level: float) -> None:
    path = tone(tmp_path / "a.flac", 997, level=level, duration_s=1.0)
    played, recording = heard(path), decode(path)
    assert loudness_lufs(recording.waveform, recording.sample_rate) + played.gain_db == pytest.approx(-25, abs=0.1)
    assert (played.duration_s, played.top_hz) == (1.0, 4000)


@pytest.mark.parametrize("rates", [(8000, 96_000), (22_050, 44_100)])
def test_nothing_but_the_sound_tells_the_clips_of_a_blind_test_apart(tmp_path: Path, rates: tuple[int, int]) -> None:
    from menura.audio import encode
    from menura.types import Recording

    paths = []
    for k, rate in enumerate(rates):
        wave = np.zeros((k + 1, rate), np.float32)
        wave[:, rate // 2 : rate // 2 + rate // 1000] = 0.8  # a click: no gain brings it to -25 LUFS
        if k:
            wave[:] = 0.01 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
        paths.append(str(tmp_path / f"{rate}.flac"))
        encode(Recording(wave, rate), paths[-1])
    lufs = common_lufs(paths)
    assert lufs < -26
    played = [heard(path, alike_lufs=lufs) for path in paths]
    for one in played:
        (tmp_path / "played.wav").write_bytes(one.wav)
        recording = decode(tmp_path / "played.wav")
        assert (recording.waveform.shape, recording.sample_rate) == ((1, 48_000), 48_000)
        assert loudness_lufs(recording.waveform, 48_000) == pytest.approx(
            lufs, abs=0.5
        )  # a click loses its edge when resampled
        assert np.abs(recording.waveform).max() < 1
    assert {len(one.wav) for one in played} == {96_044}
    assert {(one.gain_db, one.top_hz, one.picture) for one in played} == {(0.0, 24_000.0, b"")}


def test_silence_gets_no_gain_and_no_peak_passes_full_scale(tmp_path: Path) -> None:
    assert heard(tone(tmp_path / "silent.flac", 100, level=0.0)).gain_db == 0
    wave = np.zeros((1, 8000), np.float32)
    wave[0, 4000] = 0.9
    from menura.audio import encode
    from menura.types import Recording

    encode(Recording(wave, 8000), tmp_path / "click.flac")
    assert heard(str(tmp_path / "click.flac")).gain_db <= -1 - 20 * np.log10(0.9) + 0.01


def test_a_list_is_filtered_and_sorted_and_what_has_no_score_comes_last(desk: Desk) -> None:
    found = select(desk.catalogue, desk.ledger, Query(sort="agreement", order="down", label="dog"), "ada")
    scores = [item.scores["agreement"] for item in found]
    assert scores[:3] == sorted(scores[:3], reverse=True)
    assert np.isnan(scores[3])
    desk.decide("ada", found[0].id, "relabel", labels=["rain & wind"])
    assert found[0] in select(desk.catalogue, desk.ledger, Query(label="rain & wind"), "ada")
    assert select(desk.catalogue, desk.ledger, Query(state="relabelled"), "ada") == [found[0]]
    assert select(desk.catalogue, desk.ledger, Query(state="relabelled"), "bob") == []


def points(slack: list[float], good: list[bool]) -> list[Point]:
    return [Point("dog", one, 0.5, ok, k % 5) for k, (one, ok) in enumerate(zip(slack, good, strict=True))]


def test_a_threshold_moves_between_what_is_good_and_what_is_not() -> None:
    shift = fit_shift(points([-0.2, -0.1, 0.1, 0.2, 0.5, 0.6], [False] * 4 + [True] * 2))
    assert 0.2 < shift.response < 0.5
    assert shift.distance == 1.0
    assert fit_shift(points([0.1, 0.2], [True, True])) == ThresholdShift()
    assert fit_shift(points([0.1, -0.2], [True, False])) == ThresholdShift()  # where it is already


def judged(folder: Path, *, right: bool) -> tuple[Catalogue, Desk]:
    """Clips whose agreement says what ears say (from 0.6), or has nothing to do with it, and thresholds at 0.2."""
    base = make_catalogue(folder, per_label=1)
    items = []
    for k in range(60):
        scores = {"agreement": 0.3 + 0.01 * k, "distance": 0.5, "margin": -0.1}
        items.append(Item(f"{k:016x}", base.items[0].path, "dog", ("dog",), "kept", "", scores, 0.4, (f"p{k}",)))
    catalogue = replace(base, items=tuple(items))
    row = {"label": "dog", "num_clips": 9, "own_share": 0.0, "response": 0.2, "distance": 1.0, "real_pass": 1.0,
           "real_recognised": 1.0}  # fmt: skip
    (folder / "judge").mkdir()
    (folder / "judge" / "panel.json").write_text(json.dumps({"judges": {"thresholds": [row]}}))
    desk = Desk(catalogue)
    for k, item in enumerate(items):
        desk.decide("ada", item.id, "accept" if (k >= 30 if right else k * 7 % 2) else "reject")
    return catalogue, desk


def test_ears_move_the_thresholds_of_the_next_run(tmp_path: Path) -> None:
    catalogue, desk = judged(tmp_path / "run", right=True)
    made = recalibrate(catalogue, desk.ledger)
    assert (made.good, made.bad, made.now) == (30, 30, 0.5)
    assert made.helps
    assert made.then > 0.9
    assert made.shifts["dog"].response == pytest.approx(0.395, abs=0.011)
    path = write_shifts(catalogue, made)
    settings = settings_from(JudgeSettings, tomllib.loads(path.read_text())["judge"])
    assert settings.thresholds == made.shifts


def test_ears_that_say_something_else_move_nothing(tmp_path: Path) -> None:
    catalogue, desk = judged(tmp_path / "run", right=False)
    made = recalibrate(catalogue, desk.ledger)
    assert made.then <= 0.62  # two standard errors of 60 coins above 0.5
    nobody = Ledger()
    with pytest.raises(RunError, match="at least 5 of each"):
        recalibrate(catalogue, nobody)


def test_shifts_move_thresholds_and_unknown_labels_are_named() -> None:
    held_out = np.array([[0.8, 0.1], [0.7, 0.2], [0.1, 0.9], [0.2, 0.6]])
    targets = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], bool)
    nearest = np.array([0.5, 0.5, 0.6, 0.6])
    plain, moved = (
        label_thresholds(("a", "b"), held_out, targets, nearest, typical_distance=1.0, acceptance=0.9, shifts=shifts)
        for shifts in ({}, {"b": ThresholdShift(response=0.25, distance=0.5)})
    )
    assert moved[0] == plain[0]
    assert moved[1].response == pytest.approx((plain[1].response or 0) + 0.25)
    assert moved[1].distance == pytest.approx((plain[1].distance or 0) / 2)
    with pytest.raises(ConfigError, match="'c', which no training clip has"):
        label_thresholds(
            ("a", "b"), held_out, targets, nearest, typical_distance=1.0, acceptance=0.9, shifts={"c": ThresholdShift()}
        )


def test_settings_without_shifts_keep_their_fingerprint() -> None:
    assert "thresholds" not in JudgeSettings().model_dump(mode="json")
