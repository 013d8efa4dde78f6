"""Trained models on disk: nothing is lost or run, and what is no model is refused."""

import json
import os
import struct

import numpy as np
import pytest

from exobench.baselines.learning import model_file, weight_files
from exobench.baselines.learning.architecture import Architecture, initial_weights
from exobench.baselines.learning.model_file import Model, check_fits, load, save
from exobench.datasets.errors import InputError

ARCHITECTURE = Architecture(kind="conv3d", n_ranks=4, patch=5, filters=(2, 3), dense=4)


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
def path(model, tmp_path):
    path = tmp_path / "models" / "a.safetensors"
    save(model, path)
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


def test_a_model_comes_back_bit_for_bit(model, path):
    found = load(path)
    assert found.architecture == model.architecture
    assert {name: one.tobytes() for name, one in found.weights.items()} == {
        name: one.tobytes() for name, one in model.weights.items()
    }
    for name in ("recipe", "calibration", "provenance"):
        assert getattr(found, name) == getattr(model, name)


def test_the_same_model_gives_the_same_bytes(model, path, tmp_path):
    again = tmp_path / "again"
    backwards = dict(reversed(load(path).weights.items()))
    turned = {name: np.asfortranarray(values) for name, values in backwards.items()}
    save(
        Model(**{name: getattr(model, name) for name in model.__slots__} | {"weights": turned}),
        again,
    )
    assert again.read_bytes() == path.read_bytes()


def test_other_tools_read_the_weights(model, path, safetensors):
    found = safetensors.load_file(path)
    np.testing.assert_array_equal(found["dense.weight"], model.weights["dense.weight"])


def test_a_document_that_is_too_long_or_not_finite_is_not_written(model, tmp_path, monkeypatch):
    path = tmp_path / "model"
    values = {name: getattr(model, name) for name in model.__slots__}
    with pytest.raises(ValueError, match="not JSON compliant"):
        save(Model(**values | {"recipe": {"flux": float("nan")}}), path)
    monkeypatch.setattr(model_file, "_LARGEST_HEADER", 1000)
    with pytest.raises(ValueError, match="beside the weights exceeds 1000 bytes"):
        save(model, path)
    assert not any(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(model, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"file/model: cannot be written, "):
        save(model, tmp_path / "file" / "model")


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
        assert refusal(path)[0].startswith("holds weights, but not those of a model of exobench")


@pytest.mark.parametrize("version", [2, 0, "1", True, 1.0, [1] * 1000])
def test_another_version_is_refused_with_what_to_do(path, version):
    rewritten(path, format=version)
    (problem,) = refusal(path)
    assert problem.startswith("has format ")
    assert problem.endswith("reads 1; update exobench, or train the model again")


def test_every_wrong_key_of_the_document_is_named(path):
    rewritten(path, recipe=None, calibration=[1], code="import os")
    assert refusal(path) == [
        "its metadata lacks recipe; copy it again, or train the model again",
        "its metadata has an unknown key code; known are "
        "architecture, calibration, provenance, recipe",
        "its metadata calibration must be an object, got [1]; "
        "copy it again, or train the model again",
    ]


def test_every_wrong_hyper_parameter_is_named(path):
    header, _ = parts(path)
    architecture = json.loads(header["__metadata__"]["exobench"])["architecture"]
    rewritten(path, architecture=architecture | {"patch": 2**60, "kind": {"a": 1}})
    assert refusal(path) == [
        "its architecture: kind must be one of conv3d, convlstm, lstm, gru, got {'a': 1}",
        f"its architecture: patch must be a whole number from 1 to 256, got {2**60}",
    ]
    del architecture["dense"]
    rewritten(path, architecture=architecture | {"layers": 3})
    assert [line.split(";")[0] for line in refusal(path)] == [
        "its architecture has an unknown key layers",
        "its architecture lacks dense",
    ]


def test_weights_of_another_architecture_are_refused(path):
    header, arrays = parts(path)
    wrong = header | {
        "dense.bias": header["dense.bias"] | {"shape": [2, 2]},
        "extra\n": header["dense.bias"],
    }
    del wrong["conv1.bias"]
    write(path, wrong, arrays)
    assert refusal(path) == [
        "a network conv3d lacks the weights conv1.bias",
        "a network conv3d has no weights 'extra\\n'",
        "weights dense.bias must have shape (4,), got (2, 2)",
    ]
    write(path, header | {"dense.bias": header["dense.bias"] | {"dtype": "I32"}}, arrays)
    assert refusal(path) == ["weights dense.bias must be F32, got I32"]
    write(path, header | {"dense.bias": {"shape": "4"}}, arrays)
    assert refusal(path)[0].startswith("states no shape of dense.bias; copy it again")


def test_arrays_that_are_cut_off_or_overlap_are_refused(path):
    header, arrays = parts(path)
    write(path, header, arrays[:-1])
    assert refusal(path)[0].startswith("is damaged (")
    write(path, header | {"dense.bias": header["output.bias"] | {"shape": [4]}}, arrays)
    assert refusal(path)[0].startswith("is damaged (")


def test_weights_that_are_not_finite_are_refused(path):
    header, arrays = parts(path)
    start = header["conv1.bias"]["data_offsets"][0]
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
