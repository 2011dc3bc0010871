"""One request while it runs: counted, limited and observed. It wraps the ports that a strategy is handed.

`engine`, `live_candidate`, `scorers`, `prompt_logprobs` and `equivalence` wrap a port each; `meter` and `phase_clock`
hold the counts, `limits` and `token_budget` end the work, `run` is the finished request.
"""
