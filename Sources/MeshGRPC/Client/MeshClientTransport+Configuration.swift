// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
import MeshCore

extension MeshClientTransport {
    /// How a transport behaves.
    public struct Configuration: Sendable {
        /// The authority of every call, in place of the target's: what routes are looked up by, and what the server is
        /// told unless a route rewrites it. Default `nil`: the target's.
        ///
        /// A mesh that others run has to know the authority: a virtual host for `*` means the listener's own name there
        /// (`Listener.hosts`).
        public var authority: String?
        /// The largest request message, in bytes, where the call's options say nothing. Default 4 MiB: what gRPC's
        /// servers accept by default.
        public var maximumRequestMessageBytes: Int
        /// The largest response message, in bytes, likewise. Default 4 MiB: gRPC's
        /// `GRPC_DEFAULT_MAX_RECV_MESSAGE_LENGTH`.
        public var maximumResponseMessageBytes: Int
        /// How messages are compressed, and which responses are accepted.
        public var compression: MessageCompression
        /// How much metadata is accepted in a response's head, and in its trailers.
        public var metadataLimits: MetadataLimits
        /// How many bytes of a call's request are kept for further attempts; a call that has sent more has no other.
        ///
        /// Default 256 KiB: gRPC core's `grpc.per_rpc_retry_buffer_size` (gRFC A6).
        public var replayBytesPerCall: Int
        /// How many bytes of all calls together are kept for that. Default 16 MiB: gRFC A6 for gRPC's Java.
        public var replayBytes: Int
        /// How many bytes of a call's request may wait for the connection before their writer waits. Default 64 KiB:
        /// RFC 9113's initial window, which a peer that reads nothing takes.
        public var writeBufferBytes: Int
        /// How long a call that does not wait for ready is held while the mesh has no configuration at all.
        ///
        /// Default 15 s: gRFC A57's does-not-exist timer. gRPC's channels hold such calls until then, too.
        public var configurationTimeout: Duration
        /// Whether calls whose options do not say so wait until the mesh has an endpoint for them. Default `false`:
        /// gRPC's.
        public var waitsForReady: Bool
        /// The pause between two tries of a call that waits for ready. Default 50 ms, doubled up to 5 s.
        public var readinessBackoff: ReadinessBackoff
        /// The options of methods, where a call has none of its own; `nil` for none.
        ///
        /// Their `executionPolicy` is left out: routes say what is retried and hedged (`config(forMethod:)`).
        public var methodConfig: (@Sendable (MethodDescriptor) -> MethodConfig?)?
        /// What the application calls itself in `user-agent`, in front of the transport's own name. Default nothing.
        public var userAgent: String?

        /// Creates a configuration.
        public init(
            authority: String? = nil,
            maximumRequestMessageBytes: Int = 4 << 20,
            maximumResponseMessageBytes: Int = 4 << 20,
            compression: MessageCompression = MessageCompression(),
            metadataLimits: MetadataLimits = MetadataLimits(),
            replayBytesPerCall: Int = 256 << 10,
            replayBytes: Int = 16 << 20,
            writeBufferBytes: Int = 64 << 10,
            configurationTimeout: Duration = .seconds(15),
            waitsForReady: Bool = false,
            readinessBackoff: ReadinessBackoff = ReadinessBackoff(),
            methodConfig: (@Sendable (MethodDescriptor) -> MethodConfig?)? = nil,
            userAgent: String? = nil
        ) {
            self.authority = authority
            self.maximumRequestMessageBytes = maximumRequestMessageBytes
            self.maximumResponseMessageBytes = maximumResponseMessageBytes
            self.compression = compression
            self.metadataLimits = metadataLimits
            self.replayBytesPerCall = replayBytesPerCall
            self.replayBytes = replayBytes
            self.writeBufferBytes = writeBufferBytes
            self.configurationTimeout = configurationTimeout
            self.waitsForReady = waitsForReady
            self.readinessBackoff = readinessBackoff
            self.methodConfig = methodConfig
            self.userAgent = userAgent
        }
    }
}

/// How long a call that waits for ready waits between two tries.
public struct ReadinessBackoff: Hashable, Sendable {
    /// The first pause. Default 50 ms.
    public var initial: Duration
    /// The longest one. Default 5 s.
    public var maximum: Duration

    /// Creates a back-off.
    public init(initial: Duration = .milliseconds(50), maximum: Duration = .seconds(5)) {
        self.initial = initial
        self.maximum = maximum
    }

    /// The pause before a try, counted from 1: twice the one before, less up to a half by chance, so that calls that began
    /// to wait together do not come back together.
    /// - Parameter random: 64 random bits.
    func pause(before attempt: Int, random: UInt64) -> Nanoseconds {
        let longest = Nanoseconds(maximum).rawValue
        var pause = min(Nanoseconds(initial).rawValue, longest)
        for _ in 1..<max(2, min(attempt, 64)) where attempt > 1 { pause = pause > longest / 2 ? longest : pause * 2 }
        return Nanoseconds(rawValue: pause - random.multipliedFullWidth(by: pause / 2).high)
    }
}
