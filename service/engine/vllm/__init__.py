"""The engine port on vLLM's `AsyncLLM` in this process. Only this package knows `SamplingParams`.

`engine` is the port; `requests` turns a prompt into engine requests and their outputs into candidates;
`live_candidate` and `resumable_request` advance a candidate by parts; `logits_processors` holds top-H.
"""
