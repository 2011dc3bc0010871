"""Every metric of the service, in one place. Labels come from closed sets; prompts, keys and paths never do."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300)


class Metrics:
    """The service's own metrics, on a registry of their own; vLLM's stand beside them on `/metrics`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter(
            "requests", "Requests by how they ended.", "route", "strategy", "outcome"
        )
        self.duration = self._histogram(
            "request_duration_seconds", "Wall-clock time of a request.", "strategy"
        )
        self.phases = self._histogram(
            "phase_duration_seconds", "Wall-clock time by phase.", "strategy", "phase"
        )
        self.candidates = self._counter(
            "candidates", "Candidates by what became of them.", "strategy", "fate"
        )
        self.tokens = self._counter("tokens", "Tokens by purpose.", "kind")
        self.answer_checks = self._counter("answer_checks", "Symbolic comparisons of answers.", "verdict")
        self.scorer_errors = self._counter("scorer_errors", "Scoring calls that failed.", "scorer", "reason")
        self.degraded = self._counter("degraded", "Answers that are less than was asked for.", "reason")
        self.refused = self._counter("admission_rejections", "Requests turned away.", "reason")
        self.inflight = self._gauge("inflight_requests", "Requests being worked on.")
        self.queued = self._gauge("queued_requests", "Requests waiting for a place.")
        self.engine_up = self._gauge("engine_up", "1 while the generator and every reward model can be used.")
        self.engine_restarts = self._counter(
            "engine_restarts", "Attempts to start a lost engine again.", "part"
        )
        self.build = self._gauge("build_info", "Versions, as labels.", "version", "backend", "model")

    def page(self) -> bytes:
        """The Prometheus exposition: ours, then the default registry, where vLLM keeps its own."""
        return generate_latest(self.registry) + generate_latest(REGISTRY)

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"nbest_{name}", told, labels, registry=self.registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        return Gauge(f"nbest_{name}", told, labels, registry=self.registry)

    def _histogram(self, name: str, told: str, *labels: str) -> Histogram:
        return Histogram(f"nbest_{name}", told, labels, buckets=_SECONDS, registry=self.registry)
