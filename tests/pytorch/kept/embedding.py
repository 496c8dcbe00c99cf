import torch
from torch import nn
torch.manual_seed(0)
vocab = 30
docs = torch.randint(0, vocab, (400, 12))
labels = (docs < 8).sum(1).gt(2).long()
class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(vocab, 16)
        self.norm = nn.LayerNorm(16)
        self.fc = nn.Linear(16, 2)
    def forward(self, t):
        return self.fc(self.norm(self.emb(t).mean(1)))
net = Bag(); opt = torch.optim.RMSprop(net.parameters(), lr=0.01)
for ep in range(60):
    perm = torch.randperm(400)
    for i in range(0, 400, 40):
        idx = perm[i:i+40]
        opt.zero_grad()
        loss = nn.CrossEntropyLoss()(net(docs[idx]), labels[idx])
        loss.backward(); opt.step()
print(loss.item())
