"""One span a request, one for each of its phases, and nothing of OpenTelemetry where it is not configured."""

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from service.engine.scripted.engine import ScriptedEngine
from service.metering.equivalence import MeteredEquivalence
from service.metering.limits import RequestLimits
from service.metering.meter import Meter
from service.metering.run_observer import observe_run
from service.observability.metrics import Metrics
from service.observability.request_record import Record, recording
from service.observability.tracing import NoTracing, OpenTelemetry, TracingError, start_tracing
from service.protocol.errors import body_of_run
from service.state.run_events import Runs
from strategies.answers.equivalence import Undecided
from tests.service.fixtures import Running, listening
from tests.service.routes.asking import ASK

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "Zebra=4711"}
ATTRIBUTES = {
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "nbest.request_id",
    "nbest.strategy",
    "nbest.outcome",
    "nbest.prompt_tokens",
    "nbest.completion_tokens",
    "nbest.reward_model_tokens",
}


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> OpenTelemetry:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return OpenTelemetry(provider)


async def ask(running: Running, **fields: object) -> int:
    async with running.client() as http:
        sent = ASK | {"temperature": 0.8} | fields
        reply = await http.post("/v1/chat/completions", json=sent, headers=TRACEPARENT)
        await http.get("/health")
        return reply.status_code


async def test_a_request_and_its_phases(exporter: InMemorySpanExporter, tracing: OpenTelemetry) -> None:
    async with listening(ScriptedEngine(), tracing=tracing) as running:
        assert await ask(running, strategy={"name": "fusion_of_n", "n": 2}) == 200
        assert await ask(running, strategy={"name": "best_of_n", "n": 2}) == 200
    spans = exporter.get_finished_spans()
    requests = [span for span in spans if span.kind == SpanKind.SERVER]
    assert [span.name for span in requests] == ["POST /v1/chat/completions"] * 2
    for request in requests:
        assert request.attributes is not None
        assert request.attributes.keys() == ATTRIBUTES
        assert request.attributes["nbest.outcome"] in ("ok", "degraded")
        assert request.parent is not None
        assert f"{request.context.trace_id:032x}" == TRACE
        assert f"{request.parent.span_id:016x}" == PARENT
        assert not request.context.trace_state
    phases = [
        {span.name for span in spans if span.parent and span.parent.span_id == request.context.span_id}
        for request in requests
    ]
    assert phases[0] >= {"queue", "sample", "fusion"}
    assert phases[1] == {"queue", "sample", "score"}


async def test_comparing_answers_is_a_phase_too(
    exporter: InMemorySpanExporter, tracing: OpenTelemetry
) -> None:
    span, meter, runs = tracing.request({}), Meter(), Runs()
    with recording(Record(runs, span, id="req_1")), observe_run(meter, "majority", body_of_run):
        await MeteredEquivalence(Undecided(), meter, RequestLimits(), Metrics()).same([("1", "2")])
    span.close("GET", {}, 200)
    check, request = exporter.get_finished_spans()
    assert (check.name, request.name) == ("check", "GET")
    assert check.parent is not None
    assert check.parent.span_id == request.context.span_id
    told = runs.find("req_1", "anybody").after(0)
    assert told is not None
    assert told["type"] == "checking"


async def test_a_failure_is_marked_and_its_words_are_left_out(
    exporter: InMemorySpanExporter, tracing: OpenTelemetry
) -> None:
    def broken(prompt: object, index: int) -> str:
        raise ValueError("Zebra")

    async with listening(ScriptedEngine(script=broken), tracing=tracing) as running:
        assert await ask(running) == 500
        assert await ask(running, nonsense=1) == 400
    failed, refused = (s for s in exporter.get_finished_spans() if s.kind == SpanKind.SERVER)
    assert failed.status.status_code == StatusCode.ERROR
    assert refused.status.status_code == StatusCode.UNSET
    assert all("Zebra" not in span.to_json() for span in exporter.get_finished_spans())


def test_it_is_off_unless_configured() -> None:
    assert isinstance(start_tracing(None, {}), NoTracing)
    off = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}
    assert isinstance(start_tracing("http://127.0.0.1:9", off), NoTracing)


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
def test_the_setting_or_opentelemetrys_own_variables_turn_it_on(name: str) -> None:
    for tracing in (
        start_tracing("http://127.0.0.1:9", {}),
        start_tracing(None, {name: "http://127.0.0.1:9"}),
    ):
        assert isinstance(tracing, OpenTelemetry)
        tracing.close()


def test_asked_for_and_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    with pytest.raises(TracingError, match=r"nbest\[otel\]"):
        start_tracing("http://127.0.0.1:9", {})


def test_a_service_without_traces_imports_nothing_of_it() -> None:
    program = (
        "import sys; from service.app import create_app; from service.server import uvicorn_config;"
        "from service.observability.tracing import start_tracing; start_tracing(None, {});"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
