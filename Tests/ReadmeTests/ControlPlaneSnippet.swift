// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Logging
import MeshControlPlane

/// The README's control plane, so that it compiles.
func readmeControlPlane(token: String) async throws {
    let controlPlane = try ControlPlane(
        configuration: ControlPlaneConfiguration(
            manifestFolder: "manifests",
            stateDirectory: "state",
            tokens: [RegistrationToken(secret: token, namespace: "default", serviceAccounts: ["reviews"])]
        ),
        logger: Logger(label: "control-plane")
    )
    try await controlPlane.run()
}
