// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import HTTPTypes
import NIOCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension MeshHTTPClient {
    /// Sends a GET and decodes the JSON that comes back.
    ///
    /// ```swift
    /// let ratings = try await client.decode(Ratings.self, from: "http://ratings:9080/ratings/0")
    /// ```
    /// - Parameters:
    ///   - url: An absolute URL.
    ///   - timeout: How long the whole exchange may take; `nil` for what the route says.
    ///   - maximumResponseBytes: The largest body to accept. Default 1 MiB.
    /// - Throws: `MeshError`; `UnexpectedStatus` unless the status is one of 200 to 299; `DecodingError`.
    public func decode<Value: Decodable>(
        _ type: Value.Type,
        from url: String,
        headerFields: HTTPFields = [:],
        timeout: Duration? = nil,
        maximumResponseBytes: Int = 1 << 20
    ) async throws -> Value {
        let request = try HTTPRequest(.get, absolute: url, headerFields: headerFields)
        return try await decode(type, from: request, timeout: timeout, maximumResponseBytes: maximumResponseBytes)
    }

    /// Sends a request and decodes the JSON that comes back.
    /// - Throws: `MeshError`; `UnexpectedStatus` unless the status is one of 200 to 299; `DecodingError`.
    public func decode<Value: Decodable>(
        _ type: Value.Type,
        from request: HTTPRequest,
        body: RequestBody = .none,
        timeout: Duration? = nil,
        maximumResponseBytes: Int = 1 << 20
    ) async throws -> Value {
        let (response, bytes) = try await execute(
            request,
            body: body,
            timeout: timeout,
            maximumResponseBytes: maximumResponseBytes
        )
        guard response.status.kind == .successful else {
            throw UnexpectedStatus(status: response.status, body: String(buffer: bytes))
        }
        return try JSONDecoder().decode(type, from: Data(bytes.readableBytesView))
    }
}

/// A peer answered with a status that leaves nothing to decode.
public struct UnexpectedStatus: Error, Hashable, Sendable, CustomStringConvertible {
    /// The status.
    public var status: HTTPResponse.Status
    /// The body, as text.
    public var body: String

    /// Creates an error.
    public init(status: HTTPResponse.Status, body: String) {
        self.status = status
        self.body = body
    }

    /// The status and the beginning of the body.
    public var description: String { "status \(status): \(body.prefix(200))" }
}
