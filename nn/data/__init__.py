"""Data: tables of numbers, data sets, and CSV files."""

from nn.data.sets import DataSet, digits, mnist, moons, xor
from nn.data.tables import Table, are_counted, as_column, as_table, by_name, column_names

__all__ = ["DataSet", "Table", "are_counted", "as_column", "as_table", "by_name", "column_names", "digits"]
__all__ += ["mnist", "moons", "xor"]
