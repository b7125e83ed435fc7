// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ServiceLifecycle

/// Work that goes on until its process is asked to stop.
struct Background: Service {
    let work: @Sendable () async throws -> Void

    init(_ work: @escaping @Sendable () async throws -> Void) {
        self.work = work
    }

    func run() async throws {
        try await endsWhenAsked { try await work() }
    }
}

/// A service that begins when what it needs is there: its server's certificate, say, and the mesh's configuration.
struct Awaiting<Base: Service>: Service {
    let ready: @Sendable () async throws -> Void
    let makeBase: @Sendable () throws -> Base

    init(ready: @escaping @Sendable () async throws -> Void, makeBase: @escaping @Sendable () throws -> Base) {
        self.ready = ready
        self.makeBase = makeBase
    }

    func run() async throws {
        guard try await endsWhenAsked(ready) else { return }
        try await makeBase().run()
    }
}

/// Runs work that a graceful shutdown cancels, which is no failure.
/// - Returns: Whether the work came to its own end.
@discardableResult
private func endsWhenAsked(_ work: @escaping @Sendable () async throws -> Void) async throws -> Bool {
    do {
        try await cancelWhenGracefulShutdown { try await work() }
        return true
    } catch is CancellationError {
        try Task.checkCancellation()
        return false
    }
}
