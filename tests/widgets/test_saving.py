"""Files that the explorer saves, read back by other means and compared with the geometry."""

import base64
import io
import json
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from scipy.optimize import Bounds

import featurespace_widgets as fsw
from featurespace_widgets.widgets import saving

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def fashion():
    return fsw.load("fashion-mnist")


@pytest.fixture(params=["boundary", "section"])
def explorer(request, fashion):
    made = fsw.Explorer(fashion, classes=(2, 4, 6))
    made.view.mode = request.param
    return made


def polygons(path):
    """Cells in an SVG, in plane coordinates by the extent that it states."""
    root = ElementTree.parse(path).getroot()
    s0, s1, _, t1 = extent = [float(x) for x in root.get("data-extent").split()]
    scale = float(root.get("width")) / (s1 - s0)
    found = {}
    for node in root.iter(f"{SVG}polygon"):
        pixels = np.array([pair.split(",") for pair in node.get("points").split()], dtype=float)
        found[int(node.get("data-class"))] = np.column_stack(
            [s0 + pixels[:, 0] / scale, t1 - pixels[:, 1] / scale]
        )
    return found, extent, root


def test_the_svg_holds_the_exact_cells(explorer, tmp_path):
    found, extent, root = polygons(explorer.save(tmp_path / "slice.svg"))
    expected = {cell.class_index: cell.polygon for cell in explorer.view.plane.cells(extent)}
    assert found.keys() == expected.keys()
    for index, polygon in expected.items():
        np.testing.assert_allclose(found[index], polygon, atol=1e-8)
    probe = next(node for node in root.iter(f"{SVG}circle") if node.get("data-part") == "probe")
    scale = float(root.get("width")) / (extent[1] - extent[0])
    at = [extent[0] + float(probe.get("cx")) / scale, extent[3] - float(probe.get("cy")) / scale]
    np.testing.assert_allclose(at, explorer.view.probe.st, atol=1e-3 / scale)


def test_the_png_shows_the_class_of_its_cells(explorer, tmp_path):
    """Away from lines, dots and letters most pixels of a cell have the tint of the model's class."""
    picture = np.asarray(Image.open(explorer.save(tmp_path / "slice.PNG")).convert("RGB")).astype(int)
    extent, plane = saving.picture(explorer.view).extent, explorer.view.plane
    width = picture.shape[1]
    rng = np.random.default_rng(0)
    st = np.column_stack([rng.uniform(*extent[:2], 2000), rng.uniform(*extent[2:], 2000)])
    logits = plane.logit_planes() @ np.vstack([np.ones(2000), st.T])
    classes = np.array(plane.classes)
    winners = classes[logits[classes].argmax(axis=0)]
    x = ((st[:, 0] - extent[0]) / (extent[1] - extent[0]) * width).astype(int)
    y = ((extent[3] - st[:, 1]) / (extent[1] - extent[0]) * width).astype(int)
    colours = [bytes.fromhex(colour[1:]) for colour in explorer.view.scene["colors"]]
    tints = {k: 255 - 0.36 * (255 - np.frombuffer(colours[k], np.uint8).astype(float)) for k in classes}
    shown = picture[y, x]
    ink = np.array([0x1D, 0x20, 0x25])
    same = [
        min(np.abs(pixel - tint).max(), np.abs(pixel - (0.78 * tint + 0.22 * ink)).max()) <= 3
        for pixel, tint in zip(shown, (tints[k] for k in winners), strict=True)
    ]
    assert np.mean(same) > 0.6


def test_npz_and_json_hold_the_plane_the_samples_and_the_point(explorer, fashion, tmp_path):
    with np.load(explorer.save(tmp_path / "view.npz")) as stored:
        arrays = dict(stored)
    text = json.loads(explorer.save(tmp_path / "view.json").read_text("utf-8"))
    st, rows = arrays["sample_st"], arrays["sample_rows"]
    rebuilt = arrays["origin"] + st @ arrays["basis"]
    away = fashion.features[rows] - rebuilt
    np.testing.assert_allclose(away @ arrays["basis"].T, 0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(away, axis=1), arrays["sample_distance"], rtol=1e-6)
    np.testing.assert_array_equal(fashion.labels[rows], arrays["sample_labels"])
    np.testing.assert_allclose(
        fashion.head.weight @ arrays["point"] + fashion.head.bias, arrays["logits"], rtol=1e-9
    )
    projected = (arrays["point"] - arrays["origin"]) @ arrays["basis"].T
    np.testing.assert_allclose(projected, arrays["point_st"], atol=1e-8)
    if explorer.view.mode == "section":
        means = [fashion.features[fashion.labels == k].mean(axis=0) for k in (2, 4, 6)]
        np.testing.assert_allclose(arrays["anchors"], means, atol=1e-8)
    assert text["class_names"] == list(arrays["class_names"])
    for name in ("origin", "basis", "extent", "anchors", "point", "logits", "sample_st"):
        np.testing.assert_array_equal(np.reshape(text[name], arrays[name].shape), arrays[name])
    for k, cell in enumerate(text["cells"]):
        assert cell["class"] == arrays["cell_classes"][k]
        start, stop = arrays["cell_starts"][k : k + 2]
        np.testing.assert_array_equal(cell["polygon"], arrays["cell_vertices"][start:stop])


def test_the_image_is_saved_pixel_by_pixel(fashion, tmp_path):
    explorer = fsw.Explorer(fashion)
    saved = np.asarray(Image.open(explorer.save(tmp_path / "image.png", what="image")))
    np.testing.assert_array_equal(saved.tobytes(), explorer.panel.content["image"]["pixels"])


def test_where_no_feature_vector_lies_the_data_say_so_and_no_image_is_saved(tmp_path):
    rng = np.random.default_rng(0)
    weight = np.array([[0.0, 0, 0], [1.0, 0.1, 0.5], [0.2, 1.0, 0.4]])
    features = rng.uniform(0, 2, (60, 3))
    space = fsw.FeatureSpace.from_arrays(weight, None, features, domain=Bounds(0, np.inf))
    explorer = fsw.Explorer(space, classes=(0, 1, 2))
    for corner in [(s, t) for s in (-50.0, 50.0) for t in (-50.0, 50.0)]:
        explorer.view.move_to(corner)
        if explorer.view.probe.verdict == "no":
            break
    text = json.loads(explorer.save(tmp_path / "view.json").read_text())
    assert (text["verdict"], text["point"], text["logits"]) == ("no", None, None)
    with np.load(explorer.save(tmp_path / "view.npz")) as arrays:
        assert np.isnan(arrays["point"]).all()
    with pytest.raises(ValueError, match="no image is shown"):
        explorer.save(tmp_path / "image.png", what="image")
    assert not (tmp_path / "image.png").exists()


def test_names_with_markup_stay_text(tmp_path):
    names = ["</text><script>alert(1)</script>", 'a "&" b', "bell\x07"]
    space = fsw.FeatureSpace.from_arrays(np.eye(3), np.zeros(3), class_names=names)
    _, _, root = polygons(fsw.Explorer(space).save(tmp_path / "slice.svg"))
    assert not list(root.iter(f"{SVG}script"))
    texts = [node.text for node in root.iter(f"{SVG}text")]
    assert names[0] in texts
    assert "bell\ufffd" in texts


@pytest.mark.parametrize(
    ("path", "what", "message"),
    [
        ("slice.gif", "slice", r"must end in \.svg or \.png or \.npz or \.json, received"),
        ("slice", "slice", "must end in"),
        ("image.svg", "image", r"must end in \.png"),
        ("nowhere/slice.svg", "slice", "no folder"),
        ("slice.svg", "panel", "what must be 'slice' or 'image'"),
    ],
)
def test_what_cannot_be_saved_is_said(fashion, tmp_path, path, what, message):
    with pytest.raises(ValueError, match=message):
        fsw.Explorer(fashion).save(tmp_path / path, what=what)
    assert not list(tmp_path.iterdir())


def test_a_failed_save_leaves_the_old_file(fashion, tmp_path, monkeypatch):
    target = tmp_path / "slice.svg"
    target.write_text("old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        fsw.Explorer(fashion).save(target)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_notebook_keeps_a_picture_beside_the_widget(explorer):
    for widget in (explorer, explorer.view):
        bundle = widget._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        assert "application/vnd.jupyter.widget-view+json" in data
        picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
        assert picture.width == 720
        assert len(data["image/png"]) < 300_000
