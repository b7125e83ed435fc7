// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Monotonic time for everything that waits or measures.
///
/// Implementations guarantee that `now` never goes backwards and may be read from any thread, and that `sleep(until:)`
/// throws `CancellationError` promptly when its task is cancelled. Tests use `ManualClock` of `MeshTesting`.
public protocol MeshClock: Sendable {
    /// The current instant. It costs 30-40 ns with the system clock: read it once a layer and pass it down.
    var now: MeshInstant { get }

    /// Suspends until `deadline`; returns at once if it has passed.
    /// - Throws: `CancellationError` if the task is cancelled first.
    func sleep(until deadline: MeshInstant) async throws
}
