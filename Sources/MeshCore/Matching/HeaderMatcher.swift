// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Decides whether a request's header matches (`envoy.config.route.v3.HeaderMatcher`).
///
/// A header that stands more than once matches if one of its values does, and inverted if none does. The values of some
/// well-known headers, which Envoy holds as one line, are joined by `,` first (`HeaderName.isListInEnvoy`).
public struct HeaderMatcher: Hashable, Sendable {
    /// What is asked of the header.
    public enum Condition: Hashable, Sendable {
        /// Its value matches.
        case value(StringMatcher)
        /// Its value is a whole decimal number in `start ..< end`; white space around it and a sign are allowed.
        case range(start: Int64, end: Int64)
        /// It is there (`true`) or not there (`false`).
        case present(Bool)
    }

    /// The header; `:method`, `:path`, `:authority`, `:scheme` and `host` ask the request line.
    public var name: HeaderName
    /// What is asked of it.
    public var condition: Condition
    /// Whether the answer is turned round. A header that is absent never matches, inverted or not, except by `present`
    /// and `treatsMissingAsEmpty`; that is Envoy's behaviour.
    public var isInverted: Bool
    /// Whether an absent header is matched as an empty one; for `present` it counts as there.
    public var treatsMissingAsEmpty: Bool
    /// Whether several values are joined by `,` before they are compared, and not compared one by one. What Envoy does
    /// for the name by default; gRPC joins all.
    public var joinsValues: Bool

    /// Creates a matcher.
    public init(
        _ name: HeaderName,
        _ condition: Condition,
        isInverted: Bool = false,
        treatsMissingAsEmpty: Bool = false,
        joinsValues: Bool? = nil
    ) {
        self.name = name
        self.condition = condition
        self.isInverted = isInverted
        self.treatsMissingAsEmpty = treatsMissingAsEmpty
        self.joinsValues = joinsValues ?? name.isListInEnvoy
    }

    /// Whether the request matches.
    /// - Complexity: O(length of the values), times the program's size for regular expressions that have no small
    ///   automaton.
    @inlinable
    public func matches(_ request: some RequestHead) -> Bool {
        if joinsValues { return matches(value: request.fieldOrPseudoField(name)) }
        var isPresent = false
        let isAnyMet = request.hasValue(of: name) { value in
            isPresent = true
            return isMet(by: value)
        }
        return isPresent ? isAnyMet != isInverted : matches(value: nil)
    }

    /// Whether a header of that value, or an absent one, matches: for heads that are no `RequestHead`.
    public func matches(value: String?) -> Bool {
        guard let value = value ?? (treatsMissingAsEmpty ? "" : nil) else {
            if case .present(let expected) = condition { return expected == isInverted }
            return false
        }
        return isMet(by: value) != isInverted
    }

    /// Whether a value is what the condition asks for, before the answer is turned round.
    @usableFromInline
    func isMet(by value: String) -> Bool {
        switch condition {
        case .value(let matcher): matcher.matches(value)
        case .range(let start, let end): Int64(decimalField: value).map { $0 >= start && $0 < end } ?? false
        case .present(let expected): expected
        }
    }
}

extension RequestHead {
    /// A header's value, or a part of the request line by its HTTP/2 name; `host` means `:authority`.
    @inlinable
    public func fieldOrPseudoField(_ name: HeaderName) -> String? {
        guard name.isOfRequestLine else { return value(of: name) }
        return switch name.lowercased {
        case ":method": method
        case ":path": path
        case ":authority", "host": authority
        case ":scheme": scheme
        default: nil
        }
    }
}

extension Int64 {
    /// Reads a header's value as Envoy reads numbers: white space around it is left aside, `+` and `-` are signs.
    /// - Returns: `nil` if it is none, or beyond the type's range.
    package init?(decimalField text: String) {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        var bytes = text.utf8[...]
        while let first = bytes.first, isSpace(first) { bytes = bytes.dropFirst() }
        while let last = bytes.last, isSpace(last) { bytes = bytes.dropLast() }
        let sign = bytes.first
        if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { bytes = bytes.dropFirst() }
        guard !bytes.isEmpty else { return nil }
        // Downwards from zero: the lowest number has no positive counterpart.
        var number: Int64 = 0
        for byte in bytes {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (shifted, isTooLow) = number.multipliedReportingOverflow(by: 10)
            let (next, isLower) = shifted.subtractingReportingOverflow(Int64(byte &- UInt8(ascii: "0")))
            if isTooLow || isLower { return nil }
            number = next
        }
        if sign != UInt8(ascii: "-") {
            let (positive, isTooHigh) = Int64(0).subtractingReportingOverflow(number)
            if isTooHigh { return nil }
            number = positive
        }
        self = number
    }
}
