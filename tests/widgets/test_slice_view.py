"""SliceView and Explorer on the kernel's side: what the browser is sent and how its messages are answered."""

import threading
import tracemalloc

import numpy as np
import pytest
from scipy.optimize import Bounds

import featurespace_widgets as fsw
from featurespace_widgets.widgets.scene import MAX_SAMPLES, Scene


@pytest.fixture(scope="module")
def fashion():
    return fsw.load("fashion-mnist")


def array(scene, key, dtype="<f8"):
    return np.frombuffer(scene[key], dtype)


def drag(shown, **changes):
    """What the browser sends while somebody drags."""
    shown.pose = {**shown.pose, "id": 1 + max(0, shown.pose["id"]), "final": False, **changes}
    return shown.answer


def test_the_browser_gets_all_it_needs_for_any_plane_of_the_family(fashion):
    """Logits, lengths, domain and samples of a random plane, from the scene alone."""
    scene, message = (built := Scene(fashion, (2, 4, 6))), built.message(1)
    m = message["m"]
    products = array(message, "C").reshape(10, m)
    gram = array(message, "gram").reshape(m, m)
    rng = np.random.default_rng(0)
    frame = np.vstack([rng.dirichlet(np.ones(m)), rng.normal(size=(2, m))])
    origin, u, v = frame @ scene.generators
    logits = np.column_stack(
        [products @ frame[0] + array(message, "bias"), products @ frame[1], products @ frame[2]]
    )
    np.testing.assert_allclose(
        logits @ [1, 2, 3], fashion.head.logits(origin + 2 * u + 3 * v)[0], rtol=1e-9, atol=1e-9
    )
    vectors = np.array([origin, u, v])
    np.testing.assert_allclose(frame @ gram @ frame.T, vectors @ vectors.T, rtol=1e-9)
    samples = message["samples"]
    stored = array(samples, "products", "<f4").reshape(samples["count"], m) @ frame[1]
    rows = array(samples, "ids", "<u4")
    np.testing.assert_allclose(stored, fashion.features[rows] @ u, rtol=1e-4, atol=2e-2)
    domain = message["domain"]
    moving = scene.generators.any(axis=0)  # a feature that is never active bounds no plane of the family
    np.testing.assert_allclose(array(domain, "rows").reshape(-1, m) @ frame[0], origin[moving], atol=1e-12)
    assert message["norms"]["classes"] == list(range(10))
    norms = array(message["norms"], "rows", "<f4").reshape(10, 10)
    np.testing.assert_allclose(norms, fashion.head.pair_norms, rtol=1e-6)


@pytest.mark.parametrize("mode", ["boundary", "section"])
def test_default_frames_are_orthonormal_and_stand_for_their_planes(fashion, mode):
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    view.mode = mode
    built = Scene(fashion, (2, 4, 6))
    origin, u, v = np.array(view.scene[mode]["frame"]) @ built.generators
    np.testing.assert_allclose(np.array([u, v]) @ np.array([u, v]).T, np.eye(2), atol=1e-9)
    np.testing.assert_allclose(view.plane.from_plane([[1.5, -2.0]])[0], origin + 1.5 * u - 2 * v, atol=1e-8)
    means = [fashion.features[fashion.labels == k].mean(axis=0) for k in (2, 4, 6)]
    if mode == "section":
        np.testing.assert_allclose(view.plane.distance(means), 0, atol=1e-8)
        np.testing.assert_allclose(view.plane.to_plane(means), view.scene["section"]["handles"], atol=1e-8)


def test_a_drag_is_answered_with_its_id_and_the_lifted_point(fashion):
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    where = view.plane.to_plane(fashion.features[fashion.labels == 4][:1])[0]
    answer = drag(view, id=41, probe=where.tolist())
    probe = view.probe
    assert answer["id"] == 41
    assert answer["lifted"]
    assert answer["feasible"]
    np.testing.assert_allclose(view.plane.to_plane(probe.features)[0], where, atol=1e-8)
    assert probe.features.min() >= 0
    assert answer["classIndex"] == fashion.head.predict(probe.features)[0]
    assert answer["radius"] == pytest.approx(fashion.radius(probe.features)[0])


def test_a_tilted_section_is_the_plane_the_browser_drew(fashion):
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    view.mode = "section"
    frame = np.array(view.pose["frame"])
    gram = array(view.scene, "gram").reshape(len(frame[0]), -1)
    towards = np.eye(len(frame[0]))[5] - frame[0]
    for row in frame[1:2]:
        towards = towards - (towards @ gram @ row) * row
    frame[2] = towards / np.sqrt(towards @ gram @ towards)
    drag(view, mode="section", frame=frame.tolist(), probe=[1.0, 2.0])
    expected = np.array([1, 1.0, 2.0]) @ frame @ Scene(fashion, (2, 4, 6)).generators
    np.testing.assert_allclose(view.probe.features, expected, atol=1e-8)
    sixth = fashion.features[fashion.labels == Scene(fashion, (2, 4, 6)).mean_classes[5]].mean(axis=0)
    assert view.plane.distance(sixth)[0] == pytest.approx(0, abs=1e-7)


def test_a_section_through_own_anchors_and_through_a_sample(fashion):
    view = fsw.SliceView(fashion, fashion.features[[1, 20, 300]])
    assert view.mode == "section"
    np.testing.assert_allclose(view.plane.distance(fashion.features[[1, 20, 300]]), 0, atol=1e-8)
    view._on_message(view, {"type": "through", "sample": 77, "handle": 1}, [])
    np.testing.assert_allclose(view.plane.distance(fashion.features[[1, 77, 300]]), 0, atol=1e-8)
    assert view.scene["section"]["labels"][1] == "sample 77"


def test_a_pose_for_an_earlier_scene_is_not_taken_for_the_new_one(fashion):
    """The frame of a late message counts in vectors that are gone; the kernel puts its own pose back."""
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    view.mode = "section"
    late = {**view.pose, "id": 12}
    view.through_sample(77, 1)
    view.pose = late
    assert view.pose["id"] < 0
    assert view.pose["version"] == view.scene["version"]
    assert view.answer["id"] == view.pose["id"]
    assert view.plane.distance(fashion.features[[77]])[0] == pytest.approx(0, abs=1e-8)


def test_a_pose_sent_before_the_kernel_moved_the_view_does_not_move_it_back(fashion):
    """The message was under way while the toolbar asked for the section, the same scene's other mode."""
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    drag(view, probe=[0.5, 0.5])
    under_way = {**view.pose, "id": 7, "probe": [1.0, 0.5], "final": True}
    view.mode = "section"
    place = view.probe.st
    view.pose = under_way
    assert view.mode == "section"
    np.testing.assert_allclose(view.probe.st, place)
    assert view.pose["id"] < 0
    assert view.answer["id"] == view.pose["id"]
    drag(view, probe=[0.25, 0.5])  # goes on from the section
    np.testing.assert_allclose(view.probe.st, [0.25, 0.5])


def test_no_cell_sees_a_view_halfway_to_another_plane(fashion):
    """JupyterLab answers widgets in a thread beside the cells: mode and point must belong together."""
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    moving, seen = threading.Event(), threading.Event()

    def slow(_probe, _final):
        moving.set()
        seen.wait(0.3)  # a cell that asks meanwhile
        return {}

    view.on_probe(slow)
    turning = threading.Thread(target=lambda: setattr(view, "mode", "section"))
    turning.start()
    moving.wait()
    mode, answered = view.mode, dict(view.answer)
    seen.set()
    turning.join()
    assert mode == "section"
    assert answered["id"] == view.pose["id"], "the mode was seen before its point was answered"


@pytest.mark.parametrize(
    "pose",
    [
        {"probe": [np.nan, 0]},
        {"probe": [1, 2, 3]},
        {"probe": "here"},
        {"mode": "sideways"},
        {"mode": "section", "frame": [[0, 1]]},
        {"mode": "section", "frame": None},
        {"mode": "section", "frame": [[0.0] * 16] * 3},
    ],
)
def test_a_bad_message_shows_a_card_and_the_view_goes_on(fashion, pose):
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    good = view.pose
    drag(view, **pose)
    assert view.error["title"] == "This point could not be computed"
    assert view.answer["feasible"] is False
    drag(view, **{**good, "id": 9})
    assert view.error == {}
    assert view.answer["id"] == 9


def test_a_pose_may_come_as_a_message(fashion):
    """As the browser sends it where a lost message keeps ipywidgets from sending states."""
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    pose = {**view.pose, "probe": [0.5, -0.5], "id": 33}
    view._on_message(view, {"type": "pose", "pose": pose}, [])
    assert view.answer["id"] == 33
    np.testing.assert_allclose(view.probe.st, [0.5, -0.5])
    view._on_message(view, {"type": "pose", "pose": {**pose, "probe": "x", "id": 34}}, [])
    assert view.error["title"] == "This point could not be computed"
    np.testing.assert_allclose(view.probe.st, [0.5, -0.5])


BAD_MESSAGES = [None, 3, {}, {"type": "through", "sample": -1}, {"type": "through", "sample": "x"}]


@pytest.mark.parametrize("content", BAD_MESSAGES)
def test_bad_custom_messages_change_nothing(fashion, content):
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    before = view.scene["version"]
    view._on_message(view, content, [])
    assert view.scene["version"] == before


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda space: fsw.SliceView("mnist"), "must be a FeatureSpace, received str"),
        (lambda space: fsw.SliceView(space, classes=(1, 1)), "classes must be"),
        (lambda space: fsw.SliceView(space, np.zeros((3, 64))), "coinciding"),
        (lambda space: fsw.Explorer([]), "an empty list"),
        (lambda space: fsw.Explorer([space, 3]), "received int"),
    ],
)
def test_bad_input_is_refused_before_a_widget_opens(fashion, call, message):
    with pytest.raises(ValueError, match=message):
        call(fashion)


def test_bare_heads_without_samples_can_be_shown():
    for space in (
        fsw.FeatureSpace.from_arrays(np.eye(3), [0.0, 1.0, 2.0]),
        fsw.FeatureSpace.from_arrays([[1.0, 2.0, 3.0]]),
        fsw.FeatureSpace.from_arrays(np.random.default_rng(0).normal(size=(40, 8)), domain=Bounds(0, 6)),
    ):
        explorer = fsw.Explorer(space)
        assert explorer.view.error == {}
        explorer.view.mode = "section"
        assert explorer.view.error == {}
        assert len(explorer.view.plane.cells((-1, 1, -1, 1))) >= 1


def test_large_banks_are_thinned_to_what_a_browser_draws():
    rng = np.random.default_rng(0)
    space = fsw.FeatureSpace.from_arrays(rng.normal(size=(4, 5)), None, rng.normal(size=(20_000, 5)))
    assert Scene(space, (0, 1, 2)).message(1)["samples"]["count"] == MAX_SAMPLES


def test_the_explorer_follows_model_classes_and_mode(fashion):
    explorer = fsw.explore()
    assert explorer.panel.content["image"]["width"] == 28
    explorer.toolbar.model = "mnist-2d"
    assert explorer.space.card["name"] == "mnist-2d"
    assert explorer.toolbar.class_names == list("0123456789")
    explorer.toolbar.chosen = [3, 8]
    assert explorer.view.classes == (3, 8)
    explorer.toolbar.mode = "section"
    assert explorer.view.mode == "section"
    explorer.toolbar.model = "no such model"
    assert "unknown model" in explorer.toolbar.error["received"]
    assert explorer.toolbar.model == "mnist-2d"
    explorer.toolbar.chosen = [3, 3]
    assert "classes must be" in explorer.toolbar.error["received"]
    assert explorer.toolbar.chosen == [3, 8]


def test_the_panel_shows_the_image_of_the_lifted_point_and_its_neighbours(fashion):
    explorer = fsw.Explorer(fashion)
    where = explorer.view.plane.to_plane(fashion.features[fashion.labels == 4][:1])[0]
    answer = drag(explorer.view, probe=where.tolist())
    content, y = explorer.panel.content, explorer.view.probe.features
    pixels = np.frombuffer(content["image"]["pixels"], np.uint8).reshape(28, 28)
    np.testing.assert_allclose(pixels / 255, fashion.decode(y)[0, 0], atol=0.5 / 255 + 1e-6)
    view = fashion.preview(y)
    np.testing.assert_allclose(answer["landing"][:2], explorer.view.plane.to_plane(view.landed)[0], atol=1e-5)
    facts = {label: value for label, value, _ in content["facts"]}
    assert facts["seen as"] == fashion.head.class_names[view.seen[0]]
    assert facts["residual"] == f"{view.residuals[0]:.2f}"
    nearest = fashion.nearest(y)[1][0]
    shown = [np.frombuffer(image["pixels"], np.uint8).reshape(28, 28) for image in content["neighbours"]]
    np.testing.assert_array_equal(shown, fashion.bank.images[nearest, 0])


def test_where_nothing_can_be_the_panel_says_so():
    rng = np.random.default_rng(0)
    weight = np.array([[0.0, 0, 0], [1.0, 0.1, 0.5], [0.2, 1.0, 0.4]])
    space = fsw.FeatureSpace.from_arrays(weight, None, rng.uniform(0, 2, (60, 3)), domain=Bounds(0, np.inf))
    explorer = fsw.Explorer(space, classes=(0, 1, 2))
    corners = [[s, t] for s in (-50.0, 50.0) for t in (-50.0, 50.0)]
    answers = [drag(explorer.view, probe=corner) for corner in corners]
    outside = [answer for answer in answers if not answer["feasible"]]
    assert outside
    assert all("domain" in answer["message"] and answer["landing"] is None for answer in outside)


def test_over_a_slow_link_large_images_of_a_drag_are_small_and_the_last_one_is_whole():
    """Each pixel of the small image is the mean of a block."""
    rng = np.random.default_rng(0)
    features, labels = rng.uniform(0, 1, (12, 3)), np.arange(12) % 3
    images = rng.integers(0, 256, (12, 3, 130, 200), dtype=np.uint8)
    space = fsw.FeatureSpace.from_arrays(np.eye(3), None, features, labels, images=images)
    explorer = fsw.Explorer(space)
    drag(explorer.view, slow=True)
    small, neighbours = explorer.panel.content["image"], explorer.panel.content["neighbours"]
    assert (small["height"], small["width"], small["channels"]) == (33, 50, 3)
    assert {image["width"] for image in neighbours} == {50}
    drag(explorer.view, slow=True, final=True)
    whole = explorer.panel.content["image"]
    assert (whole["height"], whole["width"]) == (130, 200)
    pixels, means = (np.frombuffer(i["pixels"], np.uint8).reshape(i["height"], -1, 3) for i in (whole, small))
    block = pixels[4:8, 8:12].astype(float).mean(axis=(0, 1))
    np.testing.assert_allclose(means[1, 2], block, atol=0.5 + 1e-9)


def test_where_images_may_not_ship_the_panel_shows_the_nearest_example():
    space = fsw.load("cifar10")
    explorer = fsw.Explorer(space)
    content = explorer.panel.content
    facts = {label: value for label, value, _ in content["facts"]}
    view = space.preview(explorer.view.probe.features[None])
    assert facts["source"] == "example image"
    assert facts["seen as"] == space.head.class_names[view.seen[0]]
    assert facts["residual"] == f"{view.residuals[0]:.2f}"
    assert content["neighbours_title"] == "Nearest examples"
    assert content["image"]["pixels"] == view.images[0].transpose(1, 2, 0).tobytes()
    assert content["neighbours"][0]["pixels"] == content["image"]["pixels"]


def test_any_feature_vector_becomes_a_labelled_corner(fashion):
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    vector = fashion.features[5] + 0.25
    view.through_point(vector, "flip", 2)
    assert view.mode == "section"
    assert view.plane.distance(vector[None])[0] == pytest.approx(0, abs=1e-8)
    np.testing.assert_allclose(view.plane.to_plane(vector[None])[0], view.corners[2], atol=1e-8)
    assert view.scene["section"]["labels"][2] == "flip"
    before = view.scene
    with pytest.raises(ValueError, match="features must"):
        view.through_point(vector[:3], "short")
    with pytest.raises(ValueError, match="handle must be 0, 1 or 2"):
        view.through_point(vector, "nowhere", 3)
    assert view.scene is before


def test_a_corner_that_was_dragged_loses_its_name(fashion):
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    view.through_sample(77, 1)
    handles = [list(at) for at in view.pose["handles"]]
    handles[1][0] += 1.0
    drag(view, handles=handles)
    view.through_point(fashion.features[5], "flip", 0)
    assert view.scene["section"]["labels"][:2] == ["flip", ""]


def test_overlays_reach_the_browser_as_products_and_follow_the_scene(fashion):
    """Plane coordinates worked out as the browser does, against the plane's own projection."""
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    walk = fashion.features[[3, 70, 400]]
    view.draw("walk", walk, label="three images")
    view.draw("stops", walk[1], kind="points")
    for show in (lambda: None, lambda: view.show(classes=(1, 3)), lambda: view.through_sample(9, 0)):
        show()
        item = view.overlays["walk"]
        assert (item["kind"], item["label"]) == ("path", "three images")
        assert item["version"] == view.scene["version"]
        products = array(item, "products").reshape(3, -1)
        gram = array(view.scene, "gram").reshape(products.shape[1], -1)
        origin, *axes = np.array(view.pose["frame"])
        st = np.column_stack([products @ axis - origin @ gram @ axis for axis in axes])
        np.testing.assert_allclose(st, view.plane.to_plane(walk), atol=1e-7)
    view.erase("walk")
    view.erase("never drawn")
    assert list(view.overlays) == ["stops"]
    view.show(fsw.load("mnist"))
    assert view.overlays == {}


@pytest.mark.parametrize(
    ("features", "options", "message"),
    [
        (np.zeros((2, 5)), {}, "features must"),
        (np.full((1, 64), np.nan), {}, "features"),
        (np.zeros((0, 64)), {}, "1 to 5000 vectors, received 0"),
        (np.zeros((1, 64)), {"kind": "blob"}, "'path' or 'points', received 'blob'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(fashion, features, options, message):
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    with pytest.raises(ValueError, match=message):
        view.draw("x", features, **options)
    assert view.overlays == {}


def ask(view, **content):
    view._on_message(view, content, [])
    return view.error


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("point", lambda space, y: y),
        ("hull", lambda space, y: space.hull().project(y[None]).points[0]),
        ("tie", lambda space, y: space.ambiguous(y, (2, 4, 6)).point),
        ("mean", lambda space, y: space.features[space.labels == 7].mean(axis=0, dtype=float)),
    ],
)
def test_the_drawer_puts_a_corner_where_it_is_asked_to(fashion, kind, wanted):
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    y = view.probe.features
    assert ask(view, type="corner", kind=kind, label=7, handle=1) == {}
    assert view.plane.distance(wanted(fashion, y)[None])[0] == pytest.approx(0, abs=1e-6)
    assert view.scene["section"]["labels"][1].startswith({"hull": "hull projection"}.get(kind, kind))


def test_the_nearest_boundary_as_a_corner_is_a_tie_of_two_classes(fashion):
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    ask(view, type="corner", kind="flip", handle=0)
    logits = np.sort(fashion.head.logits(view.built.corners[0])[0])
    assert logits[-1] - logits[-2] == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("classes", [(2, 4, 6), (1, 3)])
@pytest.mark.parametrize("kind", ["principal", "pair"])
def test_planes_along_directions_pass_through_the_point(fashion, classes, kind):
    view = fsw.SliceView(fashion, classes=classes)
    y, weight = view.probe.features, fashion.head.weight
    assert ask(view, type="plane", kind=kind) == {}
    assert view.plane.distance(y[None])[0] == pytest.approx(0, abs=1e-8)
    inside = np.linalg.norm(view.plane.basis @ (weight[classes[0]] - weight[classes[1]]))
    whole = np.linalg.norm(weight[classes[0]] - weight[classes[1]])
    assert (inside == pytest.approx(whole)) == (kind == "pair")
    ask(view, type="plane", kind="means")
    assert view.built.usual


def test_samples_of_a_class_are_offered_with_their_images(fashion):
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    assert ask(view, type="thumbs", label=4, **{"from": 24}) == {}
    rows = np.flatnonzero(fashion.labels == 4)
    assert [item["row"] for item in view.thumbs["items"]] == rows[24:48].tolist()
    assert view.thumbs["total"] == len(rows)
    item = view.thumbs["items"][0]
    assert len(item["pixels"]) == item["width"] * item["height"] * item["channels"]


@pytest.mark.parametrize(
    "content",
    [
        {"type": "corner", "kind": "somewhere"},
        {"type": "corner", "kind": "mean", "label": 77},
        {"type": "plane", "kind": "curved"},
        {"type": "thumbs", "label": 1, "from": -3},
    ],
)
def test_what_the_drawer_cannot_do_is_a_card(fashion, content):
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    before = view.scene["version"]
    assert ask(view, **content)["title"] == "The plane cannot be put there"
    assert view.scene["version"] == before


@pytest.mark.parametrize("mode", ["boundary", "section"])
def test_a_shift_along_null_directions_changes_no_margin_and_stays_in_the_domain(fashion, mode):
    view = fsw.SliceView(fashion, classes=(2, 4, 6))
    view.mode = mode
    drag(view)
    if mode == "section":  # onto a mean: inside the domain
        drag(view, probe=view.corners[0])
    before, st = view.probe, view.probe.st
    for share in (-1, 0.5, 1):
        answer = drag(view, shift=share)
        shifted = view.probe.features
        assert np.linalg.norm(shifted - before.features) > 0.5
        assert shifted.min() >= -1e-7
        assert answer["margin"] == pytest.approx(before.margin, abs=1e-6)
        assert answer["radius"] == pytest.approx(before.radius, abs=1e-6)
        assert answer["shifted"]["low"] - 1e-9 <= answer["shifted"]["at"] <= answer["shifted"]["high"] + 1e-9
        if mode == "boundary":
            np.testing.assert_allclose(view.plane.to_plane(shifted[None])[0], st, atol=1e-6)
    drag(view, shift=0.0)
    np.testing.assert_array_equal(view.probe.features, before.features)


def test_a_thousand_classes_send_no_square_of_numbers_and_yet_every_distance(fashion):
    """The row that a section's chip needs comes with the answer."""
    rng = np.random.default_rng(0)
    head = fsw.LinearHead(rng.normal(size=(1000, 12)))
    view = fsw.SliceView(fsw.FeatureSpace(head), rng.normal(size=(3, 12)))
    size = sum(len(part) for part in view.scene["norms"].values() if isinstance(part, bytes))
    assert size == 4 * 3 * 1000
    answer = drag(view, probe=[0.3, 0.2])
    row = array(answer["norms"], "rows", "<f4")
    assert answer["norms"]["classes"] == [view.probe.class_index]
    np.testing.assert_allclose(row, head.pair_norms[view.probe.class_index], rtol=1e-6)
    logits = head.logits(view.probe.features)[0]
    gaps = logits.max() - logits
    assert (gaps[row > 0] / row[row > 0]).min() == pytest.approx(answer["radius"], rel=1e-5)


def test_classes_to_open_with_are_found_among_many_in_little_memory():
    rng = np.random.default_rng(0)
    weight, means = rng.normal(size=(300, 64)), rng.normal(size=(300, 64))
    space = fsw.FeatureSpace.from_arrays(weight, None, means, np.arange(300))
    tracemalloc.start()
    try:
        classes = fsw.SliceView(space).classes
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30e6  # all pairs of means at once would be 46 MB
    gaps = [(np.abs(weight @ (means[i] - means[j])).max(), i, j) for i in range(300) for j in range(i)]
    assert set(min(gaps)[1:]) < set(classes)
