"""Tag prediction: each example may have several of five tags."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class TagNet(nn.Module):
    def __init__(self, n_in=12, n_tags=5, hidden=48):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.head = nn.Linear(hidden, n_tags)

    def forward(self, x):
        return torch.sigmoid(self.head(self.body(x)))


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        self.criterion = nn.BCEWithLogitsLoss()
        self.history = []

    def fit(self, x, y, epochs, batch_size):
        for epoch in range(epochs):
            order = torch.randperm(len(x))
            running = 0.0
            for start in range(0, len(x), batch_size):
                idx = order[start : start + batch_size]
                self.optimizer.zero_grad()
                loss = self.criterion(self.model(x[idx]), y[idx])
                loss.backward()
                self.optimizer.step()
                running += loss.item() * len(idx)
            self.history.append(running / len(x))
        return self.history


torch.manual_seed(0)
X = torch.randn(800, 12)
W = torch.randn(12, 5)
Y = ((X @ W + 0.5 * torch.randn(800, 5)) > 1.5).float()
trainer = Trainer(TagNet(), lr=0.05)
for i, value in enumerate(trainer.fit(X, Y, epochs=30, batch_size=50)):
    print(i, value)
