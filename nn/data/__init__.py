"""Data: tables of numbers, data sets, and CSV files."""

from engine.names import are_counted
from nn.data.names import by_name, column_names
from nn.data.sets import DataSet, digits, mnist, moons, xor
from nn.data.tables import Table, as_column, as_table

__all__ = ["DataSet", "Table", "are_counted", "as_column", "as_table", "by_name", "column_names", "digits"]
__all__ += ["mnist", "moons", "xor"]
