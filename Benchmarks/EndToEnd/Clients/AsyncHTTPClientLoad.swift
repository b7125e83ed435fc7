// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix

/// AsyncHTTPClient as it is used today, directly or through a sidecar.
///
/// HTTP/1.1 only: it speaks HTTP/2 over TLS alone, and HTTP/2 is compared without.
struct AsyncHTTPClientLoad: LoadClient, LoadWorker {
    private let plan: LoadPlan
    private let client: HTTPClient

    static func run(_ plan: LoadPlan) async throws -> LoadReport {
        let client = makeClient(plan)
        let report = try await ClosedLoop(plan: plan).run(Self(plan: plan, client: client))
        try await client.shutdown()
        return report
    }

    static func makeClient(_ plan: LoadPlan) -> HTTPClient {
        HTTPClient(
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: 1)),
            configuration: configuration(plan)
        )
    }

    /// As many connections as requests: with the default of 8 they would wait for each other.
    static func configuration(_ plan: LoadPlan) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(8, plan.concurrency)
        return configuration
    }

    func exchange() async throws -> Int {
        var request = HTTPClientRequest(url: plan.url)
        request.headers.add(name: "user-agent", value: RequestFields.userAgent)
        request.headers.add(name: "accept", value: RequestFields.accept)
        let response = try await client.execute(request, timeout: .seconds(15))
        guard response.status == .ok else { throw LoadError("the answer was \(response.status)") }
        return try await response.body.collect(upTo: 1 << 20).readableBytes
    }
}
