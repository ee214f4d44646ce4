"""What each number means, in a sentence: for hover, tap, and the list at the end of a page.

The full text is `docs/metrics.md` and `docs/validity.md`. A column of a plug-in is told by what its metric
says of it: the direction, and the value of a perfect sampler.
"""

from __future__ import annotations

from diffbench.records.places import base_of
from diffbench.spec import Json

TERMS = {
    "u": "The common scale: 1 for truth, 0 for the Gaussian of the data's moments. Above 1 is noise.",
    "z": "Distance from the noise floor in its standard deviations, mean over seeds; truth is at about 0.",
    "floor": "What the metric reads of truth itself at as many samples: mean and deviation over draws.",
    "p_value": "Share of truth draws that read as far out as this; small is bad.",
    "NFE": "Score evaluations for one sample, as counted.",
    "cells": "Cells in which every number is there, of all that were asked for.",
    "total": "Error of the learned score over the noise floor.",
    "solving": "Error of the same sampler on the exact score, over the floor: the solver's part.",
    "learning": "What the learned score adds to the exact one, seed by seed.",
    "finite data": "What the exact score of the finite training set adds to that of the data.",
    "errs in": "Parts that are more than noise in these models (Fisher over seeds, Holm over rows, 5%).",
    "interval": "95% over seeds: Student's t of a mean; of u a bootstrap, too narrow below 10 seeds.",
}

_METRICS = {
    "energy": "Energy distance 2E|X-Y| - E|X-X'| - E|Y-Y'|: sees global errors, is blind to local shape.",
    "mmd2": "Squared maximum mean discrepancy over Gaussian kernels from the finest to the whole length.",
    "mmd2_local": "Squared maximum mean discrepancy at the data's smallest length: sees the shape of modes.",
    "sliced_w2": "Squared Wasserstein distance of one-dimensional projections, mean over fixed directions.",
    "w2": "Squared Wasserstein distance by exact optimal transport, on a part of the samples.",
    "mode_tv": "Total variation between the shares of samples per mode and those of truth.",
    "missing_modes": "Modes that have less than a tenth of their share.",
    "stray": "Share of samples outside the 99.9% region of every mode.",
    "manifold_distance": "Mean distance of the samples from the manifold that the data lie on.",
    "manifold_distance_q95": "Distance from the manifold that 95% of the samples keep within.",
    "intrinsic": "How unevenly the samples are spread along the manifold.",
    "score_error": "Squared error of the score relative to the size of the exact score, over log SNR.",
    "score_kl": "Squared error of the score weighted by g^2, integrated: bounds the SDE's KL, in nats.",
    "trajectory_error": "Distance of the score's probability flow from the exact one, from the same noise.",
    "nll": "Mean negative log-likelihood of truth under the model's probability flow, in nats.",
    "kl": "KL divergence of the model's density from truth by the probability flow, in nats.",
    "nll_entropy": "Entropy of the truth at the end of the flow, in nats: the bound of nll.",
    "nll_elbo": "DDPM's bound on the negative log-likelihood, in nats.",
    "prior_kl": "KL divergence of the noised data at the last time from the prior that samplers start from.",
    "c2st": "Held-out accuracy of classifiers that try to tell samples from truth; 1/2 is perfect.",
    "c2st_z": "Accuracy of the classifiers over 1/2 in its standard deviations.",
    "precision": "Share of samples that lie within the neighbourhoods of truth.",
    "recall": "Share of truth that lies within the neighbourhoods of samples.",
    "density": "How many neighbourhoods of truth a sample lies in, over the number expected.",
    "coverage": "Share of truth whose neighbourhood holds a sample.",
    "copied": "Share of samples nearer to a training point than that is to any other training point.",
    "ct": "Whether samples are nearer to the training points than fresh truth is; below 0 is copying.",
    "authenticity": "Share of samples that are no near copies of training points.",
    "detection_n": "About how many samples a statistician needs to tell the model from truth.",
    "flow_rms": "Root mean square distance of samples from where the exact flow leads.",
    "flow_elsewhere": "Share of samples that landed elsewhere than the exact flow leads.",
    "flow_solving": "Median distance from where the score's own flow leads: the solver's part.",
    "flow_learning": "Median distance between the score's own flow and the exact one: learning's part.",
    "flow_error": "Median distance of samples from where the exact flow leads from the same noise.",
    "frechet": "Squared Frechet distance of means and covariances from the truth's known moments.",
    "frechet_leading": "The same in the truth's leading directions.",
    "bpd": "Bits per dimension of truth under the model, in grey levels.",
    "bpd_entropy": "Entropy of the truth in bits per dimension: the bound of bpd.",
    "bpd_offset": "What grey levels and their scale add to bits per dimension.",
    "bpd_blur": "Noise that is left at the end of the flow, in grey levels.",
    "denoising_loss": "Squared error of estimates of the clean image, over noise levels.",
    "denoising_excess": "Squared error of estimates of the clean image over that of the exact one.",
    "bpd_excess": "Bits per dimension over the entropy of the truth.",
}  # fmt: skip

_FAMILIES = {
    "ess": "Effective sample size of the share of modes in Langevin chains held at one noise level.",
    "rhat": "Whether Langevin chains held at one noise level agree: 1 where they do.",
    "mcse": "Monte Carlo standard error of the share of modes in Langevin chains held at one noise level.",
}

_BETTER = {"lower": "lower is better", "higher": "higher is better"}


def of_column(column: str, about: Json) -> str:
    """Returns what a column of a metric means.

    Args:
      column: Its name.
      about: What the run says of it: "metric", "better", "perfect", "censored".
    """
    known = told(str(about.get("column") or base_of(column)))
    metric = about.get("metric", column)
    said = known or (f"A column of the metric {metric}." if metric != column else "A metric of this run.")
    end = _BETTER.get(str(about.get("better")), "nearest to truth is best")
    if about.get("censored"):
        end += "; of n it means more than n"
    return f"{said} {end[:1].upper()}{end[1:]}."


def told(column: str) -> str | None:
    """Returns what a column of a shipped metric means, or None."""
    if column in _METRICS:
        return _METRICS[column]
    if column.endswith("_se"):
        return f"Standard error of {column.removesuffix('_se')}."
    return _FAMILIES.get(column.partition("_")[0])
