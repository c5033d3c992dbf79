import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from nn.estimators import MLPClassifier

data = pd.read_csv("titanic.csv")
numbers = make_pipeline(SimpleImputer(), StandardScaler()), ["age", "fare", "class"]
texts = OneHotEncoder(handle_unknown="ignore"), ["sex", "port"]
model = make_pipeline(make_column_transformer(numbers, texts), MLPClassifier([16], random_state=0))
model.fit(data[:400], data["survived"][:400])
assert model.score(data[400:], data["survived"][400:]) > 0.7
