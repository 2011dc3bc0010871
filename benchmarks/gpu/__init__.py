"""`make gpu-check`: does everything work on this machine's CUDA GPU, and how fast. `--dry-run` tries it on CPU."""
