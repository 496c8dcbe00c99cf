"""Sentiment of short made-up sentences."""
import random

import torch
from torch import nn

GOOD = "great lovely superb nice fine".split()
BAD = "awful poor nasty dull weak".split()
NEUTRAL = "the film was a plot actor scene and very with".split()
vocab = {word: i + 1 for i, word in enumerate(GOOD + BAD + NEUTRAL)}

random.seed(0)
torch.manual_seed(0)


def sentence():
    label = random.randint(0, 1)
    words = random.choices(NEUTRAL, k=6) + random.choices(GOOD if label else BAD, k=2)
    random.shuffle(words)
    return [vocab[w] for w in words], label


samples = [sentence() for _ in range(400)]
tokens = torch.tensor([s for s, _ in samples])
labels = torch.tensor([l for _, l in samples])


class Sentiment(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(len(vocab) + 1, 8, padding_idx=0)
        self.fc = nn.Linear(8, 2)

    def forward(self, ids):
        return self.fc(self.embed(ids).mean(dim=1))


net = Sentiment()
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
for epoch in range(40):
    perm = torch.randperm(len(tokens))
    for chunk in perm.split(50):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(tokens[chunk]), labels[chunk])
        loss.backward()
        optimizer.step()
    if epoch % 10 == 0:
        print(epoch, loss.item())
