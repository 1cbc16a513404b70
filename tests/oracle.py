"""The update rules in plain NumPy, row by row, written from their papers

Each rule is a function of one row: it takes the row, its gradient, the row's
own history (a dict, empty at first) and the number of the step, counted from
1, changes the history, and returns the new row. What a lazy update is, then,
is the loop of :func:`lazy_step`: rows that are not looked up take no part.
"""

import numpy as np


def sgd(w, g, h, t, learning_rate):
    return w - learning_rate * g


def momentum(w, g, h, t, learning_rate, momentum=0.9):
    # Sutskever et al. (2013), equations 1 and 2
    h["v"] = momentum * h.get("v", 0) - learning_rate * g
    return w + h["v"]


def nesterov_momentum(w, g, h, t, learning_rate, momentum=0.9):
    # Sutskever et al. (2013), equations 3 and 4, rewritten for the gradient at w
    h["v"] = momentum * h.get("v", 0) - learning_rate * g
    return w + momentum * h["v"] - learning_rate * g


def adagrad(w, g, h, t, learning_rate=1.0, epsilon=1e-6):
    # Duchi et al. (2011), the diagonal form of their figure 1
    h["a"] = h.get("a", 0) + g**2
    return w - learning_rate * g / np.sqrt(h["a"] + epsilon)


def rmsprop(w, g, h, t, learning_rate=1.0, rho=0.9, epsilon=1e-6):
    # Tieleman & Hinton (2012), lecture 6.5
    h["a"] = rho * h.get("a", 0) + (1 - rho) * g**2
    return w - learning_rate * g / np.sqrt(h["a"] + epsilon)


def adadelta(w, g, h, t, learning_rate=1.0, rho=0.95, epsilon=1e-6):
    # Zeiler (2012), algorithm 1, lines 4 to 7
    h["a"] = rho * h.get("a", 0) + (1 - rho) * g**2
    step = g * np.sqrt(h.get("d", 0) + epsilon) / np.sqrt(h["a"] + epsilon)
    h["d"] = rho * h.get("d", 0) + (1 - rho) * step**2
    return w - learning_rate * step


def adam(w, g, h, t, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    # Kingma & Ba (2014), algorithm 1 in the form at the end of section 2
    h["m"] = beta1 * h.get("m", 0) + (1 - beta1) * g
    h["v"] = beta2 * h.get("v", 0) + (1 - beta2) * g**2
    a = learning_rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return w - a * h["m"] / (np.sqrt(h["v"]) + epsilon)


def adamax(w, g, h, t, learning_rate=0.002, beta1=0.9, beta2=0.999, epsilon=1e-8):
    # Kingma & Ba (2014), algorithm 2, with epsilon
    h["m"] = beta1 * h.get("m", 0) + (1 - beta1) * g
    h["u"] = np.maximum(beta2 * h.get("u", 0), np.abs(g))
    return w - learning_rate / (1 - beta1**t) * h["m"] / (h["u"] + epsilon)


def amsgrad(w, g, h, t, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    # Reddi et al. (2018), algorithm 2, with Adam's bias correction
    h["m"] = beta1 * h.get("m", 0) + (1 - beta1) * g
    h["v"] = beta2 * h.get("v", 0) + (1 - beta2) * g**2
    h["v_hat"] = np.maximum(h.get("v_hat", 0), h["v"])
    a = learning_rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return w - a * h["m"] / (np.sqrt(h["v_hat"]) + epsilon)


def rowwise_adagrad(w, g, h, t, learning_rate=1.0, epsilon=1e-6):
    # Adagrad, with the mean of the row's squares in place of each
    h["a"] = h.get("a", 0) + np.mean(g**2)
    return w - learning_rate * g / np.sqrt(h["a"] + epsilon)


def lazy_step(rule, table, indices, gradients, histories, t, **hyperparameters):
    """Updates the rows that are looked up, in place

    ``gradients[i]`` is the gradient of the lookup ``indices[i]``; ``histories``
    has one dict per row.
    """
    for row in sorted({int(i) % len(table) for i in indices}):
        g = np.zeros_like(table[row])
        for index, gradient in zip(indices, gradients):
            if index % len(table) == row:
                g = g + gradient
        table[row] = rule(table[row], g, histories[row], t, **hyperparameters)
