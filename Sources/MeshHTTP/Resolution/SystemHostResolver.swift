// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import NIOPosix
import Synchronization

/// The system's resolver (`getaddrinfo`): the hosts file, DNS, whatever else the machine is set up for.
///
/// Its lookups block a thread of a pool each, which nothing can interrupt: a caller that is cancelled goes on at once, and
/// the thread is free when the system's own time-out has passed. It knows no time to live. A mesh gets one with its
/// first `MeshHTTPClient` on an `HTTPTransport`, unless `MeshConfiguration.hostResolver` says otherwise.
public final class SystemHostResolver: HostResolver {
    /// More lookups than may be under way were asked for; those that nobody waits for any more count, too.
    public struct TooManyLookups: Error, Hashable, Sendable, CustomStringConvertible {
        /// The most that may be.
        public var limit: Int
        /// What it means.
        public var description: String { "\(limit) lookups are under way, which is the limit" }
    }

    /// The most lookups that are under way or wait for a thread.
    private static let maximumLookups = 64

    private let pool: NIOThreadPool
    private let lookup: @Sendable (String) throws -> [IPAddress]
    private let underWay = Atomic(0)

    /// Creates a resolver.
    /// - Parameter pool: The threads that lookups block. Default: those that the process has for such work.
    public convenience init(pool: NIOThreadPool = .singleton) {
        self.init(pool: pool) { try SystemLookup.addresses(of: $0) }
    }

    /// - Parameter lookup: What blocks a thread.
    init(pool: NIOThreadPool, lookup: @escaping @Sendable (String) throws -> [IPAddress]) {
        self.pool = pool
        self.lookup = lookup
    }

    /// Finds the addresses of a name, in the order in which the system wants them tried (RFC 6724).
    /// - Throws: `SystemLookupError`, `TooManyLookups`, `CancellationError`.
    public func resolve(_ host: String, family: DNSLookupFamily) async throws -> [ResolvedAddress] {
        guard underWay.wrappingAdd(1, ordering: .relaxed).newValue <= Self.maximumLookups else {
            underWay.wrappingSubtract(1, ordering: .relaxed)
            throw TooManyLookups(limit: Self.maximumLookups)
        }
        let promise = LookupPromise()
        pool.submit { [self] state in
            defer { underWay.wrappingSubtract(1, ordering: .relaxed) }
            // Whoever has gone while it waited for a thread does not block one.
            guard case .active = state, promise.isWanted else { return promise.settle(.failure(CancellationError())) }
            promise.settle(Result { try lookup(host) })
        }
        return family.select(try await promise.value().map { ResolvedAddress($0) })
    }
}

/// The answer of a thread, for a task that may not want it any more when it comes.
private final class LookupPromise: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<[IPAddress], any Error>)
        case settled(Result<[IPAddress], any Error>)
    }

    private let state = Mutex(State.open)

    var isWanted: Bool {
        state.withLock { if case .settled = $0 { false } else { true } }
    }

    func settle(_ result: Result<[IPAddress], any Error>) {
        let waiter = state.withLock { state -> CheckedContinuation<[IPAddress], any Error>? in
            switch state {
            case .open:
                state = .settled(result)
                return nil
            case .awaited(let waiter):
                state = .settled(result)
                return waiter
            case .settled: return nil
            }
        }
        waiter?.resume(with: result)
    }

    func value() async throws -> [IPAddress] {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let settled = state.withLock { state -> Result<[IPAddress], any Error>? in
                    if case .settled(let result) = state { return result }
                    state = .awaited(continuation)
                    return nil
                }
                if let settled { continuation.resume(with: settled) }
            }
        } onCancel: {
            settle(.failure(CancellationError()))
        }
    }
}
