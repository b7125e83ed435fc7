// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Holds each request back until the adaptive limit has a place for it, and tells the limit how the exchange went.
///
/// It stands below the retries, so that each attempt is a sample. The latency that counts is that of the whole exchange,
/// for as long as its place is held; with bodies that take long for other reasons, prefer a `Bulkhead`. A stack has one
/// such layer. The source must find the same limit in `finish` as in `send`, which what the context carries ensures.
public struct AdaptiveLimitLayer<Base: Transport, Source: PolicySource<AdaptiveLimit>>: Transport
where Base.Request: RequestHead, Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source

    /// Creates the layer.
    public init(_ base: Base, source: Source) {
        self.base = base
        self.source = source
    }

    /// Sends once there is a place; waits for it until the request's or the attempt's deadline at most.
    /// - Throws: what `AdaptiveLimit.acquire` throws; else what sending throws.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        let limit = source.policy(for: context)
        var admission: AdaptiveLimit.Admission?
        if let limit {
            let partition = limit.hasPartitions ? limit.partition(of: request) : 0
            let entry = limit.entry(partition: partition)
            admission =
                entry.mustWait
                ? try await limit.wait(partition: partition, deadline: context.headDeadline) : entry.admission
        }
        if let admission {
            context.heldPermits.insert(.adaptiveLimit)
            context.inFlightAtStart = admission.stamp
            // The attempt begins where it stops waiting here: its time in our queue says nothing about the peer.
            context.attemptStartedAt = admission.startedAt
        }
        do {
            let response = try await base.send(request, context: &context)
            if admission != nil { context.responseStatus = response.statusCode }
            return response
        } catch {
            if let admission {
                context.heldPermits.remove(.adaptiveLimit)
                limit?.leave(admission, failedBy: error)
            }
            throw error
        }
    }

    /// Ends the exchange, gives the place back and tells the limit how long it was held.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
        guard context.heldPermits.remove(.adaptiveLimit) != nil, let limit = source.policy(for: context) else { return }
        let admission = AdaptiveLimit.Admission(startedAt: context.attemptStartedAt, stamp: context.inFlightAtStart)
        limit.leave(admission, LimitEnding(ending, status: context.responseStatus))
    }
}

extension LimitEnding {
    /// The ending of an exchange whose head had arrived with a status.
    @usableFromInline
    init(_ ending: ExchangeEnding, status: Int) {
        switch ending {
        case .completed, .discarded: self.init(status: status)
        case .failed(let error): self.init(error: error)
        case .cancelled: self = .ignored
        }
    }
}
