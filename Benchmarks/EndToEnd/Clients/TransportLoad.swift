// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshHTTP
import NIOCore
import NIOPosix

/// Our transport by itself: no routes, no policies, no records.
struct TransportLoad: LoadClient, LoadWorker {
    private let plan: LoadPlan
    private let transport: HTTPTransport
    private let endpoint: Endpoint
    private let trace = TraceContext(traceIDHigh: 0x4bf9_2f35_77b3_4da6, traceIDLow: 1, spanID: 2, flags: 1)

    static func run(
        _ plan: LoadPlan,
        _ version: ConnectionOptions.HTTPVersion,
        isOnLoop: Bool
    ) async throws -> LoadReport {
        let transport = makeTransport()
        let endpoint = Endpoint(
            address: EndpointAddress(host: "127.0.0.1", port: plan.port),
            connection: ConnectionOptions(httpVersion: version)
        )
        let load = Self(plan: plan, transport: transport, endpoint: endpoint)
        let report = try await ClosedLoop(plan: plan).run(load, on: isOnLoop ? transport.executors.next() : nil)
        await transport.shutdown()
        return report
    }

    static func makeTransport(mutualTLS: ClientTLS? = nil) -> HTTPTransport {
        HTTPTransport(
            .init(eventLoopGroup: MultiThreadedEventLoopGroup(numberOfThreads: 1), mutualTLS: mutualTLS)
        )
    }

    func exchange() async throws -> Int {
        let now = SystemClock().now
        var context = CallContext(now: now, deadline: Deadline(.seconds(15), after: now), trace: trace)
        context.endpoint = endpoint
        let request = OutboundRequest(RequestFields.request(authority: plan.authority, path: plan.path))
        return try await transport.withResponse(to: request, context: &context) { response in
            guard response.statusCode == 200 else { throw LoadError("the answer was \(response.statusCode)") }
            return try await response.body.collect(upTo: 1 << 20).readableBytes
        }
    }
}
