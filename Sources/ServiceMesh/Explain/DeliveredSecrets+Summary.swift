// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension DeliveredSecrets {
    /// The names of the secrets, and whether they are there; nothing of what they say.
    var summary: String {
        let certificate = reference.certificate.map { "certificate \($0)" } ?? "no certificate"
        let names = "\(certificate), roots \(reference.validation)"
        do {
            _ = try current
            return names
        } catch {
            return "\(names); connections fail: \(error)"
        }
    }
}
