// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension FormatFacts {
    /// A fact as text; `nil` if nobody knows it.
    func text(of fact: FormatFact) -> String? {
        switch fact {
        case .protocolName: protocolName
        case .responseCode: String(responseCode ?? 0)
        case .responseCodeDetails: responseCodeDetails
        case .responseFlags: Self.list(responseFlags.map(\.rawValue)) ?? "-"
        case .responseFlagsLong: Self.list(responseFlags.map(\.longName)) ?? "-"
        case .connectionTerminationDetails: connectionTerminationDetails
        case .bytesReceived: String(bytesReceived)
        case .bytesSent: String(bytesSent)
        case .duration: duration.map(Self.milliseconds)
        case .requestDuration: requestDuration.map(Self.milliseconds)
        case .responseDuration: responseDuration.map(Self.milliseconds)
        case .upstreamHost, .upstreamRemoteAddress: upstreamHost
        case .upstreamHostName: upstreamHostName ?? upstreamHost
        case .upstreamCluster, .upstreamClusterRaw: cluster
        case .upstreamLocalAddress: upstreamLocalAddress
        case .upstreamProtocol: upstreamProtocol
        case .upstreamTransportFailureReason: transportFailureReason
        case .upstreamRequestAttemptCount: attemptCount.map { String($0) }
        case .upstreamHostsAttempted: Self.list(hostsAttempted)
        case .downstreamRemoteAddress, .downstreamDirectRemoteAddress: Self.address(downstreamAddress, downstreamPort)
        case .downstreamRemoteAddressWithoutPort, .downstreamDirectRemoteAddressWithoutPort: downstreamAddress
        case .downstreamRemotePort: downstreamPort.map { String($0) }
        case .downstreamLocalAddress: Self.address(localAddress, localPort)
        case .downstreamLocalAddressWithoutPort: localAddress
        case .downstreamLocalPort: localPort.map { String($0) }
        case .downstreamPeerURISAN: Self.list(peerURISANs)
        case .downstreamPeerSubject: peerSubject
        case .downstreamTLSVersion: tlsVersion
        case .requestedServerName: requestedServerName
        case .routeName: routeName
        case .virtualClusterName: virtualCluster
        case .hostName: hostName
        case .traceID:
            trace.isValid ? Self.hexadecimal(trace.traceIDHigh) + Self.hexadecimal(trace.traceIDLow) : nil
        case .spanID: trace.isValid ? Self.hexadecimal(trace.spanID) : nil
        case .uniqueID, .streamID: requestID
        }
    }

    /// The metadata that an operator reads.
    func metadata(of scope: FormatOperator.MetadataScope) -> [String: MetadataValue] {
        switch scope {
        case .dynamic: dynamicMetadata
        case .cluster: clusterMetadata
        case .endpoint: endpointMetadata
        case .route: routeMetadata
        case .virtualHost: virtualHostMetadata
        }
    }

    private static func list(_ items: [String]) -> String? {
        items.isEmpty ? nil : items.joined(separator: ",")
    }

    private static func milliseconds(_ time: Nanoseconds) -> String {
        String(time.rawValue / 1_000_000)
    }

    private static func address(_ host: String?, _ port: UInt16?) -> String? {
        guard let host, let port else { return host }
        return EndpointAddress(host: host, port: port).description
    }

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

extension ResponseFlag {
    /// The flag's name in words (`%RESPONSE_FLAGS_LONG%`).
    var longName: String {
        switch self {
        case .noHealthyUpstream: "NoHealthyUpstream"
        case .dropOverload: "DropOverLoad"
        case .upstreamConnectionFailure: "UpstreamConnectionFailure"
        case .upstreamOverflow: "UpstreamOverflow"
        case .noRouteFound: "NoRouteFound"
        case .upstreamRetryLimitExceeded: "UpstreamRetryLimitExceeded"
        case .noClusterFound: "NoClusterFound"
        case .durationTimeout: "DurationTimeout"
        case .downstreamConnectionTermination: "DownstreamConnectionTermination"
        case .upstreamRequestTimeout: "UpstreamRequestTimeout"
        case .upstreamConnectionTermination: "UpstreamConnectionTermination"
        case .delayInjected: "DelayInjected"
        case .faultInjected: "FaultInjected"
        case .rateLimited: "RateLimited"
        case .rateLimitServiceError: "RateLimitServiceError"
        case .unauthorizedExternalService: "UnauthorizedExternalService"
        case .overloadManager: "OverloadManagerTerminated"
        case .upstreamProtocolError: "UpstreamProtocolError"
        case .downstreamProtocolError: "DownstreamProtocolError"
        }
    }
}
