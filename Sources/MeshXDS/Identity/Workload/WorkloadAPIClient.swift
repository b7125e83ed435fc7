// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
public import MeshCore

/// Asks an agent on the same machine who this process is, by the SPIFFE Workload API: SPIRE's agent, or another one.
///
/// The agent knows who asks by the operating system, so there is no token. It sends the certificate with its key and the
/// bundles of all trusted domains, and sends them again before they expire. When it is away, the last identity stays in
/// use and the stream is opened again, with growing waits.
public struct WorkloadAPIClient: Sendable {
    /// The longest answer, in bytes: bundles of many domains.
    static let maximumMessageSize = 16 << 20

    private let address: WorkloadAPIAddress
    private let clock: any MeshClock
    private let random: MeshRandom

    /// Creates a client.
    /// - Parameters:
    ///   - address: Where the agent listens.
    ///   - clock: What waits between streams.
    ///   - random: Spreads them.
    public init(address: WorkloadAPIAddress, clock: any MeshClock = SystemClock(), random: MeshRandom = MeshRandom()) {
        self.address = address
        self.clock = clock
        self.random = random
    }

    /// Delivers identities until the task is cancelled: `ProvidedIdentitySource { try await client.run(delivering: $0) }`.
    /// - Throws: `CancellationError` when it is.
    public func run(delivering delivery: IdentityDelivery) async throws {
        // An agent restarts in moments, and whoever waits for a first identity wants it then.
        var backoff = ReconnectBackoff(base: .seconds(1), maximum: .seconds(30))
        while true {
            let start = clock.now
            var hadResponse = false
            do {
                try await follow { response in
                    hadResponse = true
                    do throws(ConfigurationError) {
                        await delivery.deliver(try response.material(for: delivery.spiffeID))
                    } catch {
                        delivery.failed(error)
                    }
                }
                if !hadResponse { throw RPCError(code: .unavailable, message: "the agent ended the stream") }
            } catch {
                try Task.checkCancellation()
                delivery.failed(error)
            }
            try Task.checkCancellation()
            let wait = backoff.streamEnded(
                hadResponse: hadResponse,
                lasted: clock.now.elapsed(since: start),
                random: random.unitInterval()
            )
            try await clock.sleep(until: clock.now.advanced(by: wait))
        }
    }

    /// Asks once which identities this process has, to choose one.
    /// - Returns: Their SPIFFE IDs, the default one first.
    /// - Throws: `RPCError` with the agent's reason: `permissionDenied` if it knows none.
    public func identities() async throws -> [String] {
        var identities: [String]?
        try await withThrowingTaskGroup(of: [String]?.self) { group in
            defer { group.cancelAll() }
            let deadline = clock.now.advanced(by: .seconds(10))
            group.addTask {
                var found: [String]?
                do {
                    try await follow { response in
                        found = response.svids.map(\.spiffeID)
                        throw CancellationError()
                    }
                } catch is CancellationError {
                    return found
                }
                return found
            }
            group.addTask { [clock] in
                try await clock.sleep(until: deadline)
                return nil
            }
            identities = try await group.next() ?? nil
        }
        guard let identities else { throw RPCError(code: .deadlineExceeded, message: "the agent did not answer") }
        return identities
    }

    private func follow(_ receive: (X509SVIDResponse) async throws -> Void) async throws {
        let transport = try HTTP2ClientTransport.Posix(
            target: address.endpoint.resolvableTarget,
            transportSecurity: .plaintext
        )
        var options = CallOptions.defaults
        options.waitForReady = false
        options.maxResponseMessageBytes = Self.maximumMessageSize
        options.maxRequestMessageBytes = Self.maximumMessageSize
        let callOptions = options
        // What the handler hears is handed on outside of it: it is called concurrently with nothing, but is `Sendable`.
        let (responses, arrived) = AsyncThrowingStream.makeStream(
            of: X509SVIDResponse.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                do {
                    try await withGRPCClient(transport: transport) { client in
                        // Without it the agent refuses, so that no page in a browser can ask (SPIFFE Workload API, §5).
                        try await SpiffeWorkloadAPI.Client(wrapping: client).fetchX509SVID(
                            X509SVIDRequest(),
                            metadata: ["workload.spiffe.io": "true"],
                            options: callOptions
                        ) { response in
                            for try await message in response.messages { arrived.yield(message) }
                        }
                    }
                    arrived.finish()
                } catch {
                    arrived.finish(throwing: error)
                }
            }
            for try await response in responses { try await receive(response) }
        }
    }
}
