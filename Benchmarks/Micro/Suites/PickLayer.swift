// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import Synchronization

/// An attempt as a stack without a mesh has it: one of 16 endpoints by the power of two choices, and a span.
struct PickLayer<Base: Transport>: Transport {
    private let base: Base
    private let picker: any EndpointPicker
    private let random: MeshRandom

    init(_ base: Base, random: MeshRandom) {
        let endpoints = (1...16).map { port in
            EndpointState(Endpoint(address: EndpointAddress(host: "10.0.0.1", port: port)))
        }
        self.base = base
        self.picker = LeastRequest().makePicker(endpoints, random: random)
        self.random = random
    }

    @inline(__always)
    func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        let pick = PickRequest(at: context.startedAt, excluding: context.attemptedEndpoints)
        guard let endpoint = picker.pick(for: pick) else {
            throw MeshError(.noHealthyUpstream, origin: .local, message: "nothing was picked")
        }
        endpoint.activeRequests.wrappingAdd(1, ordering: .relaxed)
        context.pick = endpoint
        context.trace = context.trace.child(random: random)
        do {
            return try await base.send(request, context: &context)
        } catch {
            giveBack(&context)
            throw error
        }
    }

    @inline(__always)
    func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
        giveBack(&context)
    }

    private func giveBack(_ context: inout CallContext) {
        guard let endpoint = context.pick.take() else { return }
        // Nobody else writes the field.
        unsafeDowncast(endpoint, to: EndpointState.self).activeRequests.wrappingSubtract(1, ordering: .relaxed)
    }
}
