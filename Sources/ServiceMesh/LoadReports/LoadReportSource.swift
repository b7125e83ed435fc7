// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshBalancing
public import MeshCore

/// Follows what endpoints report of their load apart from answers: the seam between balancers that want to know and
/// whoever has connections.
///
/// `MeshHTTPClient` brings one; another stands in `MeshConfiguration.loadReportSource`. The mesh decides when an endpoint
/// is asked, when again, and what follows from its reports.
public protocol LoadReportSource: AnyObject, Sendable {
    /// Asks an endpoint for its reports, and hands on each one until the call ends.
    ///
    /// Implementations return promptly when their task is cancelled: that is how a call ends that nobody wants any more.
    /// There is one call at a time to each endpoint, on any thread.
    /// - Parameters:
    ///   - subscription: Who is asked, and for what.
    ///   - received: Takes a report, or says why one cannot be read; the call goes on. It does not wait.
    /// - Returns: How the call has ended; `nil` if nothing can be said of the endpoint, because the source has been shut
    ///   down, say: then nobody asks.
    func follow(
        _ subscription: LoadReportSubscription,
        _ received: @Sendable (Result<LoadReport, LoadReportError>) -> Void
    ) async -> LoadReportCallEnding?
}

/// One endpoint that is asked to report its load.
public struct LoadReportSubscription: Hashable, Sendable {
    /// Where to, and how the connection is made and protected. It belongs to no request's endpoint: reports have
    /// connections of their own.
    public var endpoint: Endpoint
    /// What is asked.
    public var call: LoadReportCall
    /// The authority of the call.
    public var authority: String

    /// Creates a subscription.
    public init(endpoint: Endpoint, call: LoadReportCall, authority: String) {
        self.endpoint = endpoint
        self.call = call
        self.authority = authority
    }
}

extension LoadReportSubscription {
    /// The question to an endpoint of a cluster.
    init(_ state: EndpointState, period: Nanoseconds, cluster: String) {
        var endpoint = state.endpoint
        // Apart from the requests' connections, whose limits and queues are not to decide about reports.
        endpoint.cluster = cluster + " (load reports)"
        // One call at a time, and perhaps the connection of the last one that is still being closed.
        endpoint.maximumConnections = 2
        endpoint.maximumPendingRequests = 2
        var connection = endpoint.connection
        // There is no gRPC over HTTP/1.1.
        connection.httpVersion = .http2
        connection.maximumRequests = 1
        connection.preconnectRatio = 1
        endpoint.connection = connection
        // Envoy's order.
        let hostname = endpoint.hostname
        self.init(
            endpoint: endpoint,
            call: LoadReportCall(period: period),
            authority: !hostname.isEmpty ? hostname : endpoint.address.port == nil ? cluster : "\(endpoint.address)"
        )
    }
}
