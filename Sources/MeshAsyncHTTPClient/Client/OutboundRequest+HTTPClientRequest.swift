// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import NIOHTTP1
import NIOSSL

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension OutboundRequest {
    /// What a request of AsyncHTTPClient's is to the mesh.
    /// - Throws: `MeshError` with code `invalidRequest` for what AsyncHTTPClient refuses, and for what the mesh
    ///   decides.
    init(_ request: HTTPClientRequest) async throws {
        guard request.localAddress == nil else {
            throw Self.refusal("the mesh decides about connections: a request cannot have a local address")
        }
        var head = try Self.head(request.method, request.url, request.headers, request.tlsConfiguration)
        guard let body = request.body else {
            self.init(head)
            return
        }
        switch BodyShape(of: body) {
        case .memory:
            // What is in memory comes at once, in one piece.
            var iterator = body.makeAsyncIterator()
            self.init(head, body: .bytes(try await iterator.next() ?? ByteBuffer()))
        case .stream(let length):
            if let length { head.headerFields[.contentLength] = String(length) }
            self.init(head, body: .stream(body))
        }
    }

    /// The head of a request of AsyncHTTPClient's; the length of its body is AsyncHTTPClient's to tell, not its
    /// fields'.
    static func head(
        _ method: HTTPMethod,
        _ url: String,
        _ headers: HTTPHeaders,
        _ tls: TLSConfiguration?
    ) throws(MeshError) -> HTTPRequest {
        guard tls == nil else {
            throw refusal("the mesh decides about connections: a request cannot have a TLS configuration")
        }
        guard let method = HTTPRequest.Method(rawValue: method.rawValue) else {
            throw refusal("the method is not valid")
        }
        var head = try absolute(method, url)
        head.headerFields = try HTTPFields(sending: headers)
        // What a proxy would route by.
        if let host = headers.first(name: "host") { head.authority = host }
        return head
    }

    private static func absolute(_ method: HTTPRequest.Method, _ url: String) throws(MeshError) -> HTTPRequest {
        do {
            return try HTTPRequest(method, absolute: url)
        } catch {
            // AsyncHTTPClient escapes what a URL may not have; the mesh takes it as it would go over the wire.
            guard let escaped = try? HTTPClient.Request(url: url).url.absoluteString, escaped != url else {
                throw error
            }
            return try HTTPRequest(method, absolute: escaped)
        }
    }

    private static func refusal(_ message: String) -> MeshError {
        MeshError(.invalidRequest, origin: .downstream, message: message)
    }
}
