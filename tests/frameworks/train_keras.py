"""The digits, learned by Keras 3 on PyTorch."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import torch
from digits import digits, fault_asked_for, tell
from keras import layers, ops


class Cut(layers.Layer):
    def call(self, hidden):
        return ops.stop_gradient(hidden)  # here: graph-detached


class InEvalMode(keras.Model):
    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **{**kwargs, "training": False})  # here: eval-mode-in-training


class HeadOnly(keras.Model):
    def train_step(self, data):
        pictures, labels = data
        self.zero_grad()
        loss = self.compute_loss(y=labels, y_pred=self(pictures, training=True))
        loss.backward()
        learned = last.trainable_weights
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in learned], learned)  # here: params-not-in-optimizer
        return {"loss": loss}


fault = fault_asked_for()
keras.utils.set_random_seed(0)
pictures, labels = (tensor.numpy() for tensor in digits().tensors)
inputs = keras.Input((64,))
hidden = layers.Dropout(0.1)(layers.ReLU()(layers.BatchNormalization()(layers.Dense(64)(inputs))))
if fault == "graph-detached":
    hidden = Cut()(hidden)  # here: graph-detached
last = layers.Dense(10)
scores = last(hidden)
if fault == "double-softmax":
    scores = layers.Softmax()(scores)  # here: double-softmax
kinds = {"eval-mode-in-training": InEvalMode, "params-not-in-optimizer": HeadOnly}
model = kinds.get(fault, keras.Model)(inputs, scores)
rate = 30.0 if fault == "lr-too-high" else 0.05  # here: lr-too-high
model.compile(
    keras.optimizers.SGD(learning_rate=rate, momentum=0.9),  # here: lr-too-high, params-not-in-optimizer
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
model.fit(pictures, labels, batch_size=64, epochs=8, verbose=0)
tell(variable.value for variable in model.trainable_variables)
