// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// An expectation of a test that was not met.
public struct RouteCheckFailure: Hashable, Sendable, CustomStringConvertible {
    /// What was looked at, by its name in the file: `cluster_name`, or `request_header_matches[1] x-user`.
    public var field: String
    /// What was expected, in words.
    public var expected: String
    /// What was there instead, in words.
    public var got: String

    /// Creates a failure.
    public init(_ field: String, expected: String, got: String) {
        self.field = field
        self.expected = expected
        self.got = got
    }

    /// The field, what was expected and what was there.
    public var description: String { "\(field): expected \(expected), got \(got)" }
}
