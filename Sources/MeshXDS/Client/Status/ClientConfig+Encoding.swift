// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension Envoy_Service_Status_V3_ClientConfig {
    /// The most fields without effect that are told of.
    private static let maximumIgnored = 1024

    /// What is known of each resource of a client.
    /// - Parameters:
    ///   - origin: Where the configuration in force comes from.
    ///   - now: The time since 1970.
    ///   - hasContents: Whether the resources themselves are told.
    init(
        node: Bootstrap.Node,
        _ resources: [XDSResourceStatus],
        origin: XDSConfigSource.Origin,
        at now: Nanoseconds,
        withContents hasContents: Bool
    ) {
        self.init()
        self.node = Envoy_Config_Core_V3_Node(node)
        let ignored = resources.lazy.flatMap { resource in
            resource.ignored.map { "\(resource.kind.rawValue) \(resource.name): \($0)" }
        }
        self.node.note(.ignoredFields, Array(ignored.prefix(Self.maximumIgnored)))
        let name =
            switch origin {
            case .nowhere: "nowhere"
            case .controlPlane: "control_plane"
            case .lastKnownGood: "last_known_good"
            }
        self.node.note(.origin, name)
        genericXdsConfigs = resources.map { GenericXdsConfig($0, at: now, withContents: hasContents) }
    }
}

extension Envoy_Service_Status_V3_ClientConfig.GenericXdsConfig {
    fileprivate init(_ resource: XDSResourceStatus, at now: Nanoseconds, withContents hasContents: Bool) {
        self.init()
        typeURL = resource.kind.typeURL
        name = resource.name
        versionInfo = resource.version
        if let age = resource.age { lastUpdated = Google_Protobuf_Timestamp(now, ago: age) }
        if hasContents, let packed = resource.packed { xdsConfig = Google_Protobuf_Any(packed) }
        clientStatus = Envoy_Admin_V3_ClientResourceStatus(resource.state)
        guard let failureAge = resource.failureAge else {
            // As gRPC's clients have it: why there is nothing.
            switch resource.state {
            case .doesNotExist: errorState.details = "the control plane does not have it"
            case .timedOut: errorState.details = "the control plane has not said a word about it in time"
            case .requested, .acknowledged, .refused, .failed: break
            }
            return
        }
        errorState.lastUpdateAttempt = Google_Protobuf_Timestamp(now, ago: failureAge)
        errorState.versionInfo = resource.failedVersion
        switch resource.state {
        case .refused(let text), .failed(let text): errorState.details = text
        case .doesNotExist: errorState.details = "the control plane does not have it any more"
        case .requested, .acknowledged, .timedOut: break
        }
        if hasContents, let packed = resource.refused { errorState.failedConfiguration = Google_Protobuf_Any(packed) }
    }
}

extension Envoy_Admin_V3_ClientResourceStatus {
    fileprivate init(_ state: XDSResourceStatus.State) {
        switch state {
        case .requested: self = .requested
        case .acknowledged: self = .acked
        case .refused: self = .nacked
        case .doesNotExist: self = .doesNotExist
        case .failed: self = .receivedError
        case .timedOut: self = .timeout
        }
    }
}

extension Google_Protobuf_Any {
    fileprivate init(_ packed: PackedResource) {
        self.init(typeName: packed.typeName, bytes: packed.bytes)
    }
}

extension Google_Protobuf_Timestamp {
    /// An instant before another one.
    fileprivate init(_ now: Nanoseconds, ago age: Nanoseconds) {
        let instant = now > age ? now.rawValue - age.rawValue : 0
        self.init(seconds: Int64(clamping: instant / 1_000_000_000), nanos: Int32(instant % 1_000_000_000))
    }
}
