// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Decides whether a request's header matches (`envoy.config.route.v3.HeaderMatcher`).
public struct HeaderMatcher: Hashable, Sendable {
    /// What is asked of the header.
    public enum Condition: Hashable, Sendable {
        /// Its value matches.
        case value(StringMatcher)
        /// Its value is a whole decimal number in `start ..< end`.
        case range(start: Int64, end: Int64)
        /// It is there (`true`) or not there (`false`).
        case present(Bool)
    }

    /// The header; `:method`, `:path`, `:authority` and `:scheme` ask the request line.
    public var name: HeaderName
    /// What is asked of it.
    public var condition: Condition
    /// Whether the answer is turned round. A header that is absent never matches, inverted or not, except by `present`
    /// and `treatsMissingAsEmpty`; that is Envoy's behaviour.
    public var isInverted: Bool
    /// Whether an absent header is matched as an empty one.
    public var treatsMissingAsEmpty: Bool

    /// Creates a matcher.
    public init(
        _ name: HeaderName,
        _ condition: Condition,
        isInverted: Bool = false,
        treatsMissingAsEmpty: Bool = false
    ) {
        self.name = name
        self.condition = condition
        self.isInverted = isInverted
        self.treatsMissingAsEmpty = treatsMissingAsEmpty
    }

    /// Whether the request matches.
    @inlinable
    public func matches(_ request: some RequestHead) -> Bool {
        matches(value: request.fieldOrPseudoField(name))
    }

    /// Whether a header of that value, or an absent one, matches.
    @usableFromInline
    func matches(value: String?) -> Bool {
        if case .present(let expected) = condition {
            return ((value != nil) == expected) != isInverted
        }
        guard let value = value ?? (treatsMissingAsEmpty ? "" : nil) else { return false }
        let answer =
            switch condition {
            case .value(let matcher): matcher.matches(value)
            case .range(let start, let end): Int64(value).map { $0 >= start && $0 < end } ?? false
            case .present: true
            }
        return answer != isInverted
    }
}

extension RequestHead {
    /// A header's value, or a part of the request line by its HTTP/2 name.
    @inlinable
    public func fieldOrPseudoField(_ name: HeaderName) -> String? {
        guard name.lowercased.utf8.first == UInt8(ascii: ":") else { return value(of: name) }
        return switch name.lowercased {
        case ":method": method
        case ":path": path
        case ":authority": authority
        case ":scheme": scheme
        default: nil
        }
    }
}
