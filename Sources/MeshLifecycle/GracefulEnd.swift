// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ServiceLifecycle

/// Runs work that goes on until it is cancelled, and ends it well when its service is asked to shut down.
///
/// A service that throws ends its whole group as a failure, so the cancellation that was asked for is no error.
func endingGracefully(_ work: @Sendable () async throws -> Void) async throws {
    try await withoutActuallyEscaping(work) { work in
        do {
            try await cancelWhenGracefulShutdown { try await work() }
        } catch is CancellationError {
            try Task.checkCancellation()
        }
    }
}
