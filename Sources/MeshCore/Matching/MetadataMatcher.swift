// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Decides whether what filters noted about a request matches (`envoy.type.matcher.v3.MetadataMatcher`).
public struct MetadataMatcher: Hashable, Sendable {
    /// What is asked of a value (`envoy.type.matcher.v3.ValueMatcher`).
    public indirect enum Condition: Hashable, Sendable {
        /// It is there and null.
        case null
        /// It is a number equal to this one.
        case equals(Double)
        /// It is a number in `start ..< end`.
        case range(start: Double, end: Double)
        /// It is a text that matches.
        case text(StringMatcher)
        /// It is this truth value.
        case boolean(Bool)
        /// It is there. `false` never holds, as in Envoy: turn the matcher's answer round instead.
        case present(Bool)
        /// It is a list with an element of which this holds.
        case contains(Condition)
        /// One of these holds.
        case any([Condition])
    }

    /// The namespace that the filter writes to.
    public var filter: String
    /// The keys that lead to the value.
    public var path: [String]
    /// What is asked of the value.
    public var condition: Condition
    /// Whether the answer is turned round.
    public var isInverted: Bool

    /// Creates a matcher.
    public init(filter: String, path: [String], _ condition: Condition, isInverted: Bool = false) {
        self.filter = filter
        self.path = path
        self.condition = condition
        self.isInverted = isInverted
    }

    /// Whether what filters noted matches.
    public func matches(_ metadata: [String: MetadataValue]) -> Bool {
        condition.isMet(by: value(in: metadata)) != isInverted
    }

    /// The value that the path leads to; `nil` if there is none.
    @usableFromInline
    package func value(in metadata: [String: MetadataValue]) -> MetadataValue? {
        guard !path.isEmpty, var value = metadata[filter] else { return nil }
        for key in path {
            guard case .fields(let fields) = value, let next = fields[key] else { return nil }
            value = next
        }
        return value
    }
}

extension MetadataMatcher.Condition {
    /// Whether it holds of a value, or of there being none.
    fileprivate func isMet(by value: MetadataValue?) -> Bool {
        switch (self, value) {
        case (.present(let expected), let value): expected && value != nil
        case (.any(let conditions), let value): conditions.contains { $0.isMet(by: value) }
        case (.null, .null): true
        case (.equals(let expected), .number(let number)): number == expected
        case (.range(let start, let end), .number(let number)): start <= number && number < end
        case (.text(let matcher), .text(let text)): matcher.matches(text)
        case (.boolean(let expected), .boolean(let truth)): truth == expected
        case (.contains(let condition), .list(let values)): values.contains { condition.isMet(by: $0) }
        case (.null, _), (.equals, _), (.range, _), (.text, _), (.boolean, _), (.contains, _): false
        }
    }
}
