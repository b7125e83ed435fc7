// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

/// The secrets that clusters and listeners use, by their names: one object for each pair, for as long as somebody names
/// it, so that a certificate is replaced without a new endpoint.
struct SecretTable: Sendable {
    private let delivered: [SecretReference: DeliveredSecrets]

    /// Nobody uses any.
    static let empty = SecretTable(delivered: [:])

    private init(delivered: [SecretReference: DeliveredSecrets]) {
        self.delivered = delivered
    }

    /// Finds what a configuration refers to. What is there already is taken over as it is, until `deliver`.
    init(of resources: MeshResources, replacing previous: SecretTable) {
        var delivered: [SecretReference: DeliveredSecrets] = [:]
        let ofClusters = resources.clusters.values.compactMap(\.secrets)
        let references = ofClusters + resources.listeners.values.compactMap(\.secrets)
        for reference in references where delivered[reference] == nil {
            delivered[reference] = previous[reference] ?? DeliveredSecrets(reference)
        }
        self.delivered = delivered
    }

    /// What is there under the names; `nil` if nobody uses them.
    subscript(_ reference: SecretReference?) -> DeliveredSecrets? {
        reference.flatMap { delivered[$0] }
    }

    /// Has new connections use the secrets of a configuration. Called when it is certain to come into force.
    func deliver(_ secrets: [String: Secret]) {
        for (reference, place) in delivered { place.update(Self.find(reference, in: secrets)) }
    }

    private static func find(
        _ reference: SecretReference,
        in secrets: [String: Secret]
    ) -> Result<TransportSecrets, DeliveredSecrets.Missing> {
        var certificate: TLSCertificate?
        if let name = reference.certificate {
            switch secrets[name]?.content {
            case .certificate(let found): certificate = found
            case .validation: return missing("the secret \(name) is no certificate")
            case nil: return missing("the secret \(name) has not been delivered")
            }
        }
        guard let name = reference.validation else {
            return .success(TransportSecrets(certificate: certificate, validation: nil))
        }
        switch secrets[name]?.content {
        case .validation(let validation):
            return .success(TransportSecrets(certificate: certificate, validation: validation))
        case .certificate: return missing("the secret \(name) has no trusted roots")
        case nil: return missing("the secret \(name) has not been delivered")
        }
    }

    private static func missing(_ text: String) -> Result<TransportSecrets, DeliveredSecrets.Missing> {
        .failure(DeliveredSecrets.Missing(text))
    }
}
