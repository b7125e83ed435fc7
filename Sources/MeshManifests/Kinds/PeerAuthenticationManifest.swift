// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Istio's PeerAuthentication: whether workloads insist on mutual TLS.
struct PeerAuthenticationManifest: ManifestKind {
    static let kind = "PeerAuthentication"
    static let apiVersions = ["security.istio.io/v1", "security.istio.io/v1beta1"]

    private let authentication: PeerAuthentication

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        let authentication = fields.requiredMapping("spec") { fields -> PeerAuthentication? in
            let labels = fields.mapping("selector") { $0.labels("matchLabels") }
            let mode = fields.mapping("mtls") { $0.peerMode() } ?? nil
            var ports: [UInt16: PeerAuthentication.Mode] = [:]
            for port in fields.pairs("portLevelMtls") {
                guard let number = UInt16(port.key), number > 0 else {
                    fields.context.error(
                        .invalidValue,
                        at: port.position,
                        "a port is a number from 1 to 65535, and \(port.key) is none"
                    )
                    continue
                }
                let mode = FieldReader.read(port.value, named: port.key, fields.context) { $0.peerMode() }
                if let mode, let mode { ports[number] = mode }
            }
            if fields.has("portLevelMtls"), labels?.isEmpty ?? true {
                fields.context.error(
                    .conflictingFields,
                    at: fields.keyPosition("portLevelMtls"),
                    "portLevelMtls needs a selector"
                )
            }
            return PeerAuthentication(metadata: metadata, workloadLabels: labels, mode: mode, portModes: ports)
        }
        guard let authentication else { return nil }
        self.authentication = authentication
    }

    func contribute(to model: inout ManifestModel) {
        model.peerAuthentications.append(authentication)
    }
}

extension FieldReader {
    fileprivate mutating func peerMode() -> PeerAuthentication.Mode? {
        let modes: [String: PeerAuthentication.Mode?] = [
            "UNSET": .none, "STRICT": .strict, "PERMISSIVE": .permissive, "DISABLE": .disabled,
        ]
        return choice("mode", modes)?.value
    }
}
