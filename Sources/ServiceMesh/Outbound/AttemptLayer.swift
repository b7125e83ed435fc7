// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
public import MeshCore
import MeshResilience
import Synchronization

/// One attempt: the cluster's limit, the pick of an endpoint, and what is learned from how it ends.
public struct AttemptLayer<Base: Transport>: Transport where Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let mesh: Mesh

    @usableFromInline
    init(_ base: Base, mesh: Mesh) {
        self.base = base
        self.mesh = mesh
    }

    /// Sends to an endpoint of the selected cluster; a request without a selection goes where it was going.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        try begin(&context)
        do {
            let response = try await base.send(request, context: &context)
            context.responseStatus = response.statusCode
            return response
        } catch {
            end(&context, status: 0, error: error)
            throw locate(error, context)
        }
    }

    /// Ends the exchange, and counts it for the endpoint.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
        end(&context, ending)
    }

    @usableFromInline
    func end(_ context: inout CallContext, _ ending: ExchangeEnding) {
        end(&context, status: context.responseStatus, error: ending.failure(of: context))
    }

    @usableFromInline
    func begin(_ context: inout CallContext) throws {
        let now = mesh.clock.now
        context.attemptStartedAt = now
        context.requestState = .notSent
        if context.attempt == 0 { context.attempt = 1 }
        guard let selection = context.selection else {
            startTrace(&context, cluster: "passthrough")
            return
        }
        do {
            try pick(selection, now, &context)
        } catch {
            throw locate(error, context)
        }
        startTrace(&context, cluster: selection.clusterName)
    }

    /// Each attempt is a span of its own, whose parent is the request's.
    private func startTrace(_ context: inout CallContext, cluster: String) {
        context.trace = context.trace.child(random: mesh.random)
        if !mesh.observers.isEmpty { mesh.observers.attemptStarted(&context, cluster: cluster) }
    }

    private func pick(_ selection: RouteSelection, _ now: MeshInstant, _ context: inout CallContext) throws(MeshError) {
        // An error of this attempt must not name the endpoint of the one before.
        context.endpoint = nil
        guard let cluster = selection.cluster else {
            throw MeshError(
                .clusterNotFound,
                origin: .local,
                message: "the configuration has no cluster \(selection.clusterName)"
            )
        }
        let active = cluster.live.activeRequests.wrappingAdd(1, ordering: .relaxed).newValue
        do throws(MeshError) {
            guard active <= Int(cluster.cluster.concurrencyLimit.maximumRequests) else {
                throw MeshError(
                    .overflow,
                    origin: .local,
                    message:
                        "\(cluster.cluster.concurrencyLimit.maximumRequests) requests are under way, which is the limit"
                )
            }
            let endpoint = try cluster.pick(at: now, context: &context, mesh: mesh)
            endpoint.activeRequests.wrappingAdd(1, ordering: .relaxed)
            context.cluster = cluster
            context.pick = endpoint
            context.endpoint = endpoint.endpoint
        } catch {
            cluster.live.activeRequests.wrappingSubtract(1, ordering: .relaxed)
            throw error
        }
    }

    @usableFromInline
    func end(_ context: inout CallContext, status: Int, error: (any Error)?) {
        let now = mesh.clock.now
        let outcome =
            error.map { mesh.configuration.classifier.outcome(error: $0) }
            ?? mesh.configuration.classifier.outcome(status: status)
        if let cluster = context.clusterRuntime, let endpoint = context.pickedEndpoint {
            context.cluster = nil
            context.pick = nil
            cluster.live.activeRequests.wrappingSubtract(1, ordering: .relaxed)
            endpoint.activeRequests.wrappingSubtract(1, ordering: .relaxed)
            let ending = CircuitBreakerStateMachine.Ending(
                outcome,
                isOverload: error == nil && status == 429 && cluster.recognizesOverload,
                duration: now.elapsed(since: context.attemptStartedAt)
            )
            cluster.attemptEnded(ending, at: endpoint, permit: context.circuitBreakerPermit, now: now)
        }
        guard !mesh.observers.isEmpty else { return }
        let record = AttemptRecord(
            cluster: context.selection?.clusterName ?? "passthrough",
            endpoint: context.endpoint?.address,
            attempt: context.attempt,
            status: status,
            outcome: outcome,
            duration: now.elapsed(since: context.attemptStartedAt),
            error: error
        )
        mesh.observers.attemptFinished(record, context: context)
    }

    /// Fills in where an error happened.
    @usableFromInline
    func locate(_ error: any Error, _ context: CallContext) -> any Error {
        guard var error = error as? MeshError else { return error }
        error.route = error.route ?? context.selection?.routeName
        error.cluster = error.cluster ?? context.selection?.clusterName
        error.endpoint = error.endpoint ?? context.endpoint?.address
        error.attempt = max(error.attempt, context.attempt)
        return error
    }
}

extension CallContext {
    /// The cluster of the attempt that is under way.
    fileprivate var clusterRuntime: ClusterRuntime? {
        // Only this module writes the field, and always a `ClusterRuntime`.
        cluster.map { unsafeDowncast($0, to: ClusterRuntime.self) }
    }

    /// The endpoint of the attempt that is under way.
    fileprivate var pickedEndpoint: EndpointState? {
        // Only this module writes the field, and always an `EndpointState`.
        pick.map { unsafeDowncast($0, to: EndpointState.self) }
    }
}
