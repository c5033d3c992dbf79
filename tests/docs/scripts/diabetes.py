from sklearn.datasets import load_diabetes
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nn.estimators import MLPRegressor

X, y = load_diabetes(return_X_y=True)
model = make_pipeline(StandardScaler(), MLPRegressor([16], random_state=0))
scores = cross_val_score(model, X, y, cv=3)
print(scores)

assert scores.mean() > 0.3
