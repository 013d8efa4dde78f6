"""Trained models on disk: nothing is lost or run, and what is no model is refused."""

import dataclasses
import json
import os
import struct

import numpy as np
import pytest

from exobench.baselines.learning.networks import model_document, weight_files
from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
from exobench.baselines.learning.networks.model_file import Detector, Model, check_fits, load, save
from exobench.datasets.errors import InputError

ARCHITECTURE = Architecture(kind="conv3d", n_ranks=4, patch=5, filters=(2, 3), dense=4)
OUTER = Architecture(kind="gru", n_ranks=6, patch=5, filters=(2, 3), recurrent=3, snr_curve=True)


@pytest.fixture(autouse=True)
def safetensors():
    reason = "needs the extra: pip install 'exobench[torch]'"
    return pytest.importorskip("safetensors.numpy", reason=reason)


@pytest.fixture
def model():
    return Model(
        architecture=ARCHITECTURE,
        weights=initial_weights(ARCHITECTURE, np.random.default_rng(0)),
        recipe={"cevr": 0.99, "snr": [1, 3], "normalisation": "slice"},
        calibration={"prior": 1e-4, "threshold": None},
        provenance={"exobench": "0.1.0", "sequences": ["naco_1", "Ω"]},
    )


@pytest.fixture
def detector(model):
    """Of two parts, the second one with ranks, a network and provenance of its own."""
    weights = initial_weights(OUTER, np.random.default_rng(1))
    outer = Model(architecture=OUTER, weights=weights, provenance={"seed": 3})
    provenance = {"regimes": [0.01, 0.4]}
    return Detector(parts=(model, outer), boundaries_px=(21.5,), provenance=provenance)


@pytest.fixture
def path(detector, tmp_path):
    path = tmp_path / "models" / "a.safetensors"
    save(detector, path)
    return path


def parts(path):
    """Header and arrays of a file."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def write(path, header, arrays):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + arrays)


def rewritten(path, **changes):
    """The file with keys of its document replaced; those that are None removed."""
    header, arrays = parts(path)
    document = json.loads(header["__metadata__"]["exobench"]) | changes
    document = {key: value for key, value in document.items() if value is not None}
    header["__metadata__"]["exobench"] = json.dumps(document)
    write(path, header, arrays)


def refusal(path):
    with pytest.raises(InputError) as caught:
        load(path)
    assert all(line.startswith(f"{path}: ") for line in caught.value.problems)
    assert all(len(line) < len(str(path)) + 250 for line in caught.value.problems)
    return [line.removeprefix(f"{path}: ") for line in caught.value.problems]


def test_a_detector_comes_back_bit_for_bit(detector, path):
    found = load(path)
    assert found.boundaries_px == detector.boundaries_px
    assert found.provenance == detector.provenance
    for one, expected in zip(found.parts, detector.parts, strict=True):
        assert one.architecture == expected.architecture
        assert {name: values.tobytes() for name, values in one.weights.items()} == {
            name: values.tobytes() for name, values in expected.weights.items()
        }
        for name in ("recipe", "calibration", "provenance"):
            assert getattr(one, name) == getattr(expected, name)


def test_a_boundary_belongs_to_the_part_beyond_it(detector):
    inner, outer = detector.parts
    assert detector.part_at(0) is detector.part_at(21.4) is inner
    assert detector.part_at(21.5) is detector.part_at(1e9) is outer
    assert [limits[:2] for limits in detector.areas()] == [(0, 21.5), (21.5, np.inf)]


@pytest.mark.parametrize(
    "boundaries", [(), (1.0, 2.0), (0.0,), (-1.0,), (np.nan,), (np.inf,), ("1",), (True,), [1.0]]
)
def test_boundaries_that_do_not_part_the_field_are_refused(detector, boundaries):
    with pytest.raises(InputError, match="boundaries_px must be increasing radii above 0, one few"):
        Detector(parts=detector.parts, boundaries_px=boundaries)


def test_a_detector_of_no_part_or_too_many_or_too_large_ones_is_refused(model, monkeypatch):
    with pytest.raises(InputError, match="must have 1 to 16 parts, got 0"):
        Detector(parts=())
    ends = tuple(float(n) for n in range(1, 17))
    with pytest.raises(InputError, match="must have 1 to 16 parts, got 17"):
        Detector(parts=(model,) * 17, boundaries_px=ends)
    most = 2 * ARCHITECTURE.n_parameters - 1
    monkeypatch.setattr(model_document, "LARGEST_PARAMETERS", most)
    Detector(parts=(model,))
    with pytest.raises(InputError, match=f"may have {most} parameters, this one would have"):
        Detector(parts=(model, model), boundaries_px=(1.0,))


def test_the_same_detector_gives_the_same_bytes(detector, path, tmp_path):
    def turned(model):
        backwards = {k: np.asfortranarray(v) for k, v in reversed(model.weights.items())}
        return dataclasses.replace(model, weights=backwards)

    again = tmp_path / "again"
    save(dataclasses.replace(load(path), parts=tuple(map(turned, detector.parts))), again)
    assert again.read_bytes() == path.read_bytes()


def test_other_tools_read_the_weights(detector, path, safetensors):
    found = safetensors.load_file(path)
    for number, part in enumerate(detector.parts):
        np.testing.assert_array_equal(found[f"{number}/dense.weight"], part.weights["dense.weight"])


def test_a_document_that_is_too_long_or_not_finite_is_not_written(detector, tmp_path, monkeypatch):
    path = tmp_path / "model"
    wrong = dataclasses.replace(detector, provenance={"flux": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        save(wrong, path)
    monkeypatch.setattr(weight_files, "_LARGEST_HEADER", 1000)
    with pytest.raises(ValueError, match="beside the weights exceeds 1000 bytes"):
        save(detector, path)
    assert not any(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(detector, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"file/model: cannot be written, "):
        save(detector, tmp_path / "file" / "model")


def test_an_installation_without_safetensors_is_told_how_to_get_it(path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(weight_files, "import_module", missing)
    with pytest.raises(InputError, match=r"need safetensors, .* pip install 'exobench\[torch\]'"):
        load(path)


def test_what_is_no_model_is_refused(path, tmp_path):
    assert refusal(tmp_path / "none") == ["cannot be read, no such file or directory"]
    assert refusal(tmp_path)[0].startswith("is no file; name a model")
    for content in (b"", b"\x80\x05\x95", b"PK\x03\x04" + bytes(100), b"SIMPLE  =" * 10):
        path.write_bytes(content)
        assert refusal(path) == ["is no model: expected a file of safetensors; name another file"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe")[0].startswith("is no file")


def test_a_file_larger_than_any_model_is_not_read(tmp_path):
    path = tmp_path / "vast"
    with path.open("wb") as file:
        file.truncate(2**40)  # sparse
    assert refusal(path)[0].startswith("has 1099511627776 bytes, a model at most")


def test_a_header_larger_than_a_model_has_is_not_parsed(path):
    content = path.read_bytes()
    path.write_bytes(struct.pack("<Q", 2**62) + content[8:])
    assert refusal(path)[0].startswith(f"has a header of {2**62} bytes, a model at most")
    path.write_bytes(struct.pack("<Q", len(content)) + content[8:])
    assert refusal(path)[0].startswith("is cut off in its header; copy it again")


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"{}}",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"\xff": 1}',
        b'{"a":' * 100_000,
    ],
    ids=["cut", "more", "nan", "huge", "digits", "bytes", "deep"],
)
def test_a_header_that_is_not_json_of_finite_numbers_is_refused(path, text):
    write(path, text, b"")
    (problem,) = refusal(path)
    assert problem.startswith("the header is not JSON of finite numbers (")


def test_weights_of_other_programs_are_told_from_models(path):
    header, arrays = parts(path)
    for metadata in (None, {}, {"format": "pt"}, {"exobench": 3}, ["exobench"]):
        write(path, header | {"__metadata__": metadata}, arrays)
        (line,) = refusal(path)
        assert line.startswith(
            "holds weights, but not those of a model of exobench for this method"
        )
        assert line.endswith("lacks exobench; name a model that was trained for it")


@pytest.mark.parametrize("version", [1, 4, 0, "3", True, 3.0, [1] * 1000])
def test_another_version_is_refused_with_what_to_do(path, version):
    rewritten(path, format=version)
    (problem,) = refusal(path)
    assert problem.startswith("has format ")
    assert problem.endswith("reads 3; update exobench, or train the model again")


def test_every_wrong_key_of_the_document_is_named(path):
    rewritten(path, provenance=None, parts={"0": {}}, code="import os")
    assert refusal(path) == [
        "its metadata lacks provenance; copy it again, or train the model again",
        "its metadata has an unknown key code; known are boundaries_px, parts, provenance",
        "its metadata: parts must be a list, got {'0': {}}; "
        "copy it again, or train the model again",
    ]


def document(path):
    return json.loads(parts(path)[0]["__metadata__"]["exobench"])


def test_every_wrong_key_of_a_part_is_named(path):
    inner = document(path)["parts"][0]
    del inner["recipe"]
    rewritten(path, parts=[inner | {"calibration": [1], "code": "x"}, "outer"])
    assert refusal(path) == [
        "part 0 lacks recipe; copy it again, or train the model again",
        "part 0 has an unknown key code; known are architecture, calibration, provenance, recipe",
        "part 0: calibration must be an object, got [1]; copy it again, or train the model again",
        "part 1 must be an object, got outer; copy it again, or train the model again",
    ]


def test_parts_that_do_not_part_the_field_are_refused(path):
    rewritten(path, boundaries_px=[[1]])
    assert refusal(path) == [
        "boundaries_px must be increasing radii above 0, one fewer than parts, got ([1],) for "
        "2 parts"
    ]
    rewritten(path, parts=[])
    assert refusal(path)[0] == "a detector must have 1 to 16 parts, got 0"
    rewritten(path, parts=[{}] * 10_000)
    assert len(refusal(path)) == 2 + 4 * 16


def test_networks_too_large_together_are_refused_before_weights_are_read(path, monkeypatch):
    monkeypatch.setattr(model_document, "LARGEST_PARAMETERS", 100)
    assert refusal(path)[0].startswith("a detector may have 100 parameters, this one would have")


def test_every_wrong_hyper_parameter_is_named(path):
    inner, outer = document(path)["parts"]
    architecture = inner["architecture"]
    wrong = architecture | {"patch": 2**60, "kind": {"a": 1}}
    rewritten(path, parts=[inner | {"architecture": wrong}, outer])
    assert refusal(path) == [
        "part 0: its architecture: kind must be one of conv3d, convlstm, lstm, gru, got {'a': 1}",
        f"part 0: its architecture: patch must be a whole number from 1 to 256, got {2**60}",
    ]
    del architecture["dense"]
    rewritten(path, parts=[outer, inner | {"architecture": architecture | {"layers": 3}}])
    assert [line.split(";")[0] for line in refusal(path)] == [
        "part 1: its architecture has an unknown key layers",
        "part 1: its architecture lacks dense",
    ]


def test_weights_of_another_architecture_are_refused(path):
    header, arrays = parts(path)
    bias = header["0/dense.bias"]
    wrong = header | {"0/dense.bias": bias | {"shape": [2, 2]}, "1/extra\n": bias}
    del wrong["0/conv1.bias"]
    write(path, wrong, arrays)
    assert refusal(path) == [
        "part 0: a network conv3d lacks the weights conv1.bias",
        "part 0: weights dense.bias must have shape (4,), got (2, 2)",
        "part 1: a network gru has no weights 'extra\\n'",
    ]
    write(path, header | {"0/dense.bias": bias | {"dtype": "I32"}}, arrays)
    assert refusal(path) == ["weights 0/dense.bias must be F32, got I32"]
    write(path, header | {"0/dense.bias": {"shape": "4"}}, arrays)
    assert refusal(path)[0].startswith("states no shape of 0/dense.bias; copy it again")


@pytest.mark.parametrize("name", ["2/dense.bias", "00/dense.bias", "-1/x", "dense.bias", "/", "é"])
def test_weights_of_no_part_are_refused(path, name):
    header, arrays = parts(path)
    write(path, header | {name: header["0/dense.bias"]}, arrays)
    assert refusal(path) == [f"has weights {name}, which are of none of its parts"]


def test_parts_in_another_order_are_not_taken_for_each_other(path):
    rewritten(path, parts=document(path)["parts"][::-1])
    assert refusal(path)[0].startswith("part 0: a network gru lacks the weights ")


def test_arrays_that_are_cut_off_or_overlap_are_refused(path):
    header, arrays = parts(path)
    write(path, header, arrays[:-1])
    assert refusal(path)[0].startswith("is damaged (")
    write(path, header | {"0/dense.bias": header["0/output.bias"] | {"shape": [4]}}, arrays)
    assert refusal(path)[0].startswith("is damaged (")


def test_weights_that_are_not_finite_are_refused(path):
    header, arrays = parts(path)
    start = header["0/conv1.bias"]["data_offsets"][0]
    write(path, header, arrays[:start] + np.float32(np.inf).tobytes() + arrays[start + 4 :])
    assert refusal(path) == ["weights conv1.bias must be finite; the training has failed"]


def test_bytes_changed_at_random_never_end_in_another_error(path):
    rng, whole = np.random.default_rng(3), bytearray(path.read_bytes())
    length = 8 + struct.unpack("<Q", whole[:8])[0]
    refused = 0
    for _ in range(300):
        content = whole.copy()
        for at in rng.integers(0, length, rng.integers(1, 4)):
            content[at] = rng.integers(0, 256)
        path.write_bytes(content)
        try:
            load(path)
        except InputError:
            refused += 1
    assert refused > 200


def test_models_for_other_patches_or_ranks_are_refused(model):
    check_fits(model, patch=5, n_ranks=4)
    with pytest.raises(InputError) as caught:
        check_fits(model, patch=11, n_ranks=20)
    assert caught.value.problems == (
        "the model was trained for patches of 5 pixels, this sequence needs 11 (2 FWHM): "
        "train again on it, or take a model of the same sampling",
        "the model was trained for 4 ranks, the samples have 20: make them with 4, or train again",
    )


def test_a_model_with_the_weights_of_another_is_not_made(model):
    other = Architecture(kind="gru", n_ranks=4, patch=5)
    with pytest.raises(InputError, match="a network gru lacks the weights conv1"):
        Model(architecture=other, weights={})
    with pytest.raises(InputError, match=r"weights conv1\.weight must have shape \(40, 1, 3, 3\)"):
        Model(architecture=other, weights=model.weights)
