// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import Synchronization

#if canImport(FoundationNetworking)
import Foundation
public import FoundationNetworking
#else
public import Foundation
#endif

/// The mesh behind `URLSession`: what `URLSessionConfiguration.mesh` installs.
///
/// What differs for the hosts of the mesh:
/// - Redirects are returned, not followed; cookies, caches and credentials of the session are left alone.
/// - `timeoutInterval` limits the whole exchange, its body included, not the silence between two packets.
/// - The session cannot make the peer pause: what it does not read waits in memory.
/// - Metrics and challenges do not occur. Errors are `URLError`, with the `MeshError` under `NSUnderlyingErrorKey`.
/// - An upload task whose body the system does not show, as on Linux (`upload(for:from:)`), fails with
///   `requestBodyStreamExhausted` before anything is sent. Give the request its `httpBody` in place of that.
public final class MeshURLProtocol: URLProtocol {
    /// URLSession knows a protocol by its class, so that the clients behind it can only be found from the class.
    static let routes = Mutex(HostRoutes<MeshHTTPClient>())

    private let loading = Mutex<Task<Void, Never>?>(nil)

    /// Gives hosts back to URLSession, and lets go of their clients.
    /// - Parameter hosts: Hosts as `URLSessionConfiguration.mesh` was told them.
    public static func forget(hosts: [String]) {
        routes.withLock { $0.remove(hosts) }
    }

    /// Whether the request's host is one of the mesh's.
    public override class func canInit(with request: URLRequest) -> Bool {
        client(for: request) != nil
    }

    /// The request as it is.
    public override class func canonicalRequest(for request: URLRequest) -> URLRequest {
        request
    }

    private static func client(for request: URLRequest) -> MeshHTTPClient? {
        guard let url = request.url, let host = url.host, ["http", "https"].contains(url.scheme?.lowercased()) else {
            return nil
        }
        return routes.withLock { $0[host] }
    }

    /// Sends the request.
    public override func startLoading() {
        guard let mesh = Self.client(for: request), let url = request.url else {
            client?.urlProtocol(self, didFailWithError: URLError(.unsupportedURL))
            return
        }
        let outbound: OutboundRequest
        do {
            outbound = try OutboundRequest(request, mayLackBody: !(task is URLSessionUploadTask))
        } catch {
            client?.urlProtocol(self, didFailWithError: URLError(error, url: url))
            return
        }
        let timeout = request.timeoutInterval
        let session = SessionSide(self, url: url)
        // Owned by this object: `stopLoading`, which URLSession calls in every case, cancels it.
        let task = Task {
            do {
                try await mesh.withResponse(to: outbound, timeout: Duration(timeout: timeout)) { response in
                    session.received(response.head)
                    for try await chunk in response.body { session.received(chunk) }
                }
                session.finished()
            } catch {
                session.failed(error)
            }
        }
        loading.withLock { $0 = task }
    }

    /// Ends the exchange, if it still goes on.
    public override func stopLoading() {
        loading.withLock { $0.take() }?.cancel()
    }
}

/// What URLSession is told of an exchange.
///
/// Unchecked: a protocol may call its client from any thread, and one task makes these calls, one after the other.
private struct SessionSide: @unchecked Sendable {
    private let origin: MeshURLProtocol
    private let url: URL

    init(_ origin: MeshURLProtocol, url: URL) {
        self.origin = origin
        self.url = url
    }

    func received(_ head: HTTPResponse) {
        var fields: [String: String] = [:]
        for field in head.headerFields {
            fields[field.name.rawName] = fields[field.name.rawName].map { "\($0), \(field.value)" } ?? field.value
        }
        guard
            let response = HTTPURLResponse(
                url: url,
                statusCode: head.status.code,
                httpVersion: "HTTP/1.1",
                headerFields: fields
            )
        else { return }
        tell { $0.urlProtocol(origin, didReceive: response, cacheStoragePolicy: .notAllowed) }
    }

    func received(_ chunk: ByteBuffer) {
        tell { $0.urlProtocol(origin, didLoad: Data(chunk.readableBytesView)) }
    }

    func finished() {
        tell { $0.urlProtocolDidFinishLoading(origin) }
    }

    func failed(_ error: any Error) {
        tell { $0.urlProtocol(origin, didFailWithError: URLError(error, url: url)) }
    }

    /// Nothing is told after `stopLoading`.
    private func tell(_ call: (any URLProtocolClient) -> Void) {
        guard !Task.isCancelled, let client = origin.client else { return }
        call(client)
    }
}

extension Duration {
    /// The timeout that a `URLRequest` has; `nil` for none.
    fileprivate init?(timeout: TimeInterval) {
        guard timeout > 0, timeout < 1e9 else { return nil }
        self = .seconds(timeout)
    }
}
