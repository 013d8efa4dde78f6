"""The page: its logic in process, then in a browser."""

import json
import socket
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from exobench.leaderboard import server

pytestmark = [
    pytest.mark.skipif(
        bool(server.missing_packages()),
        reason="needs the extra: pip install 'exobench[leaderboard]'",
    ),
]

HOSTILE = (
    "![x](http://192.0.2.1/a.png)",
    "<script>document.title='owned'</script>",
    "[x](javascript:alert(1)) :red[y]",
    "<img src=x onerror=\"document.title='owned'\">",
    "=HYPERLINK(1) $x$ http://192.0.2.1/",
    r"$\frac{ ${{7*7}} %s",
)


@pytest.fixture(autouse=True)
def main_module(monkeypatch):
    """AppTest makes the page the main module, which processes started later would run again."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


def noisy(maps, rng, rate):
    """The same maps with false peaks, so many on average per map."""
    for values in maps.values():
        for _ in range(rng.poisson(rate)):
            y, x = rng.integers(8, 32, 2)
            values[y, x] += 8.0
    return maps


def keep(challenge, archive, hours, *, baseline=False):
    """Score and keep an entry."""
    from exobench.challenge.entries import FolderEntryStore
    from exobench.challenge.evaluate import evaluate
    from exobench.challenge.folder import read_challenge
    from exobench.challenge.submission import read_submission

    submission = read_submission(archive, challenge.manifest)
    score = evaluate(submission, read_challenge(challenge.folder))
    received = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(hours=hours)
    FolderEntryStore(challenge.folder).keep(submission, score, received=received, baseline=baseline)


def fill(challenge, names, track="adi"):
    """Entries, the first one the best."""
    for i, name in enumerate(names):
        rng = np.random.default_rng(i)
        maps = noisy(challenge.maps(track, found=1 - i, seed=i), rng, 0.5 * i)
        keep(challenge, challenge.archive(maps, name=name), i, baseline=i == 1)
    return challenge


def companions(i):
    """One or two positions, different for every sequence."""
    angles = np.array([0.7 * i, 0.7 * i + 2.4])[: 1 + i % 2]
    return tuple((20 + 11 * float(np.sin(a)), 20 + 11 * float(np.cos(a))) for a in angles)


@pytest.fixture(scope="module")
def build(toy_kit, tmp_path_factory):
    """Builds a challenge of two tracks."""
    toy_challenge, toy_sequence = toy_kit

    def make(adi=(), adi_ifs=(), **manifest):
        sequences = [toy_sequence(name=f"toy_cam_{i}", companions=companions(i)) for i in range(8)]
        sequences += [
            toy_sequence(track="adi_ifs", name=f"toy_ifs_{i}", companions=((30.0, 20.0),))
            for i in range(2)
        ]
        folder = tmp_path_factory.mktemp("challenge") / "survey"
        challenge = toy_challenge(folder, tuple(sequences), **({"name": "survey"} | manifest))
        return fill(fill(challenge, adi), adi_ifs, "adi_ifs")

    return make


@pytest.fixture(scope="module")
def practice(build):
    return build(["paco", "pca", "median"], ["sdi_pca"])


@pytest.fixture(scope="module")
def contest(build):
    return build(["paco", "pca", "median"], ["sdi_pca"], kind="contest")


def opened(folder, monkeypatch):
    """The page of a challenge, run in this process."""
    from streamlit.testing.v1 import AppTest

    monkeypatch.setattr(sys, "argv", ["app.py", str(folder)])
    page = AppTest.from_file(str(server.PAGE), default_timeout=120).run()
    assert not page.exception
    return page


def texts(page):
    return [element.value for kind in (page.header, page.caption, page.info) for element in kind]


def everything_sent(page):
    """All that a browser would get, as bytes of the messages."""
    return b"".join(
        element.proto.SerializeToString()
        for element in page.main
        if getattr(element, "proto", None) is not None
    )


def test_a_board_shows_ranking_curves_maps_and_comparison(practice, monkeypatch):
    page = opened(practice.folder, monkeypatch)
    assert page.header[0].value == "survey leaderboard"
    table = page.dataframe[0].value
    assert table["Method"].tolist()[0] == "paco"
    assert table["Kind"].tolist().count("baseline") == 1
    assert table["F1"].tolist()[0] == 1.0
    assert "paco" in table["Beaten by"].tolist()
    assert [heading.value for heading in page.subheader] == [
        "Detections against false positives",
        "Who beats whom",
        "One entry",
    ]
    assert len(page.get("image")) == 1
    assert "8 sequences: this board resolves differences in F1 of about" in " ".join(texts(page))


@pytest.mark.slow
def test_another_track_has_another_board(practice, monkeypatch):
    page = opened(practice.folder, monkeypatch)
    page.segmented_control(key="track").set_value("adi_ifs").run()
    assert page.dataframe[0].value["Method"].tolist() == ["sdi_pca"]
    assert page.selectbox(key="map-sequence-adi_ifs").options == ["toy_ifs_0", "toy_ifs_1"]
    assert "one entry alone cannot be compared" in " ".join(texts(page))
    assert not page.exception


def test_entries_of_the_curve_can_be_chosen(practice, monkeypatch):
    page = opened(practice.folder, monkeypatch)
    assert len(page.multiselect[0].value) == 3
    page.multiselect[0].set_value(page.multiselect[0].value[:1]).run()
    assert not page.exception
    page.multiselect[0].set_value([]).run()
    assert "Choose one entry or more." in texts(page)


@pytest.mark.slow
def test_every_sequence_has_a_map_of_every_entry(practice, monkeypatch):
    page = opened(practice.folder, monkeypatch)
    shown = [page.get("image")[0].proto.imgs[0].url]
    for key, choice in (("map-sequence-adi", "toy_cam_3"), ("entry-adi", "median")):
        page.selectbox(key=key).select(choice).run()
        assert not page.exception
        shown.append(page.get("image")[0].proto.imgs[0].url)
    assert len(set(shown)) == 3


@pytest.mark.slow
def test_an_entry_is_opened_with_its_rates_by_separation_and_by_instrument(practice, monkeypatch):
    page = opened(practice.folder, monkeypatch)
    page.selectbox(key="entry-adi").select("median").run()
    separation, instrument, brightness = (frame.value for frame in page.dataframe[1:4])
    (row,) = page.dataframe[0].value.query("Method == 'median'").to_dict("records")
    assert instrument["Instrument"].tolist() == ["toy_cam"]
    assert instrument["found"].tolist() == [row["Found"]]
    assert separation["Separation"].tolist()[0] == "up to 3 λ/D"
    assert brightness["TPR"].tolist() == [row["TPR"]]
    assert any(text.startswith("By instrument") for text in texts(page))


@pytest.mark.slow
def test_an_entry_is_opened_with_what_its_score_warns_of(build, monkeypatch):
    challenge = build(["pca"])
    maps = challenge.maps("adi")
    del maps["toy_cam_0"]
    maps["toy_cam_1"][:, :30] = np.nan
    keep(challenge, challenge.archive(maps, name="holey"), 5)
    page = opened(challenge.folder, monkeypatch)
    names = dict(zip(page.selectbox(key="entry-adi").options, range(2), strict=True))
    page.selectbox(key="entry-adi").select_index(names["pca"]).run()
    assert not page.warning
    page.selectbox(key="entry-adi").select_index(names["holey"]).run()
    missing, coverage = (box.value.replace("\\", "") for box in page.warning)
    assert missing == "1 of 8 sequences has no map; companions in them count as missed"
    assert "of the scored pixels are finite, least in toy_cam_1" in coverage


def test_a_score_that_was_made_anew_is_shown(build, monkeypatch):
    challenge = build(["pca"])
    page = opened(challenge.folder, monkeypatch)
    assert page.dataframe[0].value["F1"].tolist() == [1.0]
    (path,) = (challenge.folder / "entries").glob("*/score-strict-v1.json")
    score = json.loads(path.read_text())
    score["overall"]["f1"] = 0.25
    path.write_text(json.dumps(score))
    assert page.run().dataframe[0].value["F1"].tolist() == [0.25]


@pytest.mark.slow
def test_a_contest_sends_nothing_about_a_single_sequence(practice, contest, monkeypatch):
    open_page = opened(practice.folder, monkeypatch)
    assert b"toy_cam_3" in everything_sent(open_page)
    assert b"step-after" in everything_sent(open_page)
    page = opened(contest.folder, monkeypatch)
    assert b"toy_cam" not in everything_sent(page)
    # The steps of a curve tell which of one's candidates are true.
    assert b"step-after" not in everything_sent(page)
    assert not page.get("image")
    assert not page.selectbox
    assert len(page.dataframe) == 2  # the ranking and every metric: nothing by instrument
    assert [heading.value for heading in page.subheader] == [
        "Detections against false positives",
        "Who beats whom",
    ]


def test_a_contest_is_shown_without_its_truth(build, monkeypatch):
    challenge = build(["paco", "pca"], kind="contest")
    (challenge.folder / "private" / "truth.json").unlink()
    assert opened(challenge.folder, monkeypatch).dataframe[0].value["Method"].tolist()[0] == "paco"


def test_an_empty_challenge_says_what_to_type(build, monkeypatch):
    challenge = build()
    page = opened(challenge.folder, monkeypatch)
    assert "Nobody has entered yet" in page.info[0].value
    assert f"exobench run pca {challenge.public}" in page.code[0].value
    assert f"exobench score pca.zip {challenge.folder}" in page.code[0].value


def test_a_track_without_entries_says_so(build, monkeypatch):
    page = opened(build(["pca"]).folder, monkeypatch)
    page.segmented_control(key="track").set_value("adi_ifs").run()
    assert texts(page)[-1] == "No entries on the track ADI + IFS yet."


def test_a_new_entry_is_there_on_the_next_run(build, monkeypatch):
    challenge = build(["pca"])
    page = opened(challenge.folder, monkeypatch)
    fill(challenge, ["pca", "llsg"])
    assert sorted(page.run().dataframe[0].value["Method"]) == ["llsg", "pca"]


def test_a_challenge_that_is_none_is_explained(tmp_path, monkeypatch):
    page = opened(tmp_path, monkeypatch)
    assert page.error[0].value == "This challenge cannot be shown."
    assert "no manifest.json there" in page.code[0].value


def test_text_from_outside_reaches_no_element_that_reads_markdown(build, monkeypatch):
    page = opened(build(HOSTILE, name="![x](http://192.0.2.1/a.png) <b>").folder, monkeypatch)
    assert len(page.dataframe[0].value) == len(HOSTILE)
    kinds = (page.markdown, page.caption, page.subheader, page.info, page.warning, page.error)
    shown = " ".join(element.value for kind in kinds for element in kind)
    assert not any(name[:9] in shown for name in HOSTILE)
    assert page.header[0].value.startswith(r"\!\[x\]\(http")


# In a browser --------------------------------------------------------------------------------

PATIENCE_MS = 120_000  # a machine may do much else meanwhile


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright: pip install 'exobench[dev]'"
    )
    if not Path("/usr/bin/chromium").exists():
        pytest.skip("needs chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def new_tab(chromium):
    tab = chromium.new_page(viewport={"width": 1280, "height": 900})
    tab.set_default_timeout(PATIENCE_MS)
    return tab


def becomes_true(tab, condition):
    """Whether it does so within our patience: charts and images are drawn after the script."""
    for _ in range(PATIENCE_MS // 100):
        if condition():
            return True
        tab.wait_for_timeout(100)
    return False


@contextmanager
def browsed(chromium, challenge, free_port):
    """The page in a browser, and what went wrong in its console or went elsewhere."""
    with server.running_page(challenge.folder, "127.0.0.1", free_port) as running:
        tab, wrong = new_tab(chromium), []
        tab.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        local = (running.address, "data:", "blob:")
        tab.on("request", lambda r: None if r.url.startswith(local) else wrong.append(r.url))
        tab.goto(running.address)
        tab.get_by_role("heading", name="Who beats whom").wait_for()
        settle(tab)
        yield tab, wrong
        tab.close()


def settle(tab):
    """Wait until the script of the page has run to its end."""
    tab.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    assert tab.locator("[data-testid=stException]").count() == 0


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cell(tab, text):
    """A cell of a table: tables are drawn on a canvas, with their text inside it."""
    return tab.locator("[data-testid=stDataFrame] td").get_by_text(text, exact=True).first


def unfold(tab, box):
    """Show the choices of `box`; a chart drawn late moves the page, which folds them again."""
    choices = tab.get_by_role("option")
    for _ in range(30):
        box.locator("input").first.press("ArrowDown")  # a click would scroll, which folds them too
        tab.wait_for_timeout(1_000)
        if choices.count():
            return
    raise AssertionError("the choices do not unfold")


def curves(tab):
    """Widths in pixels of the lines of the first chart."""
    lines = tab.locator("[data-testid=stVegaLiteChart]").first.locator(".mark-line path")
    return lines.evaluate_all("lines => lines.map(line => line.getBoundingClientRect().width)")


def has_curves(tab, count):
    """Whether as many lines come to be drawn."""
    return becomes_true(tab, lambda: len(curves(tab)) == count)


@pytest.mark.slow
@pytest.mark.browser
def test_a_reader_finds_ranking_curve_and_map_and_switches_the_track(chromium, practice, free_port):
    with browsed(chromium, practice, free_port) as (tab, wrong):
        assert tab.title() == "exobench leaderboard"
        assert tab.get_by_role("heading", name="survey leaderboard").is_visible()
        cell(tab, "paco").wait_for(state="attached")
        assert has_curves(tab, 3)
        assert becomes_true(tab, lambda: min(curves(tab)) > 300)
        image = tab.locator("[data-testid=stImage] img")
        image.wait_for()
        first = image.get_attribute("src")
        width = "image => image.complete ? image.naturalWidth : 0"
        assert becomes_true(tab, lambda: image.evaluate(width) > 500)
        tab.get_by_role("radio", name="ADI + IFS").click()
        cell(tab, "sdi_pca").wait_for(state="attached")
        settle(tab)
        cell(tab, "paco").wait_for(state="detached")
        assert has_curves(tab, 1)
        assert becomes_true(tab, lambda: image.get_attribute("src") != first)
        assert wrong == []


@pytest.mark.slow
@pytest.mark.browser
def test_hostile_names_stay_text_in_a_browser(chromium, build, free_port):
    challenge = build(HOSTILE, name="![x](http://192.0.2.1/a.png) <img src=x onerror=alert(1)>")
    with browsed(chromium, challenge, free_port) as (tab, wrong):
        for box in (tab.get_by_test_id("stMultiSelect"), tab.get_by_test_id("stSelectbox").first):
            unfold(tab, box)
            tab.keyboard.press("Escape")
        tab.get_by_text("Every metric, and what it means").click()
        tab.mouse.move(300, 640)
        settle(tab)
        assert tab.title() == "exobench leaderboard"
        assert tab.locator("img[src*='192.0.2.1'], a[href*='192.0.2.1'], img[src=x]").count() == 0
        assert tab.locator("a[href^='javascript']").count() == 0
        heading = tab.get_by_role("heading", level=2).inner_text()
        assert heading.replace("\u2060", "").startswith("![x](http://192.0.2.1/a.png) <img src=x")
        assert wrong == []


@pytest.mark.slow
@pytest.mark.browser
def test_a_contest_is_drawn_in_a_browser(chromium, contest, free_port):
    with browsed(chromium, contest, free_port) as (tab, wrong):
        assert has_curves(tab, 3)
        assert tab.locator("[data-testid=stImage]").count() == 0
        assert wrong == []


@pytest.mark.slow
def test_an_error_of_the_page_is_told_on_standard_error_alone(
    chromium, toy_challenge, free_port, tmp_path, monkeypatch, capfd
):
    broken = tmp_path / "broken.py"
    broken.write_text("raise ValueError('what went wrong')")
    monkeypatch.setattr(server, "PAGE", broken)
    with server.running_page(toy_challenge.folder, "127.0.0.1", free_port) as page:
        tab = new_tab(chromium)
        tab.goto(page.address)
        tab.get_by_text("This app has encountered an error").wait_for()
        assert "what went wrong" not in tab.inner_text("body")
        tab.close()
    assert "ValueError: what went wrong" in capfd.readouterr().err
