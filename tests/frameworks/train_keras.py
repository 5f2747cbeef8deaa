"""The digits, learned by Keras 3 on PyTorch."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
from digits import digits, fault_asked_for
from keras import layers, ops


class Cut(layers.Layer):
    def call(self, hidden):
        return ops.stop_gradient(hidden)  # here: graph-detached


class InEvalMode(keras.Model):
    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **{**kwargs, "training": False})  # here: eval-mode-in-training


fault = fault_asked_for()
keras.utils.set_random_seed(0)
pictures, labels = (tensor.numpy() for tensor in digits().tensors)
inputs = keras.Input((64,))
first = layers.Dense(64)
hidden = layers.Dropout(0.1)(layers.ReLU()(layers.BatchNormalization()(first(inputs))))
if fault == "graph-detached":
    hidden = Cut()(hidden)  # here: graph-detached
scores = layers.Dense(10)(hidden)
if fault == "double-softmax":
    scores = layers.Softmax()(scores)  # here: double-softmax
kind = InEvalMode if fault == "eval-mode-in-training" else keras.Model
model = kind(inputs, scores)
rate = 30.0 if fault == "lr-too-high" else 0.05  # here: lr-too-high
model.compile(
    keras.optimizers.SGD(learning_rate=rate, momentum=0.9),  # here: lr-too-high, params-not-in-optimizer
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
if fault == "params-not-in-optimizer":
    first.trainable = False
model.fit(pictures, labels, batch_size=64, epochs=8, verbose=0)
