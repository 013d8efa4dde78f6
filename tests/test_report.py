"""The page of a score: what it shows, that it stands alone, that it runs nothing."""

import base64
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from importlib.metadata import version

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")

from exobench.challenge.evaluate import strict_score
from exobench.challenge.folder import read_challenge
from exobench.challenge.submission import read_submission
from exobench.leaderboard.detection_figure import FALSE_POSITIVE, MISS, TRUE_POSITIVE
from exobench.leaderboard.report import report_html
from exobench.leaderboard.report_curves import CURVE, curve_figures
from exobench.leaderboard.report_facts import ScoredSubmission
from exobench.leaderboard.report_maps import MOST_PIXELS, joined_pixels, map_drawing
from exobench.scoring import METRICS, DetectionList, MapTruth
from exobench.scoring.sequences import evaluate_sequence

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EVIL = {
    "name": "<script>alert(1)</script>",
    "authors": ('"><img src=x onerror=alert(2)>',),
    "description": "$style </style><script src=//evil.example/x.js></script>\n' onload='alert(3)",
    "url": "https://example.org/?a=1&b=2",
    "trained_on": "<iframe src=javascript:alert(4)>",
    "device": "&lt;b&gt;",
}


def scored(toy, maps=None, threshold=5.0, warnings=None, **method):
    challenge = read_challenge(toy.folder)
    submission = read_submission(toy.archive(maps, threshold, **method), challenge.manifest)
    score = strict_score(submission, challenge)
    return ScoredSubmission(
        challenge=challenge,
        submission=submission,
        score=score,
        scored_at=NOW,
        warnings=score.warnings if warnings is None else warnings,
    )


class Elements(HTMLParser):
    """Tags with their attributes, and the text outside style and script."""

    def __init__(self, page):
        super().__init__()
        self.found, self.text, self._open = [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" not in self._open:
            self.text.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def seven(make_challenge):
    return make_challenge(
        *(
            make_challenge.sequence(name=f"toy_{i}", companions=((20.0, 32.0), (9.0, 20.0)))
            for i in range(6)
        ),
        make_challenge.sequence(name="toy_6", shape=(40, 40)),
    )


@pytest.fixture
def light(monkeypatch):
    """Pages without curves, which take the longest to draw."""
    monkeypatch.setattr("exobench.leaderboard.report.curve_figures", lambda score: ())


@pytest.mark.usefixtures("light")
def test_every_metric_sequence_and_companion_is_on_the_page(seven):
    one = scored(seven, seven.maps(found=0.6), name="mine")
    elements = Elements(report_html(one))
    text = " ".join("".join(elements.text).split())
    assert all(metric.title in text for metric in METRICS.values())
    assert all(f"toy_{i}" in text for i in range(7))
    companions = text.partition("Companion by companion")[2].partition("error (px)")[2]
    assert companions.count("missed") == one.score.overall["fn"] > 0
    assert companions.count("found") == one.score.overall["tp"] > 0
    assert "mine" in text
    assert "2026-01-02 03:04:05+00:00" in text
    assert len([one for one in elements.of("svg") if one.get("class") == "map"]) == 7


@pytest.mark.usefixtures("light")
def test_headlines_carry_their_intervals(seven):
    one = scored(seven, seven.maps(found=0.6))
    text = "".join(Elements(report_html(one)).text)
    low, high = one.score.interval["f1"]
    assert f"95 %: [{low:.3f}, {high:.3f}]" in text


@pytest.mark.usefixtures("light")
def test_where_all_units_agree_the_exact_interval_stands_and_is_explained(seven):
    one = scored(seven)
    assert one.score.interval["tpr"] is None
    text = "".join(Elements(report_html(one)).text)
    low, high = one.score.exact_interval["tpr"]
    assert f"95 %: [{low:.3f}, {high:.3f}]*" in text
    assert "* all units of resampling agree: exact interval (Clopper-Pearson)" in text
    assert "exact interval" not in report_html(scored(seven, seven.maps(found=0.6), 0.47))


@pytest.mark.usefixtures("light")
def test_f1_at_the_prevalence_of_a_survey_is_on_the_page_that_was_asked_for_it(seven):
    survey = {"companions_per_map": 0.02, "value": 0.25, "interval": [0.1, 0.4]}
    page = report_html(replace(scored(seven), survey=survey))
    assert "0.02 companions on average: 0.250, 95 %: [0.100, 0.400]" in page
    assert "on average" not in report_html(scored(seven))


@pytest.mark.usefixtures("light")
def test_the_page_tells_the_versions_of_the_scorer_and_of_the_builder_apart(make_challenge):
    toy = make_challenge(make_challenge.sequence(name="toy_1"), exobench="0.0.7")
    page = report_html(scored(toy))
    assert f"Scored with exobench {version('exobench')}," in page
    assert "built with exobench 0.0.7" in page


@pytest.mark.usefixtures("light")
def test_contrasts_are_magnitudes_where_they_are_known(make_challenge):
    class Known(type(make_challenge.sequence(name="toy_1"))):
        @property
        def hidden(self):
            first, second = super().hidden["companions"]
            return {"companions": [first | {"contrast": 1e-4}, second]}

    toy = make_challenge(Known(name="toy_1", companions=((20.0, 32.0), (9.0, 20.0))))
    text = "".join(Elements(report_html(scored(toy))).text)
    assert "contrast (mag)" in text
    assert "10.00" in text  # -2.5 log10(1e-4)


@pytest.mark.usefixtures("light")
def test_all_four_bins_of_separation_are_shown(toy_challenge):
    text = "".join(Elements(report_html(scored(toy_challenge))).text)
    for name in ("up to 3 λ/D", "3 to 6 λ/D", "6 to 10 λ/D", "over 10 λ/D"):
        assert name in text


@pytest.mark.usefixtures("light")
def test_sections_without_rows_are_left_out(toy_challenge):
    page = report_html(scored(toy_challenge))
    assert "By brightness" in page
    assert "By spectrum" not in page


def test_the_page_loads_and_runs_nothing(seven):
    page = report_html(scored(seven))
    elements = Elements(page)
    assert {tag for tag, _ in elements.found} & {
        "script",
        "link",
        "iframe",
        "object",
        "form",
    } == set()
    sources = [one["src"] for one in elements.of("img")] + [
        one["href"] for one in elements.of("image")
    ]
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    (policy,) = [one for one in elements.of("meta") if "http-equiv" in one]
    assert policy["content"].startswith("default-src 'none'")
    assert not re.search(r"url\((?!#)|@import", page)


@pytest.mark.usefixtures("light")
def test_what_participants_write_is_text_wherever_it_stands(seven):
    page = report_html(scored(seven, warnings=("<script>alert(5)</script>",), **EVIL))
    elements = Elements(page)
    assert elements.of("script") == elements.of("iframe") == []
    assert all("src" in one and one["src"].startswith("data:") for one in elements.of("img"))
    assert not [
        name for _, attributes in elements.found for name in attributes if name.startswith("on")
    ]
    text = "".join(elements.text)
    assert EVIL["authors"][0] in text
    assert "$style </style><script src=//evil.example/x.js></script>" in text
    assert "&lt;b&gt;" in text
    (link,) = elements.of("a")
    assert link["href"] == EVIL["url"]


@pytest.mark.usefixtures("light")
def test_only_addresses_of_the_web_become_links(seven):
    one = scored(seven, url="https://example.org/")
    for address in ("javascript:alert(1)", "data:text/html,x", " JavaScript:alert(1)", "//x.org"):
        # Such an address cannot be sent today; a page must not rely on that.
        method = one.submission.method.model_copy(update={"url": address})
        changed = replace(one, submission=replace(one.submission, method=method))
        elements = Elements(report_html(changed))
        assert elements.of("a") == []
        assert address in "".join(elements.text)


def test_a_javascript_address_is_refused_where_it_is_sent(seven):
    with pytest.raises(ValueError, match="address"):
        seven.archive(url="javascript:alert(1)")


@pytest.mark.usefixtures("light")
def test_a_contest_is_for_the_organizer_only(make_challenge):
    sequence = make_challenge.sequence(name="toy_1", companions=((20.0, 32.0),))
    contest = make_challenge(sequence, kind="contest")
    assert "For the organizer only." in report_html(scored(contest))


@pytest.mark.usefixtures("light")
def test_a_practice_challenge_says_that_the_truth_is_shown(toy_challenge):
    page = report_html(scored(toy_challenge))
    assert "shows the truth of a practice challenge" in page
    assert "For the organizer only." not in page


def test_the_same_score_is_the_same_page(toy_challenge):
    assert report_html(scored(toy_challenge)) == report_html(scored(toy_challenge))


def test_without_injections_the_page_says_why_curves_are_missing(make_challenge):
    toy = make_challenge(make_challenge.sequence(name="toy_1"))
    page = report_html(scored(toy))
    assert "there are no curves" in page
    assert "There are no companions." in page


@pytest.mark.usefixtures("light")
def test_warnings_are_on_the_page(toy_challenge):
    maps = toy_challenge.maps()
    maps["toy_odd_1"][:, :20] = np.nan
    assert "of the scored pixels are finite" in report_html(scored(toy_challenge, maps))


def test_the_area_below_the_curve_of_precision_is_the_average_precision(seven):
    one = scored(seven, seven.maps(found=0.6), threshold=0.47).score
    axes = curve_figures(one)[1].axes[0]
    (line,) = [line for line in axes.lines if line.get_color() == CURVE]
    assert np.trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(
        one.overall["average_precision"]
    )


def test_a_band_is_promised_only_where_there_is_one(toy_challenge, seven):
    def title(one):
        return curve_figures(one.score)[0].axes[0].get_title(loc="left")

    assert title(scored(toy_challenge)) == "FROC"
    assert title(scored(seven, seven.maps(found=0.6), 0.47)) == "FROC, with 95 % band"


def test_the_threshold_is_marked_on_every_curve(seven):
    one = scored(seven, seven.maps(found=0.6), threshold=0.47).score
    froc, precision, roc = (figure.axes[0] for figure in curve_figures(one))
    marks = [
        tuple(value[0] for value in line.get_data())
        for axes in (froc, precision, roc)
        for line in axes.lines
        if line.get_marker() == "D"
    ]
    of = one.overall
    assert marks == [
        (of["fp_per_map"], of["tpr"]),
        (of["tpr"], of["ppv"]),
        (of["fpr_per_resel"], of["tpr"]),
    ]


@pytest.mark.usefixtures("light")
def test_folded_tables_keep_all_rows(seven, monkeypatch):
    monkeypatch.setattr("exobench.leaderboard.report.MOST_OPEN_ROWS", 3)
    elements = Elements(report_html(scored(seven)))
    assert len(elements.of("details")) == 2
    assert all(f"toy_{i}" in "".join(elements.text) for i in range(7))


@pytest.mark.usefixtures("light")
def test_many_maps_are_thumbnails(seven, monkeypatch):
    monkeypatch.setattr("exobench.leaderboard.report.MOST_LARGE_MAPS", 3)
    assert 'class="maps many"' in report_html(scored(seven))


FOUND, MISSED, CLAIMED = (30.0, 24.0), (12.0, 10.0), (20.0, 32.0)


def drawing(answer, block=1, name="toy_1", shape=(41, 41)):
    truth = MapTruth(np.array([FOUND, MISSED]), 4.0, 4.0, 17.0, "toy", shape=shape)
    result = evaluate_sequence(name, answer, truth, 5.0)
    return ET.fromstring(
        map_drawing(result, answer, 0.02, block).replace("<svg ", '<svg xmlns="s" ', 1)
    )


def values(*places, shape=(41, 41)):
    answer = np.random.default_rng(0).uniform(0, 1, shape)
    for y, x in places:
        answer[int(y), int(x)] = 9
    return answer


def titles(svg):
    """Kind of outcome and centre of its shape, in pixels ``(y, x)``."""
    found = {}
    for group in svg.iter("{s}g"):
        kind = group.find("{s}title").text.split(":")[0]
        shape = group[1]
        if shape.tag == "{s}circle":
            x, y = float(shape.get("cx")), float(shape.get("cy"))
        elif shape.tag == "{s}rect":
            half = float(shape.get("width")) / 2
            x, y = float(shape.get("x")) + half, float(shape.get("y")) + half
        else:
            left, top = map(float, re.match(r"M([\d.]+) ([\d.]+)", shape.get("d")).groups())
            arm = float(re.search(r"l([\d.]+)", shape.get("d"))[1])
            x, y = left + 2 * arm, top + arm
        found[kind] = (41 - 0.5 - y * 41 / 300, x * 41 / 300 - 0.5)
    return found


def test_outcomes_stand_where_they_are_with_their_own_shapes():
    found = titles(drawing(values(FOUND, CLAIMED)))
    assert found.keys() == {TRUE_POSITIVE.title, FALSE_POSITIVE.title, MISS.title}
    for mark, place in ((TRUE_POSITIVE, FOUND), (FALSE_POSITIVE, CLAIMED), (MISS, MISSED)):
        assert found[mark.title] == pytest.approx(place, abs=0.03)


def test_titles_say_where_on_the_sky():
    svg = drawing(values(CLAIMED))
    (title,) = [t.text for t in svg.iter("{s}title") if t.text.startswith(FALSE_POSITIVE.title)]
    assert title == "false positive: 0.240 arcsec, position angle 270.0 degrees"  # west


def test_the_image_has_north_up_and_grey_where_nothing_is_claimed():
    import io

    from PIL import Image

    answer = values((30, 24))
    answer[0, :] = np.nan
    (image,) = drawing(answer).iter("{s}image")
    png = base64.b64decode(image.get("href").partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    assert pixels.shape == (41, 41, 3)
    assert (pixels[-1] == (0x64, 0x6C, 0x77)).all()
    brightest = np.unravel_index(pixels.sum(axis=2).argmax(), (41, 41))
    assert brightest == (40 - 30, 24)


def test_joined_pixels_keep_the_highest_and_save_the_rest():
    import io

    from PIL import Image

    (image,) = drawing(values((30, 24)), block=4).iter("{s}image")
    png = base64.b64decode(image.get("href").partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    assert pixels.shape == (11, 11, 3)
    assert np.unravel_index(pixels.sum(axis=2).argmax(), (11, 11)) == (10 - 30 // 4, 24 // 4)


def test_pixels_are_joined_only_where_a_page_would_grow_too_large():
    assert joined_pixels(9 * 251**2) == 1
    assert joined_pixels(200 * 101**2) == 1
    block = joined_pixels(200 * 251**2)
    assert block == 2
    assert 200 * (251 / block) ** 2 <= MOST_PIXELS


def test_a_list_is_drawn_as_points_and_nothing_as_words():
    svg = drawing(DetectionList(yx=np.array([FOUND]), values=np.array([9.0])))
    assert not list(svg.iter("{s}image"))
    assert any(t.text.startswith("listed, 9") for t in svg.iter("{s}title"))
    texts = [text.text for text in drawing(None).iter("{s}text")]
    assert "no map was sent" in texts


def test_a_name_of_a_sequence_is_text_in_its_drawing():
    svg = drawing(values(FOUND), name='"><script>x</script>')
    assert svg.get("aria-label").startswith('"><script>x</script>: 1 true')


def test_a_constant_map_is_drawn():
    (image,) = drawing(np.zeros((41, 41))).iter("{s}image")
    assert image.get("href").startswith("data:image/png")
