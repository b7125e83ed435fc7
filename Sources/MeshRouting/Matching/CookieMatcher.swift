// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Decides whether a cookie of a request matches (`envoy.config.route.v3.CookieMatcher`).
///
/// Where a name appears more than once, its first value counts; a value in double quotes is compared without them. A
/// cookie that is absent does not match, and so matches where the answer is turned round: other than a header's.
public struct CookieMatcher: Hashable, Sendable {
    /// The cookie's name; its letters' case counts.
    public var name: String
    /// What its value must be.
    public var value: StringMatcher
    /// Whether the answer is turned round.
    public var isInverted: Bool

    /// Creates a matcher.
    public init(_ name: String, _ value: StringMatcher, isInverted: Bool = false) {
        self.name = name
        self.value = value
        self.isInverted = isInverted
    }

    /// Whether the request matches.
    /// - Complexity: O(length of the cookies). No allocation where the request lends its values.
    @inlinable
    public func matches(_ request: some RequestHead) -> Bool {
        var isValueMet = false
        _ = request.hasValue(of: Self.header) { field in
            guard let answer = isMet(in: field) else { return false }
            isValueMet = answer
            return true
        }
        return isValueMet != isInverted
    }

    @usableFromInline static let header: HeaderName = "cookie"

    /// Whether the cookie's value in one `cookie` field is what it must be; `nil` if the cookie is not in it.
    @usableFromInline
    func isMet(in field: String) -> Bool? {
        Self.withFirstValue(of: name, in: field) { $0.map { value.matches(bytes: $0) } }
    }

    /// The cookie's first value, which a decision looks at.
    @usableFromInline
    func firstValue(in request: some RequestHead) -> String? {
        Self.firstValue(of: name, in: request)
    }

    /// The first value of a cookie of a request, without quotes; `nil` if it has none of that name.
    package static func firstValue(of name: String, in request: some RequestHead) -> String? {
        var found: String?
        _ = request.hasValue(of: header) { field in
            found = firstValue(of: name, in: field)
            return found != nil
        }
        return found
    }

    /// The first value of a cookie in one `cookie` field, without quotes; `nil` if it is not in it.
    package static func firstValue(of name: String, in field: String) -> String? {
        withFirstValue(of: name, in: field) { $0.map { String(decoding: $0, as: UTF8.self) } }
    }

    private static func withFirstValue<Result>(
        of name: String,
        in field: String,
        _ body: (UnsafeBufferPointer<UInt8>?) -> Result
    ) -> Result {
        var (name, field) = (name, field)
        return name.withUTF8 { name in
            field.withUTF8 { field in
                var start = 0
                while start < field.count {
                    let end = field[start...].firstIndex(of: UInt8(ascii: ";")) ?? field.count
                    let pair = field[start..<end]
                    start = end + 1
                    // Envoy takes away blanks before the name and nothing else; what has no `=` is no cookie.
                    guard let equals = pair.firstIndex(of: UInt8(ascii: "=")),
                        let first = pair.firstIndex(where: { $0 != UInt8(ascii: " ") }), first <= equals,
                        pair[first..<equals].elementsEqual(name)
                    else { continue }
                    var value = pair[(equals + 1)...]
                    let quote = UInt8(ascii: "\"")
                    if value.count >= 2, value.first == quote, value.last == quote {
                        value = value.dropFirst().dropLast()
                    }
                    return body(UnsafeBufferPointer(rebasing: value))
                }
                return body(nil)
            }
        }
    }
}
