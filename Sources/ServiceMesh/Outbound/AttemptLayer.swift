// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// One attempt: the cluster's limit, the pick of an endpoint, and what is learned from how it ends.
public struct AttemptLayer<Base: Transport>: Transport
where Base.Request: RequestHead, Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let mesh: Mesh

    @usableFromInline
    init(_ base: Base, mesh: Mesh) {
        self.base = base
        self.mesh = mesh
    }

    /// Sends to an endpoint of the selected cluster; a request without a selection goes where it was going.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        try mesh.beginAttempt(&context)
        do {
            let response =
                context.selection?.editsAttempts ?? false
                ? try await OutOfLine(base).send(edited(request, context), context: &context)
                : try await base.send(request, context: &context)
            context.responseStatus = response.statusCode
            if context.isRPC { mesh.noteRPCHead(&context, response.value(of: "grpc-status")) }
            if context.observesAnswer {
                let refusesMore = response.value(of: "x-envoy-immediate-health-check-fail") != nil
                mesh.noteAnswer(&context, response.value(of: "retry-after"), refusesMore: refusesMore)
            }
            if context.observesLoad { noteLoad(of: response, &context) }
            return response
        } catch {
            guard context.isRPC else { throw mesh.failAttempt(&context, error) }
            let response = try await sendElsewhere(request, after: error, &context)
            context.timePassed()
            return response
        }
    }

    /// Sends what never left to the next endpoint, and so on: gRPC's channels pass endpoints over that cannot be reached,
    /// and its transparent retries (gRFC A6) count as no attempts either.
    @inlinable
    @inline(never)
    func sendElsewhere(
        _ request: Base.Request,
        after failure: any Error,
        _ context: inout CallContext
    ) async throws -> Base.Response {
        var failure = failure
        for passed in 1... {
            let error = mesh.failAttempt(&context, failure)
            guard request.isReplayable, mesh.mayGoElsewhere(error, &context, passed: passed) else { throw error }
            do {
                try mesh.beginAttempt(&context)
            } catch {
                // Why nothing else could be picked says less than why this one could not be reached.
                break
            }
            do {
                let sent = context.selection?.editsAttempts ?? false ? edited(request, context) : request
                let response = try await OutOfLine(base).send(sent, context: &context)
                context.responseStatus = response.statusCode
                mesh.noteRPCHead(&context, response.value(of: "grpc-status"))
                if context.observesAnswer {
                    let refusesMore = response.value(of: "x-envoy-immediate-health-check-fail") != nil
                    mesh.noteAnswer(&context, response.value(of: "retry-after"), refusesMore: refusesMore)
                }
                if context.observesLoad { noteLoad(of: response, &context) }
                return response
            } catch {
                failure = error
            }
        }
        throw mesh.located(failure, context)
    }

    /// The request as this attempt sends it.
    @inlinable
    @inline(never)
    func edited(_ request: Base.Request, _ context: CallContext) -> Base.Request {
        var request = request
        context.selection?.edits?.apply(toAttempt: &request, context)
        return request
    }

    /// The head of a response has come, in which the endpoint may report its load.
    @inlinable
    @inline(never)
    func noteLoad(of response: Base.Response, _ context: inout CallContext) {
        mesh.noteLoad(
            &context,
            binary: response.value(of: .endpointLoadMetricsBinary),
            prefixed: response.value(of: .endpointLoadMetrics)
        )
    }

    /// Ends the exchange, and counts it for the endpoint.
    @inlinable
    @inline(__always)
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        if context.observesLoad { mesh.noteTrailingLoad(&context) }
        base.finish(&context, ending)
        mesh.endAttempt(&context, ending)
    }
}
