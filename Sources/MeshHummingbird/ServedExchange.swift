// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import ServiceMesh
import Synchronization

/// A request whose handler has answered and whose body is being written: closes its record exactly once.
final class ServedExchange: Sendable {
    private let stack: InboundStack
    private let context: CallContext
    private let peerIdentity: String?
    private let status: Int
    let cutoff: HandlingCutoff
    private let hasEnded = Atomic<Bool>(false)

    init(stack: InboundStack, context: CallContext, peerIdentity: String?, status: Int, cutoff: HandlingCutoff) {
        self.stack = stack
        self.context = context
        self.peerIdentity = peerIdentity
        self.status = status
        self.cutoff = cutoff
    }

    deinit {
        // A client that leaves before the body is written leaves a body that nobody ever asks for.
        end(error: CancellationError())
    }

    /// Writes the body, for as long as somebody wants it.
    @concurrent
    func write(_ body: @concurrent () async throws -> Void) async throws {
        defer { if stack.drain.isDraining { cutoff.sendCallerAway() } }
        do {
            try await cutoff.run {
                try await stack.handling(context, peerIdentity: peerIdentity, body)
            }
            end(error: nil)
        } catch {
            end(error: cutoff.error ?? error)
            throw error
        }
    }

    func end(error: (any Error)?) {
        guard !hasEnded.exchange(true, ordering: .relaxed) else { return }
        cutoff.release()
        stack.end(context, status: status, peerIdentity: peerIdentity, error: error)
    }
}
