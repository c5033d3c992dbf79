"""Which classes are taken for which, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from nn.validation import one_line, plain_label, shortened

_MOST_IN_TABLE = 25  # classes


def confusions(classes: Sequence[Any], right: Sequence[Any], said: Sequence[Any]) -> str:
    """The table of confusions; for more classes than a screen has room for, the commonest confusions alone."""
    if len(classes) <= _MOST_IN_TABLE:
        return confusion_table(classes, right, said)
    wrong = Counter((a, b) for a, b in zip(right, said) if a != b).most_common(10)
    return "\n".join(f"{plain_label(str(a))} taken for {plain_label(str(b))}: {n}" for (a, b), n in wrong)


def confusion_table(classes: Sequence[Any], right: Sequence[Any], said: Sequence[Any]) -> str:
    """How often each class (a row) was taken for each class (a column).

    >>> print(confusion_table(["cat", "dog"], ["cat", "dog", "dog"], ["cat", "cat", "dog"]))
    right \\ said  cat  dog
             cat    1    .
             dog    1    1
    """
    names = [one_line(label)[:14] if isinstance(label, str) else shortened(label, 14) for label in classes]
    counts = Counter(zip(right, said))
    rows = [["right \\ said", *names]]
    rows += [[name, *(str(counts[a, b] or ".") for b in classes)] for a, name in zip(classes, names)]
    wide, narrow = max(len(row[0]) for row in rows), max(3, *(len(cell) for row in rows for cell in row[1:]))
    return "\n".join(row[0].rjust(wide) + "".join(f"  {cell:>{narrow}}" for cell in row[1:]) for row in rows)
