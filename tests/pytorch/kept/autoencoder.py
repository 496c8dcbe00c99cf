import torch
import torch.nn as nn
from torch.utils.data import DataLoader


class AutoEncoder(nn.Module):
    def __init__(self, dim=16, code=3):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(dim, 32), nn.ELU(), nn.Linear(32, code))
        self.decoder = nn.Sequential(nn.Linear(code, 32), nn.ELU(), nn.Linear(32, dim))

    def forward(self, x):
        return self.decoder(self.encoder(x))


class Trainer:
    def __init__(self, model, loader, epochs=60):
        self.model, self.loader, self.epochs = model, loader, epochs
        self.opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4)

    def step(self, batch):
        loss = nn.functional.mse_loss(self.model(batch), batch)
        self.opt.zero_grad(set_to_none=True)
        loss.backward()
        self.opt.step()
        return loss.item()

    def run(self):
        for epoch in range(self.epochs):
            losses = [self.step(batch) for batch in self.loader]
            if epoch % 10 == 0:
                print(epoch, sum(losses) / len(losses))


if __name__ == "__main__":
    torch.manual_seed(4)
    hidden = torch.randn(800, 3)
    data = torch.tanh(hidden @ torch.randn(3, 16) * 0.7)
    loader = DataLoader(data, batch_size=64, shuffle=True)
    Trainer(AutoEncoder(), loader).run()
