"""The confusion table as text."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from nn.validation import plain_label

_MOST_IN_TABLE = 25  # classes: as many as a screen has room for


def confusion_table(classes: Sequence[Any], right: Sequence[Any], said: Sequence[Any]) -> str:
    """Right classes (rows) by predicted ones (columns); the top confusions of many classes.

    >>> print(confusion_table(["cat", "dog"], ["cat", "dog", "dog"], ["cat", "cat", "dog"]))
    right \\ said  cat  dog
             cat    1    .
             dog    1    1
    """
    counts = Counter(zip(right, said))
    if len(classes) > _MOST_IN_TABLE:
        wrong = [(plain_label(str(a)), plain_label(str(b)), n) for (a, b), n in counts.most_common() if a != b]
        return "\n".join(f"{a} taken for {b}: {n}" for a, b, n in wrong[:10])
    cuts = ([plain_label(str(label), most) for label in classes] for most in (20, 40, 10_000))
    names = max(cuts, key=lambda cut: len({*cut}))  # the shortest that tell all classes apart
    rows = [["right \\ said", *names]]
    rows += [[name, *(str(counts[a, b] or ".") for b in classes)] for a, name in zip(classes, names)]
    wide, narrow = max(len(row[0]) for row in rows), max(3, *(len(cell) for row in rows for cell in row[1:]))
    return "\n".join(row[0].rjust(wide) + "".join(f"  {cell:>{narrow}}" for cell in row[1:]) for row in rows)
