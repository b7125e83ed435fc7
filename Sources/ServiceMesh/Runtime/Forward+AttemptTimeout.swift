// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience

extension RouteAction.Forward {
    /// Whether the attempts' timeout acts: it is one of the retries' settings, and does no more than they do. An attempt
    /// that it cut short would be missing where no retry follows.
    var attemptTimeoutMode: PolicyMode {
        let modes = [retry?.mode ?? .enforce, perTryTimeoutMode]
        if modes.contains(.disabled) { return .disabled }
        return modes.contains(.observe) ? .observe : .enforce
    }
}
