// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What policies may ask of any response, and how routes change its headers.
public protocol ResponseHead: Sendable {
    /// The HTTP status code; for gRPC the code of the HTTP response that carries it.
    var statusCode: Int { get }
    /// The value of a header; several values are joined by `,`; `nil` if absent.
    func value(of name: HeaderName) -> String?
    /// The values of a header, in order, where it matters which is the first or how many there are.
    ///
    /// By default what `value(of:)` answers stands for one value; conformances that keep several apart say so here.
    func values(of name: HeaderName) -> [String]
    /// Replaces every value of a header by one.
    mutating func setValue(_ value: String, for name: HeaderName)
    /// Adds a value behind those that exist.
    mutating func appendValue(_ value: String, for name: HeaderName)
    /// Removes every value of a header.
    mutating func removeValues(of name: HeaderName)
}

extension ResponseHead {
    /// The values of a header that are not kept apart.
    @inlinable
    public func values(of name: HeaderName) -> [String] {
        value(of: name).map { [$0] } ?? []
    }
}
