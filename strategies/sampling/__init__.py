"""Sampling candidates and scoring each as soon as it ends, as the scored strategies share it."""
