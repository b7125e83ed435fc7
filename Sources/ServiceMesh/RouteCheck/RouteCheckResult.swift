// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How a test went.
public struct RouteCheckResult: Sendable {
    /// The test's name.
    public var name: String
    /// The expectations that were not met; none if the test passed.
    public var failures: [RouteCheckFailure]
    /// How the table came to its decision, in one line; empty if the test passed.
    public var reason: String

    /// Whether every expectation was met.
    public var hasPassed: Bool { failures.isEmpty }

    /// One line for each failure: the test, the field, both values, and how the table came to its decision.
    public var lines: [String] {
        failures.map { "\(name): \($0); \(reason)" }
    }
}

extension RoutePreview {
    /// How the decision came about, in one line.
    public var reason: String {
        guard let virtualHost else {
            return "no virtual host serves the authority \"\(request.authority ?? "")\""
        }
        if route == nil, case .redirect = outcome { return "\(virtualHost) asks for TLS" }
        var text = route.map { "route \($0) of \(virtualHost) matches" } ?? "no route of \(virtualHost) matches"
        if !passedOver.isEmpty {
            // A table of thousands of routes must not make a line of a megabyte.
            let shown = passedOver.suffix(8)
            text += ", passed over: "
            if shown.count < passedOver.count { text += "\(passedOver.count - shown.count) more, " }
            text += shown.map { "\($0.route) (\($0.reason))" }.joined(separator: ", ")
        }
        return text
    }
}
