"""Entropy that a loop of Gaussian fits loses, against chains of sufficient statistics."""

import numpy as np
from scipy.special import digamma

from theory.mixing import fully_synthetic, latest
from theory.self_consuming.gaussian_mle import entropy_loss, mean_square_iid


def test_one_fit_loses_what_the_chi_square_law_says():
    n = 400
    exact = 0.5 * (np.log(n) - np.log(2.0) - digamma((n - 1) / 2.0))
    loss = float(entropy_loss(mean_square_iid(fully_synthetic(1, float(n)))[0]))
    assert abs(loss / exact - 1.0) < 2.0 / n


def test_a_loop_with_fresh_data_in_simulation():
    n, alpha, G, runs = 200, 0.3, 4, 200_000
    rng = np.random.default_rng(0)
    mu, s = np.zeros(runs), np.ones(runs)
    entropy = []
    for g in range(G):
        k = rng.binomial(n, 1.0 if g == 0 else alpha, runs)  # real points
        m = n - k
        real = rng.standard_normal(runs) / np.sqrt(np.maximum(k, 1))
        made = mu + s * rng.standard_normal(runs) / np.sqrt(np.maximum(m, 1))
        scatter = rng.chisquare(np.maximum(k - 1, 1)) * (k > 1)
        scatter = scatter + s**2 * rng.chisquare(np.maximum(m - 1, 1)) * (m > 1)
        gap = np.where((k > 0) & (m > 0), made - real, 0.0)
        new = np.where(k > 0, np.where(m > 0, (k * real + m * made) / n, real), made)
        s = np.sqrt((scatter + k * m / n * gap**2) / n)
        mu = new
        entropy.append(np.log(s))
    lost = -np.mean(entropy, axis=1)
    error = np.std(entropy, axis=1) / np.sqrt(runs)
    predicted = np.asarray(entropy_loss(mean_square_iid(latest(alpha, G, float(n)))))
    assert np.all(abs(lost - predicted) < 5 * error + 3.0 * predicted / n)
    alone = np.arange(1, G + 1) / n  # control: without fresh data
    assert abs(lost[-1] - alone[-1]) > 5 * error[-1]
