"""Data: tables of numbers, data sets, and CSV files."""

from nn.data.sets import DataSet, digits, mnist, moons, xor
from nn.data.tables import Table, as_column, as_table

__all__ = ["DataSet", "Table", "as_column", "as_table", "digits", "mnist", "moons", "xor"]
