// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import NIOSSL
import SwiftASN1
import Synchronization
import X509

/// What happens while certificates rotate, written by everybody.
final class RotationLog: Observer {
    private struct State {
        var requests = 0
        var failures: [String] = []
        var refusals: [String] = []
        var isOver = false
        var clientSerials: Set<String> = []
        var waiter: (count: Int, continuation: CheckedContinuation<Void, Never>)?
    }

    private let state = Mutex(State())
    private let renewed = AsyncStream.makeStream(of: Void.self)

    var requests: Int { state.withLock { $0.requests } }
    var failures: [String] { state.withLock { $0.failures } }
    /// Peers that were refused, and renewals that failed.
    var refusals: [String] { state.withLock { $0.refusals } }
    /// The serial numbers of the certificates that callers have shown.
    var clientSerials: Set<String> { state.withLock { $0.clientSerials } }
    /// Whether callers should go home.
    var isOver: Bool { state.withLock { $0.isOver } }

    func end() {
        state.withLock { $0.isOver = true }
    }

    /// A request has ended.
    func note(failure: String?) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.requests += 1
            if let failure { state.failures.append(failure) }
            guard let waiter = state.waiter, state.requests >= waiter.count else { return nil }
            state.waiter = nil
            return waiter.continuation
        }
        waiter?.resume()
    }

    /// A server has seen a caller's certificate.
    func note(clientCertificate certificate: NIOSSLCertificate?) {
        guard let certificate, let serial = try? Self.serial(of: certificate) else { return }
        state.withLock { _ = $0.clientSerials.insert(serial) }
    }

    /// Waits for so many requests more. One task at a time.
    func moreRequests(_ count: Int) async {
        await withCheckedContinuation { continuation in
            state.withLock { $0.waiter = ($0.requests + count, continuation) }
        }
    }

    /// Waits for so many renewals, good or bad.
    func renewals(_ count: Int) async {
        var renewals = renewed.stream.makeAsyncIterator()
        for _ in 0..<count { _ = await renewals.next() }
    }

    func noticed(_ event: MeshEvent) {
        switch event {
        case .identityRenewed: renewed.continuation.yield()
        case .identityRenewalFailed(let error):
            state.withLock { $0.refusals.append("renewal: \(error)") }
            renewed.continuation.yield()
        case .unexpected(let component, let message): state.withLock { $0.refusals.append("\(component): \(message)") }
        default: break
        }
    }

    static func serial(of certificate: NIOSSLCertificate) throws -> String {
        try Certificate(derEncoded: certificate.toDERBytes()).serialNumber.description
    }
}
