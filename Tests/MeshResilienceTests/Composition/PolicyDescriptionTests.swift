// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct PolicyDescriptionTests {
    private struct Configuration: PolicyConfiguration {
        static let kind = PolicyKind.timeout
        var mode = PolicyMode.enforce
        var limit = Nanoseconds.seconds(1)
        var share: Double? = nil
        var rate = 7

        var settings: [PolicySetting] {
            [
                PolicySetting("limit", limit, default: .seconds(1), from: "Hystrix"),
                PolicySetting("share", share, default: nil, from: "Polly"),
                PolicySetting("rate", rate),
            ]
        }

        func validate() throws(ConfigurationError) {}
    }

    @Test func `a description says what every value is and where it comes from`() {
        let description = PolicyDescription(
            Configuration(share: 0.5),
            in: .attemptTimeout,
            name: "ratings",
            place: "route /ratings"
        )
        #expect(
            description.description
                == "attempt timeout ratings: limit 1.0 seconds (default: Hystrix), share 0.5 (route /ratings), "
                + "rate 7 (route /ratings)"
        )
    }

    @Test func `an absent value is none, an endless time is forever`() {
        let settings = Configuration(limit: .forever).settings
        #expect(settings[0].description == "limit forever")
        #expect(settings[1].description == "share none (default: Polly)")
    }

    @Test func `a policy that does not act says so, and one that is off says no more`() {
        #expect(PolicyDescription(Configuration(mode: .observe), in: .retry).description.hasPrefix("retry [observe]: "))
        #expect(PolicyDescription(Configuration(mode: .disabled), in: .retry).description == "retry [disabled]")
    }

    @Test func `a stack is described from the outside in, with its problems`() {
        let stack = StackDescription([
            PolicyDescription(slot: .attemptTimeout, settings: []),
            PolicyDescription(slot: .retry, name: "a", settings: [PolicySetting("maximumAttempts", 3)]),
        ])
        #expect(
            stack.description == """
                1. attempt timeout
                2. retry a: maximumAttempts 3
                ! retry inside attempt timeout: the attempt's timeout covers all attempts
                """
        )
    }
}
