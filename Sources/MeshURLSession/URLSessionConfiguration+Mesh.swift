// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshHTTP
import Synchronization

#if canImport(FoundationNetworking)
import Foundation
public import FoundationNetworking
#else
public import Foundation
#endif

extension URLSessionConfiguration {
    /// A configuration whose sessions send requests for some hosts through the mesh, and all others as before.
    ///
    /// ```swift
    /// let session = URLSession(configuration: .mesh(client: client, hosts: ["reviews", "*.bookinfo.internal"]))
    /// let (data, response) = try await session.data(from: URL(string: "http://reviews:9080/reviews/0")!)
    /// ```
    /// See `MeshURLProtocol` for what differs for those hosts.
    /// - Parameters:
    ///   - client: What carries the requests. It is kept as long as the process lives, or until another client takes
    ///     over its hosts or they are given back to URLSession by `MeshURLProtocol.forget(hosts:)`.
    ///   - hosts: The hosts of the mesh, whatever the port: names, or `*.` and a suffix of at least one label in front.
    ///     They hold for every session with such a configuration; of two clients for one host the later is taken.
    ///   - configuration: What the rest is taken from. Default: `URLSessionConfiguration.default`.
    public static func mesh(
        client: MeshHTTPClient,
        hosts: [String],
        basedOn configuration: URLSessionConfiguration = .default
    ) -> URLSessionConfiguration {
        MeshURLProtocol.routes.withLock { $0.add(client, for: hosts) }
        configuration.protocolClasses = [MeshURLProtocol.self] + (configuration.protocolClasses ?? [])
        return configuration
    }
}
