"""Names of PyTorch, Keras and scikit-learn, and what to use here."""

from engine.other_names import by_name

OF_A_MODULE = by_name(
    {
        "forward": "call the model itself, as in model(x)",
        "compile": "give loss= and optimizer= to fit(X, y)",
        "evaluate": "score(X, y) measures; the loss is in the history of fit(..., validation_data=(X, y))",
        "add append extend insert pop": "append to the list layers, as in model.layers.append(layer)",
        "modules children": "the layers are in the list layers",
        "w b weight bias": "a Layer has a list, neurons, and each of them its weights in w and its bias in b",
        "weights get_weights set_weights": "state_dict() has all numbers by name, and load_state_dict(state) sets them",
        "save_weights load_weights": "save(path) writes a file, and the class method load(path) reads it",
        "to cuda cpu float double": "Values are computed on the processor, and fit takes dtype",
        "count_params": "len(model.parameters()) counts them",
        "history": "fit(...) returns the History",
        "stop_training": "a callback of fit that returns True ends training",
        "partial_fit train_on_batch": "fit goes on from the weights that the model has",
        "predict_classes": "predict(X) gives classes where the loss is one of classes",
        "export to_c": "gradstep export MODEL FILE writes C and JavaScript, and save(path) writes .onnx",
        "p": "a Dropout has a rate",
        "trainable requires_grad requires_grad_ freeze": (
            "an optimizer trains the parameters that it is made with: fit(X, y, optimizer=Adam(layer.parameters()))"
        ),
    }
)
UNREAD = frozenset({"w", "b", "weight", "bias", "weights", "p", "trainable", "requires_grad", "stop_training"})
"""Those that nothing reads, so that they are not set."""

OF_AN_ARGUMENT = by_name(
    {
        "nin in_features input_size input_dim": "n_inputs=",
        "nout out_features units": "n_outputs=",
        "hidden hidden_sizes hidden_layers hidden_layer_sizes layers": "sizes=",
        "act nonlin nonlinearity": "activation=",
        "output_activation out_activation final_activation last_activation": "output=",
        "p": "rate=",
    }
)

OF_FIT = by_name(
    {
        "max_iter": "epochs=",
        "lr": "learning_rate=",
        "random_state": "seed=",
        "patience": "early_stopping=",
        "metrics": "history.accuracy, which is measured where there are classes",
        "shuffle": "seed=, which makes the order of the examples repeatable",
        "weight_decay": "optimizer=Adam(weight_decay=...)",
        "l1": "optimizer=Adam(l1=...)",
        "l2 alpha kernel_regularizer": "optimizer=Adam(l2=...)",
        "clip_value clipvalue": "optimizer=Adam(clip_value=...)",
        "clip_norm clipnorm global_clipnorm max_norm": "optimizer=Adam(clip_norm=...)",
        "momentum": "optimizer=SGD(momentum=...)",
    }
)

OF_AN_OPTIMIZER = by_name(
    {
        "lr param_groups": "learning_rate=",
        "params": "parameters",
        "eps": "epsilon=",
        "decay": "weight_decay=",
        "beta_1 beta_2 beta1 beta2": "betas=(0.9, 0.999)",
        "kernel_regularizer alpha": "l1= or l2=",
        "clipvalue": "clip_value=",
        "clipnorm": "clip_norm=, the norm of all gradients together",
        "global_clipnorm max_norm max_grad_norm": "clip_norm=",
    }
)

OF_AN_ESTIMATOR = by_name(
    {
        "beta_1 beta_2 epsilon": "optimizer=Adam(betas=..., epsilon=...)",
        "momentum nesterovs_momentum": "optimizer=SGD(momentum=..., nesterov=...)",
        "learning_rate_init lr power_t": "learning_rate=..., a number or one of nn.schedules",
        "alpha": "optimizer=Adam(l2=...)",
        "epochs": "max_iter=...",
        "n_iter_no_change": "early_stopping=10",
        "seed": "random_state=...",
        "solver": 'optimizer="adam"',
        "tol": "early_stopping=EarlyStopping(min_delta=...)",
        "validation_split": "validation_fraction=...",
        "partial_fit warm_start": "model_.fit(X, y), which trains the same network further",
        "coefs_ intercepts_": "model_.state_dict()",
    }
)
"""Names of scikit-learn's MLPs and of ``fit``."""

OF_A_HISTORY = by_name(
    {
        "history": "its numbers are attributes, as in history.loss, and to_frame() has all of them",
        "epoch": "epochs says how many there were",
        "val_loss": "validation_loss has it",
        "acc": "accuracy has it",
        "val_accuracy val_acc": "validation_accuracy has it",
    }
)

OF_NN = by_name(
    {
        "Linear Dense": 'a layer is Layer(n_inputs, n_outputs), of ReLU unless activation="linear" is given',
        "ReLU LeakyReLU GELU Tanh Sigmoid Softplus": (
            'an activation is named, as in Layer(2, 3, activation="leaky_relu") or Sequential(Layer(2, 3), "relu")'
        ),
        "MSELoss": 'fit takes loss="mse"',
        "L1Loss": 'fit takes loss="mae"',
        "HuberLoss SmoothL1Loss": 'fit takes loss="huber"',
        "CrossEntropyLoss": 'fit takes loss="cross_entropy"',
        "BCELoss BCEWithLogitsLoss": 'fit takes loss="binary_cross_entropy", for outputs with no sigmoid',
        "Parameter": "an engine.Value in an attribute of a Module is a parameter",
        "ModuleList ModuleDict": "a plain list or dict of modules in an attribute is found",
        "functional": "the functions are in engine, as engine.softmax",
        "utils clip_grad_norm_ clip_grad_value_": "nn.clip_grad_norm(parameters, max_norm), or Adam(clip_value=1.0)",
        "optim RMSprop Adagrad NAdam": "the optimizers are nn.SGD, nn.Adam and nn.AdamW",
        "ReduceLROnPlateau": "fit takes learning_rate=ReduceOnPlateau(...)",
        "lr_scheduler StepLR ExponentialLR CosineAnnealingLR OneCycleLR LearningRateScheduler": (
            "fit takes learning_rate=, a function of the step such as nn.schedules.cosine(0.1, n_steps)"
        ),
        "ModelCheckpoint": "fit takes checkpoint=path",
        "Embedding": "a list of lists of Values in an attribute of a Module is one, read as self.rows[int(x[0])]",
        "Value draw grad compile": "it is in engine and in gradstep",
        "MLPClassifier MLPRegressor": "scikit-learn's estimators are in nn.estimators",
        "save load load_model": "model.save(path) writes a file, and its class loads it, as in MLP.load(path)",
        "init": 'weights start as asked for, as in MLP(2, [16, 1], init="he")',
        "no_grad": "predict(X), score(X, y) and numbers such as p.data make no graph",
    }
)
