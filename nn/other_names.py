"""What users of PyTorch and Keras type, and what it is called here."""

_ACTIVATION = 'give the activation by name, as in Layer(2, 3, activation="{0}") or Sequential(Layer(2, 3), "{0}")'
_LOSS = 'give the loss to fit by name, as in loss="{0}"'
_LINEAR = 'a layer is Layer(n_inputs, n_outputs), of ReLU unless activation="linear" is given'
_NEURONS = "a Layer has a list, neurons, and each of them its weights in w and its bias in b"
_STATE = "state_dict() has all numbers by name, and load_state_dict(state) sets them"
_DEVICE = "Values are computed on the processor, and fit takes dtype"

OF_A_MODULE = {
    "forward": "call the model itself, as in model(x)",
    "compile": "give loss= and optimizer= to fit(X, y)",
    "evaluate": "score(X, y) measures; the loss is in the history of fit(..., validation_data=(X, y))",
    "add": "append to the list layers, as in model.layers.append(layer)",
    "w": _NEURONS,
    "b": _NEURONS,
    "weight": _NEURONS,
    "bias": _NEURONS,
    "weights": _STATE,
    "get_weights": _STATE,
    "set_weights": _STATE,
    "save_weights": "save(path) writes a file, and the class method load(path) reads it",
    "load_weights": "save(path) writes a file, and the class method load(path) reads it",
    "to": _DEVICE,
    "cuda": _DEVICE,
    "cpu": _DEVICE,
    "float": _DEVICE,
    "double": _DEVICE,
    "modules": "the layers are in the list layers",
    "children": "the layers are in the list layers",
    "count_params": "len(model.parameters()) counts them",
    "trainable_variables": "parameters() lists them",
    "partial_fit": "fit goes on from the weights that there are",
    "history": "fit(...) returns the History",
}

OF_NN = {
    "Linear": _LINEAR,
    "Dense": _LINEAR,
    "ReLU": _ACTIVATION.format("relu"),
    "LeakyReLU": _ACTIVATION.format("leaky_relu"),
    "GELU": _ACTIVATION.format("gelu"),
    "Tanh": _ACTIVATION.format("tanh"),
    "Sigmoid": _ACTIVATION.format("sigmoid"),
    "Softplus": _ACTIVATION.format("softplus"),
    "MSELoss": _LOSS.format("mse"),
    "L1Loss": _LOSS.format("mae"),
    "HuberLoss": _LOSS.format("huber"),
    "SmoothL1Loss": _LOSS.format("huber"),
    "CrossEntropyLoss": _LOSS.format("cross_entropy"),
    "BCELoss": _LOSS.format("binary_cross_entropy") + ", on outputs with no sigmoid",
    "BCEWithLogitsLoss": _LOSS.format("binary_cross_entropy"),
    "Parameter": "an engine.Value in an attribute of a Module is a parameter",
    "ModuleList": "a plain list of modules in an attribute will do",
    "ModuleDict": "a plain dict of modules in an attribute will do",
    "functional": "the functions are in engine, as engine.softmax",
    "optim": "the optimizers are nn.SGD, nn.Adam and nn.AdamW",
    "load_model": "the class that saved a file loads it, as in MLP.load(path)",
}
