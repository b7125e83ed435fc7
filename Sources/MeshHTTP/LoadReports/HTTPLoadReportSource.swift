// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshBalancing
import MeshCore
import NIOCore
import ServiceMesh

/// Follows endpoints' load reports by calls of gRPC, on connections of a transport that no request uses.
final class HTTPLoadReportSource: LoadReportSource {
    /// What the calls say that they are.
    private static let userAgent = "swift-service-mesh/load-reports"

    private let transport: HTTPTransport

    init(_ transport: HTTPTransport) {
        self.transport = transport
    }

    func follow(
        _ subscription: LoadReportSubscription,
        _ received: @Sendable (Result<LoadReport, LoadReportError>) -> Void
    ) async -> LoadReportCallEnding? {
        do {
            return try await call(subscription, received)
        } catch let error as MeshError where error.code == .cancelled {
            // The transport is shut down, or nobody wants to know any more: the endpoint has said nothing.
            return nil
        } catch is CancellationError {
            return nil
        } catch let error as LoadReportFrameError {
            return .failed(error.reason)
        } catch {
            return .failed("\(error)")
        }
    }

    private func call(
        _ subscription: LoadReportSubscription,
        _ received: (Result<LoadReport, LoadReportError>) -> Void
    ) async throws -> LoadReportCallEnding {
        var head = HTTPRequest(
            method: .post,
            scheme: subscription.endpoint.security == .plaintext ? "http" : "https",
            authority: subscription.authority,
            path: LoadReportCall.path
        )
        head.headerFields[.userAgent] = Self.userAgent
        head.headerFields[.contentType] = "application/grpc"
        head.headerFields[.te] = "trailers"
        let request = OutboundRequest(head, body: .bytes(ByteBuffer(bytes: subscription.call.request)))
        // It has no deadline: whether it brings anything is for the mesh to watch.
        var context = CallContext(now: transport.configuration.clock.now, deadline: .never)
        context.endpoint = subscription.endpoint
        let response = try await transport.send(request, context: &context)
        do {
            let ending = try await read(response, received)
            transport.finish(&context, .completed)
            return ending
        } catch {
            // The peer hears that nobody reads any more.
            transport.finish(&context, ExchangeEnding(error: error))
            throw error
        }
    }

    private func read(
        _ response: OutboundResponse,
        _ received: (Result<LoadReport, LoadReportError>) -> Void
    ) async throws -> LoadReportCallEnding {
        let refusal = LoadReportCall.refusal(
            status: response.statusCode,
            contentType: response.value(of: "content-type"),
            grpcStatus: response.value(of: "grpc-status")
        )
        if let refusal { return refusal }
        var frames = LoadReportFrames()
        for try await chunk in response.body {
            frames.append(chunk.readableBytesView)
            while let message = try frames.next() {
                received(Result { () throws(LoadReportError) in try LoadReport(serialized: message) })
            }
        }
        return LoadReportCall.ending(grpcStatus: response.trailers?.joinedValue(of: "grpc-status"))
    }
}
