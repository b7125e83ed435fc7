// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Synchronization

/// A value that tasks of a test share.
final class Shared<Value: Sendable>: Sendable {
    private let storage: Mutex<Value>

    init(_ value: Value) {
        self.storage = Mutex(value)
    }

    var value: Value { storage.withLock { $0 } }

    func update(_ change: (inout Value) -> Void) {
        storage.withLock { (value: inout sending Value) in change(&value) }
    }
}

/// Tells when a call has begun to wait.
final class QueueSignal: Observer {
    let queued: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (queued, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(100))
    }

    func noticed(_ event: MeshEvent) {
        if case .policyActed(let decision) = event, decision.action == .queued { continuation.yield() }
    }
}

/// Carries a permit into a task.
final class PermitHolder: Sendable {
    private let permit: Mutex<BulkheadPermit?>

    init(_ permit: consuming sending BulkheadPermit) {
        self.permit = Mutex(permit)
    }

    func release() {
        permit.withLock { $0 = nil }
    }
}
