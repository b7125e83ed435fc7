// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What is known of a request when it has ended: the content of an access-log line.
public struct RequestRecord: Sendable {
    /// Which way it went.
    public var direction: TrafficDirection
    /// The method.
    public var method: String
    /// The authority that was asked for.
    public var authority: String
    /// The path with its query.
    public var path: String
    /// The status code that the caller got; for an error the code that a proxy would have sent.
    public var status: Int
    /// The status of gRPC that an RPC ended with, 0 to 16; `nil` for requests that are none.
    public var rpcStatus: Int?
    /// The bytes of an RPC's messages that the caller sent, without their prefixes; 0 for requests that are none.
    public var requestMessageBytes: UInt64 = 0
    /// The bytes of its messages that the caller was sent, likewise.
    public var responseMessageBytes: UInt64 = 0
    /// Envoy's response flags, most important first.
    public var flags: [ResponseFlag]
    /// From entering the mesh to the end of the body.
    public var duration: Nanoseconds
    /// How many attempts were made.
    public var attempts: Int
    /// The route's name, if one was selected.
    public var route: String?
    /// The cluster's name, if one was selected.
    public var cluster: String?
    /// The endpoint of the last attempt.
    public var endpoint: EndpointAddress?
    /// The identity that the peer proved, on inbound requests.
    public var peerIdentity: String?
    /// Why it failed, if it did.
    public var error: (any Error)?

    /// Creates a record.
    public init(
        direction: TrafficDirection,
        method: String,
        authority: String,
        path: String,
        status: Int,
        flags: [ResponseFlag] = [],
        duration: Nanoseconds,
        attempts: Int = 1,
        route: String? = nil,
        cluster: String? = nil,
        endpoint: EndpointAddress? = nil,
        peerIdentity: String? = nil,
        error: (any Error)? = nil
    ) {
        self.direction = direction
        self.method = method
        self.authority = authority
        self.path = path
        self.status = status
        self.flags = flags
        self.duration = duration
        self.attempts = attempts
        self.route = route
        self.cluster = cluster
        self.endpoint = endpoint
        self.peerIdentity = peerIdentity
        self.error = error
    }
}

/// What is known of one attempt when it has ended.
public struct AttemptRecord: Sendable {
    /// The cluster's name.
    public var cluster: String
    /// Where it went; `nil` if no endpoint was picked.
    public var endpoint: EndpointAddress?
    /// The attempt, counted from 1.
    public var attempt: Int
    /// The status code; 0 if there was no response.
    public var status: Int
    /// How it counts.
    public var outcome: Outcome
    /// From its start to its end.
    public var duration: Nanoseconds
    /// Why it failed, if it did.
    public var error: (any Error)?

    /// Creates a record.
    public init(
        cluster: String,
        endpoint: EndpointAddress?,
        attempt: Int,
        status: Int,
        outcome: Outcome,
        duration: Nanoseconds,
        error: (any Error)? = nil
    ) {
        self.cluster = cluster
        self.endpoint = endpoint
        self.attempt = attempt
        self.status = status
        self.outcome = outcome
        self.duration = duration
        self.error = error
    }
}
