// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Dispatch
public import MeshCore
import MeshSecurity

/// Keeps the revocation lists of a trust domain fresh, from the control plane or from a file.
///
/// While they cannot be had, or are bad, the last good ones stay in force. Whoever owns it calls `run` once.
public struct RevocationRefresh: Sendable {
    /// How long it may be between two looks.
    static let intervals = Nanoseconds.milliseconds(10)...Nanoseconds.seconds(86_400)
    private static let source = "revocation lists"

    private let identity: WorkloadIdentity
    private let trustDomain: String
    private let interval: Nanoseconds
    private let unknown: RevocationLists.Unknown
    private let clock: any MeshClock
    private let observers: ObserverSet
    private let fetch: @Sendable () async throws -> String

    /// Creates a refresh.
    /// - Parameters:
    ///   - identity: Judges its peers by the lists.
    ///   - trustDomain: Whose certificates are checked; `nil` for the identity's own domain.
    ///   - interval: How long it is between two looks, from 10 ms to 1 day. Default 60 s: the shortest that gRPC takes (gRFC
    ///     A69). So long a certificate may still be accepted after it was taken back.
    ///   - unknown: What happens to certificates that no list in force knows. Default `accepted`: an authority that is away
    ///     does not take the mesh with it.
    ///   - clock: What waits are measured by.
    ///   - observers: Hear whether lists can be had, as `MeshEvent.sourceConnection` of the source `revocation lists`.
    ///   - fetch: Gets the lists as PEM, within a bounded time; empty if there are none.
    /// - Throws: `ConfigurationError` if the interval breaks a bound.
    public init(
        of identity: WorkloadIdentity,
        trustDomain: String? = nil,
        interval: Nanoseconds = .seconds(60),
        unknown: RevocationLists.Unknown = .accepted,
        clock: any MeshClock = SystemClock(),
        observers: ObserverSet = .none,
        fetch: @escaping @Sendable () async throws -> String
    ) throws(ConfigurationError) {
        guard Self.intervals.contains(interval) else {
            throw ConfigurationError(path: "interval", "must be from 10 ms to 1 day")
        }
        self.identity = identity
        self.trustDomain = trustDomain ?? identity.spiffeID.trustDomain
        self.interval = interval
        self.unknown = unknown
        self.clock = clock
        self.observers = observers
        self.fetch = fetch
    }

    /// What gets the lists from a file, which is read each time.
    public static func file(_ path: String) -> @Sendable () async throws -> String {
        let queue = DispatchQueue(label: "MeshIdentity.RevocationRefresh")
        return {
            // The file system may take its time; the threads that run everybody's tasks must not.
            let content = await withCheckedContinuation { continuation in
                queue.async { continuation.resume(returning: PEMFile(path: path).contents()) }
            }
            guard let text = String(validating: try content.get(), as: UTF8.self) else {
                throw IdentityError(.malformedCertificate, "\(path) is no UTF-8")
            }
            return text
        }
    }

    /// Looks for lists until the task is cancelled.
    /// - Throws: `CancellationError` when it is.
    public func run() async throws {
        var last = ""
        var inForce: RevocationLists?
        var isConnected: Bool?
        while true {
            do {
                let text = try await fetch()
                if text != last {
                    let lists = try RevocationLists(pem: text.isEmpty ? [] : [text], unknown: unknown)
                    try inForce.map { try Self.checkThat(lists, isNotOlderThan: $0) }
                    identity.setRevocations(lists, of: trustDomain)
                    (last, inForce) = (text, lists)
                }
                if isConnected != true {
                    observers.noticed(.sourceConnection(source: Self.source, isConnected: true, reason: nil))
                }
                isConnected = true
            } catch {
                try Task.checkCancellation()
                if isConnected != false {
                    observers.noticed(
                        .sourceConnection(source: Self.source, isConnected: false, reason: "\(error)")
                    )
                }
                isConnected = false
            }
            try await clock.sleep(until: clock.now.advanced(by: interval))
        }
    }

    /// Nobody who stands between takes a revocation back by showing an old list.
    private static func checkThat(_ new: RevocationLists, isNotOlderThan old: RevocationLists) throws(IdentityError) {
        for list in new.lists {
            let isOlder = old.lists.contains { other in
                other.issuer == list.issuer && other.issuerKeyIdentifier == list.issuerKeyIdentifier
                    && list.thisUpdate < other.thisUpdate
            }
            guard !isOlder else {
                throw IdentityError(
                    .untrusted,
                    "a revocation list of \(list.thisUpdate) is older than the one in force"
                )
            }
        }
    }
}
