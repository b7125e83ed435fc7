// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension XDSServer {
    /// How much a server takes upon itself.
    public struct Configuration: Hashable, Sendable {
        /// The most connections at once, 1 to 1 000 000; what comes above is closed.
        ///
        /// Default 10 000: a client has one.
        public var maximumConnections: Int
        /// The most streams of the discovery service at once, 1 to 1 000 000; what comes above is refused with
        /// `RESOURCE_EXHAUSTED`.
        ///
        /// Default 10 000: a client has one.
        public var maximumStreams: Int
        /// The longest request that is taken, in bytes: 64 KiB to 1 GiB. A longer one ends the stream with
        /// `RESOURCE_EXHAUSTED`.
        ///
        /// Default 16 MiB: the 100 000 names that a client may ask for of a kind, of 160 bytes each. gRPC takes 4 MiB, which
        /// incremental clients outgrow: they begin a stream with the versions of all that they have (Envoy Gateway's pull
        /// request 9564).
        public var maximumRequestBytes: Int
        /// How long a connection may be silent before the client is asked whether it lives; 1 s to 1 h.
        ///
        /// Default 30 s: istiod's `--keepaliveInterval`.
        public var keepaliveInterval: Nanoseconds
        /// How long it has to answer; else the connection is closed. 1 s to 1 h.
        ///
        /// Default 10 s: istiod's `--keepaliveTimeout`.
        public var keepaliveTimeout: Nanoseconds

        /// Creates a configuration.
        public init(
            maximumConnections: Int = 10_000,
            maximumStreams: Int = 10_000,
            maximumRequestBytes: Int = 16 << 20,
            keepaliveInterval: Nanoseconds = .seconds(30),
            keepaliveTimeout: Nanoseconds = .seconds(10)
        ) {
            self.maximumConnections = maximumConnections
            self.maximumStreams = maximumStreams
            self.maximumRequestBytes = maximumRequestBytes
            self.keepaliveInterval = keepaliveInterval
            self.keepaliveTimeout = keepaliveTimeout
        }

        /// Checks every bound.
        /// - Throws: `ConfigurationError` with every problem.
        public func validate() throws(ConfigurationError) {
            var problems = ProblemCollector()
            for (name, value) in [("maximumConnections", maximumConnections), ("maximumStreams", maximumStreams)] {
                problems.require((1...1_000_000).contains(value), name, "must be from 1 to 1000000, is \(value)")
            }
            problems.require(
                (64 << 10...1 << 30).contains(maximumRequestBytes),
                "maximumRequestBytes",
                "must be from 65536 to 1073741824, is \(maximumRequestBytes)"
            )
            for (name, value) in [("keepaliveInterval", keepaliveInterval), ("keepaliveTimeout", keepaliveTimeout)] {
                problems.require(
                    (.seconds(1)...(.seconds(3600))).contains(value),
                    name,
                    "must be from 1 s to 1 h, is \(value.seconds) s"
                )
            }
            try problems.throwIfAny()
        }
    }
}
