// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf

extension Cluster.Discovery {
    private typealias DNSCluster = Envoy_Extensions_Clusters_Dns_V3_DnsCluster

    /// Decodes a cluster of type `STRICT_DNS` or `LOGICAL_DNS`, whose settings are the cluster's own fields.
    init?(
        namesOf message: Envoy_Config_Cluster_V3_Cluster,
        isLogical: Bool,
        _ context: inout DecodingContext
    ) {
        var settings = DNSCluster()
        if message.hasDnsRefreshRate { settings.dnsRefreshRate = message.dnsRefreshRate }
        if message.hasDnsFailureRefreshRate {
            let rate = message.dnsFailureRefreshRate
            settings.dnsFailureRefreshRate = DNSCluster.RefreshRate()
            if rate.hasBaseInterval { settings.dnsFailureRefreshRate.baseInterval = rate.baseInterval }
            if rate.hasMaxInterval { settings.dnsFailureRefreshRate.maxInterval = rate.maxInterval }
        }
        if message.hasDnsJitter { settings.dnsJitter = message.dnsJitter }
        settings.respectDnsTtl = message.respectDnsTtl
        settings.allAddressesInSingleEndpoint = isLogical
        // The other enumeration has the same values behind one for "not said".
        settings.dnsLookupFamily = .init(rawValue: message.dnsLookupFamily.rawValue + 1) ?? .unspecified
        self.init(settings, at: .root, namesOf: message, type: isLogical ? "LOGICAL_DNS" : "STRICT_DNS", &context)
    }

    /// Decodes a cluster of the type `envoy.clusters.dns`, which has its settings in the type.
    init?(
        customType custom: Envoy_Config_Cluster_V3_Cluster.CustomClusterType,
        namesOf message: Envoy_Config_Cluster_V3_Cluster,
        _ context: inout DecodingContext
    ) {
        let path = FieldPath.root["cluster_type"]["typed_config"]
        guard let settings = context.unpack(custom.typedConfig, as: DNSCluster.self, at: path) else { return nil }
        context.ignoreOthers(in: settings, at: path, read: DNSDiscovery.read)
        self.init(settings, at: path, namesOf: message, type: "envoy.clusters.dns", &context)
        DNSDiscovery.ignoreFields(of: message, "the settings of cluster_type are in force", &context)
    }

    /// Whether a type of cluster is the one with names.
    static func isDNS(_ custom: Envoy_Config_Cluster_V3_Cluster.CustomClusterType) -> Bool {
        custom.typedConfig.isA(DNSCluster.self)
    }

    private init?(
        _ settings: DNSCluster,
        at path: FieldPath,
        namesOf message: Envoy_Config_Cluster_V3_Cluster,
        type: String,
        _ context: inout DecodingContext
    ) {
        let decoded = DNSDiscovery(settings, at: path, &context)
        guard message.hasLoadAssignment else {
            context.reject(FieldPath.root["load_assignment"], "is missing")
            return nil
        }
        var names = message.loadAssignment
        let place = FieldPath.root["load_assignment"]
        for (number, group) in names.endpoints.enumerated() {
            // Envoy's and gRPC's only endpoint has the best priority, whatever it says.
            if settings.allAddressesInSingleEndpoint { names.endpoints[number].priority = 0 }
            for (position, endpoint) in group.lbEndpoints.enumerated() {
                let path = place["endpoints", number]["lb_endpoints", position]["endpoint"]["address"]
                let address = endpoint.endpoint.address
                guard case .socketAddress(let socket)? = address.address else {
                    context.reject(path["socket_address"], "is missing; clusters of type \(type) have host names")
                    continue
                }
                guard socket.resolverName.isEmpty else {
                    context.reject(path["socket_address"]["resolver_name"], "must be empty in clusters of type \(type)")
                    continue
                }
                // One that is empty is refused where all endpoints are read.
                guard socket.address.isEmpty || EndpointAddress.isHost(socket.address) else {
                    context.reject(
                        path["socket_address"]["address"],
                        "must be a host name of at most 255 bytes, without blanks and control characters"
                    )
                    continue
                }
            }
        }
        if settings.allAddressesInSingleEndpoint,
            names.endpoints.count != 1 || names.endpoints.first?.lbEndpoints.count != 1
        {
            context.reject(place["endpoints"], "must be one locality with one endpoint in clusters of type \(type)")
        }
        let assignment = EndpointAssignment(names, at: place, &context)
        guard let decoded, let assignment else { return nil }
        self = .dns(assignment, decoded)
    }
}

extension DNSDiscovery {
    fileprivate static let read = ReadFields(
        Envoy_Extensions_Clusters_Dns_V3_DnsCluster.self,
        "dns_refresh_rate",
        "dns_failure_refresh_rate",
        "respect_dns_ttl",
        "dns_jitter",
        "dns_lookup_family",
        "all_addresses_in_single_endpoint"
    )

    /// Decodes how names are looked up.
    /// - Parameter path: Where the fields stand, which have the same names in the cluster and in its type.
    fileprivate init?(
        _ message: Envoy_Extensions_Clusters_Dns_V3_DnsCluster,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        self.init(kind: message.allAddressesInSingleEndpoint ? .logical : .strict, respectsTTL: message.respectDnsTtl)
        var isSound = true
        func read(_ duration: Google_Protobuf_Duration, _ path: FieldPath) -> Nanoseconds? {
            let value = Nanoseconds(positive: duration, at: path, &context)
            guard let value, value > .milliseconds(1) else {
                if value != nil { context.reject(path, "must be greater than 1 ms") }
                isSound = false
                return nil
            }
            return value
        }
        if message.hasDnsRefreshRate {
            refreshInterval = read(message.dnsRefreshRate, path["dns_refresh_rate"]) ?? refreshInterval
        }
        if message.hasDnsFailureRefreshRate {
            let (rate, path) = (message.dnsFailureRefreshRate, path["dns_failure_refresh_rate"])
            if let base = read(rate.baseInterval, path["base_interval"]) {
                let maximum = rate.hasMaxInterval ? read(rate.maxInterval, path["max_interval"]) : nil
                failureBackoff = FailureBackoff(base: base, maximum: maximum)
                if let maximum, maximum < base {
                    context.reject(path["max_interval"], "must be at least the base_interval")
                    isSound = false
                }
            }
        }
        if message.hasDnsJitter, message.dnsJitter != Google_Protobuf_Duration() {
            guard let value = Nanoseconds(positive: message.dnsJitter, at: path["dns_jitter"], &context) else {
                return nil
            }
            jitter = value
        }
        switch message.dnsLookupFamily {
        case .unspecified, .auto: lookupFamily = .automatic
        case .v4Only: lookupFamily = .version4Only
        case .v6Only: lookupFamily = .version6Only
        case .v4Preferred: lookupFamily = .version4Preferred
        case .all: lookupFamily = .all
        case .UNRECOGNIZED(let number):
            context.reject(path["dns_lookup_family"], "the family \(number) is not known")
            isSound = false
        }
        guard isSound else { return nil }
    }

    /// Reports the cluster's own DNS fields where they have no effect.
    static func ignoreFields(
        of message: Envoy_Config_Cluster_V3_Cluster,
        _ reason: String,
        _ context: inout DecodingContext
    ) {
        let fields = [
            ("dns_refresh_rate", message.hasDnsRefreshRate), ("respect_dns_ttl", message.respectDnsTtl),
            ("dns_failure_refresh_rate", message.hasDnsFailureRefreshRate), ("dns_jitter", message.hasDnsJitter),
            ("dns_lookup_family", message.dnsLookupFamily != .auto),
        ]
        for (name, isSet) in fields where isSet { context.ignore(FieldPath.root[name], reason) }
    }
}
