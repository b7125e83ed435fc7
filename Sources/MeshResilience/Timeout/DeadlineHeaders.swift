// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The header fields in which the time that is left goes on to the peer.
public struct DeadlineHeaders: OptionSet, Hashable, Sendable {
    /// The bits.
    public let rawValue: UInt8

    /// Creates a set from its bits.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// `x-envoy-expected-rq-timeout-ms`. The mesh's own transports write it by themselves.
    public static let envoy = DeadlineHeaders(rawValue: 1 << 0)
    /// `grpc-timeout`.
    public static let grpc = DeadlineHeaders(rawValue: 1 << 1)

    /// Writes the time that is left of a deadline into a request; without a deadline the request stays as it is.
    ///
    /// A field that the request already has and that says less stays as it is: a deadline is shortened on its way, and
    /// never extended. A deadline that has passed is written as the shortest time there is, since 0 means none.
    public func write(_ deadline: Deadline, at now: MeshInstant, to request: inout some RequestHead) {
        guard !deadline.isNever else { return }
        let left = max(deadline.remaining(at: now), Nanoseconds(rawValue: 1))
        if contains(.envoy) {
            let known = request.value(of: TimeoutHeaders.envoy).flatMap { TimeoutHeaders.milliseconds($0) }
            if (known ?? .forever) > left {
                request.setValue(TimeoutHeaders.milliseconds(of: left), for: TimeoutHeaders.envoy)
            }
        }
        if contains(.grpc) {
            let known = request.value(of: TimeoutHeaders.grpc).flatMap { TimeoutHeaders.grpcTimeout($0) }
            // What is written is rounded up, and must not say more than what is there.
            let text = TimeoutHeaders.grpcTimeout(of: left)
            if (known ?? .forever) > TimeoutHeaders.grpcTimeout(text) ?? left {
                request.setValue(text, for: TimeoutHeaders.grpc)
            }
        }
    }
}
