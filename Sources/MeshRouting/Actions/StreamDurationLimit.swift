// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How long a stream may last, and what the caller's `grpc-timeout` may say of it (`RouteAction.MaxStreamDuration`).
public struct StreamDurationLimit: Hashable, Sendable {
    /// The longest stream; zero for none, `nil` for nothing said.
    public var maximum: Nanoseconds?
    /// The longest `grpc-timeout` that is heeded; zero for any, `nil` leaves the header aside.
    public var maximumOfHeader: Nanoseconds?
    /// What is taken off the header's value, so that the caller hears of the timeout here and not by its own clock.
    public var headerOffset: Nanoseconds

    /// Creates limits.
    public init(maximum: Nanoseconds? = nil, maximumOfHeader: Nanoseconds? = nil, headerOffset: Nanoseconds = .zero) {
        self.maximum = maximum
        self.maximumOfHeader = maximumOfHeader
        self.headerOffset = headerOffset
    }
}
