// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Refuses a share of the requests to a peer that fails.
///
/// Outside the retries it counts requests, inside them attempts; either way a refusal is not retried. A response that
/// fails by its head is reported at once, so that it counts even if a retry discards it; one that succeeds when its
/// body has ended, and not at all if the caller gave up before. A stack has one such layer: its bit of `heldPermits` is
/// one.
public struct AdmissionControlLayer<Base: Transport, Source: PolicySource<AdmissionControl>>: Transport
where Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source

    /// Creates the layer.
    public init(_ base: Base, source: Source) {
        self.base = base
        self.source = source
    }

    /// Sends if the request is admitted.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        let control = source.policy(for: context)
        try control?.admit()
        do {
            let response = try await base.send(request, context: &context)
            guard let control else { return response }
            let status = response.statusCode
            // gRPC puts its status into the head of a 200, if it knows it so early.
            let grpcStatus = status == 200 ? response.value(of: .grpcStatus).flatMap { Int($0) } : nil
            let outcome = control.outcome(status: status, grpcStatus: grpcStatus)
            if outcome == .success {
                context.heldPermits.insert(.admissionControl)
            } else {
                control.report(outcome)
            }
            return response
        } catch {
            control?.reportFailure(error)
            throw error
        }
    }

    /// Reports the outcome of a response whose head was a success, and ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        // Whoever holds the bit sent under a control; the source finds the same one while the request lasts.
        if context.heldPermits.remove(.admissionControl) != nil, let control = source.policy(for: context) {
            switch ending {
            case .completed, .discarded: control.report(.success)
            case .failed(let error): control.reportFailure(error)
            case .cancelled: break
            }
        }
        base.finish(&context, ending)
    }
}
