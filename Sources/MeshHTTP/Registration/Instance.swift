// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// An instance of a service, as a control plane's registry knows it.
public struct Instance: Hashable, Sendable {
    /// How an instance is spoken to.
    public enum ApplicationProtocol: String, Hashable, Sendable, Codable {
        /// HTTP/1.1.
        case http
        /// gRPC.
        case grpc
    }

    /// What tells it from every other instance; stays the same while it lives.
    public var id: String
    /// The service's name.
    public var service: String
    /// The service's namespace.
    public var namespace: String
    /// Where other instances reach it: an IP address or a host name.
    public var address: String
    /// The port that it listens on, 1 to 65535.
    public var port: UInt16
    /// The port that clients name; `nil` if it is the same.
    public var servicePort: UInt16?
    /// Labels that subsets select by.
    public var labels: [String: String]
    /// The version; the label `version` means the same.
    public var version: String?
    /// The service account that its identity is issued for.
    public var serviceAccount: String
    /// How it is spoken to.
    public var applicationProtocol: ApplicationProtocol
    /// Whether it speaks mutual TLS.
    public var speaksMutualTLS: Bool
    /// Where it runs, as `region/zone/subzone`; `nil` if it does not say so.
    public var locality: String?
    /// Its part of the requests, compared with the other instances'; `nil` for 1.
    public var weight: UInt32?

    /// Creates an instance.
    public init(
        id: String,
        service: String,
        namespace: String = "default",
        address: String,
        port: UInt16,
        servicePort: UInt16? = nil,
        labels: [String: String] = [:],
        version: String? = nil,
        serviceAccount: String = "default",
        applicationProtocol: ApplicationProtocol = .http,
        speaksMutualTLS: Bool = false,
        locality: String? = nil,
        weight: UInt32? = nil
    ) {
        self.id = id
        self.service = service
        self.namespace = namespace
        self.address = address
        self.port = port
        self.servicePort = servicePort
        self.labels = labels
        self.version = version
        self.serviceAccount = serviceAccount
        self.applicationProtocol = applicationProtocol
        self.speaksMutualTLS = speaksMutualTLS
        self.locality = locality
        self.weight = weight
    }
}

extension Instance: Codable {
    private enum CodingKeys: String, CodingKey {
        case id, service, namespace, address, port, servicePort, labels, version, serviceAccount, locality, weight
        case applicationProtocol = "protocol"
        case speaksMutualTLS = "mutualTLS"
    }
}
