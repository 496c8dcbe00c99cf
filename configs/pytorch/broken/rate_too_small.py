import torch

torch.manual_seed(1)
X = torch.linspace(0, 2, 100)[:, None]
T = torch.exp(-X) * torch.cos(4 * X)


class MLP(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(1, 32),
            torch.nn.Tanh(),
            torch.nn.Linear(32, 32),
            torch.nn.Tanh(),
            torch.nn.Linear(32, 1),
        )

    def forward(self, inputs):
        return self.net(inputs)


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        self.criterion = torch.nn.MSELoss()

    def fit(self, X, T, epochs):
        history = []
        for _ in range(epochs):
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(X), T)
            loss.backward()
            self.optimizer.step()
            history.append(loss.item())
        return history


trainer = Trainer(MLP(), lr=1e-6)
losses = trainer.fit(X, T, 1000)
print(losses[0], losses[-1])
