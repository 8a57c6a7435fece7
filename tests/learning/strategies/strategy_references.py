"""Slow references of all strategies, in float64 and straight from the definitions: nothing blocked, lazy or factored.

Each makes its random draws in the order that the strategy documents, so that picks can be compared one by one.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import cdist

from ml_backend.learning import Head, Pool


def parts(pool: Pool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = pool.embeddings.astype(np.float64)
    return x[pool.unlabeled], x[pool.labeled], pool.labels[pool.labeled]


def best(score: np.ndarray, rank: np.ndarray, taken: list[int], equal: float = 0.0) -> int:
    """The best row that is not taken; of rows whose scores differ by at most `equal`, the one of lowest rank."""
    available = [i for i in range(len(score)) if i not in taken]
    return min((i for i in available if score[i] >= score[available].max() - equal), key=lambda i: rank[i])


def top(score: np.ndarray, count: int, rng: np.random.Generator) -> list[int]:
    rank = rng.permutation(len(score))
    return sorted(range(len(score)), key=lambda i: (-score[i], rank[i]))[:count]


def random(pool, count, rng):
    return np.searchsorted(pool.unlabeled, rng.choice(pool.unlabeled, size=count, replace=False))


def least_confidence(pool, count, rng):
    return top(np.array([1 - max(p) for p in pool.probabilities]), count, rng)


def margin(pool, count, rng):
    ordered = np.sort(pool.probabilities, axis=1)
    return top(1 - (ordered[:, -1] - ordered[:, -2]), count, rng)


def entropy(pool, count, rng):
    return top(-(pool.probabilities * np.log(pool.probabilities)).sum(axis=1), count, rng)


def coreset(pool, count, rng):
    x, labelled, _ = parts(pool)
    rank, picks = rng.permutation(len(x)), []
    for _ in range(count):
        centres = np.concatenate([labelled, x[picks]])
        far = cdist(x, centres).min(axis=1) if len(centres) else np.full(len(x), np.inf)
        picks.append(best(far, rank, picks))
    return picks


def gradients(pool):
    """Gradient embeddings (m, n_classes · D)."""
    x, p = parts(pool)[0], pool.probabilities.astype(np.float64)
    a = np.eye(pool.n_classes)[p.argmax(axis=1)] - p
    return (a[:, :, None] * x[:, None, :]).reshape(len(x), -1)


def badge(pool, count, rng):
    g = gradients(pool)
    picks = [best((g**2).sum(axis=1), rng.permutation(len(g)), [])]
    while len(picks) < count:
        race = rng.standard_exponential(len(g), dtype=np.float32).astype(np.float64)
        weight = (cdist(g, g[picks]) ** 2).min(axis=1)
        weight[weight < 1e-9 * (g**2).sum(axis=1).max()] = 0
        race[picks] = np.inf
        time = np.divide(race, weight, out=np.full(len(g), np.inf), where=weight > 0)
        picks.append(int(time.argmin()) if np.isfinite(time).any() else int(race.argmin()))
    return picks


def in_steps(distances, scale):
    """Distances in steps, so that those that differ by rounding only are equal."""
    return np.rint(distances / (scale or 1) * 1e5)


def lloyd(x, k, rng, rounds=10):
    """k-means++ among 8 k rows, then rounds until at most 1 % of rows move: clusters (n,), centres (k, D)."""
    assert len(x) <= 256 * k, "of more rows the strategies fit only a sample"
    seeds = x[np.sort(rng.choice(len(x), 8 * k, replace=False, shuffle=False))] if 8 * k < len(x) else x
    scale = (x**2).sum(axis=1).max()
    picks = [int(rng.integers(len(seeds)))]
    while len(picks) < k:
        race = rng.standard_exponential(len(seeds), dtype=np.float32).astype(np.float64)
        weight = (cdist(seeds, seeds[picks]) ** 2).min(axis=1)
        weight[weight < 1e-6 * scale] = 0
        race[picks] = np.inf
        time = np.divide(race, weight, out=np.full(len(seeds), np.inf), where=weight > 0)
        picks.append(int(time.argmin()) if np.isfinite(time).any() else int(race.argmin()))
    centres = seeds[picks].copy()
    nearest = cdist(x, centres).argmin(axis=1)
    for _ in range(rounds):
        distances = ((x - centres[nearest]) ** 2).sum(axis=1)
        lost = [c for c in range(k) if not (nearest == c).any()]
        for c in set(range(k)) - set(lost):
            centres[c] = x[nearest == c].mean(axis=0)
        for c, row in zip(lost, np.argsort(-distances, kind="stable"), strict=False):
            if distances[row] > 0:
                centres[c] = x[row]
        before, nearest = nearest, cdist(x, centres).argmin(axis=1)
        if (before != nearest).sum() <= 0.01 * len(x):
            break
    return nearest, centres


def typiclust(pool, count, rng):
    rows = np.sort(np.concatenate([pool.labeled, pool.unlabeled]))
    x = pool.embeddings[rows].astype(np.float64)
    k = min(len(pool.labeled) + count, 500, len(rows))
    assigned, _ = lloyd(x, k, rng, rounds=3)
    has_label = np.isin(rows, pool.labeled)
    rank = rng.permutation(k)
    clusters = [np.flatnonzero(assigned == c) for c in range(k)]
    order = sorted(range(k), key=lambda c: (has_label[clusters[c]].sum(), -len(clusters[c]), rank[c]))
    queues = []
    for c in order:
        members = clusters[c]
        if has_label[members].all() or len(queues) == count:
            continue
        tie = rng.permutation(len(members))
        distances = np.sort(cdist(x[members], x[members]), axis=1)[:, 1 : 1 + min(20, len(members) - 1)]
        distances = (
            in_steps(distances.mean(axis=1), np.linalg.norm(x[members], axis=1).max())
            if len(members) > 1
            else np.zeros(1)
        )
        ordered = sorted(range(len(members)), key=lambda i: (distances[i], tie[i]))
        queues.append([members[i] for i in ordered if not has_label[members[i]]])
    picks = []
    while len(picks) < count:
        picks += [queue.pop(0) for queue in queues if queue]
    return np.searchsorted(pool.unlabeled, rows[picks[:count]])


def spread(pool, candidates, count, rng):
    """The candidates nearest to the centres of a k-means on directions, the largest clusters first."""
    x = parts(pool)[0][candidates]
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)
    return candidates[nearest_to_centres(x, count, rng)]


def nearest_to_centres(x, count, rng):
    assigned, centres = lloyd(x, count, rng)
    distances = ((x - centres[assigned]) ** 2).sum(axis=1)
    distances = in_steps(distances, (centres**2).sum(axis=1).max() + distances.max())
    rank, picks = rng.permutation(len(x)), []
    for c in np.argsort(-np.bincount(assigned, minlength=count), kind="stable"):
        members = np.flatnonzero(assigned == c)
        if len(members):
            picks.append(min(members, key=lambda i: (distances[i], rank[i])))
    unpicked = [i for i in range(len(x)) if i not in picks]
    return picks + sorted(unpicked, key=lambda i: (distances[i], rank[i]))[: count - len(picks)]


def kmeans(pool, count, rng):
    return nearest_to_centres(parts(pool)[0], count, rng)


def dropquery(pool, count, rng):
    x, predicted = parts(pool)[0], pool.head.predict_proba(pool.rows(pool.unlabeled)).argmax(axis=1)
    draws = np.random.default_rng(rng.integers(2**63, size=1)[0])
    flips = np.zeros(len(x), dtype=int)
    for _ in range(3):
        mask = draws.random(x.shape, dtype=np.float32) >= 0.75
        dropped = np.where(mask, x, 0) / 0.25
        flips += (dropped @ pool.head.weights.T + pool.head.bias).argmax(axis=1) != predicted
    candidates = np.flatnonzero(flips > 1.5)
    return top(flips, count, rng) if len(candidates) <= count else spread(pool, candidates, count, rng)


def alfamix_flips(pool):
    """Which rows flip, (m,) bool: element by element as in the paper, for one class mean after the other."""
    x, labelled, y = parts(pool)
    W, b = pool.head.weights.astype(np.float64), pool.head.bias
    epsilon = 0.2 / np.sqrt(x.shape[1])
    logits = x @ W.T + b
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    predicted = logits.argmax(axis=1)
    gradient = (p - np.eye(len(W))[predicted]) @ W
    flipped = np.zeros(len(x), dtype=bool)
    for c in np.unique(y):
        to_mean = labelled[y == c].mean(axis=0) - x
        sizes = np.linalg.norm(to_mean, axis=1, keepdims=True) / np.linalg.norm(gradient, axis=1, keepdims=True)
        alpha = epsilon * np.divide(sizes * gradient, to_mean, out=np.ones_like(x), where=to_mean != 0)
        mixed = alpha * to_mean + x
        flipped |= (mixed @ W.T + b).argmax(axis=1) != predicted
    return flipped


def alfamix(pool, count, rng):
    candidates = np.flatnonzero(alfamix_flips(pool))
    if len(candidates) <= count:
        unflipped = np.setdiff1d(np.arange(len(pool.unlabeled)), candidates)
        filling = rng.choice(unflipped, count - len(candidates), replace=False)
        return np.concatenate([rng.permutation(candidates), filling])
    return spread(pool, candidates, count, rng)


def greedy_cover(kernel, covered, weights, count, rng):
    rank, picks, equal = rng.permutation(len(kernel)), [], 0.0
    while len(picks) < count:
        gain = (np.maximum(kernel - covered, 0) * weights).sum(axis=1)
        equal = equal if picks else 2e-6 * gain.max()
        picks.append(best(gain, rank, picks, equal))
        covered = np.maximum(covered, kernel[picks[-1]])
    return picks


def probcover(pool, count, rng):
    x, labelled, _ = parts(pool)
    clusters, _ = lloyd(x, min(pool.n_classes, len(x)), rng)
    rows = np.sort(rng.choice(len(x), len(x), replace=False))
    d = cdist(x, x)
    impure = np.array([d[i, clusters != clusters[i]].min(initial=np.inf) for i in rows])
    # The largest radius at which at most 5 in 100 open balls reach another cluster.
    delta = np.sort(impure)[int((1 - 0.95) * len(x))]
    inside = delta * (1 - 1e-7)
    covered = (cdist(labelled, x) < inside).any(axis=0) if len(labelled) else np.zeros(len(x))
    return greedy_cover((d < inside).astype(float), covered.astype(float), np.ones(len(x)), count, rng)


def rbf(a, b, bandwidth):
    return np.exp(-((cdist(a, b) / bandwidth) ** 2))


def directions(pool):
    return (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30) for x in parts(pool)[:2])


def max_herding(pool, count, rng):
    x, labelled = directions(pool)
    covered = rbf(labelled, x, 1.0).max(axis=0) if len(labelled) else np.zeros(len(x))
    return greedy_cover(rbf(x, x, 1.0), covered, np.ones(len(x)), count, rng)


def held_out_temperature(pool, rng):
    """Hold out one fold after the other, then maximise the likelihood of all held-out rows times the prior."""
    rows = pool.labeled.tolist()
    # Equal texts are held out together.
    texts: dict[tuple, list[int]] = {}
    for row in rows:
        texts.setdefault(tuple(pool.embeddings[row]), []).append(row)
    groups = [list(texts.values())[i] for i in rng.permutation(len(texts))]
    if not pool.multi_label:
        groups.sort(key=lambda group: pool.labels[group[0]])
    folds = [[row for group in groups[start::5] for row in group] for start in range(min(5, len(groups)))]
    assert len(rows) <= 200, "of more labels the strategy does not hold out every fold"
    terms = []
    for fold in folds:
        fitted = [row for row in rows if row not in fold]
        if len({str(pool.labels[row]) for row in fitted}) < 2:
            return 1.0
        head = Head(pool.head.C).fit(pool.embeddings[fitted], pool.labels[fitted], pool.n_classes)
        for row in fold:
            f = pool.embeddings[row].astype(np.float64) @ head.weights.T.astype(np.float64) + head.bias
            if pool.multi_label:
                # The logit of the column's own value against the other one.
                sides = np.where(pool.labels[row] == 1, f, -f)[head.weights.any(axis=1)]
                terms += [np.array([0.0, -side]) for side in sides]
            elif head.seen[pool.labels[row]]:
                terms.append(f[head.seen] - f[pool.labels[row]])
    if not terms:
        return 1.0

    def surprise(log_t):
        return sum(np.log(np.exp(t / np.exp(log_t)).sum()) for t in terms) + log_t**2 / (2 * 0.5**2)

    return float(np.exp(minimize_scalar(surprise, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9}).x))


def uherding(pool, count, rng):
    x, labelled = directions(pool)
    temperature = held_out_temperature(pool, rng)
    logits = pool.head.decision_function(pool.embeddings[pool.unlabeled]).astype(np.float64) / temperature
    if pool.multi_label:
        u = (1 - np.abs(2 / (1 + np.exp(-logits)) - 1)).mean(axis=1)
    else:
        p = np.sort(np.exp(logits - logits.max(axis=1, keepdims=True)), axis=1)
        p /= p.sum(axis=1, keepdims=True)
        u = 1 - (p[:, -1] - p[:, -2])
    between = cdist(labelled, labelled)
    between[between < 1e-3] = np.inf
    nearest = between.min(axis=1)
    bandwidth = np.quantile(nearest[np.isfinite(nearest)], 0.05)
    covered = rbf(labelled, x, bandwidth).max(axis=0)
    return greedy_cover(rbf(x, x, bandwidth), covered, u, count, rng)


def fisher_matrices(x, p):
    """E[∇∇ᵀ] of each row's binary cross-entropy on its top class, (n, D, D)."""
    p = p.max(axis=1).astype(np.float64)
    hit, miss = (1 - p)[:, None] * x, -p[:, None] * x
    outer = np.einsum("ni,nj->nij", hit, hit) * p[:, None, None]
    return outer + np.einsum("ni,nj->nij", miss, miss) * (1 - p)[:, None, None]


def bait(pool, count, rng):
    x, labelled, _ = parts(pool)
    mine = fisher_matrices(x, pool.probabilities)
    theirs = fisher_matrices(labelled, pool.head.predict_proba(labelled.astype(np.float32)))
    everything = np.concatenate([mine, theirs]).mean(axis=0)
    n = len(labelled)
    m = np.mean(x**2) * np.eye(x.shape[1]) + n / (n + count) * theirs.mean(axis=0)
    step = count / (n + count) * mine
    rank, picks = rng.permutation(len(x)), []

    def trace(inner):
        return np.trace(np.linalg.solve(inner, np.broadcast_to(everything, inner.shape)), axis1=-2, axis2=-1)

    while len(picks) < min(2 * count, len(x)):
        lowered = trace(m[None]) - trace(m + step)
        unpicked = np.setdiff1d(np.arange(len(x)), picks)
        picks.append(best(lowered, rank, picks, 1e-6 * lowered[unpicked].max()))
        m = m + step[picks[-1]]
    while len(picks) > count:
        risen = trace(m - step[picks]) - trace(m[None])
        removed = picks.pop(int(np.flatnonzero(risen <= (1 + 1e-6) * risen.min())[-1]))
        m = m - step[removed]
    return picks


def tcm(pool, count, rng):
    return (typiclust if len(pool.labeled) < 300 else margin)(pool, count, rng)
