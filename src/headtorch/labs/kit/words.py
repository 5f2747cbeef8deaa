"""The words that the labs use without a lab of their own, each with what it means: for who reads them in order."""

BEGINNING = (
    "A network is a function with many numbers in it that can be changed, its weights. A layer is one step of that "
    "function, and a unit one of the numbers that a layer puts out. The loss is one number that says how wrong the "
    "answers are, and the gradient has a slope for each weight: how much the loss rises when that weight grows a "
    "little. Training repeats one step: take some examples, work out the loss and the gradient, and move each weight "
    "a little against its slope. The learning rate says how far."
)
WORDS = {
    "weight": "a number in a network that training changes; parameters are all weights and biases",
    "bias": "a number that a unit adds to what its weights bring, whatever the input",
    "unit": "one output of a layer: a weighted sum of the layer's inputs, often bent by a non-linearity",
    "layer": "units that look at the same inputs; hidden: any but the last, for its outputs are not yet the answer",
    "linear map": "multiply with a matrix, and add a bias: turns, stretches and shifts, never bends",
    "non-linearity": "a bent curve that each unit's sum goes through; also called activation",
    "ReLU": "0 below 0, and the number itself above: the bend that is used most",
    "sigmoid": "a soft step from 0 to 1; tanh is the same from -1 to 1",
    "scores": "what the last layer puts out before it is read as probabilities; also called logits",
    "softmax": "turns scores into shares that are above 0 and add up to 1, one for each class",
    "loss": "one number that says how wrong the outputs are: 0 is right, and training makes it small",
    "cross-entropy": "the loss for classes: minus the logarithm of the share that the right class was given",
    "gradient": "how the loss changes when each weight grows a little: the slope of the ground under the walker",
    "step": "one change of all weights, against the gradient: learning rate times gradient, in the simplest case",
    "optimizer": "the rule that makes a step of a gradient: SGD is the simple one, Adam fits the step to each weight",
    "batch": "the examples that one step looks at together",
    "pass": "once through all examples; also called epoch",
    "forward, backward": "from the input to the loss; and from the loss back, which gives the gradient",
    "initialisation": "the random numbers that the weights begin with; the seed says which",
    "class, label": "one of the kinds that are told apart; and the right one of an example",
    "accuracy": "how many of the examples have the largest score at the right class; new ones were not trained on",
    "error": "how far outputs are from what was wanted: the root of the mean square, in the units of the answer",
    "training and evaluation mode": "some layers behave otherwise while a network learns than when it is used",
    "norm": "of a list of numbers, the root of the sum of their squares; a batch norm is a layer (lab 13)",
    "spread": "how far numbers lie from their mean: the standard deviation; the variance is its square",
    "1e-5": "0.00001, 1 divided by ten five times; 3e4 is 30,000",
    "logarithmic": "of an axis: equal distances are equal factors; the numbers at the lines say which",
    "a guess": "the same share for each class: an accuracy of 0.1 and a loss of 2.3 for ten, 1.1 for three",
    "digits": "1,797 scans of handwritten digits, 8 x 8 brightnesses each, ten classes; lab 15 has larger ones",
    "iris": "150 flowers, four lengths of each, three kinds",
    "overfit": "know the examples by heart instead of the rule behind them",
    "NaN": "not a number, as 0 / 0",
    "autograd": "the part of PyTorch that works out gradients",
}
