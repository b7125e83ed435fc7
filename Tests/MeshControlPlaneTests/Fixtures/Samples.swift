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

extension Samples {
    /// Two versions of reviews, all traffic to the first.
    static let goodManifest = """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata:
          name: reviews
        spec:
          hosts:
          - reviews
          http:
          - route:
            - destination:
                host: reviews
                subset: v1
        ---
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata:
          name: reviews
        spec:
          host: reviews
          subsets:
          - name: v1
            labels:
              version: v1
        """

    /// The same with a subset that nobody defines.
    static let badManifest = goodManifest.replacing("subset: v1", with: "subset: v7")

    /// The same with the second version in the first one's place.
    static let secondVersionManifest = ["subset", "name", "version"].reduce(goodManifest) { manifest, key in
        manifest.replacing("\(key): v1", with: "\(key): v2")
    }

    /// Half of a file.
    static let brokenManifest = "apiVersion: networking.istio.io/v1\nkind: [VirtualService"
}

extension Samples {
    /// A service outside the mesh.
    static let outsideManifest = """
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata:
          name: example
        spec:
          hosts:
          - example.org
          location: MESH_EXTERNAL
          resolution: STATIC
          ports:
          - number: 443
            name: http
            protocol: HTTP
          endpoints:
          - address: 192.0.2.1
        """
}
