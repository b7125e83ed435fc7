// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A running instance of a service, as the control plane's registry knows it.
public struct Workload: Hashable, Sendable {
    /// Its own name, which no other registered workload has.
    public var id: String
    /// The short name of the service that it belongs to (`reviews`).
    public var service: String
    /// Its namespace.
    public var namespace: String
    /// Where it listens.
    public var address: EndpointAddress
    /// The port by which clients call the service, whatever port the instance listens on.
    ///
    /// Default 9080, as every service of Istio's Bookinfo has it.
    public var servicePort: UInt16
    /// Its labels, by which subsets and policies select it.
    public var labels: [String: String]
    /// Its service account, from which its identity follows.
    ///
    /// Default `default`, as Kubernetes has it.
    public var serviceAccount: String
    /// Whether it accepts the mesh's mutual TLS.
    public var speaksMutualTLS: Bool
    /// What it speaks: `http`, `http2` and `grpc` are routed by request.
    ///
    /// Default `http`.
    public var protocolName: String
    /// Where it runs; empty if nobody says so. Then its label `istio-locality` counts, in which dots may stand for slashes.
    public var locality: Locality
    /// Its part of the requests, compared with the other instances'; at least 1.
    ///
    /// Default 1.
    public var weight: UInt32

    /// Creates a workload.
    public init(
        id: String,
        service: String,
        namespace: String = "default",
        address: EndpointAddress,
        servicePort: UInt16 = 9080,
        labels: [String: String] = [:],
        serviceAccount: String = "default",
        speaksMutualTLS: Bool = false,
        protocolName: String = "http",
        locality: Locality = Locality(),
        weight: UInt32 = 1
    ) {
        self.id = id
        self.service = service
        self.namespace = namespace
        self.address = address
        self.servicePort = servicePort
        self.labels = labels
        self.serviceAccount = serviceAccount
        self.speaksMutualTLS = speaksMutualTLS
        self.protocolName = protocolName
        self.locality = locality
        self.weight = weight
    }

    /// Where it runs, as it says itself or as its label does.
    var place: Locality { locality == Locality() ? Locality(label: labels) ?? locality : locality }

    /// The full name of its service.
    public var serviceHost: String {
        "\(service).\(namespace).\(HostPattern.serviceDomain)"
    }
}

extension Locality {
    /// The place in the label `istio-locality`, in which dots stand for slashes where there are none (Istio's
    /// `GetLocalityLabel`); `nil` without the label.
    init?(label labels: [String: String]) {
        guard let label = labels["istio-locality"], !label.isEmpty else { return nil }
        self.init(path: label.contains("/") ? label : label.replacing(".", with: "/"))
    }
}
