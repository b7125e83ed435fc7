// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Logging
public import MeshCore

extension MeshEventLogObserver {
    /// Writes what happened to a connection.
    public func connectionChanged(_ event: ConnectionEvent, endpoint: Endpoint) {
        // Most loggers want none of it, and some of it happens with every request.
        guard logger.logLevel <= .debug else { return }
        switch event {
        case .dialing: write(.trace, "connection begun", endpoint)
        case .connected(let address):
            write(.debug, "connection has an address", endpoint, ["address": text(address.description)])
        case .ready(let spoken, let duration):
            write(
                .debug,
                "connection ready",
                endpoint,
                ["protocol": text(spoken.rawValue), "seconds": seconds(duration)]
            )
        case .connectFailed(let isTimeout, let error):
            write(
                .debug,
                "connection failed",
                endpoint,
                ["timeout": .stringConvertible(isTimeout), "error": text("\(error)")]
            )
        case .draining(let spoken, let reason):
            write(
                .debug,
                "connection drains",
                endpoint,
                ["protocol": text(spoken.rawValue), "reason": text(reason.rawValue)]
            )
        case .closed(let spoken, let reason, let duration, let activeRequests, let goodbye):
            var metadata: Logger.Metadata = [
                "protocol": text(spoken.rawValue), "reason": text(reason.rawValue), "seconds": seconds(duration),
                "active_requests": .stringConvertible(activeRequests),
            ]
            if let goodbye { metadata["goaway"] = text(goodbye) }
            write(.debug, "connection closed", endpoint, metadata)
        case .requestPending: write(.trace, "request waits for a connection", endpoint)
        case .requestNotPending: write(.trace, "request waits no more for a connection", endpoint)
        case .pendingOverflow: write(.debug, "request refused, too many wait for a connection", endpoint)
        case .connectionOverflow: write(.debug, "no further connection, there are as many as may be", endpoint)
        case .streamResetReceived: write(.debug, "stream reset by the peer", endpoint)
        case .streamResetSent: write(.debug, "stream reset", endpoint)
        }
    }

    private func write(
        _ level: Logger.Level,
        _ message: Logger.Message,
        _ endpoint: Endpoint,
        _ more: @autoclosure () -> Logger.Metadata = [:]
    ) {
        guard logger.logLevel <= level else { return }
        var metadata = more()
        metadata["endpoint"] = text(endpoint.address.description)
        if !endpoint.cluster.isEmpty { metadata["cluster"] = text(endpoint.cluster) }
        if let proxy = endpoint.proxy { metadata["proxy"] = text(proxy.description) }
        logger.log(level: level, message, metadata: metadata)
    }

    private func seconds(_ span: Nanoseconds) -> Logger.MetadataValue { .stringConvertible(span.seconds) }
}
