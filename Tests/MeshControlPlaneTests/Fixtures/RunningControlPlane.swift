// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Logging

@testable import MeshControlPlane

/// Runs a body beside a control plane that listens, and stops the control plane afterwards.
@discardableResult
func whileServing<Value: Sendable>(
    _ configuration: ControlPlaneConfiguration,
    _ body: (ControlPlane, ControlPlane.Addresses) async throws -> Value
) async throws -> Value {
    let controlPlane = try ControlPlane(
        configuration: configuration,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            do { try await controlPlane.run() } catch is CancellationError {}
        }
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(controlPlane, controlPlane.waitUntilReady()))
        } catch {
            result = .failure(error)
        }
        group.cancelAll()
        try await group.waitForAll()
        return try result.get()
    }
}
