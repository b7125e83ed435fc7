// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import ServiceMesh

extension HTTPKeySetFetcher: OwnCalls {
    func answer(
        to question: OwnQuestion,
        cluster: String,
        timeout: Nanoseconds,
        maximumBytes: Int
    ) async throws -> OwnAnswer {
        guard let method = HTTPRequest.Method(question.method) else {
            throw MeshError(.invalidRequest, origin: .local, message: "\"\(question.method)\" is no method")
        }
        var head = HTTPRequest(method: method, scheme: "http", authority: question.authority, path: question.path)
        for (name, value) in question.headers {
            guard let name = HTTPField.Name(name) else { continue }
            head.headerFields.append(HTTPField(name: name, value: value))
        }
        return try await calls.withResponse(to: OutboundRequest(head), cluster: cluster, timeout: timeout) { response in
            let body = try await response.body.collect(upTo: maximumBytes)
            return OwnAnswer(
                status: response.statusCode,
                headers: response.head.headerFields.map { ($0.name.canonicalName, $0.value) },
                body: Array(body.readableBytesView)
            )
        }
    }
}
