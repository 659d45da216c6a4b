"""Reading a model's graph while the model is at work elsewhere."""

import threading

import torch

import featurespace_widgets as fsw
from featurespace_widgets.pixels.network_reader import read_network


def test_a_model_that_is_read_goes_on_computing_in_other_threads():
    """Torch traces by taking over every module call of the process; two readers must not mix either."""
    model = fsw.load("mnist").classifier
    image = torch.rand(1, 28, 28)
    expected = model.features(image[None])
    before = torch.nn.Module.__call__, torch.nn.Module.__getattr__
    kinds = [node.kind for node in read_network(model, image).nodes]
    problems, done = [], threading.Event()

    def compute():
        while not done.is_set():
            try:
                torch.testing.assert_close(model.features(image[None]), expected)
            except Exception as error:
                problems.append(error)

    def read():
        for _ in range(40):
            try:
                assert [node.kind for node in read_network(model, image).nodes] == kinds
            except Exception as error:
                problems.append(error)

    computing, readers = threading.Thread(target=compute), [threading.Thread(target=read) for _ in range(3)]
    for thread in (computing, *readers):
        thread.start()
    for thread in readers:
        thread.join()
    done.set()
    computing.join()
    assert problems == []
    assert (torch.nn.Module.__call__, torch.nn.Module.__getattr__) == before
