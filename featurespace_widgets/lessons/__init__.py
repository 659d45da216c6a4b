"""For teaching: lessons of the explorer, answers of a class, exercises and pictures of the notebooks.

A lesson file::

    title: Which class wins?
    model: mnist-2d              # for all steps; a step may name another one
    lock: [model, classes]       # for all steps
    steps:
      - title: Look around
        text: Drag the point.
      - title: Predict
        text: The point stands still now.
        classes: [3, 5, 8]       # names, or indices from 0
        mode: boundary           # or section
        point: [1.5, -2]         # plane coordinates; or sample: 12, a row of the training features
        panel: Margins           # the tab that opens
        lock: [point]
        hide: [image, charts]    # until the question is answered
        question:
          kind: choice           # or number, text
          text: Which class wins here?
          choices: ["3", "5", "8"]
          answer: {quantity: class}   # computed from the model; or one of the choices
          wrong: Look at the colour.  # said after a wrong answer
          explain: The largest logit wins.  # shown once the answer is settled

A number has a ``tolerance``, absolute (``0.1``) or relative (``5 %``), and may have a ``unit``. A text
without ``answer`` is open: every answer is kept, none is judged. After ``tries`` (3) wrong answers the
right one is shown. `QUANTITIES` names all that can be computed and says of each what it is. Texts are
plain: a blank line begins a paragraph, ``**bold**`` and ```code``` are marked.

``Explorer(lesson=...)`` takes a path, the text itself, or its content as a dict. What is wrong with it stands
on a card with file, step, field and line. Students hand in the string below **Progress**, or the file that is
offered there, and `collect` makes a table of them:

>>> import featurespace_widgets as fsw
>>> explorer = fsw.Explorer(lesson=fsw.lessons.example("how-sure"))
>>> explorer.lesson.go(1)
>>> explorer.lesson.answer(float(explorer.view.probe.radius))
True
>>> [(row["question"], row["right"]) for row in fsw.lessons.collect([explorer.lesson.progress]).rows]
[('How large is the radius?', True)]
"""

from ..widgets.lesson.quantities import QUANTITIES
from .collect import ClassAnswers, collect
from .examples import example
from .exercises import EXERCISES, Exercise, check
from .gallery import write_gallery
from .strip import strip

__all__ = [
    "EXERCISES",
    "QUANTITIES",
    "ClassAnswers",
    "Exercise",
    "check",
    "collect",
    "example",
    "strip",
    "write_gallery",
]
