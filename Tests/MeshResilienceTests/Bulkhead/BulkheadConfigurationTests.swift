// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct BulkheadConfigurationTests {
    @Test func `a configuration names every bound that is broken`() {
        let broken = BulkheadConfiguration(
            maximumConcurrent: 0,
            maximumQueued: -1,
            maximumWait: .zero,
            order: .controlledDelay(target: .zero, interval: .zero)
        )
        let error = #expect(throws: ConfigurationError.self) { try Bulkhead(broken) }
        #expect(
            error?.problems.map(\.path)
                == ["maximumConcurrent", "maximumQueued", "maximumWait", "order.target", "order.interval"]
        )
        let inverted = BulkheadConfiguration(
            maximumConcurrent: .max,
            maximumQueued: .max,
            order: .controlledDelay(target: .seconds(1), interval: .milliseconds(1))
        )
        let second = #expect(throws: ConfigurationError.self) { try inverted.validate() }
        #expect(second?.problems.map(\.path) == ["maximumConcurrent", "maximumQueued", "order.target"])
    }

    @Test func `settings say what is in force and where it comes from`() {
        let settings = BulkheadConfiguration(maximumConcurrent: 7).settings
        #expect(settings.map(\.name) == ["mode", "maximumConcurrent", "maximumQueued", "maximumWait", "order"])
        #expect(settings[1].description == "maximumConcurrent 7")
        #expect(settings[2].source == .standard("resilience4j, Polly queueLimit"))
    }
}
