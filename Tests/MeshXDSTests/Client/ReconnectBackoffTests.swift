// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshXDS

@Suite("The wait before the next stream")
struct ReconnectBackoffTests {
    @Test("grows by 1.6 with each stream that ends without a response, up to 120 s")
    func growth() {
        var backoff = ReconnectBackoff()
        let waits = (0..<14).map { _ in
            backoff.streamEnded(hadResponse: false, lasted: .zero, random: 0.5).seconds
        }
        let expected = [1, 1.6, 2.56, 4.096, 6.5536]
        for (wait, value) in zip(waits, expected) { #expect(abs(wait - value) < 1e-6) }
        #expect(waits.suffix(2) == [120, 120])
    }

    @Test("is spread by 20% in both directions", arguments: [(0.0, 0.8), (1.0, 1.2)])
    func jitter(random: Double, seconds: Double) {
        var backoff = ReconnectBackoff()
        #expect(abs(backoff.streamEnded(hadResponse: false, lasted: .zero, random: random).seconds - seconds) < 1e-6)
    }

    @Test("is none after a response, and begins anew from there")
    func response() {
        var backoff = ReconnectBackoff()
        for _ in 0..<5 { _ = backoff.streamEnded(hadResponse: false, lasted: .zero, random: 0.5) }
        #expect(backoff.streamEnded(hadResponse: true, lasted: .seconds(5), random: 0.5) == .zero)
        #expect(backoff.streamEnded(hadResponse: false, lasted: .zero, random: 0.5) == .seconds(1))
    }

    @Test("keeps a server from being overrun that ends each stream after its response")
    func shortStreams() {
        var backoff = ReconnectBackoff()
        let wait = backoff.streamEnded(hadResponse: true, lasted: .milliseconds(10), random: 0.5)
        #expect(wait == .milliseconds(990))
    }
}
