"""A convolution with pooling that tells lying bars from standing ones."""

import numpy as np

np.random.seed(1)
images, labels = [], []
for _ in range(40):
    image = np.random.rand(8, 8) * 0.3
    place = np.random.randint(1, 7)
    if len(images) % 2:
        image[place, :] += 1
    else:
        image[:, place] += 1
    images.append(image)
    labels.append(len(images) % 2)


class Convolution:
    def __init__(self, filters):
        self.filters = np.random.randn(filters, 3, 3) / 9
        self.biases = np.zeros(filters)

    def forward(self, image):
        self.image = image
        height, width = image.shape[0] - 2, image.shape[1] - 2
        out = np.zeros((height, width, len(self.filters)))
        for i in range(height):
            for j in range(width):
                patch = image[i : i + 3, j : j + 3]
                out[i, j] = np.sum(patch * self.filters, axis=(1, 2)) + self.biases
        self.out = np.maximum(out, 0)
        return self.out

    def backward(self, d_out, rate):
        d_out = d_out * (self.out > 0)
        d_filters = np.zeros(self.filters.shape)
        for i in range(d_out.shape[0]):
            for j in range(d_out.shape[1]):
                patch = self.image[i : i + 3, j : j + 3]
                for k in range(len(self.filters)):
                    d_filters[k] += d_out[i, j, k] * patch
        self.filters -= rate * d_filters
        self.biases -= rate * d_out.sum(axis=(0, 1))


class Pooling:
    def forward(self, maps):
        self.maps = maps
        height, width, count = maps.shape
        self.out = maps.reshape(height // 2, 2, width // 2, 2, count).max(axis=(1, 3))
        return self.out

    def backward(self, d_out):
        d_maps = np.zeros(self.maps.shape)
        for i in range(d_out.shape[0]):
            for j in range(d_out.shape[1]):
                for k in range(d_out.shape[2]):
                    region = self.maps[2 * i : 2 * i + 2, 2 * j : 2 * j + 2, k]
                    row, column = np.unravel_index(np.argmax(region), region.shape)
                    d_maps[2 * i + row, 2 * j + column, k] = d_out[i, j, k]
        return d_maps


class Softmax:
    def __init__(self, inputs, classes):
        self.weights = np.random.randn(inputs, classes) / inputs
        self.biases = np.zeros(classes)

    def forward(self, maps):
        self.shape, self.flat = maps.shape, maps.flatten()
        scores = self.flat @ self.weights + self.biases
        powers = np.exp(scores - np.max(scores))
        return powers / powers.sum()

    def backward(self, d_scores, rate):
        d_flat = self.weights @ d_scores
        self.weights -= rate * np.outer(self.flat, d_scores)
        self.biases -= rate * d_scores
        return d_flat.reshape(self.shape)


convolution, pooling, softmax = Convolution(4), Pooling(), Softmax(3 * 3 * 4, 2)
for epoch in range(6):
    total = 0.0
    for image, label in zip(images, labels):
        chances = softmax.forward(pooling.forward(convolution.forward(image)))
        total += -np.log(chances[label])
        delta = chances.copy()
        delta[label] -= 1
        back = softmax.backward(delta, 0.02)
        back = pooling.backward(back)
        convolution.backward(back, 0.02)
    print("epoch", epoch, "loss", total / len(images))
