// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshTesting
import Testing
import Tracing

@testable import MeshObservability

@Suite
struct OTLPTracerTests {
    private typealias Time = DefaultTracerClock.Timestamp
    private let exporter = CollectingExporter()

    private func tracer(
        _ change: (inout OTLPTracer.Configuration) -> Void = { _ in },
        clock: any MeshClock = ManualClock()
    ) -> OTLPTracer {
        var configuration = OTLPTracer.Configuration(serviceName: "reviews")
        change(&configuration)
        return OTLPTracer(configuration: configuration, output: exporter, clock: clock, random: MeshRandom(seed: 1))
    }

    private func end(_ tracer: OTLPTracer, spans count: Int) {
        for number in 0..<count { tracer.startSpan("\(number)", context: .topLevel).end() }
    }

    @Test
    func `a span is one line of OTLP JSON`() async {
        let tracer = tracer { $0.resource = ["service.version": "v2"] }
        var parent = ServiceContext.topLevel
        parent.meshTrace = MeshTrace(
            context: TraceContext(traceIDHigh: 0xAB, traceIDLow: 0xCD, spanID: 0xEF, flags: 1, state: "vendor=1"),
            isRemote: true
        )
        let span = tracer.startSpan(
            "GET",
            context: parent,
            ofKind: .server,
            at: Time(nanosecondsSinceEpoch: 1_763_694_067_042_000_001)
        )
        span.attributes = [
            "b.text": "say \"hi\"\n", "a.int": 42, "c.double": 0.5, "d.bool": true, "e.list": .stringArray(["x", "y"]),
        ]
        span.addEvent(SpanEvent(name: "retried", at: Time(nanosecondsSinceEpoch: 5), attributes: ["attempt": 2]))
        span.addLink(SpanLink(context: parent, attributes: [:]))
        span.setStatus(SpanStatus(code: .error, message: "too slow"))
        span.end(at: Time(nanosecondsSinceEpoch: 1_763_694_067_054_000_002))
        await tracer.flush()

        let spanID = span.context.meshTrace.map { $0.context.spanIDText } ?? ""
        let expected =
            #"{"resourceSpans":[{"resource":{"attributes":["#
            + #"{"key":"service.name","value":{"stringValue":"reviews"}},"#
            + #"{"key":"service.version","value":{"stringValue":"v2"}}]},"#
            + #""scopeSpans":[{"scope":{"name":"swift-service-mesh"},"spans":[{"#
            + #""traceId":"00000000000000ab00000000000000cd","spanId":""# + spanID + #"","traceState":"vendor=1","#
            + #""parentSpanId":"00000000000000ef","flags":769,"name":"GET","kind":2,"#
            + #""startTimeUnixNano":"1763694067042000001","endTimeUnixNano":"1763694067054000002","attributes":["#
            + #"{"key":"a.int","value":{"intValue":"42"}},"#
            + #"{"key":"b.text","value":{"stringValue":"say \"hi\"\u000a"}},"#
            + #"{"key":"c.double","value":{"doubleValue":0.5}},"#
            + #"{"key":"d.bool","value":{"boolValue":true}},"#
            + #"{"key":"e.list","value":{"arrayValue":{"values":[{"stringValue":"x"},{"stringValue":"y"}]}}}],"#
            + #""events":[{"timeUnixNano":"5","name":"retried","#
            + #""attributes":[{"key":"attempt","value":{"intValue":"2"}}]}],"#
            + #""links":[{"traceId":"00000000000000ab00000000000000cd","spanId":"00000000000000ef"}],"#
            + #""status":{"message":"too slow","code":2}}]}]}]}"#
        #expect(exporter.lines == [expected])
        #expect(spanID.count == 16 && spanID != "00000000000000ef")
    }

    @Test
    func `a root span has no parent and no empty fields`() async {
        let tracer = tracer()
        let span = tracer.startSpan("root", context: .topLevel, at: Time(nanosecondsSinceEpoch: 9))
        span.end(at: Time(nanosecondsSinceEpoch: 8))
        span.end(at: Time(nanosecondsSinceEpoch: 100))
        await tracer.flush()
        let trace = span.context.meshTrace?.context ?? .none
        #expect(
            exporter.lines == [
                #"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"reviews"}}]},"#
                    + #""scopeSpans":[{"scope":{"name":"swift-service-mesh"},"spans":[{"traceId":"\#(trace.traceIDText)","#
                    + #""spanId":"\#(trace.spanIDText)","flags":257,"name":"root","kind":1,"#
                    + #""startTimeUnixNano":"9","endTimeUnixNano":"9"}]}]}]}"#
            ],
            "a clock that was set back does not end a span before its start, and a second end does nothing"
        )
    }

    @Test
    func `inject and extract speak W3C Trace Context`() {
        let tracer = tracer()
        let trace = TraceContext(traceIDHigh: 1, traceIDLow: 2, spanID: 3, flags: 1, state: "vendor=1")
        var context = ServiceContext.topLevel
        tracer.extract(TraceCarrier(trace), into: &context, using: TraceCarrier.Access())
        var carrier = TraceCarrier()
        tracer.inject(context, into: &carrier, using: TraceCarrier.Access())
        #expect(carrier.traceparent == "00-00000000000000010000000000000002-0000000000000003-01")
        #expect(carrier.tracestate == "vendor=1")

        var untouched = ServiceContext.topLevel
        var broken = TraceCarrier()
        broken.traceparent = "00-zz"
        tracer.extract(broken, into: &untouched, using: TraceCarrier.Access())
        #expect(untouched.meshTrace == nil)
    }

    @Test
    func `new traces are sampled at the ratio and children keep the decision`() async {
        let tracer = tracer { $0.samplingRatio = 0.25 }
        var sampled = 0
        for _ in 0..<4000 {
            let root = tracer.startSpan("root", context: .topLevel)
            let child = tracer.startSpan("child", context: root.context)
            #expect(root.isRecording == child.isRecording)
            if root.isRecording { sampled += 1 }
        }
        #expect((900...1100).contains(sampled), "3.6 standard deviations around 1000; the seed is fixed")
    }

    @Test
    func `spans that do not fit are dropped and counted`() async {
        let tracer = tracer {
            $0.maximumQueueSize = 100
            $0.maximumBatchSize = 30
        }
        end(tracer, spans: 250)
        #expect(tracer.statistics == OTLPStatistics(dropped: 150))
        await tracer.flush()
        #expect(tracer.statistics == OTLPStatistics(exported: 100, dropped: 150))
        #expect(exporter.lines.map { $0.components(of: "\"traceId\"") } == [30, 30, 30, 10])
    }

    @Test
    func `a span's attributes, events, links and text are bounded`() async throws {
        let tracer = tracer {
            $0.maximumItemsPerSpan = 2
            $0.maximumTextLength = 5
        }
        let span = tracer.startSpan("span name", context: .topLevel)
        span.attributes = ["a": "12345", "b": "äöü", "c": "never"]
        for _ in 0..<5 {
            span.addEvent(SpanEvent(name: "e", at: Time(nanosecondsSinceEpoch: 1)))
            span.addLink(SpanLink(context: span.context, attributes: [:]))
        }
        span.end()
        span.attributes = ["late": 1]
        await tracer.flush()
        let line = try #require(exporter.lines.first)
        #expect(
            line.contains(
                #""attributes":[{"key":"a","value":{"stringValue":"12345"}},{"key":"b","value":{"stringValue":"äö"}}],"#
                    + #""droppedAttributesCount":1"#
            )
        )
        #expect(line.contains(#""droppedEventsCount":3"#) && line.contains(#""droppedLinksCount":3"#))
        #expect(line.contains(#""name":"span ""#) && !line.contains("late"))
    }

    @Test
    func `bounds outside of their range do no harm`() async {
        let tracer = tracer {
            $0.maximumQueueSize = -1
            $0.maximumBatchSize = 0
            $0.maximumItemsPerSpan = -5
            $0.maximumTextLength = -5
        }
        let span = tracer.startSpan("name", context: .topLevel)
        span.attributes = ["a": "text"]
        span.end()
        await tracer.flush()
        #expect(tracer.statistics == OTLPStatistics(exported: 1))
    }

    @Test
    func `an error becomes an exception event`() async throws {
        let tracer = tracer()
        let span = tracer.startSpan("s", context: .topLevel)
        span.recordError(
            MeshError(.overflow, origin: .local, message: "full"),
            attributes: ["extra": 1],
            at: Time(nanosecondsSinceEpoch: 7)
        )
        span.end()
        await tracer.flush()
        #expect(
            try #require(exporter.lines.first).contains(
                #""events":[{"timeUnixNano":"7","name":"exception","attributes":["#
                    + #"{"key":"exception.message","value":{"stringValue":"overflow [UO]: full"}},"#
                    + #"{"key":"exception.type","value":{"stringValue":"MeshCore.MeshError"}},"#
                    + #"{"key":"extra","value":{"intValue":"1"}}]}]"#
            )
        )
    }

    @Test
    func `an exporter that fails loses its batch, says why, and gets the next one`() async {
        let tracer = tracer()
        exporter.fail(true)
        end(tracer, spans: 3)
        await tracer.flush()
        exporter.fail(false)
        end(tracer, spans: 2)
        await tracer.flush()
        #expect(tracer.statistics == OTLPStatistics(exported: 2, failed: 3, lastFailure: "no room"))
    }

    @Test
    func `run exports every interval, when a batch is full, when it is asked to, and the rest when it is cancelled`()
        async throws
    {
        let clock = ManualClock()
        let tracer = tracer({ $0.maximumBatchSize = 3 }, clock: clock)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await tracer.run() }
            await clock.waitForSleepers()
            end(tracer, spans: 1)
            #expect(exporter.lines.isEmpty, "the interval has not passed")
            clock.advance(by: .seconds(5))
            await exporter.waitForLines(1)
            end(tracer, spans: 3)
            await exporter.waitForLines(2)
            end(tracer, spans: 2)
            tracer.forceFlush()
            await exporter.waitForLines(3)
            end(tracer, spans: 1)
            group.cancelAll()
            await group.waitForAll()
        }
        #expect(exporter.lines.map { $0.components(of: "\"traceId\"") } == [1, 3, 2, 1])
        #expect(tracer.statistics == OTLPStatistics(exported: 7))
        tracer.forceFlush()
    }
}
