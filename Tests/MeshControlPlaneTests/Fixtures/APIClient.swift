// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore

@testable import MeshControlPlane

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Asks the registration API over a socket, by a client that shares no code with the mesh.
struct APIClient {
    struct NoResponse: Error {}

    let address: EndpointAddress

    func ask(
        _ method: String,
        _ path: String,
        token: String? = Samples.secret,
        body: Data? = nil
    ) async throws -> (status: Int, body: String) {
        guard let url = URL(string: "http://\(address)\(path)") else { throw NoResponse() }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let status = (response as? HTTPURLResponse)?.statusCode else { throw NoResponse() }
        return (status, String(decoding: data, as: UTF8.self))
    }

    func register(_ registration: Registration, token: String? = Samples.secret) async throws -> Int {
        try await ask("POST", "/v1/instances", token: token, body: JSONEncoder().encode(registration)).status
    }
}
