// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension DeliveredSecrets {
    /// The names of the secrets, and whether they are there; nothing of what they say.
    var summary: String {
        let certificate = reference.certificate.map { "certificate \($0)" } ?? "no certificate"
        let others = reference.skipsVerification ? "whoever answers" : "the system's roots"
        let names = "\(certificate), \(reference.validation.map { "roots \($0)" } ?? others)"
        do {
            _ = try current
            return names
        } catch {
            return "\(names); connections fail: \(error)"
        }
    }
}
