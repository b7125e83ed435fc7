// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Sends at the rate that the peer takes. It stands inside the retries: each attempt needs a turn and brings an answer.
public struct AdaptiveRateLimitLayer<Base: Transport, Source: PolicySource<AdaptiveRateLimit>>: Transport
where Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source
    @usableFromInline let classifier: ThrottleClassifier

    /// Creates the layer.
    public init(_ base: Base, source: Source, classifier: ThrottleClassifier = .standard) {
        self.base = base
        self.source = source
        self.classifier = classifier
    }

    /// Sends when the request's turn has come; never waits past its deadline.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        let limit = source.policy(for: context)
        if let limit, !limit.passesAtOnce() { try await limit.acquire(until: context.deadline) }
        do {
            let response = try await base.send(request, context: &context)
            guard let limit else { return response }
            let status = response.statusCode
            // gRPC puts its status into the head of a 200, if it knows it so early.
            let grpcStatus = status == 200 ? response.value(of: .grpcStatus).flatMap { Int($0) } : nil
            limit.report(isThrottled: classifier.isThrottled(status: status, grpcStatus: grpcStatus))
            return response
        } catch {
            limit?.report(error, classifier)
            throw error
        }
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
