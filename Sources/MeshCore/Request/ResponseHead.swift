// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What policies may ask of any response.
public protocol ResponseHead: Sendable {
    /// The HTTP status code; for gRPC the code of the HTTP response that carries it.
    var statusCode: Int { get }
    /// The value of a header; several values are joined by `,`; `nil` if absent.
    func value(of name: HeaderName) -> String?
}
