// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

@testable import MeshControlPlane

/// Values that tests begin from.
enum Samples {
    static let secret = "0123456789abcdef-reviews"
    static let otherSecret = "0123456789abcdef-others"
    static let tokens = [
        RegistrationToken(secret: secret, namespace: "default"),
        RegistrationToken(secret: otherSecret, namespace: "other", serviceAccounts: ["ratings"]),
    ]

    static func registration(
        _ id: String = "reviews-1",
        service: String = "reviews",
        port: UInt16 = 9080,
        labels: [String: String] = ["app": "reviews", "version": "v1"]
    ) -> Registration {
        Registration(
            id: id,
            service: service,
            namespace: "default",
            address: "127.0.0.1",
            port: port,
            servicePort: 9080,
            labels: labels,
            serviceAccount: "reviews",
            protocolName: "http",
            speaksMutualTLS: true
        )
    }

    static func configuration(folder: String = "/manifests", state: String = "/state") -> ControlPlaneConfiguration {
        ControlPlaneConfiguration(
            manifestFolder: folder,
            stateDirectory: state,
            tokens: tokens,
            xdsAddress: EndpointAddress(host: "127.0.0.1", port: 0),
            registryAddress: EndpointAddress(host: "127.0.0.1", port: 0)
        )
    }
}
