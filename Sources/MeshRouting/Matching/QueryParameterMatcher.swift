// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Decides whether a query parameter of a request matches (`envoy.config.route.v3.QueryParameterMatcher`).
///
/// Names and values are compared as they stand in the path, without undoing `%` escapes, as Envoy does; where a name
/// appears more than once, its first value counts.
public struct QueryParameterMatcher: Hashable, Sendable {
    /// What is asked of the parameter.
    public enum Condition: Hashable, Sendable {
        /// It is there, and its value matches.
        case value(StringMatcher)
        /// It is there (`true`) or not there (`false`).
        case present(Bool)
    }

    /// The parameter's name.
    public var name: String
    /// What is asked of it.
    public var condition: Condition

    /// Creates a matcher.
    public init(_ name: String, _ condition: Condition = .present(true)) {
        self.name = name
        self.condition = condition
    }

    /// Whether a path with that query matches.
    /// - Complexity: O(length of the path). No allocation.
    public func matches(path: String) -> Bool {
        Self.withFirstValue(of: name, in: path) { value in
            switch condition {
            case .present(let expected): (value != nil) == expected
            case .value(let matcher): value.map { matcher.matches(bytes: $0) } ?? false
            }
        }
    }

    /// The parameter's first value, which a decision looks at.
    @usableFromInline
    func firstValue(in path: String) -> String? {
        Self.firstValue(of: name, in: path)
    }

    /// The first value of a parameter; empty where it has none, `nil` where it is absent.
    package static func firstValue(of name: String, in path: String) -> String? {
        withFirstValue(of: name, in: path) { $0.map { String(decoding: $0, as: UTF8.self) } }
    }

    /// The same with `%` escapes undone where they are whole, which is what trees of conditions look at.
    static func firstDecodedValue(of name: String, in path: String) -> String? {
        firstValue(of: name, in: path).map { value in
            guard value.utf8.contains(UInt8(ascii: "%")) else { return value }
            var bytes = Array(value.utf8)[...]
            var decoded: [UInt8] = []
            while let byte = bytes.popFirst() {
                guard byte == UInt8(ascii: "%"), bytes.count >= 2,
                    let high = bytes[bytes.startIndex].hexadecimalDigit,
                    let low = bytes[bytes.startIndex + 1].hexadecimalDigit
                else {
                    decoded.append(byte)
                    continue
                }
                decoded.append(high << 4 | low)
                bytes = bytes.dropFirst(2)
            }
            return String(decoding: decoded, as: UTF8.self)
        }
    }

    private static func withFirstValue<Result>(
        of name: String,
        in path: String,
        _ body: (UnsafeBufferPointer<UInt8>?) -> Result
    ) -> Result {
        var (name, path) = (name, path)
        return name.withUTF8 { name in
            path.withUTF8 { path in
                guard let mark = path.firstIndex(of: UInt8(ascii: "?")) else { return body(nil) }
                var start = mark + 1
                while start < path.count {
                    let rest = path[start...]
                    let end = rest.firstIndex(of: UInt8(ascii: "&")) ?? path.count
                    let equals = path[start..<end].firstIndex(of: UInt8(ascii: "=")) ?? end
                    if path[start..<equals].elementsEqual(name) {
                        return body(UnsafeBufferPointer(rebasing: path[min(equals + 1, end)..<end]))
                    }
                    start = end + 1
                }
                return body(nil)
            }
        }
    }
}

extension UInt8 {
    fileprivate var hexadecimalDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
