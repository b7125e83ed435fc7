// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct TraceContextTests {
    private static let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test(arguments: [
        valid,
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
        "00-00000000000000000000000000000001-0000000000000001-01",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
    ])
    func `a valid traceparent is taken`(header: String) throws {
        let trace = try #require(TraceContext(traceparent: header))
        #expect(trace.isValid)
        #expect(trace.traceparent.dropFirst(2) == header.dropFirst(2).prefix(53))
    }

    @Test(arguments: [
        "", "00", "00-", valid + "-", valid + "-00", valid + "0", String(valid.dropLast()),
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ".0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473.-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ])
    func `an invalid traceparent is passed over`(header: String) {
        #expect(TraceContext(traceparent: header) == nil)
    }

    @Test func `what is written can be read, with its state`() throws {
        let trace = TraceContext(traceIDHigh: 1, traceIDLow: .max, spanID: 0xABC, flags: 1, state: "congo=t61")
        #expect(trace.traceparent == "00-0000000000000001ffffffffffffffff-0000000000000abc-01")
        #expect(trace.traceIDText == "0000000000000001ffffffffffffffff")
        #expect(trace.spanIDText == "0000000000000abc")
        #expect(TraceContext(traceparent: trace.traceparent, state: "congo=t61") == trace)
    }

    @Test func `a child is a new span of the same trace, and of a new trace where there was none`() throws {
        let random = MeshRandom(seed: 1)
        let parent = try #require(TraceContext(traceparent: Self.valid, state: "a=b"))
        let child = parent.child(random: random)
        #expect(child.traceIDHigh == parent.traceIDHigh && child.traceIDLow == parent.traceIDLow)
        #expect(child.spanID != parent.spanID)
        #expect(child.flags == parent.flags && child.state == "a=b")
        let root = TraceContext.none.child(random: random)
        #expect(root.isValid && root.flags == TraceContext.sampledFlag)
    }
}
