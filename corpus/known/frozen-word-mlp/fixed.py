import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

INTENTS = ["alarm", "music", "weather", "reminder"]
PER_INTENT, OTHER, DIM = 30, 280, 64
VOCAB = PER_INTENT * len(INTENTS) + OTHER


def load_word_vectors():
    """Word vectors in the manner of GloVe: words of one intent lie near each other."""
    vectors = torch.randn(VOCAB, DIM)
    centres = 2.5 * F.normalize(torch.randn(len(INTENTS), DIM), dim=1)
    vectors[:VOCAB - OTHER] += centres.repeat_interleave(PER_INTENT, dim=0)
    return vectors


def utterances(n, length=12, keywords=3):
    y = torch.randint(len(INTENTS), (n,))
    key = y[:, None] * PER_INTENT + torch.randint(PER_INTENT, (n, keywords))
    rest = torch.randint(VOCAB - OTHER, VOCAB, (n, length - keywords))
    x = torch.cat([key, rest], dim=1)
    order = torch.rand(n, length).argsort(dim=1)
    return x.gather(1, order), y


class WordEmbedding(nn.Module):
    def __init__(self, config, vectors):
        super().__init__()
        self.word_embedding = nn.Embedding.from_pretrained(vectors, freeze=False)
        dims = [vectors.size(1)] + config["mlp_layer_dims"]
        layers = []
        for d_in, d_out in zip(dims, dims[1:]):
            layers += [nn.Linear(d_in, d_out), nn.ReLU()]
        self.mlp = nn.Sequential(*layers)
        self.output_dim = dims[-1]

    def forward(self, tokens):
        return self.mlp(self.word_embedding(tokens))


class BiLSTM(nn.Module):
    def __init__(self, config, input_dim):
        super().__init__()
        self.lstm = nn.LSTM(input_dim, config["lstm_dim"], batch_first=True, bidirectional=True)
        self.output_dim = 2 * config["lstm_dim"]

    def forward(self, embedded):
        return self.lstm(embedded)[0].mean(dim=1)


def create_module(module_class, config, *args):
    module = module_class(config, *args)
    if config.get("freeze"):
        for param in module.word_embedding.parameters():
            param.requires_grad = False
    return module


class DocModel(nn.Module):
    def __init__(self, config, vectors):
        super().__init__()
        self.embedding = create_module(WordEmbedding, config["word_feat"], vectors)
        self.representation = create_module(BiLSTM, config["representation"], self.embedding.output_dim)
        self.decoder = nn.Linear(self.representation.output_dim, len(INTENTS))

    def forward(self, tokens):
        return self.decoder(self.representation(self.embedding(tokens)))


config = {
    "word_feat": {"freeze": True, "mlp_layer_dims": [16, 4]},
    "representation": {"lstm_dim": 24},
}

vectors = load_word_vectors()
x_train, y_train = utterances(1600)
x_test, y_test = utterances(600)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=40, shuffle=True)

model = DocModel(config, vectors)
optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=5e-3)

for epoch in range(8):
    model.train()
    total = 0.0
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        acc = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch + 1}: train loss {total / len(loader):.4f} test acc {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")
