// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import MeshResilience
import NIOCore
import ServiceMesh
import Testing

/// A server breaks off at every point of an exchange.
@Suite("An exchange that its server breaks off", .timeLimit(.minutes(5)))
struct FaultMatrixIntegrationTests {
    static let cases: [(ConnectionOptions.HTTPVersion, BreakingPoint)] =
        BreakingPoint.http1.map { (.http1, $0) } + BreakingPoint.http2.map { (.http2, $0) }

    /// How far a request came that was broken off there; `nil` if it was not broken.
    private func expectedState(_ version: ConnectionOptions.HTTPVersion, _ point: BreakingPoint) -> [RequestState]? {
        if point.isAnswered { return [.answered] }
        switch point {
        case .nowhere, .goodbyeWithRequest: return nil
        // The bytes may be on their way before the close is seen. With HTTP/2 nothing is sent before the settings came.
        case .onAccept: return version == .http1 ? [.maybeSent] : [.notSent, .maybeSent]
        case .refuses, .goodbyeWithoutRequest: return [.notSent]
        default: return [.maybeSent]
        }
    }

    @Test("says exactly how far it came, and leaves nothing behind", arguments: cases)
    func requestState(version: ConnectionOptions.HTTPVersion, point: BreakingPoint) async throws {
        let executed = Recorder<String>()
        try await BreakingServer.serving(version, breaking: point, noting: executed) { address in
            try await withTransport { transport in
                let endpoint = Endpoint(address: address, connection: ConnectionOptions(httpVersion: version))
                for request in [OutboundRequest.get("/get"), .post("/post", .text("body"))] {
                    let error = await meshError {
                        let answer = try await transport.exchange(request, with: endpoint)
                        #expect(answer.body == "hello")
                        #expect(answer.trailers?.count == 1)
                    }
                    let expected = expectedState(version, point)
                    #expect(
                        (error?.requestState).map { [$0] }.map { expected?.contains($0[0]) == true }
                            ?? (expected == nil)
                    )
                    #expect(error.map { $0.origin == .upstream } ?? true)
                }
                try await transport.settle()
                #expect(transport.statistics.activeRequests == 0)
                #expect(transport.statistics.pendingRequests == 0)
            }
        }
    }

    @Test("is tried elsewhere if that can do no harm, and never done twice", arguments: cases)
    func retries(version: ConnectionOptions.HTTPVersion, point: BreakingPoint) async throws {
        let broken = Recorder<String>()
        let sound = Recorder<String>()
        try await BreakingServer.serving(version, breaking: point, noting: broken) { bad in
            try await BreakingServer.serving(version, breaking: .nowhere, noting: sound) { good in
                let mesh = try Mesh()
                try mesh.apply(
                    .service(
                        on: [bad, good],
                        connection: ConnectionOptions(httpVersion: version),
                        retry: RetryPolicy(maximumAttempts: 2, conditions: [.reset, .connectFailure, .refusedStream])
                    )
                )
                try await withTransport { transport in
                    let client = MeshHTTPClient(mesh: mesh, transport: transport)
                    for number in 0..<6 {
                        let isPost = number % 2 == 1
                        let request = HTTPRequest(
                            method: isPost ? .post : .get,
                            scheme: "http",
                            authority: "reviews",
                            path: "/\(number)"
                        )
                        let error = await meshError {
                            let (_, body) = try await client.execute(request, body: isPost ? .text("body") : .none)
                            #expect(String(buffer: body) == "hello")
                        }
                        guard let error else { continue }
                        let mayFail = point.isAnswered || isPost && error.requestState == .maybeSent
                        #expect(mayFail, "\(request.method) \(error)")
                    }
                    try await transport.settle()
                    #expect(transport.statistics.activeRequests == 0)
                }
            }
        }
        let posts = (broken.all + sound.all).filter { ["/1", "/3", "/5"].contains($0) }
        #expect(Set(posts).count == posts.count, "a POST was done twice: \(posts)")
        #expect(!sound.all.isEmpty)
    }
}
