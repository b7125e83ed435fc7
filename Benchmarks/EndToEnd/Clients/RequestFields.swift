// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import NIOHTTP1

/// The fields of the request that every client sends.
enum RequestFields {
    static let userAgent = "benchmarks-e2e"
    static let accept = "application/json"
    /// What the mesh adds to a request of its own accord. Bare SwiftNIO and our transport send them as well, so that
    /// all of them write the same head; AsyncHTTPClient, which is compared as it is used without a mesh, does not.
    static let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    static let timeout = "15000"

    /// The head that bare SwiftNIO sends, built anew for each request as every client does that has an interface.
    static func head(_ plan: LoadPlan) -> HTTPRequestHead {
        var headers = HTTPHeaders()
        headers.reserveCapacity(5)
        headers.add(name: "host", value: plan.authority)
        headers.add(name: "user-agent", value: userAgent)
        headers.add(name: "accept", value: accept)
        headers.add(name: "traceparent", value: traceparent)
        headers.add(name: "x-envoy-expected-rq-timeout-ms", value: timeout)
        return HTTPRequestHead(version: .http1_1, method: .GET, uri: plan.path, headers: headers)
    }

    /// The request that users of our clients write.
    static func request(authority: String, path: String) -> HTTPRequest {
        HTTPRequest(
            method: .get,
            scheme: "http",
            authority: authority,
            path: path,
            headerFields: [.userAgent: userAgent, .accept: accept]
        )
    }
}
