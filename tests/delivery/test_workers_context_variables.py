"""The caller's context variables in what a send runs, and the spans that depend on them."""

from collections.abc import Iterator
from contextvars import ContextVar

import httpx
import pytest
from either_client import EitherClient
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from sending import events

from gameball import Gameball
from gameball.sandbox import Fault, Sandbox

REQUEST_ID: ContextVar[str] = ContextVar("REQUEST_ID", default="none")


def test_a_users_transport_sees_the_context_variables_of_the_caller(box: Sandbox) -> None:
    seen: list[str] = []

    class Looking(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            seen.append(REQUEST_ID.get())
            return super().handle_request(request)

    with Looking() as transport, Gameball("key", "secret", base_url=box.url, transport=transport) as client:
        token = REQUEST_ID.set("request-1")
        client.events.send(events(20), max_objects=5)
        REQUEST_ID.reset(token)
        client.events.send(events(5))
    assert seen == ["request-1"] * 4 + ["none"]


@pytest.fixture
def spans() -> Iterator[tuple[TracerProvider, InMemorySpanExporter]]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    yield provider, exporter
    instrumentor.uninstrument()
    provider.shutdown()


def test_opentelemetry_nests_the_spans_of_requests_under_the_callers(
    spans: tuple[TracerProvider, InMemorySpanExporter], either: EitherClient, box: Sandbox
) -> None:
    provider, exporter = spans
    box.fail_next(Fault(status=503))
    with provider.get_tracer("test").start_as_current_span("checkout") as outer:
        report = either.send(events(20), max_objects=5, options={"max_attempts": 2})
        either.wait_all(report.job_ids, timeout=60)
    requests = [span for span in exporter.get_finished_spans() if span.kind is SpanKind.CLIENT]
    # Four chunks, one of them twice, and the reading of four jobs.
    assert len(requests) == 9
    context = outer.get_span_context()
    for span in requests:
        assert span.parent is not None
        assert (span.parent.span_id, span.context.trace_id) == (context.span_id, context.trace_id)
        assert "secret" not in span.to_json()
