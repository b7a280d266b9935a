"""The hardened defenses: what they remove that erasers and single adversaries leave, and what they keep."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC

from aiakit.contracts import Context, Embeddings
from aiakit.defenses._adversaries import Adversaries
from aiakit.defenses.aia_ensemble import dependence, fresh_advantage
from aiakit.errors import InputError
from aiakit.networks.training import seeded
from aiakit.plugins import mock

QUADRATIC = QuadraticDiscriminantAnalysis(reg_param=0.01)


def told_apart(z: Any, of: Embeddings) -> float:
    """AUC of Euclidean distances, impostors of the same class only."""
    distances = np.linalg.norm(z[:, None] - z, axis=2)
    pairs = np.triu(of.labels[:, None] == of.labels, 1)
    return float(roc_auc_score((of.identity[:, None] == of.identity)[pairs], -distances[pairs]))


@pytest.mark.parametrize("classes", [2, 3])
def test_class_means_and_covariances_agree_on_the_defenders_people(
    people: Callable[..., Embeddings], fitted: Callable[..., Any], released: Callable[..., Any], classes: int
) -> None:
    train = people(300, 1, shift=12.0, classes=classes)
    z = released(fitted("identity-transport", train, latent=12), train)
    of_class = [z[train.labels == k] for k in range(classes)]
    for own in of_class[1:]:
        assert np.abs(own.mean(0) - of_class[0].mean(0)).max() < 1e-4
        assert np.linalg.norm(np.cov(own.T) - np.cov(of_class[0].T)) < 0.01 * np.linalg.norm(np.cov(own.T))


def test_quadratic_and_kernel_attackers_lose_what_leace_leaves_them_and_the_matcher_does_not(
    people: Callable[..., Embeddings],
    fitted: Callable[..., Any],
    released: Callable[..., Any],
    accuracy: Callable[..., float],
) -> None:
    train, attacker, test = (people(500, seed, shift=6.0) for seed in (1, 2, 3))
    for model in (QUADRATIC, SVC(class_weight="balanced")):
        left = {}
        for name, options in (("leace", {}), ("identity-transport", {"latent": 12})):
            defense = fitted(name, train, **options)
            z, z_test = released(defense, attacker), released(defense, test)
            left[name] = accuracy(model, z, attacker.labels, z_test, test.labels)
        assert left["leace"] > 0.7
        assert left["identity-transport"] < 0.6
    assert told_apart(z_test, test) > 0.95


def test_one_person_with_many_images_decides_nothing(
    people: Callable[..., Embeddings], fitted: Callable[..., Any], released: Callable[..., Any]
) -> None:
    train = people(200, 1, shift=6.0)
    famous = np.concatenate([np.arange(len(train)), np.tile(np.flatnonzero(train.identity == 7), 200)])
    crowded = Embeddings(train.embedding[famous], train.labels[famous], train.identity[famous], train.classes)

    def difference(evenness: float) -> float:
        """How far the classes' covariances on everybody else are apart."""
        defense = fitted("identity-transport", crowded, latent=12, evenness=evenness)
        z = released(defense, train)
        first, second = (np.cov(z[train.labels == k].T) for k in (0, 1))
        return float(np.linalg.norm(first - second) / np.linalg.norm(first))

    assert difference(1.0) < 0.1
    assert difference(0.0) > 0.5


@pytest.mark.parametrize(
    ("people_of_class", "images", "says"), [(4, 3, "needs 5 people of every class"), (20, 1, "nobody has two")]
)
def test_people_that_are_too_few_are_refused(
    fitted: Callable[..., Any], people_of_class: int, images: int, says: str
) -> None:
    rng = np.random.default_rng(0)
    made = mock.embeddings(mock.people(2 * people_of_class, images, rng), rng)
    for name in ("identity-transport", "aia-ensemble"):
        with pytest.raises(InputError, match=says) as caught:
            fitted(name, made)
        assert "\n" not in str(caught.value)


def test_the_ensemble_takes_away_what_a_quadratic_attacker_reads(
    people: Callable[..., Embeddings],
    fitted: Callable[..., Any],
    released: Callable[..., Any],
    accuracy: Callable[..., float],
) -> None:
    train, attacker, test = (people(300, seed) for seed in (1, 2, 3))
    found = []
    for epochs, beta in ((1, 0.0), (15, 3.0)):
        defense = fitted("aia-ensemble", train, epochs=epochs, beta=beta, select=False, transport=False, latent=12)
        found.append(
            accuracy(QUADRATIC, released(defense, attacker), attacker.labels, released(defense, test), test.labels)
        )
    assert found[0] > 0.85
    assert found[1] < found[0] - 0.05


def test_the_start_is_kept_where_no_epoch_leaks_less(
    people: Callable[..., Embeddings], fitted: Callable[..., Any], released: Callable[..., Any]
) -> None:
    train, val = people(200, 1, shift=6.0), people(100, 2, shift=6.0)
    # a matcher alone has no reason to hide anything
    kept = fitted("aia-ensemble", train, val, epochs=2, beta=0.0, rate=1e-2, alpha=10.0, latent=12)
    last = fitted("aia-ensemble", train, val, epochs=2, beta=0.0, rate=1e-2, alpha=10.0, latent=12, select=False)
    assert fresh_advantage(released(kept, val), val, kept.ctx_) <= fresh_advantage(released(last, val), val, last.ctx_)


def adversaries(lookahead: int = 0) -> Adversaries:
    made = Adversaries(6, 2, count=5, rate=3e-2, steps=2, replay=True, renew_every=0, lookahead=lookahead)
    return made.to("cpu")


def forget(against: Adversaries) -> None:
    for parameter in against.heads.parameters():
        torch.nn.init.zeros_(parameter)


def test_adversaries_that_know_nothing_are_worth_nothing_and_the_others_something() -> None:
    labels = torch.arange(512) % 2
    with seeded(Context(), "adversaries"):  # one thread: the networks are tiny
        latent = torch.randn(512, 6)
        ones = torch.ones(512)
        against = adversaries()
        forget(against)
        assert against.certainty(latent, labels, ones).item() == pytest.approx(0, abs=1e-6)
        latent[:, 0] += 4 * labels
        against = adversaries()
        for _ in range(30):
            against.learn(latent, labels, ones)
        assert against.certainty(latent, labels, ones).item() > 5 * 0.5 * math.log(2)


def test_what_adversaries_are_about_to_learn_counts_where_the_encoder_looks_ahead() -> None:
    labels = torch.arange(512) % 2
    with seeded(Context(), "adversaries"):
        ones, noise = torch.ones(512), torch.randn(512, 6)
        telling = (noise + 3 * labels[:, None] * torch.eye(6)[0]).requires_grad_()
        worth, slope = {}, {}
        for steps in (0, 1, 5):
            against = adversaries(steps)
            forget(against)  # they know nothing yet
            worth[steps] = against.certainty(telling, labels, ones)
            slope[steps] = torch.autograd.grad(worth[steps], telling)[0].abs().max().item()
            assert all(not parameter.any() for parameter in against.heads.parameters())  # nor after looking ahead
        assert worth[0].item() == pytest.approx(0, abs=1e-6)
        assert slope[0] == 0
        assert worth[5].item() > worth[1].item() > 0.01
        assert slope[1] > 0
        forget(against)
        assert against.certainty(noise, labels, ones).item() < 0.2 * worth[5].item()  # there is little to learn


def test_dependence_is_that_of_the_definition_and_none_where_there_is_none() -> None:
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 2
    independent = torch.randn(400, 5, generator=rng)
    even = torch.ones(400)
    scaled = independent * (1 + 2 * labels[:, None])  # equal means: a linear measure sees nothing
    assert dependence(scaled, labels, even, 2) > 10 * dependence(independent, labels, even, 2) > 0
    distances = torch.cdist(scaled, scaled).square()
    kernel = torch.exp(-distances / distances.median())
    centring = torch.eye(400) - 1 / 400
    of_labels = torch.nn.functional.one_hot(labels, 2).float()
    defined = torch.trace(kernel @ centring @ of_labels @ of_labels.T @ centring) / 400**2
    assert dependence(scaled, labels, even, 2).item() == pytest.approx(defined.item(), rel=1e-3)
