"""Every metric of the service, in one place. Labels come from closed sets; prompts, keys and paths never do."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300)


class Metrics:
    """The service's own metrics, on a registry of their own; vLLM's stand beside them on `/metrics`."""

    def __init__(self) -> None:
        own = CollectorRegistry()
        self.registry = own
        self.requests = Counter(
            "nbest_requests", "Requests by strategy and how they ended.", ["route", "strategy", "outcome"], registry=own
        )
        self.duration = Histogram(
            "nbest_request_duration_seconds", "Wall-clock time of a request.", ["strategy"], buckets=_SECONDS, registry=own
        )
        self.phases = Histogram(
            "nbest_phase_duration_seconds", "Wall-clock time by phase.", ["strategy", "phase"], buckets=_SECONDS, registry=own
        )
        self.candidates = Counter(
            "nbest_candidates", "Candidates by what became of them.", ["strategy", "fate"], registry=own
        )
        self.tokens = Counter("nbest_tokens", "Tokens by purpose.", ["kind"], registry=own)
        self.scorer_errors = Counter("nbest_scorer_errors", "Scoring calls that failed.", ["scorer", "reason"], registry=own)
        self.degraded = Counter("nbest_degraded", "Answers that are less than was asked for.", ["reason"], registry=own)
        self.refused = Counter("nbest_admission_rejections", "Requests turned away.", ["reason"], registry=own)
        self.inflight = Gauge("nbest_inflight_requests", "Requests being worked on.", registry=own)
        self.queued = Gauge("nbest_queued_requests", "Requests waiting for a place.", registry=own)
        self.engine_up = Gauge("nbest_engine_up", "1 while the generator answers its health check.", registry=own)
        self.build = Gauge("nbest_build_info", "Versions, as labels.", ["version", "backend", "model"], registry=own)

    def page(self) -> bytes:
        """The Prometheus exposition: ours, then the default registry, where vLLM keeps its own."""
        return generate_latest(self.registry) + generate_latest(REGISTRY)
