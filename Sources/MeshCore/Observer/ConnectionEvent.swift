// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What happens to a connection to an endpoint, and to requests that wait for one: what Envoy's cluster statistics
/// count. More cases may come: switch with a default.
public enum ConnectionEvent: Sendable {
    /// A connection is being made (`upstream_cx_total`, `upstream_cx_active`).
    case dialing
    /// It was made to this one of the endpoint's addresses, of which it has several; what else it needs is still to come.
    case connected(EndpointAddress)
    /// It was made and can carry requests (`upstream_cx_http1_total`, `upstream_cx_http2_total`,
    /// `upstream_cx_connect_ms`).
    case ready(ConnectionProtocol, after: Nanoseconds)
    /// It could not be made (`upstream_cx_connect_fail`; `upstream_cx_connect_timeout` if it took too long).
    case connectFailed(isTimeout: Bool, error: any Error)
    /// It takes no more requests, for a reason on the peer's side or ours.
    case draining(ConnectionProtocol, ConnectionClosing)
    /// It is gone (`upstream_cx_destroy`, `upstream_cx_length_ms`, and by reason). `goodbye` is the error code in the GOAWAY
    /// with which the peer announced it, by its name (RFC 9113 §7);
    /// peers make up others, which have none.
    case closed(
        ConnectionProtocol,
        ConnectionClosing,
        after: Nanoseconds,
        activeRequests: Int,
        goodbye: String? = nil
    )
    /// A request waits for a connection (`upstream_rq_pending_total`, `upstream_rq_pending_active`).
    case requestPending
    /// A request waits no more, because it has a connection or was given up.
    case requestNotPending
    /// A request was refused, because too many wait (`upstream_rq_pending_overflow`).
    case pendingOverflow
    /// A request waits although another connection would serve it, because there are as many as may be
    /// (`upstream_cx_overflow`).
    case connectionOverflow
    /// The peer reset a stream (`upstream_rq_rx_reset`).
    case streamResetReceived
    /// A stream was reset from here, because its request was given up (`upstream_rq_tx_reset`).
    case streamResetSent
}

/// What a connection speaks.
public enum ConnectionProtocol: String, Hashable, Sendable {
    /// HTTP/1.1.
    case http1
    /// HTTP/2.
    case http2
}

/// Why a connection ends, or takes no more requests.
public enum ConnectionClosing: String, Hashable, Sendable {
    /// The peer closed it, or its network did (`upstream_cx_destroy_remote`).
    case remote
    /// The peer announced that it will: `connection: close` or GOAWAY (`upstream_cx_close_notify`).
    case peerAnnounced
    /// It was idle for too long (`upstream_cx_idle_timeout`).
    case idle
    /// It has reached its age (`upstream_cx_max_duration_reached`).
    case age
    /// It has carried as many requests as it may (`upstream_cx_max_requests`).
    case maximumRequests
    /// A ping was not answered (`http2.keepalive_timeout`).
    case keepaliveTimeout
    /// The peer broke the protocol (`upstream_cx_protocol_error`).
    case protocolError
    /// Its exchange was given up, and HTTP/1.1 has no other way to say so.
    case exchangeAbandoned
    /// It must not be used any more: its endpoint is gone, its identity out of date, or the transport shut down.
    case condemned
}
